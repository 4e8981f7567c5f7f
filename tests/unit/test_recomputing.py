"""`recompute.py`: the numbers of a report from its table of answers, by a program that knows nothing of ablate."""

from __future__ import annotations

import csv
import gzip
import json
import runpy
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace
from importlib import resources
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ablate.records import Cell, Finished
from ablate.report.gather.assemble import make_findings
from ablate.report.share.write import Shared, write_shared
from ablate.results.question import question_of
from ablate.study.plan import make_plan
from ablate.workflows.share import scored_runs
from tests.answer_builders import with_probabilities
from tests.builders import a_failed, a_study, cells_with

THREE = {"BN": {"gain": 10.0}, "Dropout": {"noise": 1.5}, "GAP head": {"epochs": 4}}
UNEVEN = {"baseline": 60.0, "BN": 70.0, "Dropout": 70.3, "GAP head": 68.0}
FIXED: Mapping[str, Any] = {"test": {"share": 0.2}, "replicates": [4]}


def shared_in(
    folder: Path,
    study: Mapping[str, Any],
    *,
    look: int = 1,
    groups: Mapping[str, str] | None = None,
    probable: bool = False,
    elsewhere: str = "",
    **cells: Any,
) -> Shared:
    """What a study shares, written below the folder. groups: image -> its group; probable: answers of three classes.

    elsewhere: a variant that was tested on other images.
    """
    asked = a_study(**study)
    plan = make_plan(asked)
    drawn: Sequence[Cell] = cells_with(plan, folder / "work", look=look, **cells)
    if probable:
        drawn = with_probabilities(drawn, 3)
    drawn = [on_other_images(cell) if cell.variant == elsewhere else cell for cell in drawn]
    if groups is not None:
        drawn = [replace(cell, groups=lambda: groups) for cell in drawn]
    findings = make_findings(asked, plan, drawn, look=look, prepared={}, work=folder / "work", origin=None)
    question = question_of(asked, plan)
    runs = scored_runs(drawn, question)
    shared = Shared(findings=findings, contrasts=plan.contrasts, question=question, runs=runs)
    write_shared(shared, folder / "report")
    return shared


def on_other_images(cell: Cell) -> Cell:
    """The same run, with every second image another one."""
    assert isinstance(cell.result, Finished)
    assert cell.result.images is not None
    path = cell.result.folder / cell.result.images
    answers = dict(np.load(path))
    answers["id"] = np.array([f"other {i}" if i % 2 else str(name) for i, name in enumerate(answers["id"])])
    np.savez(path, **answers)
    return replace(cell, result=replace(cell.result, test_digest="other", digests={}))


def said_by(folder: Path, capsys: pytest.CaptureFixture[str]) -> list[str]:
    """The lines of the program, run in this process; it ends with 1 where a line is not as reported."""
    capsys.readouterr()
    ended = None
    try:
        runpy.run_path(str(folder / "report" / "recompute.py"))
    except SystemExit as end:
        ended = end.code
    lines = capsys.readouterr().out.splitlines()
    assert ended == (1 if any("NOT WHAT" in line for line in lines) else None)
    return lines


@pytest.mark.parametrize(
    "evidence", [{"test": {"folds": 3}, "replicates": [3]}, FIXED], ids=["folds", "fixed test set"]
)
def test_the_program_finds_what_the_report_says_without_ablate(evidence: Mapping[str, Any], tmp_path: Path) -> None:
    """Differences, intervals and verdicts of every step, in a Python that sees no other file of this machine's user."""
    shared = shared_in(tmp_path, {"factors": THREE, "evidence": evidence}, levels=UNEVEN)
    program = [sys.executable, "-I", str(tmp_path / "report" / "recompute.py")]
    done = subprocess.run(program, cwd=tmp_path, capture_output=True, text=True, check=True)
    lines = done.stdout.splitlines()

    assert done.stderr == ""
    assert len(lines) == 1 + len(shared.findings.effects) + 1
    for line, effect in zip(lines[1:], [*shared.findings.effects, shared.findings.total], strict=True):
        assert effect is not None
        measured = effect.measured
        numbers = [round(value, 3) for value in (measured.difference, measured.lo, measured.hi) if value is not None]
        assert line == f"{effect.compared.name}: {numbers} {effect.decision.verdict}"


