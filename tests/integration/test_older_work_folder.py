"""Work folders written by earlier commits: every command reads them as before.

`tests/golden/work/0.1.0.tar.xz` holds a small quick start (18 runs, a search of six trials with its
confirmation), the documented trainer of one's own (20 runs), a table for `judge`, all as they were written in
November 2026, without figures and HTML pages. It is never written again: what is stored must stay readable.
`reports-before-first-screen.tar.xz` holds reports of the same runs, in English and Chinese, as they were written
before the first screen showed thresholds and the sentence to cite.
"""

from __future__ import annotations

import json
import os
import shlex
import shutil
import sqlite3
import tarfile
from collections.abc import Iterator
from contextlib import closing
from importlib import resources
from pathlib import Path
from typing import Any
from unittest import mock

import jsonschema
import pytest
from typer.testing import CliRunner, Result

from ablate.cli.app import app

pytestmark = pytest.mark.slow  # part of `make evidence`

ARCHIVE = Path(__file__).parents[1] / "golden" / "work" / "0.1.0.tar.xz"
LATER_REPORTS = ARCHIVE.with_name("reports-before-first-screen.tar.xz")
WRITTEN_AT = "/tmp/gold"
"""Where the folder lay when it was written; MLflow's store knows its artifacts by this path."""

TRAINER_CHANGED = {"the trainer's code"}
"""The built-in trainer has changed since; nothing else may set a finished run apart."""

TOLD_ANEW = ("report.html", "report.md")
"""What tells of the trainer's code; numbers of images are found by the runs' own stamps, whatever the code is now."""


@pytest.fixture(autouse=True)
def environment() -> Iterator[None]:
    """Trackers set defaults; other tests shall not see them."""
    with mock.patch.dict(os.environ):
        yield


KEPT = "numerics: {channels_last: false}"
"""What keeps an older study's runs: true is the default since."""


@pytest.fixture
def work(untouched: Path) -> Path:
    """The older work folder with what its study needs to keep its runs, which `plan` says."""
    study = untouched / "studies" / "quickstart.yaml"
    study.write_text(study.read_text().replace("  batch_size: 16\n", f"  batch_size: 16\n  {KEPT}\n"))
    return untouched


@pytest.fixture
def untouched(tmp_path: Path) -> Path:
    """The older work folder, put where this test may write."""
    folder = tmp_path / "older"
    with tarfile.open(ARCHIVE) as archive:
        archive.extractall(folder, filter="data")
    with closing(sqlite3.connect(folder / "mlflow.db")) as database, database:
        for table, column in (("runs", "artifact_uri"), ("experiments", "artifact_location")):
            database.execute(f"update {table} set {column} = replace({column}, ?, ?)", (WRITTEN_AT, str(folder)))
    return folder


def ablate(work: Path, *arguments: object) -> Result:
    """One command in that folder; what it printed and how it ended."""
    words = [str(argument) for argument in arguments]
    return CliRunner().invoke(app, [*words, "--work", str(work)], catch_exceptions=False)


def printed_json(result: Result) -> Any:
    """The one object on standard output."""
    return json.loads(result.stdout)


def was_confirmed_then(result: Result) -> bool:
    """Whether a search ended at a confirmation that the trainer of then had made: it is never made twice."""
    return result.exit_code == 2 and "the confirmation was made by other code" in result.output


STUDIES = [("studies/quickstart.yaml", 18), ("own_trainer.yaml", 20)]


@pytest.mark.parametrize(("study", "runs"), STUDIES)
def test_no_finished_run_is_lost_or_stale_but_by_the_trainers_own_source(work: Path, study: str, runs: int) -> None:
    """Every run is found again; those of a trainer of one's own, which has not changed, are all fresh."""
    plan = printed_json(ablate(work, "plan", work / study, "--json"))
    differs = {reason for run in plan["stale"] for reason in run["differs"]}

    assert (plan["cached"] + len(plan["stale"]), plan["to_run"]) == (runs, 0)
    assert differs <= (TRAINER_CHANGED if "quickstart" in study else set())


