"""What a plan finds already done."""

from __future__ import annotations

from pathlib import Path

import pytest

from ablate.records import Failed, FailureReason, Finished, RunSpec, Stamp
from ablate.results.survey import CurrentProvenance, best_result, collect, plan_status
from ablate.store.journal import Journal
from ablate.store.work_folder import Store
from ablate.study.plan import Plan
from tests.study_builders import a_plan

NOW = CurrentProvenance(source_digest="new", data_digests={"baseline": "data", "BN": "data", "wide": "data"})


@pytest.fixture
def store(tmp_path: Path) -> Store:
    """An empty work folder."""
    return Store(tmp_path)


@pytest.fixture
def plan() -> Plan:
    """Three variants, looks at one and two replicates."""
    return a_plan(evidence={"replicates": [1, 2]})


def finish(store: Store, plan: Plan, variant: str, *, source: str = "new", data: str = "data", index: int = 0) -> None:
    """One run that ended well, by some code on some data."""
    attempt = store.new_attempt(spec_of(plan, variant, index))
    stamp = Stamp(source_digest=source, data_digest=data)
    Journal(attempt).append("finished", Finished(folder=attempt, metrics={"accuracy": 0.5}, stamp=stamp).to_json())


def fail(store: Store, plan: Plan, variant: str, *, reason: FailureReason = "error", source: str = "new") -> None:
    """One run that did not."""
    attempt = store.new_attempt(spec_of(plan, variant, 0))
    Journal(attempt).append("failed", Failed(folder=attempt, reason=reason, source_digest=source).to_json())


def spec_of(plan: Plan, variant: str, index: int) -> RunSpec:
    """The spec of one cell."""
    runs = plan.runs(2)
    return next(spec for found, spec in runs if found.name == variant and spec.replicate.index == index)


def found(store: Store, plan: Plan, **options: object) -> tuple[list[str], list[str], list[str], list[str]]:
    """Names of variants: cached, stale, failed, to run."""
    result = plan_status(plan, store, NOW, **options)  # type: ignore[arg-type]
    return (
        [name for name, _, _ in result.cached],
        [item.variant for item in result.stale],
        [name for name, _, _ in result.failed],
        [name for name, _ in result.to_run],
    )


def test_what_was_never_run_is_to_run(store: Store, plan: Plan) -> None:
    """Replicate by replicate over all variants, up to the look."""
    assert found(store, plan) == ([], [], [], ["baseline", "BN", "wide"])
    assert found(store, plan, look=2)[3] == ["baseline", "BN", "wide"] * 2


def test_only_narrows_to_some_variants(store: Store, plan: Plan) -> None:
    """The others are neither cached nor to run."""
    finish(store, plan, "baseline")

    assert found(store, plan, only=["BN"]) == ([], [], [], ["BN"])


def test_a_finished_run_of_the_present_code_and_data_is_cached(store: Store, plan: Plan) -> None:
    """It is not trained again."""
    finish(store, plan, "BN")

    assert found(store, plan) == (["BN"], [], [], ["baseline", "wide"])


@pytest.mark.parametrize(
    ("source", "data", "differences"),
    [
        ("old", "data", ("the trainer's code",)),
        ("new", "other", ("the data",)),
        ("old", "other", ("the trainer's code", "the data")),
    ],
)
def test_a_finished_run_of_other_code_or_data_is_stale_and_says_why(
    store: Store, plan: Plan, source: str, data: str, differences: tuple[str, ...]
) -> None:
    """Somebody has to decide."""
    finish(store, plan, "BN", source=source, data=data)

    assert [item.differences for item in plan_status(plan, store, NOW).stale] == [differences]


def test_data_nobody_has_looked_at_yet_make_nothing_stale(store: Store, plan: Plan) -> None:
    """They are compared once they are known."""
    finish(store, plan, "BN", data="other")

    assert plan_status(plan, store, CurrentProvenance(source_digest="new")).stale == ()


@pytest.mark.parametrize("reason", ["error", "diverged"])
def test_what_would_fail_again_is_not_tried_again(store: Store, plan: Plan, reason: FailureReason) -> None:
    """The same code would do the same."""
    fail(store, plan, "BN", reason=reason)

    assert found(store, plan) == ([], [], ["BN"], ["baseline", "wide"])


@pytest.mark.parametrize("reason", ["killed", "oom", "timeout", "interrupted"])
def test_what_may_succeed_next_time_is_tried_again(store: Store, plan: Plan, reason: FailureReason) -> None:
    """Nothing was wrong with the request."""
    fail(store, plan, "BN", reason=reason)

    assert found(store, plan)[3] == ["baseline", "BN", "wide"]


def test_a_failure_of_other_code_is_tried_again(store: Store, plan: Plan) -> None:
    """Somebody has fixed it."""
    fail(store, plan, "BN", source="old")

    assert found(store, plan)[3] == ["baseline", "BN", "wide"]


def test_the_present_code_wins_over_a_newer_run_of_other_code(store: Store, plan: Plan) -> None:
    """An experiment with other code on the side does not replace a result."""
    finish(store, plan, "BN")
    finish(store, plan, "BN", source="experiment")

    assert found(store, plan)[0] == ["BN"]


def test_a_stale_result_does_not_hide_that_training_it_again_failed(store: Store, plan: Plan) -> None:
    """After --retrain the newest attempt counts, not a number of the old code."""
    finish(store, plan, "BN", source="old")
    fail(store, plan, "BN")

    assert found(store, plan) == ([], [], ["BN"], ["baseline", "wide"])


def test_a_stale_result_stays_where_training_it_again_was_interrupted(store: Store, plan: Plan) -> None:
    """The decision is asked for once more."""
    finish(store, plan, "BN", source="old")
    fail(store, plan, "BN", reason="interrupted")

    assert found(store, plan)[1] == ["BN"]


def test_without_an_origin_the_newest_finished_attempt_counts(store: Store, plan: Plan) -> None:
    """A report can be written where the code is not at hand."""
    finish(store, plan, "BN", source="old")
    finish(store, plan, "BN", source="newer")
    fail(store, plan, "BN")
    results = store.results(spec_of(plan, "BN", 0).fingerprint)
    best = best_result(results, None, "BN")

    assert isinstance(best, Finished)
    assert best.stamp.source_digest == "newer"


def test_collecting_gives_every_cell_with_what_came_of_it(store: Store, plan: Plan) -> None:
    """None where nothing did."""
    finish(store, plan, "BN", index=1)
    cells = collect(plan, store, NOW, look=2)

    assert [(cell.variant, cell.replicate.index) for cell in cells if cell.result is not None] == [("BN", 1)]
    assert len(cells) == 6


@pytest.mark.parametrize("reason", ["killed", "oom", "timeout"])
def test_bad_luck_is_the_last_word_after_three_tries(reason: FailureReason, store: Store, plan: Plan) -> None:
    """Until the code changes, or somebody asks."""
    after = []
    for _ in range(3):
        fail(store, plan, "BN", reason=reason)
        after.append(found(store, plan)[2])
    fail(store, plan, "wide", reason=reason, source="old")

    assert after == [[], [], ["BN"]]
    assert found(store, plan)[2:] == (["BN"], ["baseline", "wide"])


def test_a_failure_on_other_data_is_tried_again(store: Store, plan: Plan) -> None:
    """The image that could not be read has been replaced."""
    attempt = store.new_attempt(spec_of(plan, "BN", 0))
    failed = Failed(folder=attempt, reason="error", source_digest="new", data_digest="broken")
    Journal(attempt).append("failed", failed.to_json())

    assert found(store, plan)[2:] == ([], ["baseline", "BN", "wide"])
