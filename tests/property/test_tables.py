"""However a table is written, the findings are the same."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ablate.errors import StudyError
from ablate.workflows.judge import Request, judge_results

steady = settings(deadline=None, max_examples=40)  # a busy machine is no failure

Rows = list[tuple[str, int, int]]
"""Variant, seed, right answers of 1,000."""

WRITINGS: dict[str, Callable[[int], str]] = {
    "fraction": lambda right: f"{right / 1000:.3f}",
    "percent": lambda right: f"{right / 10:.1f}",
    "with sign": lambda right: f"{right / 10:.1f}%",
    "with sign and space": lambda right: f"{right / 10:.1f} %",
    "decimal comma": lambda right: f"{right / 10:.1f}".replace(".", ","),
    "fraction with comma": lambda right: f"{right / 1000:.3f}".replace(".", ","),
    "count": lambda right: f"{right}/1000",
    "exponent": lambda right: f"{right / 1000:.6e}",
}


@st.composite
def results(draw: st.DrawFn) -> Rows:
    """A baseline and one or two variants with two to four seeds, between 1.1 and 99.9 %."""
    seeds = draw(st.integers(2, 4))
    names = ["baseline", "BN", "Dropout"][: draw(st.integers(2, 3))]
    return [(name, seed, draw(st.integers(11, 999))) for name in names for seed in range(seeds)]


def found(heading: Sequence[str], rows: Sequence[Sequence[object]], separator: str = ",", **more: Any) -> Any:
    """What comes of a table, without what depends on its file: levels and comparisons, by name."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "t.csv"
        lines = [separator.join(map(str, line)) for line in [heading, *rows]]
        path.write_text("\n".join(lines), encoding="utf-8")
        findings = judge_results(Request(source=str(path), baseline="baseline", **more))
    levels = {row.name: (row.n, row.mean, row.lo, row.hi) for row in findings.variants}
    effects = {
        e.compared.name: (
            e.measured.difference,
            e.measured.lo,
            e.measured.hi,
            e.decision.p,
            e.decision.p_adjusted,
            e.measured.n,
        )
        for e in findings.effects
    }
    return {name: list(row) for name, row in {**levels, **effects}.items()}, {
        e.compared.name: e.decision.verdict for e in findings.effects
    }


def same(one: Any, other: Any) -> bool:
    """Equal up to rounding, and in words."""
    numbers = {
        name: [value if value is None else pytest.approx(value, rel=1e-9, abs=1e-9) for value in row]
        for name, row in other[0].items()
    }
    return bool(one[0] == numbers and one[1] == other[1])


@steady
@given(rows=results(), writing=st.sampled_from(sorted(WRITINGS)), paired=st.booleans())
def test_the_unit_a_table_is_written_in_changes_no_finding(rows: Rows, writing: str, paired: bool) -> None:  # noqa: FBT001
    """Fractions, percentages with and without a sign, decimal commas, counts."""
    heading = ["model", "seed", "accuracy"]
    plain = found(heading, [(v, s, f"{r / 1000:.3f}") for v, s, r in rows], ";", paired=paired)
    other = found(heading, [(v, s, WRITINGS[writing](r)) for v, s, r in rows], ";", paired=paired)

    assert same(plain, other)


@steady
@given(rows=results(), chance=st.randoms(use_true_random=False))
def test_the_order_of_rows_and_columns_changes_no_finding(rows: Rows, chance: Random) -> None:
    """Columns are told by their headings."""
    heading = ["model", "seed", "accuracy", "Name", "id", "loss"]
    cells = [[v, s, r / 1000, f"run {i}", i, 0.5] for i, (v, s, r) in enumerate(rows)]
    order = chance.sample(range(len(heading)), len(heading))
    moved = [[line[i] for i in order] for line in chance.sample(cells, len(cells))]

    assert same(found(heading, cells, paired=True), found([heading[i] for i in order], moved, paired=True))


@steady
@given(rows=results(), signs=st.randoms(use_true_random=False))
def test_a_sign_counts_for_its_own_cell(rows: Rows, signs: Random) -> None:
    """Percentages with a sign beside fractions without: right, or refused, and never another number."""
    heading = ["model", "seed", "accuracy"]
    plain = found(heading, [(v, s, f"{r / 1000:.3f}") for v, s, r in rows])
    mixed = [(v, s, f"{r / 10:.1f}%" if signs.random() < 0.5 else f"{r / 1000:.3f}") for v, s, r in rows]
    try:
        other = found(heading, mixed)
    except StudyError as refused:
        assert "two units" in refused.message  # noqa: PT017 - either is right
    else:
        assert same(plain, other)


@steady
@given(rows=results(), lost=st.integers(0, 3))
def test_fractions_beside_percentages_without_a_sign_are_never_judged(rows: Rows, lost: int) -> None:
    """One cell in another unit is enough."""
    place = lost % len(rows)
    cells = [(v, s, f"{r / 1000:.3f}" if i == place else f"{r / 10:.1f}") for i, (v, s, r) in enumerate(rows)]

    with pytest.raises(StudyError, match="two units"):
        found(["model", "seed", "accuracy"], cells)


@steady
@given(rows=results())
def test_wide_tables_say_what_long_ones_do(rows: Rows) -> None:
    """One column per seed, or one column per variant."""
    names, seeds = list(dict.fromkeys(v for v, _, _ in rows)), sorted({s for _, s, _ in rows})
    of = {(v, s): r / 1000 for v, s, r in rows}
    long = found(["model", "seed", "accuracy"], [(v, s, r / 1000) for v, s, r in rows], paired=True)
    by_seed = found(
        ["model", *(f"seed{s}" for s in seeds)], [[v, *(of[v, s] for s in seeds)] for v in names], paired=True
    )
    by_variant = found(["seed", *names], [[s, *(of[v, s] for v in names)] for s in seeds], paired=True)

    assert same(long, by_seed)
    assert same(long, by_variant)
