"""Budgets, speed-ups and timings of networks: known answers."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from ablate.deploy.budgets import best_within, optimised_of, read_budget
from ablate.deploy.records import Claim, DeployResult, Machine, Row, Step, Timing
from ablate.deploy.speed_ups import Measured, split_speed_up
from ablate.deploy.timing import CALLS, LEAST_BATCHES, LEAST_CALLS, TURN_CALLS, WARM_UP_CALLS, time_in_turns, timing_of
from ablate.errors import StudyError
from ablate.workflows.deploy.shown import markdown_of, notes_of, rate, seconds, size, split, tables_of


def a_row(name: str, accuracy: float, p50: float, bytes_: int = 1_000_000, claim: str = "") -> Row:
    """A measured row."""
    return Row(
        steps=(Step(name=name, path=f"{name}.onnx", engine="onnxruntime"),),
        bytes=bytes_,
        accuracy=(accuracy,),
        changed=0.0,
        largest_difference=0.0,
        single=Timing(batch=1, calls=200, p50=p50, p95=2 * p50),
        batch=Timing(batch=8, calls=200, p50=4 * p50, p95=5 * p50),
        load_seconds=0.1,
        peak_bytes=50_000_000,
        claim=Claim(word=claim, difference=-0.001, lo=-0.004, hi=0.002) if claim else None,  # type: ignore[arg-type]
    )


def a_result(*rows: Row, budget: str = "", choice: str | None = None) -> DeployResult:
    """Of such rows."""
    return DeployResult(
        rows=rows,
        test_set="scans",
        images=1000,
        replicates=1,
        classes=("a", "b"),
        tolerable=1.0,
        machine=Machine(
            cpu="a CPU", cores=2, instruction_sets=("avx2",), threads=1, load=(0.1, 1.2), platform="", versions={}
        ),
        seed=0,
        budget=budget,
        choice=choice,
    )


FIRST, FAST, SMALL = a_row("first", 0.90, 0.050), a_row("fast", 0.89, 0.010), a_row("small", 0.90, 0.030, 200_000)


@pytest.mark.parametrize(
    ("text", "limit"),
    [
        ("latency <= 40 ms", 0.040),
        ("p95<0.1s", 0.1),
        ("size <= 20 MB", 20e6),
        (" memory  <= 1 GiB ", 2**30),
        ("latency <= 4e2 us", 4e-4),
    ],
)
def test_a_budget_is_read_in_its_unit(text: str, limit: float) -> None:
    """Seconds and bytes inside."""
    assert read_budget(text).limit == pytest.approx(limit)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("latency <= 40", "cannot be read"),
        ("latency = 40 ms", "cannot be read"),
        ("latncy <= 40 ms", "Did you mean 'latency'"),
        ("size <= 40 ms", "not measured in ms"),
        ("latency <= 40 MB", "not measured in MB"),
        ("", "cannot be read"),
    ],
)
def test_a_budget_that_says_nothing_is_refused_with_examples(text: str, said: str) -> None:
    """Before anything is measured."""
    with pytest.raises(StudyError, match="latency <= 40 ms") as caught:
        read_budget(text)
    assert said in str(caught.value)


def test_the_most_accurate_row_within_all_budgets_is_chosen() -> None:
    """Of equally accurate ones the fastest; none where none fits."""
    rows = [FIRST, FAST, SMALL]
    assert best_within(rows, [read_budget("latency <= 50 ms")]) is SMALL
    assert best_within(rows, [read_budget("latency < 30 ms")]) is FAST
    assert best_within(rows, [read_budget("latency <= 30 ms"), read_budget("size <= 0.2 MB")]) is SMALL
    assert best_within(rows, [read_budget("p95 <= 1 ms")]) is None
    assert best_within([replace(FAST, single=None)], [read_budget("latency <= 1 s")]) is None


def test_the_optimised_row_is_the_fastest_that_is_shown_to_be_no_worse() -> None:
    """A budget's choice goes before it; where nothing is shown there is none, which is said."""
    safe, doubtful = a_row("safe", 0.9, 0.03, claim="non_inferior"), a_row("doubtful", 0.9, 0.01, claim="undecided")
    assert optimised_of(a_result(FIRST, safe, doubtful)) is safe
    assert optimised_of(a_result(FIRST, doubtful)) is None
    assert len(tables_of(a_result(FIRST, doubtful))) == 2
    shown = "No file is shown to be no worse than the first."
    assert [shown in notes_of(a_result(*rows)) for rows in ((FIRST, doubtful), (FIRST, safe), (FIRST,))] == [1, 0, 0]
    assert optimised_of(a_result(FIRST, safe, doubtful, budget="x", choice="doubtful")) is doubtful
    assert optimised_of(a_result(FIRST, safe, budget="x")) is None
    assert optimised_of(a_result(FIRST)) is None


A = Measured("original", "torch", "fp32", 0.020)
B = Measured("original", "onnxruntime", "fp32", 0.012)
C = Measured("original", "onnxruntime", "int8", 0.006)
D = Measured("pruned", "onnxruntime", "int8", 0.003)


def test_a_speed_up_is_split_into_what_changed() -> None:
    """INT8 by another engine: what the engine did alone is not INT8's."""
    found = split_speed_up(A, C, [A, B, C, D])
    assert found.whole == pytest.approx(20 / 6)
    assert (found.network, found.engine, found.precision) == (1.0, pytest.approx(20 / 12), pytest.approx(2.0))