@pytest.mark.parametrize(("study", "runs"), STUDIES)
def test_every_number_of_an_older_report_is_still_what_the_journals_say(work: Path, study: str, runs: int) -> None:
    """`report --verify` finds no difference but what a changed trainer makes, its note; and says by which method."""
    result = ablate(work, "report", work / study, "--verify")
    if "quickstart" in study and result.exit_code:
        # Reports of then are of method 1, which is said below the differences.
        told = printed_json(ablate(work, "report", work / study, "--verify", "--json"))
        assert f"{len(TOLD_ANEW)} differences" in result.output
        assert "written by method 1" in " ".join(result.output.split())
        assert sorted(one["file"] for one in told["differences"]) == sorted(TOLD_ANEW)
        assert told["method"] == 1
    else:
        assert (result.exit_code, result.output.strip().endswith("every number agrees with the journals.")) == (0, True)


LATER = [("en", STUDIES[0][0], "17.1"), ("en", STUDIES[1][0], "6.90"), ("zh", STUDIES[1][0], "6.90")]


@pytest.mark.parametrize(("reports", "study", "number"), [("", STUDIES[1][0], "6.90"), *LATER])
def test_a_number_changed_by_hand_in_an_older_report_is_found(
    work: Path, reports: str, study: str, number: str
) -> None:
    """Whichever form it was written in: unchanged it agrees; of a changed page the line is named."""
    if reports:
        shutil.rmtree(work / "reports")
        with tarfile.open(LATER_REPORTS) as archive:
            archive.extractall(work, filter="data")
        (work / reports).rename(work / "reports")
    before = printed_json(ablate(work, "report", work / study, "--verify", "--json"))
    changed = {}
    for name in TOLD_ANEW:
        path = work / "reports" / before["study"] / name
        text = path.read_text(encoding="utf-8")
        changed[name] = text[: text.index(number)].count("\n") + 1
        path.write_text(text.replace(number, f"{number}9", 1), encoding="utf-8")
    after = printed_json(ablate(work, "report", work / study, "--verify", "--json"))

    assert (before["same"], before["differences"]) == (True, [])
    assert {one["file"]: one["line"] for one in after["differences"]} == changed
    assert all(f"{number}9" in one["written"] and number in one["now"] for one in after["differences"])


@pytest.mark.parametrize(("study", "runs"), STUDIES)
def test_running_again_trains_nothing(work: Path, study: str, runs: int) -> None:
    """With --reuse where the trainer has changed, `run` takes all of it as it is."""
    result = ablate(work, "run", work / study, "--reuse", "--executor", "inline", "--no-tracking")

    assert (result.exit_code, "Nothing to train" in result.output) == (0, True)


@pytest.mark.parametrize(("study", "runs"), STUDIES)
def test_an_older_store_of_mlflow_is_complete_already(work: Path, study: str, runs: int) -> None:
    """`sync` finds every run delivered."""
    result = ablate(work, "sync", work / study)

    assert (result.exit_code, f"{runs} runs are in MLflow" in result.output) == (0, True)


def test_finished_runs_are_put_back_from_an_older_store(work: Path) -> None:
    """`pull` reads what the earlier commit had sent."""
    before = {path.name for path in (work / ".ablate" / "runs").iterdir()}
    shutil.rmtree(work / ".ablate" / "runs")
    results = [ablate(work, "pull", work / study) for study, _ in STUDIES]

    assert [result.exit_code for result in results] == [0, 0]
    assert {path.name for path in (work / ".ablate" / "runs").iterdir()} <= before
    assert printed_json(ablate(work, "plan", work / "own_trainer.yaml", "--json"))["cached"] == 20


def test_older_weights_give_the_recorded_accuracy(work: Path) -> None:
    """`predict --check` loads weights, journal and data of then."""
    result = ablate(work, "predict", "quickstart/BN/0", "--check")

    assert result.exit_code == 0, result.output


def test_an_older_search_goes_on_where_it_stopped(work: Path) -> None:
    """Six of six trials are there; none is begun, and the confirmation stands, or is said to be of other code."""
    study = work / "studies" / "quickstart.yaml"
    result = ablate(work, "optuna", study, "--trials", 6, "--no-tracking", "--executor", "inline")

    assert was_confirmed_then(result) or (result.exit_code, "6 of 6" in result.output) == (0, True), result.output


