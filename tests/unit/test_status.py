"""What another terminal is told of the runs of a work folder."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from ablate.cli.app import app
from ablate.errors import StudyError
from ablate.execute.live import HEARTBEAT
from ablate.files import locked, write_json
from ablate.records import Failed, FailureReason, Finished
from ablate.splits.rules import Replicate
from ablate.store.journal import Journal
from ablate.store.run_names import PLAN, write_names
from ablate.store.work_folder import Store
from ablate.workflows.status import states_of, study_states
from tests.training_builders import a_spec

SPEC = a_spec({}, trainer="ablate.toy:train")


@pytest.fixture
def store(tmp_path: Path) -> Store:
    """A work folder whose one study has one run."""
    store = Store(tmp_path)
    content = {"study": "toy", "file": "toy.yaml", "variants": {"baseline": {"0": SPEC.fingerprint}}}
    write_json(store.study("toy") / PLAN, content)
    return store


def state_in(store: Store) -> tuple[str, str]:
    """The state that is counted once, and what is said of it."""
    (study,) = study_states(store.work)
    (counted,) = (name for name in ("finished", "running", "failed", "interrupted", "waiting") if study[name] == 1)
    details: list[dict[str, Any]] = study["details"]
    assert [item["state"] for item in details] == ([counted] if details else [])
    return counted, details[0]["text"] if details else ""


def end(store: Store, reason: FailureReason | None, message: str = "") -> None:
    """An attempt that ended, well where there is no reason."""
    attempt = store.new_attempt(SPEC)
    if reason is None:
        Journal(attempt).append("finished", Finished(folder=attempt, metrics={"accuracy": 0.5}).to_json())
    else:
        failed = Failed(folder=attempt, reason=reason, message=message)
        Journal(attempt).append("failed", failed.to_json())


def test_a_run_without_attempts_waits(store: Store) -> None:
    """Nothing was begun."""
    assert state_in(store) == ("waiting", "")


def test_a_run_is_running_while_somebody_holds_its_lock(store: Store) -> None:
    """However long it has been silent; and no longer, when its command was killed."""
    attempt = store.new_attempt(SPEC)
    Journal(attempt).append("started", {})
    with locked(store.lock(SPEC.fingerprint)):
        begun = state_in(store)
        (attempt / HEARTBEAT).write_text("2 30 40\n")
        later = state_in(store)

    assert begun == ("running", "in its first epoch")
    assert later == ("running", "epoch 2, step 30 of 40")
    assert state_in(store) == ("interrupted", "the command that ran it ended without a message")


@pytest.mark.parametrize(
    ("reason", "expected"),
    [
        (None, ("finished", "")),
        ("interrupted", ("interrupted", "why")),
        ("error", ("failed", "error: why")),
        ("oom", ("failed", "oom: why")),
        ("timeout", ("failed", "timeout: why")),
    ],
)
def test_an_end_is_told_with_its_reason(reason: FailureReason | None, expected: tuple[str, str], store: Store) -> None:
    """As the journal has it."""
    end(store, reason, "why")

    assert state_in(store) == expected


def test_a_finished_run_stays_finished_whatever_failed_after_it(store: Store) -> None:
    """A later attempt takes nothing away."""
    end(store, None)
    end(store, "error")

    assert state_in(store) == ("finished", "")


def test_a_plan_that_is_torn_is_passed_over(store: Store) -> None:
    """The next run writes it again."""
    (store.study("toy") / PLAN).write_text("{")

    assert study_states(store.work) == []


def test_a_look_that_nobody_asked_for_does_not_wait(tmp_path: Path) -> None:
    """Its runs are counted apart until one of them has begun."""
    store = Store(tmp_path)
    later = replace(SPEC, replicate=Replicate(index=2))
    runs = {"0": SPEC.fingerprint, "1": "none", "2": later.fingerprint, "3": "none"}
    write_names(store.study("toy"), "toy", "toy.yaml", {"baseline": runs}, looks=(2, 4))
    end(store, None)
    (before,) = study_states(tmp_path)
    Journal(store.new_attempt(later)).append("started", {})
    (after,) = study_states(tmp_path)

    assert (before["finished"], before["waiting"], before["later"]) == (1, 1, 2)
    assert (after["waiting"], after["later"]) == (2, 0)


def test_the_states_of_one_study_are_its_own(store: Store) -> None:
    """With --set, its search and its confirmation, and nobody else's."""
    names = ["toy", "toy@3f2a91", "toy-search", "toy-search-confirm", "toy story", "other"]
    states = [{"study": name} for name in names]

    assert [state["study"] for state in states_of("toy", states)] == names[:4]
    with pytest.raises(StudyError, match="no study 'toi' has run here") as refused:
        states_of("toi", states)
    assert "'toy'" in refused.value.hint


@pytest.mark.parametrize("asked", ["toy", "toy.yaml"])
def test_the_command_takes_a_study_by_name_or_file(store: Store, asked: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """What people type."""
    monkeypatch.chdir(store.work)
    (store.work / "toy.yaml").write_text(
        "study: toy\ntrainer: ablate.toy:train\nbase: {}\nevidence: {test: {folds: 2}, replicates: [2]}\n"
        "chain: {gain: {gain: 5.0}}\n"
    )
    answer = CliRunner().invoke(app, ["status", asked])

    assert answer.exit_code == 0, answer.output
    assert "toy" in answer.stdout
