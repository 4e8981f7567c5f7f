"""Several processes train one study, as the tasks of a Slurm array do: no run is trained twice, none is lost."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from ablate.cli.app import app
from ablate.errors import StudyError
from ablate.study.load import load_study
from ablate.workflows.join import JoinedProcess, own_share_first, place_in_array
from ablate.workflows.session import Session, open_session
from tests.invariants import each_cell_has_one_result_or_a_reason, no_file_is_half_written
from tests.training_builders import a_spec

STUDY = {
    "study": "shared",
    "trainer": "ablate.toy:train",
    "base": {"images": 40, "epochs": 2, "seconds": 0.3},
    "one_at_a_time": {"more": {"gain": 5.0}, "less": {"gain": -5.0}},
    "evidence": {"test": {"folds": 4}, "replicates": [4]},
}


def study_file(folder: Path, **more: Any) -> Path:
    """A study of twelve runs of a third of a second."""
    path = folder / "shared.yaml"
    path.write_text(json.dumps(STUDY | more))
    return path


def task_of_an_array(path: Path, index: int, count: int) -> subprocess.Popen[str]:
    """`ablate join` as Slurm would start it."""
    slurm = {"ID": index, "COUNT": count, "MIN": 0, "MAX": count - 1, "STEP": 1}
    environment = os.environ | {f"SLURM_ARRAY_TASK_{name}": str(value) for name, value in slurm.items()}
    command = [
        sys.executable,
        "-m",
        "ablate",
        "join",
        str(path),
        "--work",
        str(path.parent),
        "--workers",
        "1",
        "--json",
    ]
    return subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def told(task: subprocess.Popen[str]) -> Mapping[str, int]:
    """What a task says at its end."""
    output, errors = task.communicate(timeout=120)
    assert task.returncode in (0, 1), errors
    found: dict[str, int] = json.loads(output)
    return found


def attempts(session: Session) -> list[int]:
    """How often each run was begun."""
    return [len(session.store.attempts(spec.fingerprint)) for _, spec in session.plan.runs()]


def test_the_tasks_of_an_array_share_the_runs_of_a_study(tmp_path: Path) -> None:
    """Each run is begun once, by one of them; the report then has nothing to train."""
    path = study_file(tmp_path)
    tasks = [task_of_an_array(path, index, 3) for index in range(3)]
    trained = [told(task)["trained"] for task in tasks]
    session = open_session(load_study(path), tmp_path)
    report = CliRunner().invoke(app, ["run", str(path), "--work", str(tmp_path), "--no-tracking"])

    assert sum(trained) == 12
    assert attempts(session) == [1] * 12
    each_cell_has_one_result_or_a_reason(session)
    no_file_is_half_written(session)
    assert report.exit_code == 0
    assert "Nothing to train" in report.output


def test_what_a_killed_task_was_at_is_taken_over(tmp_path: Path) -> None:
    """Its locks die with it; nothing is left for the report to train but what nobody came to."""
    path = study_file(tmp_path)
    victim = task_of_an_array(path, 0, 2)
    while not list(tmp_path.glob(".ablate/runs/*/*/journal.jsonl")):
        assert victim.poll() is None
        time.sleep(0.02)
    victim.send_signal(signal.SIGKILL)
    victim.communicate()
    other = told(task_of_an_array(path, 1, 2))
    session = open_session(load_study(path), tmp_path)

    assert other["left"] == 0
    assert other["trained"] >= 11
    assert sum(attempts(session)) <= 13
    assert all(session.store.finished(spec.fingerprint) for _, spec in session.plan.runs())
    no_file_is_half_written(session)


def test_a_run_that_fails_is_not_tried_by_everyone(tmp_path: Path) -> None:
    """An error would come again; the one who met it says so."""
    path = study_file(
        tmp_path, one_at_a_time={"broken": {"fail": "error"}}, evidence=STUDY["evidence"] | {"replicates": [2]}
    )  # type: ignore[operator]
    tasks = [task_of_an_array(path, index, 2) for index in range(2)]
    failed = [told(task)["failed"] for task in tasks]

    assert attempts(open_session(load_study(path), tmp_path)) == [1] * 4
    assert max(failed) >= 1


def test_a_study_that_is_not_tuned_yet_cannot_be_joined(tmp_path: Path) -> None:
    """What is to be trained is not known before."""
    path = study_file(tmp_path, tune={"space": {"noise": [1.0, 2.0]}, "trials": 2})
    content = json.loads(path.read_text())
    content["evidence"] = {"test": {"share": 0.2}, "replicates": [2], "val": 0.2}
    path.write_text(json.dumps(content))
    refused = CliRunner().invoke(app, ["join", str(path), "--work", str(tmp_path)])

    assert refused.exit_code == 2
    assert "has not been tuned yet" in refused.output


@pytest.mark.parametrize(
    ("slurm", "expected"),
    [
        ({}, JoinedProcess(0, 1)),
        ({"ID": "2", "COUNT": "8"}, JoinedProcess(2, 8)),
        ({"ID": "9", "COUNT": "4", "MIN": "3", "STEP": "2"}, JoinedProcess(3, 4)),
        ({"ID": "11", "COUNT": "2", "MIN": "1"}, JoinedProcess(0, 2)),
    ],
)
def test_the_place_in_an_array_is_read_from_slurm(slurm: Mapping[str, str], expected: JoinedProcess) -> None:
    """Arrays may begin anywhere and leave numbers out."""
    assert place_in_array({f"SLURM_ARRAY_TASK_{name}": value for name, value in slurm.items()}) == expected


def test_numbers_that_are_none_are_refused() -> None:
    """With what to do about them."""
    with pytest.raises(StudyError, match="SLURM_ARRAY_TASK_ID"):
        place_in_array({"SLURM_ARRAY_TASK_ID": "one"})


def test_each_task_begins_with_its_own_share_and_goes_round() -> None:
    """So that they meet late, and the share of one that never came is done too."""
    runs = [a_spec({"gain": float(number)}, trainer="ablate.toy:train") for number in range(5)]
    orders = [own_share_first(runs, JoinedProcess(index, 3)) for index in range(3)]

    assert [runs.index(order[0]) for order in orders] == [0, 1, 3]
    assert all(sorted(map(runs.index, order)) == [0, 1, 2, 3, 4] for order in orders)