def test_an_older_search_takes_one_more_trial(work: Path) -> None:
    """A seventh trial is trained beside the six of then."""
    study = work / "studies" / "quickstart.yaml"
    result = ablate(work, "optuna", study, "--trials", 7, "--no-tracking", "--executor", "inline")

    assert was_confirmed_then(result) or (result.exit_code, "7 of 7" in result.output) == (0, True), result.output


@pytest.mark.parametrize("arguments", [["status"], ["clean"]])
def test_the_keeping_commands_read_an_older_folder(work: Path, arguments: list[str]) -> None:
    """Nothing of it looks like rubbish, and each study is told."""
    result = ablate(work, *arguments)

    assert result.exit_code == 0, result.output
    assert "quickstart" in result.output or "There is nothing to remove." in result.output


def test_a_study_that_has_looked_keeps_the_shares_of_its_looks(work: Path) -> None:
    """Three looks once shared .2, .3 and .5: what was declared so is judged so; who has not looked has the new ones."""
    study = work / "own_trainer.yaml"
    study.write_text(study.read_text().replace("replicates: [5]", "replicates: [2, 3, 5]"))
    declared = work / ".ablate" / "studies" / "own-trainer" / "declared.json"
    spent = {}
    for name, note in (("looked", {"looks": [2, 3, 5], "shares": [0.2, 0.3, 0.5]}), ("not yet", None)):
        declared.write_text(json.dumps(note)) if note else declared.unlink()
        found = [printed_json(ablate(work, "report", study, "--look", look, "--json")) for look in (1, 3)]
        spent[name] = [{effect["look"]: effect["share"] for effect in one["effects"]} for one in found]
        assert not any("it planned looks at" in caution for one in found for caution in one["cautions"])
        assert any(effect["verdict"] != "not_assessable" for effect in found[-1]["effects"])

    for name, shares in (("looked", {1: 0.2, 2: 0.3, 3: 0.5}), ("not yet", {1: 0.1, 2: 0.2, 3: 0.7})):
        assert all(shares[look] == share for one in spent[name] for look, share in one.items())


# --- a default that has changed since ---------------------------------------------------------

CHANGED = "numerics.channels_last is now true by default"
WAY = "`numerics: {channels_last: false}` under `base:`"


def files_below(work: Path) -> set[Path]:
    """Everything in a work folder but what was looked at, which is only remembered."""
    return {path for path in work.rglob("*") if ".ablate/cache" not in str(path)}


def test_a_study_that_leaves_a_changed_default_out_plans_new_runs_and_says_why(untouched: Path) -> None:
    """None of the runs by the default of before is taken, and `plan` tells what keeps them."""
    study = untouched / "studies" / "quickstart.yaml"
    plan = printed_json(ablate(untouched, "plan", study, "--json"))
    shown = ablate(untouched, "plan", study).output

    schema = json.loads((resources.files("ablate.report") / "schemas" / "plan.schema.json").read_text())
    jsonschema.validate(plan, schema)
    assert (plan["cached"], plan["stale"], plan["to_run"]) == (0, [], 18)
    assert plan["former"]["runs"] == 18
    assert plan["former"]["changed"] == {"numerics.channels_last": {"now": True, "before": False}}
    assert all(text in " ".join(shown.split()) for text in (CHANGED, WAY))


def test_a_study_that_writes_the_value_of_before_has_its_runs_and_one_that_writes_the_new_one_has_not(
    untouched: Path,
) -> None:
    """What is written is meant: nothing is said of a default."""
    study = untouched / "studies" / "quickstart.yaml"
    before, now = (
        printed_json(ablate(untouched, "plan", study, "--set", f"numerics.channels_last={value}", "--json"))
        for value in ("false", "true")
    )

    assert (before["cached"] + len(before["stale"]), before["to_run"], before["former"]) == (18, 0, None)
    assert (now["cached"] + len(now["stale"]), now["to_run"], now["former"]) == (0, 18, None)


@pytest.mark.parametrize(
    "command",
    [
        ["run", "--reuse", "--executor", "inline", "--no-tracking"],
        ["join"],
        ["report"],
        ["sync"],
    ],
    ids=" ".join,
)
def test_nothing_is_trained_or_written_over_before_somebody_decides(untouched: Path, command: list[str]) -> None:
    """A report without runs would replace the one there is, and training would begin anew."""
    before = files_below(untouched)
    result = ablate(untouched, command[0], untouched / "studies" / "quickstart.yaml", *command[1:])

    assert result.exit_code == 2
    assert all(text in result.output for text in (f"18 runs were finished before a default changed: {CHANGED}", WAY))
    assert files_below(untouched) == before


