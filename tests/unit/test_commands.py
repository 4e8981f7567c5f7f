"""What the commands say and leave behind, on the torch-free toy: a work folder that is trained once, and copied."""

from __future__ import annotations

import json
import shutil
import socket
from pathlib import Path
from typing import Any

import pytest

from ablate.errors import StudyError
from ablate.execute.environment import own_version
from ablate.study.load import load_study
from ablate.workflows.join import Joined, JoinedProcess, join_study
from ablate.workflows.options import Options
from tests.command_line import ablate

TOY = """\
study: toy
trainer: ablate.toy:train
base: {skill: 60.0, images: 600, epochs: 1}
chain: {big gain: {gain: 15.0}, no gain: {noise: 1.5}}
evidence: {test: {folds: 3}, replicates: [3, 6]}
"""
OTHER = """\
study: other
trainer: ablate.toy:train
base: {skill: 60.0, images: 600, epochs: 1}
chain: {big gain: {gain: 15.0}, breaks: {fail: error}}
evidence: {test: {folds: 3}, replicates: [3]}
"""
INLINE = ("--executor", "inline", "--no-tracking")


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A work folder in which a study has run, and another whose last step fails."""
    work = tmp_path_factory.mktemp("trained")
    for name, text, code in (("toy", TOY, 0), ("other", OTHER, 1)):
        (work / f"{name}.yaml").write_text(text, encoding="utf-8")
        assert ablate(work, "run", f"{name}.yaml", *INLINE).exit_code == code
    return work


@pytest.fixture
def work(trained: Path, tmp_path: Path) -> Path:
    """A copy that a test may change."""
    return Path(shutil.copytree(trained, tmp_path / "work"))


@pytest.fixture
def fresh(tmp_path: Path) -> Path:
    """A folder with both study files, in which nothing has run."""
    for name, text in (("toy", TOY), ("other", OTHER)):
        (tmp_path / f"{name}.yaml").write_text(text, encoding="utf-8")
    return tmp_path


# --- join -------------------------------------------------------------------------------------


def joined(work: Path, study: str, place: JoinedProcess) -> Joined:
    """One process more at a study, with its runs in this process."""
    return join_study(load_study(work / study), work=work, options=Options(executor="inline"), place=place)


def test_a_process_that_joins_trains_what_nobody_has_and_writes_no_report(fresh: Path) -> None:
    """All nine where it is alone; the next one finds nothing to do."""
    first, second = (joined(fresh, "toy.yaml", JoinedProcess(index, 2)) for index in (1, 0))

    assert (first.trained, first.failed, first.left, first.exit_code) == (9, 0, 0, 0)
    assert (second.trained, second.left, second.exit_code) == (0, 0, 0)
    assert not (fresh / "reports").exists()


def test_a_process_that_joins_counts_what_failed(fresh: Path) -> None:
    """And ends with 1."""
    done = joined(fresh, "other.yaml", JoinedProcess())

    assert (done.trained, done.failed, done.exit_code) == (9, 3, 1)


def test_joining_a_study_that_is_not_tuned_yet_is_refused(fresh: Path) -> None:
    """Its variants are not known before."""
    text = TOY.replace("test: {folds: 3}", "val: 0.2, test: {share: 0.3}").replace("gain: 15.0", "noise: 0.5")
    tune = "tune: {trials: 2, space: {skill: {low: 50.0, high: 70.0}}}\n"
    (fresh / "toy.yaml").write_text(text + tune, encoding="utf-8")

    with pytest.raises(StudyError, match="has not been tuned yet"):
        joined(fresh, "toy.yaml", JoinedProcess())


def test_join_says_how_much_there_was_to_do(work: Path) -> None:
    """In words and as plain data."""
    said, printed = ablate(work, "join", "toy.yaml"), ablate(work, "join", "toy.yaml", "--json")

    assert said.stdout.startswith("0 runs trained here; 0 held by other processes or left over.\n")
    assert "`ablate run` writes the report" in said.stdout
    assert json.loads(printed.stdout) == {"trained": 0, "failed": 0, "left": 0}


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["join", "toy.yaml", "--slots-per-gpu", "0"], "--slots-per-gpu 0: at least one run has to fit on a card"),
        (["join", "toy.yaml", "--for", "soon"], "--for: "),
        (["run", "toy.yaml", "--ray-address", "here:1"], "Add --executor ray."),
        (["report", "toy.yaml", "other.yaml", "--verify"], "apply to one study"),
        (["report", "toy.yaml", "--verify", "--figures"], "--verify and --figures exclude each other"),
        (["optuna", "toy.yaml"], "search"),
        (["predict", "toy/baseline/0"], "there is nothing to predict"),
        (["predict", "toy.yaml/baseline/0", "--check"], "its module has no `retest`"),
        (["predict", "toy/baseline/0", "--unlabelled"], "its module has no `unlabelled`"),
        (["predict", "toy/baseline/0", "nowhere.png"], "there is no image nowhere.png"),
        (["predict", "toy/baseline/9", "--check"], "toy/baseline has no replicate '9' Finished: 0, 1, 2."),
        (["explain", "toy/baseline/0"], "the trainer ablate.toy:train"),
        (["show", "nowhere/baseline"], "'nowhere/baseline' does not begin with a study file"),
        (["status", "tyo"], "tyo"),
        (["init", "toy.yaml"], "toy.yaml"),
        (["data", "portraits", "reports"], "reports already exists and is not empty"),
        (["schema", "--trainer", "nowhere:train"], "nowhere"),
    ],
)
def test_a_request_that_cannot_be_met_is_told_with_exit_code_2(words: list[str], said: str, work: Path) -> None:
    """What is wrong, without a traceback; nothing becomes new in the work folder."""
    before = {path for path in work.rglob("*") if ".ablate" not in path.parts}
    refused = ablate(work, *words)

    assert (refused.exit_code, said in " ".join(refused.stderr.split())) == (2, True), refused.output
    assert {path for path in work.rglob("*") if ".ablate" not in path.parts} == before


# --- reports ----------------------------------------------------------------------------------


def test_runs_that_failed_are_told_and_not_tried_again_unasked(work: Path) -> None:
    """By `run` with what to do, by `report` with the same exit code."""
    again, report = ablate(work, "run", "other.yaml", *INLINE), ablate(work, "report", "other.yaml", "--json")

    assert (again.exit_code, report.exit_code) == (1, 1)
    assert "Failed: breaks, replicate 2: " in again.stderr
    assert "Once the cause is fixed, --retry-failed does it." in again.stderr
    assert {cell["variant"] for cell in json.loads(report.stdout)["failed"]} == {"breaks"}


def test_a_report_in_chinese_replaces_the_english_one(work: Path) -> None:
    """The terminal speaks it, too."""
    path = work / "reports/toy/report.md"
    before = path.read_text(encoding="utf-8")
    done = ablate(work, "report", "toy.yaml", "--lang", "zh")

    assert done.exit_code == 0
    assert path.read_text(encoding="utf-8") != before
    assert any("\u4e00" <= letter <= "\u9fff" for letter in done.stdout)


def test_verify_says_that_a_report_agrees_with_the_journals(work: Path) -> None:
    """In words and as plain data."""
    said = ablate(work, "report", "toy.yaml", "--verify")
    printed = json.loads(ablate(work, "report", "toy.yaml", "--verify", "--json").stdout)

    assert (said.exit_code, "every number agrees with the journals." in said.stdout) == (0, True)
    assert (printed["study"], printed["same"], printed["differences"]) == ("toy", True, [])


def test_verify_names_the_file_and_the_line_that_differ(work: Path) -> None:
    """Ends with 1; the remedy is told."""
    table = work / "reports/toy/tables/effects.csv"
    lines = table.read_text(encoding="utf-8").splitlines()
    table.write_text("\n".join([lines[0], lines[1].replace("1", "7"), *lines[2:], ""]), encoding="utf-8")
    said = ablate(work, "report", "toy.yaml", "--verify")
    printed = json.loads(ablate(work, "report", "toy.yaml", "--verify", "--json").stdout)

    assert said.exit_code == 1
    assert "1 difference between the report and the journals" in said.stdout
    assert "Write the report again with `ablate report`" in said.stderr
    assert [(item["file"], item["line"]) for item in printed["differences"]] == [("tables/effects.csv", 2)]


def test_two_studies_are_compared_by_what_they_share(work: Path) -> None:
    """The two variants of one configuration, in words and as plain data; a page is written."""
    said = ablate(work, "report", "toy.yaml", "other.yaml")
    printed = json.loads(ablate(work, "report", "toy.yaml", "other.yaml", "--json").stdout)

    assert said.exit_code == 0
    assert "big gain" in said.stdout
    assert (work / printed["report"]).is_file()


# --- status and clean -------------------------------------------------------------------------


def test_status_of_an_empty_folder_says_how_to_begin(tmp_path: Path) -> None:
    """No study is no error."""
    said = ablate(tmp_path, "status")

    assert (said.exit_code, said.stdout.split(".")[0]) == (0, "No study has run in this folder yet")


def test_status_tells_of_failed_runs_and_of_later_looks(work: Path) -> None:
    """All studies, or the one that is named by its file or its name."""
    said = ablate(work, "status").stdout
    by_file, by_name = (json.loads(ablate(work, "status", name, "--json").stdout) for name in ("toy.yaml", "toy"))

    assert "other, breaks, replicate 0: failed" in said
    assert "toy: 9 more runs belong to later looks, and start on request: run --look." in said
    assert by_file == by_name
    assert [state["study"] for state in by_file] == ["toy"]


def test_clean_lists_what_could_go_and_removes_it_when_told(work: Path) -> None:
    """A half-built cache goes with --yes; what results rest on stays."""
    half = work / ".ablate/cache/.digits.abc"
    half.mkdir(parents=True)
    (half / "part").write_bytes(bytes(2_000_000))
    listed, printed = ablate(work, "clean"), json.loads(ablate(work, "clean", "--json").stdout)
    removed, empty = ablate(work, "clean", "--yes"), ablate(work, "clean")

    assert "2.0 MB would be freed. `ablate clean --yes` does it." in listed.stdout
    assert "--caches removes them too" in listed.stderr
    assert [(Path(item["path"]).name, item["kind"]) for item in printed["items"]] == [(half.name, "half-built cache")]
    assert printed["freed"] is None
    assert "2.0 MB freed." in removed.stdout
    assert "There is nothing to remove." in empty.stdout
    assert ablate(work, "report", "toy.yaml", "--verify").exit_code == 0


def test_clean_removes_nothing_through_a_link(work: Path, tmp_path: Path) -> None:
    """What lies behind it is not this folder's."""
    elsewhere = tmp_path / "elsewhere"
    (elsewhere / ".digits.abc").mkdir(parents=True)
    shutil.rmtree(work / ".ablate/cache", ignore_errors=True)
    (work / ".ablate/cache").symlink_to(elsewhere)
    refused = ablate(work, "clean", "--yes", "--caches")

    assert (refused.exit_code, "nothing is removed through a link" in refused.stderr) == (2, True)
    assert (elsewhere / ".digits.abc").is_dir()


