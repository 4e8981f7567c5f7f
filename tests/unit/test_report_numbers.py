"""Numbers and bars as people read them."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from ablate.report.wording.numbers import (
    Axis,
    bar,
    columns,
    common_axis,
    compact,
    counted,
    duration,
    listed,
    number,
    on_one_line,
    shortened,
    with_interval,
)

FINITE = st.floats(-1e6, 1e6, allow_nan=False)


@pytest.mark.parametrize(
    ("value", "shown"),
    [(0, "0"), (512, "512"), (24170, "24.2 k"), (999_600, "1.00 M"), (138_357_544, "138 M"), (-33536, "-33.5 k")],
)
def test_counts_are_short(value: int, shown: str) -> None:
    """Three digits and a unit."""
    assert compact(value) == shown


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [(0.26, "0.3 s"), (27.7, "28 s"), (119, "119 s"), (192, "3.2 min"), (7560, "2.1 h"), (-0.5, "-0.5 s"), (None, "-")],
)
def test_times_are_short(seconds: float | None, shown: str) -> None:
    """Two digits and a unit."""
    assert duration(seconds) == shown


def test_one_of_a_thing_is_singular() -> None:
    """`1 replicate`, `3 replicates`, `1,797 images`."""
    assert [counted(n, "replicate") for n in (0, 1, 2)] == ["0 replicates", "1 replicate", "2 replicates"]
    assert counted(1797, "image") == "1,797 images"


def test_a_number_is_never_minus_nothing() -> None:
    """-0.04 rounds to 0.0."""
    assert number(-0.04, 1) == "0.0"
    assert with_interval(-0.04, -1.04, 0.96, 1, sign="+") == "+0.0 [-1.0, 1.0]"


def test_a_number_without_interval_says_so() -> None:
    """A bare mean looks surer than it is."""
    assert with_interval(70.0, None, None, 1) == "70.0 (no interval)"


def test_long_lists_of_names_are_cut() -> None:
    """Nobody reads twenty names in a sentence."""
    assert listed(["a", "b", "c"]) == "a, b and c"
    assert listed([str(i) for i in range(9)]) == "0, 1, 2, 3 and 5 others"


@given(st.text(min_size=1, max_size=120), st.integers(3, 60))
def test_a_shortened_name_fits(name: str, width: int) -> None:
    """Whatever the script, a name takes no more columns than it is given."""
    assert columns(shortened(name, width)) <= max(width, 0) or columns(name) <= width


def test_a_shortened_name_keeps_both_ends() -> None:
    """Names often differ at their end only."""
    assert shortened("a long name of a change, variant 12", 20) == "a long name o…ant 12"


def test_the_bar_draws_interval_estimate_and_zero() -> None:
    """One character a step, on an axis that all bars share."""
    axis = Axis(-2.0, 8.0)

    assert bar(5.0, 3.0, 7.0, axis, width=11) == "··┊··├─●─┤·"
    assert bar(0.0, -1.0, 1.0, axis, width=11) == "·├●┤·······"
    assert bar(2.0, -1.0, 4.0, axis, width=11) == "·├┼─●─┤····"


def test_an_interval_that_leaves_the_axis_ends_in_an_arrow() -> None:
    """It goes on, and the drawing says so."""
    axis = Axis(-2.0, 8.0)

    assert bar(1.0, None, None, axis, width=11) == "◂─┼●──────▸"
    assert bar(1.0, -40.0, 4.0, axis, width=11) == "◂─┼●──┤····"


def test_nothing_known_draws_nothing() -> None:
    """The zero line alone."""
    assert bar(None, None, None, Axis(-1.0, 1.0), width=5) == "··┊··"


@given(point=FINITE, ends=st.tuples(FINITE, FINITE), axis_ends=st.tuples(FINITE, FINITE))
def test_every_bar_has_the_same_width_and_one_estimate(
    point: float, ends: tuple[float, float], axis_ends: tuple[float, float]
) -> None:
    """Bars line up in a column whatever they show."""
    drawn = bar(point, min(ends), max(ends), common_axis([point], axis_ends), width=25)

    assert (len(drawn), drawn.count("●")) == (25, 1)


@given(st.lists(FINITE, max_size=8), st.lists(FINITE, max_size=8))
@example([5e-324], [])
def test_the_axis_holds_zero_and_every_estimate(points: list[float], ends: list[float]) -> None:
    """An interval may be cut off, an estimate never."""
    axis = common_axis(points, ends)

    assert axis.lo < axis.hi
    slack = 1e-8 * (axis.hi - axis.lo)
    assert all(axis.lo - slack <= value <= axis.hi + slack for value in [0.0, *points])


def test_one_endless_interval_does_not_squash_the_others() -> None:
    """Two runs can give an interval a hundred times as wide as the rest."""
    axis = common_axis([1.0, 2.0, 3.0], [0.5, 1.5, 1.5, 2.5, -300.0, 300.0])

    assert axis.hi <= 20


def test_a_name_in_a_terminal_table_has_no_break_of_its_own() -> None:
    """The table breaks it between words where it has to; only a word that is longer than a line is cut."""
    assert on_one_line("all five changes\ntogether", 16) == "all five changes together"
    assert on_one_line("BN", 16) == "BN"
    assert on_one_line("a counterrevolutionaries", 16) == "a counterrev…aries"
