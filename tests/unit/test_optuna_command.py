"""What `ablate optuna` prints of searches of the toy trainer, in this process."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from ablate.cli.app import app
from tests.search_builders import a_study_file


def optuna(study: Path, trials: int, *words: str) -> Result:
    """A search beside its study file."""
    fixed = ["--work", str(study.parent), "--executor", "inline", "--no-tracking"]
    command = ["optuna", str(study), "--trials", str(trials), *fixed, *words]
    return CliRunner().invoke(app, command, catch_exceptions=False)


CONFIRM = "{space: {gain: {low: 0.0, high: 30.0}, noise: [0.5, 1.0]}, confirm: {top: 2, replicates: 3}}"


@pytest.fixture(scope="module")
def confirmed(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Result]:
    """A search of six trials whose best two are confirmed, and the winner turned back."""
    study = a_study_file(tmp_path_factory.mktemp("confirmed"), CONFIRM)
    return study, optuna(study, 6, "--ablate-winner")


def test_the_best_setting_and_what_it_is_worth_are_printed(confirmed: tuple[Path, Result]) -> None:
    """How many trials, the best of them, how much each parameter mattered, and the confirmation."""
    said = confirmed[1].stdout

    assert confirmed[1].exit_code == 0
    assert said.startswith("toy-search: ")
    assert "trials finished" in said.splitlines()[0]
    assert "best setting" in said
    assert "fANOVA" in said
    assert "Confirmation on the sealed part: " in said


def test_a_second_call_prints_the_same_as_plain_data(confirmed: tuple[Path, Result]) -> None:
    """Without training anything."""
    printed: dict[str, Any] = json.loads(optuna(confirmed[0], 6, "--ablate-winner", "--json").stdout)

    assert (printed["study"], printed["trained"], printed["stopped"], printed["unchecked"]) == (
        "toy-search", 0, None, None,
    )  # fmt: skip
    assert set(printed["best"]["setting"]) == {"gain", "noise"}
    assert set(printed["importance"]) == {"gain", "noise"}
    assert printed["confirmation"]["effects"]
    assert Path(printed["report"]).is_file()


def test_trials_that_came_too_late_for_the_sealed_part_are_named(confirmed: tuple[Path, Result]) -> None:
    """It is read only once, so that a later best is not confirmed."""
    said = optuna(confirmed[0], 14)

    assert said.exit_code == 0
    assert "Not confirmed, because the sealed part is read only once: trial" in " ".join(said.stderr.split())


def test_a_best_of_many_is_not_to_be_quoted_unconfirmed(tmp_path: Path) -> None:
    """Where the study asks for no confirmation, the command says so, and refuses to turn the winner back."""
    study = a_study_file(tmp_path)
    said, refused = optuna(study, 3), optuna(study, 3, "--ablate-winner")

    assert "The best of many trials looks better than it is: confirm it before you quote it" in said.stderr
    assert (refused.exit_code, "the search has no confirm" in refused.stderr) == (2, True)


def test_settings_that_were_tried_before_are_answered_from_the_records(tmp_path: Path) -> None:
    """Two choices are two runs, however many trials."""
    said = optuna(a_study_file(tmp_path, "{space: {noise: [0.0, 1.0]}}"), 5)

    assert "2 runs trained now." in said.stdout
    assert "3 suggestions matched a finished run; the answer is from the records." in said.stdout


def test_trials_that_fail_are_counted_and_not_tried_again(tmp_path: Path) -> None:
    """The same setting fails once; with no value at all the search has failed."""
    study = a_study_file(tmp_path, "{space: {fail: [error]}}")
    said = optuna(study, 3)

    assert said.exit_code == 1
    assert "3 failed" in said.stdout
    assert "2 more matched a failed run, and count as failed: --retry-failed trains again." in said.stderr


def test_two_objectives_have_a_front(tmp_path: Path) -> None:
    """What no other trial beats in both."""
    study = a_study_file(tmp_path, "{space: {gain: {low: 0.0, high: 30.0}}, objective: [accuracy, seconds]}")
    said, printed = optuna(study, 4), json.loads(optuna(study, 4, "--json").stdout)

    assert "no other is better in both" in said.stdout
    assert printed["objectives"] == ["accuracy", "seconds"]
    assert set(printed["front"]) <= set(range(4))


def test_a_search_under_another_name_begins_anew(tmp_path: Path) -> None:
    """Its trials are its own; equal settings are answered."""
    study = a_study_file(tmp_path, "{space: {noise: [0.0, 1.0]}}")
    optuna(study, 2)
    printed = json.loads(optuna(study, 2, "--new", "second", "--json").stdout)

    assert (printed["study"], printed["trials"], printed["trained"]) == ("second", 2, 0)