# --- the others -------------------------------------------------------------------------------


def test_schemas_are_printed_of_study_files_and_of_settings(fresh: Path) -> None:
    """For editors."""
    study, settings = ablate(fresh, "schema"), ablate(fresh, "schema", "--trainer", "ablate.toy:train")

    assert "evidence" in json.loads(study.stdout)["properties"]
    assert "skill" in json.loads(settings.stdout)["properties"]


def test_the_version_is_one_line(fresh: Path) -> None:
    """And no command is asked for."""
    assert ablate(fresh, "--version").stdout == f"{own_version()}\n"


def test_init_says_what_to_do_next(tmp_path: Path) -> None:
    """Read, check, run."""
    said = ablate(tmp_path, "init", "studies/mine.yaml")

    assert said.stdout.startswith("Wrote studies/mine.yaml. Read its first lines, then: ablate check studies/mine.yaml")
    assert (tmp_path / "studies/mine.yaml").is_file()


def test_doctor_lists_what_it_found_and_leaves_nothing(tmp_path: Path) -> None:
    """The same in words and as plain data."""
    said, printed = ablate(tmp_path, "doctor", "--quick"), ablate(tmp_path, "doctor", "--quick", "--json")
    found = json.loads(printed.stdout)

    assert (said.exit_code, printed.exit_code) == (0, 0)
    assert all({"what", "measured", "advice"} == set(finding) for finding in found)
    assert [finding["what"] for finding in found if finding["what"] not in said.stdout] == []
    assert list(tmp_path.iterdir()) == []