TWICE: Mapping[str, Any] = {"factors": THREE, "evidence": FIXED | {"replicates": [2]}}
LATER: Mapping[str, Any] = {"factors": THREE, "evidence": FIXED | {"replicates": [2, 4]}}
CLOSE = {"baseline": 60.0, "BN": 66.0, "Dropout": 70.0, "GAP head": 74.0}
SITUATIONS: Mapping[str, tuple[Mapping[str, Any], Mapping[str, Any]]] = {
    "factorial": ({"design": "factorial", "factors": THREE}, {"levels": UNEVEN}),
    "leave one out": ({"design": "leave_one_out", "factors": THREE}, {"levels": UNEVEN}),
    "two families": ({"compare": {"deep": {"set": {"gain": 5.0}}}}, {"levels": UNEVEN}),
    "second look": ({"evidence": {"replicates": [3, 6]}}, {"look": 2, "levels": UNEVEN}),
    "third look, fixed": ({"evidence": FIXED | {"replicates": [2, 3, 5]}}, {"look": 3, "levels": UNEVEN}),
    "a run failed": ({"factors": THREE}, {"results": {("BN", 1): a_failed}, "levels": UNEVEN}),
    "one run of two failed": (TWICE, {"results": {("BN", 0): a_failed}, "levels": UNEVEN}),
    "one run at the first look": (LATER, {"results": {("BN", 0): a_failed}, "look": 2, "noise": 6.0, "levels": CLOSE}),
    "no run at the first look": (
        LATER,
        {"results": {("BN", 0): a_failed, ("BN", 1): a_failed}, "look": 2, "levels": UNEVEN},
    ),
    "stopped in the first look": (
        LATER,
        {"results": {("BN", i): None for i in (1, 2, 3)}, "look": 2, "levels": CLOSE},
    ),
    "stopped in the second look": (LATER, {"results": {("BN", 3): None}, "look": 2, "levels": CLOSE}),
    "a run is missing": ({"factors": THREE}, {"results": {("Dropout", 2): None}}),
    "other images": ({"factors": THREE, "design": "one_at_a_time"}, {"elsewhere": "only BN", "levels": UNEVEN}),
    "one replicate": ({"evidence": {"replicates": [1]}}, {}),
    "equal answers": ({"factors": THREE}, {"levels": dict.fromkeys(UNEVEN, 100.0), "noise": 0.0}),
    "names like formulas": ({"factors": {'=1+1, "x"': {"gain": 1.0}, "# -": {"noise": 1.5}}}, {}),
}


