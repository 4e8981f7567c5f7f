"""The walk as a user types it, on the torch-free toy: check, plan, run, report, again."""

from __future__ import annotations

import json
from importlib import resources
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from typer.testing import CliRunner, Result

from ablate.cli.app import app

STUDY = """\
study: toy
question: Does the toy notice?
trainer: ablate.toy:train
base: {skill: 60.0, images: 600}
chain:
  big gain: {gain: 15.0}
  no gain: {noise: 1.5}
evidence: {test: {folds: 3}, replicates: [3, 6]}
"""


@pytest.fixture
def study(tmp_path: Path) -> Path:
    """A study file in an empty work folder."""
    path = tmp_path / "toy.yaml"
    path.write_text(STUDY, encoding="utf-8")
    return path


def ablate(*arguments: object) -> Result:
    """One command; what it printed and how it ended."""
    return CliRunner().invoke(app, [str(argument) for argument in arguments], catch_exceptions=False)


def run(study: Path, *more: object) -> Result:
    """`ablate run`, in this process, without MLflow."""
    return ablate("run", study, "--work", study.parent, "--executor", "inline", "--no-tracking", *more)


def printed_json(result: Result) -> Any:
    """The one object on standard output."""
    return json.loads(result.stdout)


def schema(name: str) -> Any:
    """A JSON Schema of the package."""
    return json.loads((resources.files("ablate.report") / "schemas" / f"{name}.schema.json").read_text())


def files_in(folder: Path) -> set[str]:
    """Every file below a folder."""
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*")}


def test_check_says_what_the_study_holds_and_writes_nothing(study: Path) -> None:
    """In one line: variants, comparisons and looks."""
    result = ablate("check", study)

    assert (result.exit_code, "toy.yaml OK: 3 variants, 2 comparisons" in result.stdout) == (0, True)
    assert files_in(study.parent) == {"toy.yaml"}


def test_run_finds_the_gain_that_is_there(study: Path) -> None:
    """Fifteen points are seen with three replicates of 200 images."""
    result = run(study, "--json")
    effects = {effect["name"]: effect["verdict"] for effect in printed_json(result)["effects"]}

    assert effects["big gain"] == "better"
    assert effects["no gain"] != "better"


def test_run_prints_what_its_schema_promises(study: Path) -> None:
    """Machines read a fixed form."""
    jsonschema.validate(printed_json(run(study, "--json")), schema("run"))


@pytest.mark.parametrize("before", ["nothing", "a run"])
def test_plan_prints_what_its_schema_promises(study: Path, before: str) -> None:
    """Before the first run and after it."""
    if before == "a run":
        run(study)
    plan = printed_json(ablate("plan", study, "--work", study.parent, "--json"))

    jsonschema.validate(plan, schema("plan"))
    assert plan["to_run"] == (9 if before == "nothing" else 0)


def test_a_second_run_trains_nothing(study: Path) -> None:
    """What is there is reused."""
    run(study)
    result = run(study)

    assert "Nothing to train" in result.stderr


def test_after_a_change_only_what_depends_on_it_is_trained(study: Path) -> None:
    """The last step of a chain is three runs of nine."""
    run(study)
    study.write_text(STUDY.replace("noise: 1.5", "noise: 2.5"), encoding="utf-8")
    result = run(study)

    assert "3 runs trained now" in result.stderr


@pytest.fixture
def open_study(study: Path) -> Path:
    """The study with a second step of two points, which three replicates cannot decide."""
    study.write_text(STUDY.replace("no gain: {noise: 1.5}", "small gain: {gain: 17.0}"), encoding="utf-8")
    return study


def test_a_later_look_trains_only_what_an_open_step_needs(open_study: Path) -> None:
    """Three more replicates of the two variants of the open step; the baseline's step is decided."""
    run(open_study)
    result = run(open_study, "--look", 2, "--json")
    printed = printed_json(result)

    assert {row["name"]: row["n"] for row in printed["variants"]} == {"baseline": 3, "big gain": 6, "small gain": 6}
    assert {effect["name"]: effect["n"] for effect in printed["effects"]} == {"big gain": 3, "small gain": 6}
    assert not printed["failed"]


def test_going_straight_to_a_later_look_trains_the_same_runs(open_study: Path, tmp_path: Path) -> None:
    """Which runs are made is a function of plan and results, not of how often somebody looked."""
    other = tmp_path / "at once" / "toy.yaml"
    other.parent.mkdir()
    other.write_text(open_study.read_text(encoding="utf-8"), encoding="utf-8")
    run(open_study)
    by_steps = printed_json(run(open_study, "--look", 2, "--json"))
    at_once = printed_json(run(other, "--look", 2, "--json"))

    for effect in (*by_steps["effects"], *at_once["effects"]):
        del effect["no_worse"]  # whether it is told of may rest on measured seconds, which differ
    assert by_steps["effects"] == at_once["effects"]
    assert [row["n"] for row in by_steps["variants"]] == [row["n"] for row in at_once["variants"]]


