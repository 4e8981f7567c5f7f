"""What a plan costs and what it will be able to see, before anything is trained."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from ablate.files import write_json
from ablate.records import Failed, Finished, Prepared, Stamp
from ablate.store.journal import Journal
from ablate.study.load import load_study
from ablate.workflows.options import Options
from ablate.workflows.plan_summary import plan_summary, visible_steps
from ablate.workflows.run import run_study
from ablate.workflows.session import Session, open_session
from tests.study_builders import read_study

STUDY: Mapping[str, Any] = {
    "study": "toy",
    "trainer": "ablate.toy:train",
    "base": {"skill": 60.0},
    "chain": {"A": {"gain": 5.0}, "B": {"noise": 0.5}},
    "evidence": {"test": {"folds": 3}, "replicates": [2, 4]},
}


def a_session(work: Path, *, tested: int | None = 100, **changes: Any) -> Session:
    """The toy in a work folder; `tested` images in replicate 0's test part, None: nobody has looked yet."""
    content = {**STUDY, "evidence": STUDY["evidence"] | changes.pop("evidence", {}), **changes}
    session = open_session(read_study(content), work)
    if tested is not None:
        session.prepared = {v.name: Prepared(digest="d", counts={"test": tested}) for v in session.plan.variants}
    return session


def finish(session: Session, variant: str, *, seconds: float, index: int = 0, source: str | None = None) -> None:
    """A run that ended well."""
    attempt = attempt_at(session, variant, index)
    stamp = Stamp(source_digest=session.source if source is None else source, data_digest="d")
    result = Finished(folder=attempt, metrics={"accuracy": 0.6}, stamp=stamp, seconds=seconds)
    Journal(attempt).append("finished", result.to_json())


def fail(session: Session, variant: str) -> None:
    """A run that ended with an error."""
    attempt = attempt_at(session, variant, 0)
    Journal(attempt).append("failed", Failed(folder=attempt, reason="error", source_digest=session.source).to_json())


def attempt_at(session: Session, variant: str, index: int) -> Path:
    """A new attempt at one cell."""
    runs = session.plan.runs(len(session.plan.looks))
    return session.store.new_attempt(
        next(spec for found, spec in runs if (found.name, spec.replicate.index) == (variant, index))
    )


def summary(session: Session, *, with_parameters: bool = False, **options: Any) -> dict[str, Any]:
    """The plan as plain data."""
    return plan_summary(session, Options(workers=1, **options), with_parameters=with_parameters)


def test_a_fresh_plan_is_all_to_run_for_a_price_nobody_knows(tmp_path: Path) -> None:
    """And asking writes nothing."""
    plan = summary(a_session(tmp_path))

    assert (plan["study"], plan["runs"], plan["cached"], plan["stale"], plan["to_run"]) == ("toy", 6, 0, [], 6)
    assert plan["estimate_seconds"] is None
    assert list(tmp_path.iterdir()) == []


def test_a_variant_is_shown_with_its_changes_and_the_size_of_its_parts(tmp_path: Path) -> None:
    """Parts that are not known are null."""
    rows = summary(a_session(tmp_path))["variants"]

    assert rows[1] == {
        "name": "A",
        "alias": "",
        "reference": "baseline",
        "changes": "gain: 5.0",
        "parameters": None,
        "trained": None,
        "notes": [],
        "train": None,
        "val": None,
        "test": 100,
        "unused": None,
    }


def test_parts_are_unknown_before_anybody_has_looked(tmp_path: Path) -> None:
    """`plan` never needs the data."""
    assert summary(a_session(tmp_path, tested=None))["variants"][0]["test"] is None


def test_parameters_are_counted_once_and_remembered(tmp_path: Path) -> None:
    """Only the first look needs the trainer."""
    session = a_session(tmp_path)
    before = [row["parameters"] for row in summary(session)["variants"]]
    counted = [row["parameters"] for row in summary(session, with_parameters=True)["variants"]]
    after = [row["parameters"] for row in summary(session)["variants"]]

    assert (before, counted, after) == ([None] * 3, [1] * 3, [1] * 3)


def test_a_memory_that_is_torn_is_written_again(tmp_path: Path) -> None:
    """A cache may be damaged; it can be computed again."""
    session = a_session(tmp_path)
    summary(session, with_parameters=True)
    for memo in (session.store.cache / "descriptions").iterdir():
        memo.write_text("{")

    assert summary(session, with_parameters=True)["variants"][0]["parameters"] == 1


def test_the_price_is_what_finished_runs_took(tmp_path: Path) -> None:
    """Those of the same variant where there are any, else of all."""
    session = a_session(tmp_path)
    finish(session, "A", seconds=10.0)
    finish(session, "B", seconds=40.0)
    plan = summary(session)

    assert (plan["cached"], plan["to_run"]) == (2, 4)
    assert plan["estimate_seconds"] == 10 + 40 + 2 * 25


def test_runs_that_go_in_parallel_take_less_time(tmp_path: Path) -> None:
    """But no more of them than there are to run."""
    session = a_session(tmp_path)
    finish(session, "A", seconds=10.0)
    estimates = [
        plan_summary(session, Options(workers=workers), with_parameters=False)["estimate_seconds"]
        for workers in (1, 2, 5, 50)
    ]

    assert estimates == [50.0, 25.0, 10.0, 10.0]