@pytest.mark.parametrize("keep", ["the line", "--set"])
def test_the_advice_that_keeps_older_runs_works_as_it_is_printed(untouched: Path, keep: str) -> None:
    """The line under `base:` or the options, then the command with all that it needs: nothing is trained."""
    study = untouched / "studies" / "quickstart.yaml"
    refused = ablate(untouched, "run", study, "--executor", "inline", "--no-tracking").output
    note = printed_json(ablate(untouched, "plan", study, "--json"))["former"]["note"]
    assert " ".join(note.split(" To keep ")[1].split()) in " ".join(refused.split())
    line, _, command, options, retrain = note.split("To keep")[1].split("`")[1::2]
    if keep == "the line":
        study.write_text(study.read_text().replace("base:\n", f"base:\n  {line}\n"))
        options = ""
    result = CliRunner().invoke(
        app, [*shlex.split(command)[1:], *shlex.split(options), "--executor", "inline", "--no-tracking"]
    )

    assert (result.exit_code, "Nothing to train" in result.output) == (0, True), result.output
    assert retrain == f"ablate run {study} --work {untouched} --retrain"


def test_a_plan_with_stale_runs_says_that_run_asks_for_a_choice(work: Path) -> None:
    """And how many more are stale than are listed."""
    shown = ablate(work, "plan", work / "studies" / "quickstart.yaml").output

    assert "... and 10 more" in shown
    assert "`ablate run` asks for a choice" in shown
    assert "about 0 s with --reuse" in shown


def test_a_key_set_from_the_word_base_on_is_told_without_it(work: Path) -> None:
    """`--set` begins below `base:`."""
    study = work / "studies" / "quickstart.yaml"
    result = ablate(work, "plan", study, "--set", "base.numerics.channels_last=false")

    assert result.exit_code == 2
    assert "--set numerics.channels_last=" in result.output


def test_an_older_search_does_not_go_on_by_another_default(untouched: Path) -> None:
    """Its trials and new ones would not be comparable."""
    study = untouched / "studies" / "quickstart.yaml"
    result = ablate(untouched, "optuna", study, "--trials", 7, "--no-tracking", "--executor", "inline")

    assert result.exit_code == 2
    assert all(text in result.output for text in (CHANGED, WAY))


def test_pull_says_that_what_is_stored_was_made_by_another_default(untouched: Path) -> None:
    """Not only that there is nothing."""
    result = ablate(untouched, "pull", untouched / "studies" / "quickstart.yaml")

    assert result.exit_code == 2
    assert all(text in result.output for text in (CHANGED, WAY))


def test_a_run_is_opened_by_its_name_as_it_was_trained(untouched: Path) -> None:
    """`predict` reads the run's record and not the study file."""
    result = ablate(untouched, "predict", "quickstart/BN/0", "--check")

    assert result.exit_code == 0, result.output


def test_an_older_study_trained_by_the_new_default_leaves_the_runs_of_before_as_they_are(untouched: Path) -> None:
    """`--retrain` says so; each has a place of its own, and both can be had afterwards."""
    study, runs = untouched / "studies" / "quickstart.yaml", untouched / ".ablate" / "runs"
    before = {path: path.stat().st_mtime_ns for path in runs.rglob("*") if path.is_file()}
    result = ablate(untouched, "run", study, "--retrain", "--only", "baseline", "--executor", "inline", "--no-tracking")

    assert result.exit_code == 0, result.output
    assert {path: path.stat().st_mtime_ns for path in before} == before
    assert printed_json(ablate(untouched, "plan", study, "--json"))["cached"] == 3
    written = ablate(untouched, "plan", study, "--set", "numerics.channels_last=true", "--json")
    assert printed_json(written)["cached"] == 3
    kept = printed_json(ablate(untouched, "plan", study, "--set", "numerics.channels_last=false", "--json"))
    assert kept["cached"] + len(kept["stale"]) == 18