def test_three_changes_at_once_are_split_where_rows_show_each() -> None:
    """The factors multiply to the whole."""
    found = split_speed_up(A, D, [A, B, C, D])
    factors = [found.network, found.engine, found.precision]
    assert factors == [pytest.approx(2.0), pytest.approx(20 / 12), pytest.approx(2.0)]
    assert np.prod([one for one in factors if one]) == pytest.approx(found.whole)


def test_what_no_row_shows_alone_is_not_told() -> None:
    """Neither engine nor precision may take the credit."""
    found = split_speed_up(A, C, [A, C])
    assert (found.network, found.engine, found.precision) == (1.0, None, None)
    assert split_speed_up(A, A, [A, C]).whole == 1.0


class Sleepless:
    """Times calls without making them; notes whose turn it was."""

    def __init__(self, name: str, call: float, turns: list[tuple[str, int]]) -> None:
        self.name, self.call, self.turns = name, call, turns

    def seconds(self, batch: NDArray[np.float32], calls: int, *, at_most: float) -> list[float]:
        """Of as many calls."""
        self.turns.append((self.name, calls))
        return [self.call * len(batch)] * calls


def test_networks_take_turns_until_each_has_its_calls() -> None:
    """After a warm-up that does not count; in an order that the seed draws."""
    turns: list[tuple[str, int]] = []
    networks = [Sleepless(name, 0.001, turns) for name in "ab"]
    batches = [np.zeros((size, 1), np.float32) for size in (1, 3)]

    found = time_in_turns(networks, batches, np.random.default_rng(0))

    assert [one.calls for one in found] == [CALLS, CALLS]
    assert [one.p50 for one in found] == [pytest.approx(0.001), pytest.approx(0.003)]
    assert turns[:2] == [("a", WARM_UP_CALLS), ("b", WARM_UP_CALLS)]
    rounds = [tuple(name for name, _ in turns[i : i + 2]) for i in range(2, len(turns), 2)]
    assert len(rounds) == CALLS / TURN_CALLS
    assert set(rounds) == {("a", "b"), ("b", "a")}
    again: list[tuple[str, int]] = []
    time_in_turns([Sleepless(name, 0.001, again) for name in "ab"], batches, np.random.default_rng(0))
    assert again == turns


def test_a_slow_network_is_timed_for_some_calls_at_least(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where a single call takes longer than there is time for."""
    clock = iter(range(0, 100_000, 7))
    monkeypatch.setattr("ablate.deploy.timing.time.perf_counter", lambda: next(clock))

    class Slow(Sleepless):
        def seconds(self, batch: NDArray[np.float32], calls: int, *, at_most: float) -> list[float]:
            return [7.0]

    for images, least in ((1, LEAST_CALLS), (4, LEAST_BATCHES)):
        batch = np.zeros((images, 1), np.float32)
        (found,) = time_in_turns([Slow("a", 7.0, [])], [batch], np.random.default_rng(0))
        assert found.calls == least


def test_quantiles_are_calls_that_were_made() -> None:
    """No average of two of them."""
    found = timing_of([0.001 * one for one in range(1, 101)], batch=2)
    assert (found.p50, found.p95) == (0.050, 0.095)
    assert found.images_per_second == pytest.approx(40)


def test_the_tables_set_every_figure_beside_the_first_files() -> None:
    """Answers, costs, and original beside optimised."""
    safe = replace(
        a_row("int8", 0.899, 0.010, 250_000, claim="non_inferior"),
        speed_up=split_speed_up(A, C, [A, B, C]),
    )
    answers, costs, whole = tables_of(a_result(FIRST, safe))
    assert answers.rows[1][3:6] == ["89.9 %", "-0.10 [-0.40, +0.20]", "non_inferior"]
    assert costs.rows[1][1:3] == ["250.0 kB".replace("250.0 kB", "0.25 MB") + " (0.25)", "10.00 ms (0.20)"]
    assert costs.rows[1][-1] == "3.33 = engine 1.67 x precision 2.00"
    assert whole.rows == [
        ["top-1", "90.0 %", "89.9 %", "-0.1 points, non_inferior"],
        ["latency", "50.00 ms", "10.00 ms", "5.00 times as fast"],
        ["size", "1.00 MB", "0.25 MB", "0.25 of it"],
    ]
    page = markdown_of(a_result(FIRST, replace(safe, steps=(replace(safe.step, name="a|b<c"),))))
    assert "a\\|b&lt;c" in page


def test_what_was_not_measured_is_a_dash_and_what_cannot_be_assessed_is_said() -> None:
    """Never a zero."""
    bare = replace(
        a_row("bare", 0.9, 0.01),
        single=None,
        batch=None,
        load_seconds=None,
        peak_bytes=None,
        claim=Claim(word="not_assessable", reason="one image alone"),
    )
    result = a_result(replace(FIRST, single=None), bare, budget="latency <= 1 ms")
    _, costs = tables_of(result)
    assert costs.rows[1] == ["bare", "1.00 MB (1.00)", "-", "-", "-", "-", "-", "-"]
    assert "bare: not assessable, one image alone." in notes_of(result)
    assert "Budget latency <= 1 ms: no file fits." in notes_of(result)


def test_units_leave_two_or_three_digits() -> None:
    """Microseconds to seconds, kilobytes to megabytes."""
    assert [seconds(one) for one in (8e-6, 0.0124, 1.5)] == ["8 us", "12.40 ms", "1.50 s"]
    assert [size(one) for one in (2800, 528e6)] == ["2.8 kB", "528.00 MB"]
    assert [rate(one) for one in (0.44, 1234.5)] == ["0.4", "1,234"]
    assert split(None) == "-"
