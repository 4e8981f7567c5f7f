"""Threads for the shape of the work: proposed, priced, never chosen."""

from __future__ import annotations

import json
from importlib import resources
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from ablate.execute.resources import fitting_threads
from ablate.records import Finished, Stamp
from ablate.store.journal import Journal
from ablate.study.load import load_study
from ablate.workflows import threads
from ablate.workflows.options import Options
from ablate.workflows.plan_summary import plan_summary
from ablate.workflows.session import Session, open_session

STUDY = Path(__file__).parents[2] / "studies" / "quickstart.yaml"


def a_session(work: Path, monkeypatch: pytest.MonkeyPatch, *, here: int, sets: tuple[str, ...] = ()) -> Session:
    """The quick start, 18 runs at its first look, on a machine of so many cores and no graphics card."""
    monkeypatch.setattr(threads, "cores", lambda: here)
    monkeypatch.setattr(threads, "devices", list)
    return open_session(load_study(STUDY, sets=sets), work)


def proposal(session: Session) -> Any:
    """What `plan --json` says of threads."""
    plan = plan_summary(session, Options(workers=1), with_parameters=False)
    schema = json.loads((resources.files("ablate.report") / "schemas" / "plan.schema.json").read_text())
    jsonschema.validate(plan, schema)
    return plan["threads"]


@pytest.mark.parametrize(
    ("runs", "here", "fitting"), [(1, 8, 8), (3, 8, 2), (7, 8, 1), (8, 8, 1), (100, 8, 1), (1, 1, 1), (0, 4, 4)]
)
def test_runs_that_fill_the_cores_have_one_thread_each_and_a_lone_run_has_all(
    runs: int, here: int, fitting: int
) -> None:
    """Fewer runs than cores share them."""
    assert fitting_threads(runs, here) == fitting


def test_nothing_is_proposed_where_the_threads_fit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One each, and no core left over."""
    assert proposal(a_session(tmp_path, monkeypatch, here=2)) is None


def test_idle_cores_are_told_with_the_line_that_uses_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing in the plan changes by itself: every run stays one of one thread."""
    session = a_session(tmp_path, monkeypatch, here=40)
    found = proposal(session)

    assert (found["now"], found["fitting"], found["runs"], found["finished"]) == (1, 2, 18, 0)
    assert "`threads: 2` in base.numerics" in found["note"]
    assert {variant.config["numerics"]["threads"] for variant in session.plan.variants} == {1}


def test_threads_that_get_into_each_others_way_are_told_with_what_a_change_costs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A finished run is of the threads it had."""
    session = a_session(tmp_path, monkeypatch, here=2, sets=("numerics.threads=2",))
    attempt = session.store.new_attempt(next(spec for _, spec in session.plan.runs(1)))
    result = Finished(folder=attempt, metrics={"accuracy": 0.6}, stamp=Stamp(source_digest=session.source))
    Journal(attempt).append("finished", result.to_json())
    found = proposal(session)

    assert (found["now"], found["fitting"], found["finished"]) == (2, 1, 1)
    assert "the finished run is trained again then" in found["note"]


def test_where_there_are_graphics_cards_threads_are_no_matter(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As many runs go at once as cards have room for."""
    session = a_session(tmp_path, monkeypatch, here=40)
    monkeypatch.setattr(threads, "devices", lambda: ["a card"])

    assert proposal(session) is None


def test_a_trainer_without_threads_is_left_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its settings have no such line."""
    monkeypatch.setattr(threads, "cores", lambda: 40)
    study = tmp_path / "toy.yaml"
    study.write_text("study: toy\ntrainer: ablate.toy:train\nbase: {}\nchain: {big: {gain: 5.0}}\n", encoding="utf-8")

    assert proposal(open_session(load_study(study), tmp_path)) is None