def test_a_port_that_is_taken_is_told_before_mlflow_starts(tmp_path: Path) -> None:
    """And one that cannot be."""
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        taken = ablate(tmp_path, "ui", "--port", str(other.getsockname()[1]))
    impossible = ablate(tmp_path, "ui", "--port", "70000")

    assert (taken.exit_code, "another program is listening on it" in taken.stderr) == (2, True)
    assert (impossible.exit_code, "the largest port is 65535" in impossible.stderr) == (2, True)


def test_a_store_that_is_a_server_already_needs_none(tmp_path: Path) -> None:
    """Its address is told, without a password in it."""
    said = ablate(tmp_path, "ui", "--tracking-uri", "http://me:secret@localhost:5000")

    assert (said.exit_code, "already a server" in said.stderr, "secret" in said.output) == (0, True, False)


def test_runs_in_processes_of_their_own_end_as_those_in_this_one(fresh: Path, trained: Path) -> None:
    """The pool's report is the inline executor's."""
    done = ablate(fresh, "run", "toy.yaml", "--no-tracking", "--workers", "2")
    here, there = (json.loads(ablate(path, "report", "toy.yaml", "--json").stdout) for path in (fresh, trained))

    assert done.exit_code == 0, done.output
    assert "9 runs trained now." in done.stderr
    assert [verdict(effect) for effect in here["effects"]] == [verdict(effect) for effect in there["effects"]]


def verdict(effect: dict[str, Any]) -> list[object]:
    """What does not depend on how long a run took."""
    return [effect[key] for key in ("name", "difference", "lo", "hi", "verdict")]