@pytest.mark.parametrize("name", SITUATIONS)
def test_it_agrees_whatever_became_of_a_study(name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Designs, looks, runs that failed or are missing: every line is as reported."""
    study, cells = SITUATIONS[name]
    results = {run: made(tmp_path / "failed") if made else None for run, made in cells.get("results", {}).items()}
    shared = shared_in(tmp_path, study, **{**cells, "results": results})
    lines = said_by(tmp_path, capsys)
    known = [effect for effect in shared.findings.effects if effect.measured.n]

    assert len(lines) == 1 + len(known) + (shared.findings.total is not None)
    assert not [line for line in lines if "NOT WHAT" in line]


def test_a_changed_answer_is_noticed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The table and the report belong together; else the line says so."""
    shared_in(tmp_path, {}, levels=UNEVEN)
    path = tmp_path / "report" / "tables" / "answers.csv.gz"
    with gzip.open(path, "rt", newline="") as stream:
        head, *rows = list(csv.reader(stream))
    rows[0][3] = str(1 - int(rows[0][3]))
    with gzip.open(path, "wt", newline="") as stream:
        csv.writer(stream).writerows([head, *rows])

    assert "NOT WHAT WAS REPORTED" in said_by(tmp_path, capsys)[1]


def test_with_groups_it_computes_differences_and_says_what_it_cannot_do(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """An interval that takes images of one patient for independent would be too short."""
    groups = {f"image {i:05d}": f"patient {i // 4}" for i in range(600)}
    shared_in(tmp_path, {}, groups=groups, levels=UNEVEN)
    first, *lines = said_by(tmp_path, capsys)

    assert "come in groups" in first
    assert not [line for line in lines if "NOT WHAT" in line or "better" in line]
    assert all(line.count(",") == 0 for line in lines)


def own_accuracy(target: Any, prob: Any, group: Any) -> float:
    """A metric of the user's own."""
    return float((prob.argmax(axis=1) == target).mean())


@pytest.mark.parametrize(
    ("metric", "told"),
    [
        ({"metric": "balanced_accuracy"}, "no mean over images"),
        ({"metric": "tests.unit.test_recomputing:own_accuracy"}, "the study's own"),
    ],
)
def test_of_a_metric_that_is_no_mean_it_says_what_it_cannot_do(
    metric: Mapping[str, Any], told: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The columns hold what each image adds to it; their means give the differences."""
    shared_in(tmp_path, {"evidence": metric}, probable=True, levels=UNEVEN)
    first, *lines = said_by(tmp_path, capsys)

    assert told in first
    assert len(lines) == 3
    assert not [line for line in lines if "NOT WHAT" in line or "," in line]


def test_a_score_of_which_less_is_better_is_judged_by_its_goal(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The log loss is a mean over images, so that everything is computed."""
    evidence = {"metric": "log_loss", "negligible": 0.01, "worthwhile": 0.05}
    shared = shared_in(tmp_path, {"evidence": evidence}, probable=True, levels=UNEVEN)
    lines = said_by(tmp_path, capsys)

    assert shared.findings.effects[0].decision.verdict == "better"
    assert "] better" in lines[1]
    assert not [line for line in lines if "NOT WHAT" in line]


def test_without_answers_to_single_images_there_is_no_program(tmp_path: Path) -> None:
    """One number a run is in runs.csv; a program that computes nothing proves nothing. What lay there goes."""
    shared_in(tmp_path, {}, levels=UNEVEN)
    assert (tmp_path / "report" / "recompute.py").is_file()
    shared_in(tmp_path, {}, scored=False)

    assert not (tmp_path / "report" / "recompute.py").exists()
    assert not (tmp_path / "report" / "tables" / "answers.csv.gz").exists()
    assert "variants" not in json.loads((tmp_path / "report" / "share" / "claims.json").read_text())["asked"]


def test_the_same_answers_give_the_same_bytes(tmp_path: Path) -> None:
    """So that a repository sees no change where there is none; and a line an answer, no names of images."""
    for place in ("a", "b"):
        shared_in(tmp_path / place, {}, levels=UNEVEN)
    first, second = ((tmp_path / place / "report" / "tables" / "answers.csv.gz").read_bytes() for place in ("a", "b"))
    lines = gzip.decompress(first).decode().splitlines()

    assert first == second
    assert lines[0] == "replicate,image,baseline,BN,Dropout"
    assert len(lines) == 601
    assert all(set(line) <= set("0123456789,") for line in lines[1:])


def test_the_program_can_be_read_in_five_minutes() -> None:
    """Sixty lines at most, and nothing imported but the standard library, numpy and scipy."""
    text = (resources.files("ablate.report") / "templates" / "recompute.py.txt").read_text(encoding="utf-8")
    imported = {line.split()[1].split(".")[0] for line in text.splitlines() if line.startswith(("import ", "from "))}

    assert len(text.splitlines()) <= 60
    assert imported == {"json", "pathlib", "numpy", "scipy"}