def test_a_step_that_is_settled_needs_no_later_look(study: Path) -> None:
    """One step is decided at the first look, of the other a difference has become too unlikely."""
    run(study)
    result = run(study, "--look", 2)

    assert "0 runs trained now" in result.stderr or "Nothing to train" in result.stderr


def test_a_plain_call_after_a_later_look_stays_at_that_look(open_study: Path) -> None:
    """The report of six replicates is not replaced by one of three."""
    run(open_study, "--look", 2)
    printed = printed_json(run(open_study, "--json"))

    assert printed["look"] == 2
    assert {row["n"] for row in printed["variants"]} == {3, 6}


def test_only_narrows_the_training_but_not_the_family(study: Path) -> None:
    """The verdicts still count every step."""
    result = run(study, "--only", "baseline", "--json")
    printed = printed_json(result)

    assert [effect["verdict"] for effect in printed["effects"]] == ["not_assessable", "not_assessable"]


def test_a_smoke_run_never_overwrites_the_real_report(study: Path) -> None:
    """`--set` gives the study an identity of its own."""
    run(study)
    before = (study.parent / "reports/toy/report.md").read_bytes()
    run(study, "--set", "epochs=1")

    assert (study.parent / "reports/toy/report.md").read_bytes() == before
    assert len([path for path in (study.parent / "reports").iterdir() if path.name.startswith("toy@")]) == 1


def test_failed_runs_end_the_command_with_1_and_are_named(study: Path) -> None:
    """A failed run is never dropped silently."""
    study.write_text(STUDY.replace("{noise: 1.5}", "{fail: error}"), encoding="utf-8")
    result = run(study)

    assert result.exit_code == 1
    assert "the toy was asked to fail" in result.stderr
    assert "no gain, replicate 2" in result.stderr


def test_a_failed_run_is_not_tried_again_until_asked(study: Path) -> None:
    """An error does not go away by itself."""
    study.write_text(STUDY.replace("{noise: 1.5}", "{fail: error}"), encoding="utf-8")
    run(study)

    assert "Nothing to train" in run(study).stderr
    assert "3 runs trained now" in run(study, "--retry-failed").stderr


def test_the_report_can_be_written_again_without_training(study: Path) -> None:
    """It comes from the journals."""
    run(study)
    report = study.parent / "reports/toy/report.md"
    before = report.read_text(encoding="utf-8")
    report.unlink()
    ablate("report", study, "--work", study.parent)

    assert report.read_text(encoding="utf-8") == before


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--look", "3"], "the study plans 2 looks"),
        (["--workers", "0"], "--workers 0"),
        (["--only", "big gian"], "Did you mean 'big gain'?"),
        (["--reuse", "--retrain"], "exclude each other"),
        (["--set", "skil=3"], "Did you mean 'skill'?"),
        (["--set", "skill"], "key=value"),
        (["--design", "chian"], "Did you mean 'chain'?"),
        (["--tracking-uri", "./mlruns"], "mlruns"),
    ],
)
def test_a_request_that_cannot_be_met_is_refused_and_leaves_nothing(
    study: Path, arguments: list[str], said: str
) -> None:
    """Exit 2, the reason, and an untouched folder."""
    result = ablate("run", study, "--work", study.parent, "--executor", "inline", *arguments)

    assert (result.exit_code, said in result.stderr) == (2, True), result.stderr
    assert files_in(study.parent) == {"toy.yaml"}


def test_a_study_in_use_is_refused_with_75(study: Path) -> None:
    """The second command says who holds it."""
    from ablate.files import locked

    with locked(study.parent / ".ablate/studies/toy/lock"):
        result = run(study)

    assert (result.exit_code, "is in use by process" in result.stderr) == (75, True)


def test_status_counts_runs_by_what_became_of_them(study: Path) -> None:
    """Read from the journals alone."""
    run(study)
    (state,) = printed_json(ablate("status", "--work", study.parent, "--json"))

    assert (state["finished"], state["waiting"], state["later"], state["failed"]) == (9, 0, 9, 0)


def test_changed_code_stops_the_command_with_a_question(study: Path) -> None:
    """Finished runs of other code are neither reused nor trained again unasked."""
    module = study.parent / "my_trainer_for_stale.py"
    code = "from ablate.toy import METRICS, Config\nfrom ablate.toy import train as toy\n\n\n"
    code += "def train(config: Config, run):\n    return toy(config, run)\n"
    module.write_text(code, encoding="utf-8")
    study.write_text(STUDY.replace("ablate.toy:train", "my_trainer_for_stale:train"), encoding="utf-8")
    run(study)
    module.write_text(code + "\nCHANGED = True\n", encoding="utf-8")
    stopped = run(study)

    assert (stopped.exit_code, "--reuse" in stopped.stderr, "--retrain" in stopped.stderr) == (2, True, True)
    assert "Nothing to train" in run(study, "--reuse").stderr
    assert "9 runs trained now" in run(study, "--retrain").stderr