def test_a_finished_plan_costs_nothing(tmp_path: Path) -> None:
    """Also where every run failed for good."""
    session = a_session(tmp_path, evidence={"replicates": 1})
    for variant in ("baseline", "A", "B"):
        fail(session, variant)

    assert summary(session)["estimate_seconds"] == 0.0
    assert summary(session, retry_failed=True)["estimate_seconds"] is None


def test_failed_runs_are_to_run_where_they_are_tried_again(tmp_path: Path) -> None:
    """And part of the price."""
    session = a_session(tmp_path, evidence={"replicates": 1})
    finish(session, "A", seconds=10.0)
    fail(session, "B")
    plans = [summary(session, retry_failed=again) for again in (False, True)]

    assert [(plan["to_run"], plan["estimate_seconds"]) for plan in plans] == [(1, 10.0), (2, 20.0)]


def test_stale_runs_are_listed_with_what_differs(tmp_path: Path) -> None:
    """They are neither cached nor to run until somebody decides; their time counts for the price."""
    session = a_session(tmp_path)
    finish(session, "A", seconds=10.0, index=1, source="old")
    plan = summary(session)

    assert plan["stale"] == [{"variant": "A", "replicate": 1, "differs": ["the trainer's code"]}]
    assert (plan["cached"], plan["to_run"], plan["estimate_seconds"]) == (0, 5, 50.0)


# --- what it will be able to see --------------------------------------------------------------


def points(session: Session) -> list[float | None]:
    """The smallest visible step of every look."""
    return [row["points"] for row in visible_steps(session)]


def test_the_smallest_visible_step_by_hand(tmp_path: Path) -> None:
    """Two questions, one look: z(1 - .05/2/2) + z(.8) = 2.2414 + 0.8416 standard errors."""
    error = math.sqrt(0.35 / 300 + 2 * 0.01**2 / 3)

    assert points(a_session(tmp_path, evidence={"replicates": 3})) == [pytest.approx(308.30 * error, abs=0.01)]


def test_later_looks_see_smaller_steps(tmp_path: Path) -> None:
    """Though no more images than there are folds."""
    early, late, last = points(a_session(tmp_path, evidence={"replicates": [2, 3, 30]}))

    assert early is not None
    assert late is not None
    assert last is not None
    assert early > late > last > 308 * math.sqrt(0.35 / 300)


def test_a_fixed_test_part_never_grows(tmp_path: Path) -> None:
    """More replicates only average the luck of training."""
    [folds], [fixed] = (
        points(a_session(tmp_path, evidence={"replicates": 3, "test": test})) for test in ({"folds": 3}, "official")
    )

    assert folds is not None
    assert fixed is not None
    assert folds < fixed


@pytest.mark.parametrize(
    ("tested", "changes"),
    [
        (None, {}),
        (0, {}),
        (100, {"evidence": {"metric": "loss"}}),
        (100, {"chain": None, "search": {"space": {"gain": [1]}}}),
    ],
)
def test_what_cannot_be_known_is_null(tmp_path: Path, tested: int | None, changes: Any) -> None:
    """No images counted, no accuracy, or no question."""
    assert points(a_session(tmp_path, tested=tested, **changes)) == [None, None]


def test_a_trainer_whose_images_nobody_can_look_at_is_said_to_keep_them(tmp_path: Path) -> None:
    """No look at the data comes, so none is waited for."""
    session = a_session(tmp_path, tested=None)
    trainer = replace(session.study.trainer, look_at_data="", prepare=None)
    session = replace(session, study=replace(session.study, trainer=trainer))

    assert "how many images the trainer tests on is not known before two replicates" in summary(session)["visible_why"]


def test_finished_runs_replace_the_assumption(tmp_path: Path) -> None:
    """From the first comparison of two replicates on, the noise is the study's own."""
    study = tmp_path / "toy.yaml"
    study.write_text(
        "study: toy\ntrainer: ablate.toy:train\nbase: {skill: 60.0, images: 300}\nchain: {big: {gain: 5.0}}\n"
        "evidence: {test: {folds: 3}, replicates: [3, 6]}\n",
        encoding="utf-8",
    )
    before = plan_summary(open_session(load_study(study), tmp_path), Options(), with_parameters=False)
    run_study(load_study(study), work=tmp_path, options=Options(executor="inline", track=False))
    after = plan_summary(open_session(load_study(study), tmp_path), Options(), with_parameters=False)
    report = json.loads((tmp_path / ".ablate/studies/toy/report.json").read_text())
    (effect,) = report["effects"]

    assert before["visible_basis"] == ""
    assert after["visible_basis"].startswith("from the noise")
    assert [row["replicates"] for row in after["visible_step"]] == [3, 6]
    assert after["visible_step"][0]["points"] > (effect["hi"] - effect["lo"]) / 2


def test_the_plan_is_json(tmp_path: Path) -> None:
    """As `ablate plan --json` prints it."""
    write_json(tmp_path / "plan.json", summary(a_session(tmp_path)))

    assert (tmp_path / "plan.json").exists()
