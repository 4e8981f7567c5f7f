"""`share/`: what goes into a paper, a slide and a pull request."""

from __future__ import annotations

import csv
import io
import json
import re
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from typer.testing import CliRunner

from ablate.cli.app import app
from ablate.report.facts.findings import Findings, OtherSet
from ablate.report.facts.other_sets import SetFacts
from ablate.report.figures.sheet import SHEETS
from ablate.report.gather.assemble import make_findings
from ablate.report.page.sections import page_of
from ablate.report.share.ablation import ablation_float, ablation_sheet, slug
from ablate.report.share.checklists import CLAIM_ITEMS, TRIPOD_ITEMS, checklists_text
from ablate.report.share.drawings import named_figures, write_drawings
from ablate.report.share.macros import EFFECT_ENDS, LEVEL_ENDS, macros_text, stems
from ablate.report.share.methods import Scoring, methods_text
from ablate.report.share.pull_request import pull_request_text
from ablate.report.share.write import Shared, write_shared
from ablate.report.tables.sheets import csv_text
from ablate.report.wording.language import Language, words_of
from ablate.results.question import question_of
from ablate.study.plan import make_plan
from tests.builders import a_failed, a_study, cells_with, findings_of

THREE = {"BN": {"gain": 10.0}, "Dropout": {"noise": 1.5}, "GAP head": {"epochs": 4}}
LATIN = {"90% split & #1_{x}": {"gain": 10.0}, "\\item $x^2$ ~": {"noise": 1.5}, '"50%" split': {"epochs": 4}}
HOSTILE = ["BN", "bn!", "B-N", "90% split", "九十", "漢字", "3", "x", "BN 2", "BNgai", "é", "\\", "BN"]
TOY = """\
study: toy
trainer: ablate.toy:train
base: {}
chain: {BN: {gain: 10.0}}
evidence: {test: {folds: 3}, replicates: [3]}
"""
PAPER = r"""\documentclass[twocolumn]{article}
\usepackage{booktabs,amssymb,graphicx}
\input{numbers}
\begin{document}
\input{ablation}
Table~\ref{tab:ablation-toy}: STEMgain{} STEMinterval{} ($n=STEMn$, STEMverdict), STEMlevel.
\end{document}
"""


def found_in(folder: Path, **study: Any) -> Findings:
    """The findings of a study of three changes, of which one helps."""
    levels = {"BN": 70.0, "Dropout": 70.3, "GAP head": 69.0}
    return findings_of(a_study(**({"factors": THREE} | study)), folder, levels=levels)


def rows_of(findings: Findings) -> list[dict[str, str]]:
    """The table as other programs read it."""
    return list(csv.DictReader(io.StringIO(csv_text(ablation_sheet(findings)))))


# --- the table --------------------------------------------------------------------------------


def test_the_table_ticks_the_factors_of_each_variant(tmp_path: Path) -> None:
    """In a chain a line has every change up to it; mean and spread are of the runs, the difference of the step."""
    findings = found_in(tmp_path)
    rows, steps = rows_of(findings), {effect.compared.variant: effect for effect in findings.effects}

    assert [[row[name] for name in THREE] for row in rows[:4]] == [
        ["0", "0", "0"], ["1", "0", "0"], ["1", "1", "0"], ["1", "1", "1"],
    ]  # fmt: skip
    assert [row["compared with"] for row in rows] == ["", "baseline", "BN", "Dropout", "baseline"]
    for row in rows[1:4]:
        effect = steps[row["variant"]]
        assert effect.measured.difference is not None
        assert float(row["difference (points)"]) == pytest.approx(effect.measured.difference)
        assert row["verdict"] == effect.decision.verdict


@pytest.mark.parametrize("design", ["chain", "one_at_a_time", "leave_one_out", "factorial"])
def test_no_comparison_is_left_out_of_the_table(design: str, tmp_path: Path) -> None:
    """Those of averages and of the whole chain stand below the variants."""
    findings = found_in(tmp_path, design=design)
    rows = rows_of(findings)
    told = [row["verdict"] for row in rows if row["verdict"]]

    assert [row["variant"] for row in rows[: len(findings.variants)]] == [row.name for row in findings.variants]
    assert len(told) == len(findings.effects) + (findings.total is not None)


def test_a_variant_that_lacks_a_change_is_not_credited_with_what_the_change_is_worth(tmp_path: Path) -> None:
    """Leave one out: the gain stands at the change, against the variant without it; the worst line has no mark."""
    levels = {"all factors": 80.0, "without BN": 65.0, "without Dropout": 79.0}
    findings = findings_of(a_study(design="leave_one_out"), tmp_path, levels=levels)
    rows = {row["variant"]: row for row in rows_of(findings)}
    worth = rows["BN, against without BN"]

    assert (rows["without BN"]["difference (points)"], rows["without BN"]["verdict"]) == ("", "")
    assert float(worth["difference (points)"]) == pytest.approx(findings.effects[0].measured.difference)
    assert (worth["compared with"], worth["verdict"]) == ("without BN", "better")
    text = ablation_float(findings).splitlines()
    assert [line.endswith(r" &  &  \\") for line in text if line.startswith("without BN")] == [True]
    assert [r"$\blacktriangle$" in line for line in text if line.startswith("BN, against without BN")] == [True]


def test_the_float_has_what_a_journal_asks_for(tmp_path: Path) -> None:
    """Booktabs, a caption that explains each mark that is used and none other, a label, spread and interval."""
    text = ablation_float(found_in(tmp_path))

    for part in (r"\toprule", r"\midrule", r"\bottomrule", r"\label{tab:ablation-toy}", r"$\checkmark$", r"$\pm$"):
        assert part in text
    caption = next(line for line in text.splitlines() if line.startswith(r"\caption"))
    assert r"$\blacktriangle$ better" in caption
    assert "not assessable" not in caption
    assert re.search(r"\+\d+\.\d \[\d+\.\d, \d+\.\d\] & \$\\blacktriangle\$", text)


def test_labels_are_made_of_plain_letters() -> None:
    """Whatever a study is called."""
    assert [slug(name) for name in ("toy", "Été 2", "漢字", "a@3f/b")] == ["toy", "ete-2", "study", "a-3f-b"]


# --- macros -----------------------------------------------------------------------------------


def test_every_macro_has_a_legal_name_of_its_own() -> None:
    """Letters alone; of names that lose all they differ by, too."""
    taken: set[str] = set()
    found = stems(HOSTILE, EFFECT_ENDS, taken)
    macros = [f"{stem}{end}" for stem in found for end in EFFECT_ENDS]
    macros += [f"{stem}{end}" for stem in stems(HOSTILE, LEVEL_ENDS, taken) for end in LEVEL_ENDS]

    assert found[0] == "BN"
    assert found[3] == "NineZeroPercentSplit"
    assert all(re.fullmatch("[A-Z][A-Za-z]+", name) for name in macros)
    assert len(set(macros)) == len(macros)


def test_each_number_has_a_macro(tmp_path: Path) -> None:
    """Gain, interval, n and verdict of each comparison, level and spread of each variant; a dash is a minus."""
    findings = found_in(tmp_path)
    text = macros_text(findings)
    bn = findings.effects[0].measured

    assert rf"\newcommand{{\BNgain}}{{+{bn.difference:.1f}}}" in text
    assert rf"\newcommand{{\BNinterval}}{{{{[}}{bn.lo:.1f}, {bn.hi:.1f}]}}" in text
    assert r"\newcommand{\BNn}{3}" in text
    assert r"\newcommand{\BNverdict}{better}" in text
    assert rf"\newcommand{{\BNlevel}}{{{findings.variants[1].mean:.1f}}}" in text
    assert r"\newcommand{\AllTotalgain}" in text


def test_a_gain_is_positive_where_less_is_better(tmp_path: Path) -> None:
    """A sentence says that a change gains: for a loss that is what it takes off."""
    findings = findings_of(a_study(evidence={"metric": "loss"}), tmp_path, scored=False)
    bn, decimals = findings.effects[0].measured, findings.study.metric.decimals
    text = macros_text(findings)

    assert bn.difference is not None
    assert bn.lo is not None
    assert bn.hi is not None
    assert bn.difference < 0
    assert rf"\newcommand{{\BNgain}}{{+{-bn.difference:.{decimals}f}}}" in text
    assert rf"\newcommand{{\BNinterval}}{{{{[}}{-bn.hi:.{decimals}f}, {-bn.lo:.{decimals}f}]}}" in text
    assert "% baseline - BN (chain)" in text


@pytest.mark.parametrize("factors", [THREE, LATIN], ids=["plain", "hostile"])
def test_a_paper_with_table_and_macros_compiles(factors: Mapping[str, Any], tmp_path: Path) -> None:
    """By pdfLaTeX, without a box of text too wide to print or a reference that is not there."""
    if shutil.which("pdflatex") is None:
        pytest.skip("needs pdflatex: apt-get install texlive-latex-base texlive-latex-recommended")
    findings = findings_of(a_study(factors=factors), tmp_path / "work")
    first = stems([effect.compared.name for effect in findings.effects], EFFECT_ENDS, set())[0]
    (tmp_path / "ablation.tex").write_text(ablation_float(findings), encoding="utf-8")
    (tmp_path / "numbers.tex").write_text(macros_text(findings), encoding="utf-8")
    (tmp_path / "paper.tex").write_text(PAPER.replace("STEM", f"\\{first}"), encoding="utf-8")
    command = ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "paper"]
    for _ in range(2):
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, errors="replace", check=False)

        assert done.returncode == 0, done.stdout[-2000:]
    assert "undefined" not in done.stdout
    assert "Missing character" not in done.stdout


# --- figures ----------------------------------------------------------------------------------


def test_every_figure_is_drawn_at_every_size_with_its_fonts(tmp_path: Path) -> None:
    """PDF with TrueType fonts inside, SVG with letters as outlines; as wide as the page takes."""
    page = page_of(findings_of(a_study(factors={"BN": {"gain": 10.0}}), tmp_path))
    names = named_figures(page)
    write_drawings(page, tmp_path / "figures", draw=True)

    assert {"forest", "levels", "curves-accuracy"} <= set(names)
    for name in names:
        for size, sheet in SHEETS.items():
            pdf = (tmp_path / "figures" / f"{name}-{size}.pdf").read_bytes()
            box = re.search(rb"/MediaBox \[ ?0 0 ([\d.]+) ([\d.]+) ?\]", pdf)
            svg = ElementTree.parse(tmp_path / "figures" / f"{name}-{size}.svg").getroot()

            assert box is not None
            assert float(box[1]) / 72 == pytest.approx(sheet.width, abs=0.01)
            assert (sheet.height is None) or float(box[2]) / 72 == pytest.approx(sheet.height)
            assert b"/FontFile2" in pdf
            assert b"/Type3" not in pdf
            assert not list(svg.iter("{http://www.w3.org/2000/svg}text"))


def test_only_what_shows_something_else_is_drawn_again(tmp_path: Path) -> None:
    """A figure that is outdated goes, drawn or not; what is not ours stays."""
    findings = findings_of(a_study(factors={"BN": {"gain": 10.0}}), tmp_path / "a", epochs=0)
    page, folder = page_of(findings), tmp_path / "figures"
    only = replace(page, sections=tuple(one for one in page.sections if one.anchor == "comparisons"))
    write_drawings(only, folder, draw=True)
    path = folder / "forest-column.pdf"
    path.write_bytes(b"as it was")
    (folder / "mine.pdf").write_bytes(b"mine")
    write_drawings(only, folder, draw=True)
    assert path.read_bytes() == b"as it was"

    write_drawings(page_of(findings_of(a_study(), tmp_path / "b")), folder, draw=False)
    assert [one.name for one in folder.iterdir() if one.suffix != ".json"] == ["mine.pdf"]
    assert json.loads((folder / "drawn.json").read_text()) == {}


# --- in Chinese -------------------------------------------------------------------------------


def test_the_table_is_in_the_language_of_the_report(tmp_path: Path) -> None:
    """And says what compiles it."""
    text = ablation_float(found_in(tmp_path), words_of("zh"))

    assert "消融实验" in text
    assert "XeLaTeX" in text
    assert "XeLaTeX" not in ablation_float(found_in(tmp_path))


# --- words ------------------------------------------------------------------------------------


@pytest.mark.parametrize("factors", [3, 9])
def test_a_pull_request_is_told_in_twelve_lines_without_images(factors: int, tmp_path: Path) -> None:
    """However many comparisons there are; a warning stands there, too."""
    many = {f"change {i}": {"gain": float(i)} for i in range(1, factors + 1)}
    findings = findings_of(a_study(factors=many), tmp_path, results={("change 1", 1): a_failed(tmp_path / "failed")})
    lines = pull_request_text(findings).splitlines()

    assert len(lines) <= 12
    assert not [line for line in lines if "![" in line]
    assert lines[0].startswith("**")
    assert "1 run failed" in lines[-1]
    assert ("more in the report" in "".join(lines[:-1])) == (factors > 5)


METHODS: Mapping[str, tuple[Mapping[str, Any], Mapping[str, Any], Sequence[str], Sequence[str]]] = {
    "images": ({}, {}, ["Owen 2007", "Holm 1979", "Agresti"], ["Welch", "Spiegelhalter", "cluster"]),
    "looks": ({"evidence": {"replicates": [3, 6]}}, {}, ["Spiegelhalter", "after 3 and 6 replicates"], []),
    "numbers on folds": ({}, {"scored": False}, ["paired t-test over replicates (Student 1908)"], ["Owen", "Wilson"]),
    "numbers, fixed": ({"evidence": {"test": "official"}}, {"scored": False}, ["Welch's t-test"], ["Student 1908"]),
    "no thresholds": ({"evidence": {"metric": "loss"}}, {"scored": False}, ["Holm"], ["Schuirmann", "worthwhile"]),
}  # fmt: skip


@pytest.mark.parametrize("name", METHODS)
def test_the_methods_are_those_of_the_study(name: str, tmp_path: Path) -> None:
    """What was not done is not cited; each source that is cited is in the list, and none beside them."""
    study, cells, there, absent = METHODS[name]
    findings = findings_of(a_study(**study), tmp_path, **cells)
    scoring = None if cells else Scoring(is_binary=True, is_weighed=False, is_own=False)
    paragraph, listed = methods_text(findings, scoring).split("\n\nSources:\n")

    assert [words for words in there if words not in paragraph] == []
    assert [words for words in absent if words in paragraph] == []
    years = sorted(re.findall(r"\((?:19|20)\d\d\)\.", listed))
    assert years == sorted(f"({year})." for year in re.findall(r" ((?:19|20)\d\d)[;)]", paragraph))


def test_groups_of_images_are_cited_with_their_method(tmp_path: Path) -> None:
    """The unit of chance is the patient there."""
    groups = {f"image {i:05d}": f"patient {i // 4}" for i in range(600)}
    study = a_study()
    plan = make_plan(study)
    cells = [replace(cell, groups=lambda: groups) for cell in cells_with(plan, tmp_path)]
    findings = make_findings(study, plan, cells, look=1, prepared={}, work=tmp_path, origin=None)

    assert "Bell and McCaffrey 2002" in methods_text(findings, Scoring(is_binary=True, is_weighed=False, is_own=False))


def test_checklists_answer_what_the_records_know_and_name_the_rest(tmp_path: Path) -> None:
    """Each item of CLAIM and of TRIPOD+AI is answered or among those that are not; none is made up."""
    text = checklists_text(found_in(tmp_path))
    for name, items in (("CLAIM 2024", CLAIM_ITEMS), ("TRIPOD+AI", TRIPOD_ITEMS)):
        section = text.split(f"## {name}\n")[1].split("\n## ")[0]
        answered = re.findall(r"^- \*\*Item (\w+),", section, re.MULTILINE)
        left = section.split("do not answer: ")[1].split(".")[0].split(", ")

        assert sorted([*answered, *left]) == sorted(items)
    assert "standard deviation over replicates, not a standard error" in text
    assert "12 runs on cpu: toy" in text


@pytest.mark.parametrize(("before", "replicates"), [((3,), [3, 6]), ((4, 6), [3, 6])])
def test_a_plan_that_was_changed_after_looking_is_not_said_to_be_fixed_beforehand(
    before: tuple[int, ...], replicates: list[int], tmp_path: Path
) -> None:
    """Whether replicates were added or looks moved; what happened is said instead."""
    study = a_study(evidence={"replicates": replicates})
    plan = make_plan(study)
    cells = cells_with(plan, tmp_path, look=2)
    kept, changed = (
        make_findings(study, plan, cells, look=2, prepared={}, work=tmp_path, origin=None, looks_before=looks)
        for looks in (None, before)
    )
    scoring = Scoring(is_binary=True, is_weighed=False, is_own=False)

    assert "before the first run" in methods_text(kept, scoring)
    assert "fixed beforehand" in checklists_text(kept)
    for text in (methods_text(changed, scoring), checklists_text(changed)):
        assert not re.search("before the first run|was fixed beforehand|Spiegelhalter", text)
        assert "changed after results had been seen" in text


def test_other_test_sets_are_no_internal_evaluation(tmp_path: Path) -> None:
    """Where verdicts on them are shown they are named; copies of the study's own images are none."""
    findings = found_in(tmp_path)
    judged = OtherSet(SetFacts(name="camera B", counts={"a": 300}), findings)
    copies = OtherSet(SetFacts(name="with noise", counts={"a": 300}, copies=True), findings)
    waiting = OtherSet(SetFacts(name="camera C", counts={"a": 300}))
    text = checklists_text(replace(findings, other_sets=(judged, copies, waiting)))

    assert "external evaluation" not in checklists_text(findings)
    assert re.search(r"Item 33, .*camera B", text)
    assert re.search(r"Item 16, .*internal evaluation.*camera B", text)
    assert "with noise" not in text
    assert "camera C" not in text


def test_a_checklist_does_not_say_yes_without_error_bars(tmp_path: Path) -> None:
    """One number a variant has no interval."""
    findings = findings_of(a_study(evidence={"replicates": [1]}), tmp_path, scored=False)

    assert "the answer is no" in checklists_text(findings)
    assert "Item 29, statistical" in checklists_text(findings)


@pytest.mark.parametrize("language", ["en", "zh"])
def test_everything_is_written_in_the_language_of_the_report(language: Language, tmp_path: Path) -> None:
    """What is for people; the data for programs stay in English."""
    shared = Shared(
        findings=found_in(tmp_path / "work"), contrasts=make_plan(a_study(factors=THREE)).contrasts,
        question=question_of(a_study(factors=THREE), make_plan(a_study(factors=THREE))), runs=None,
    )  # fmt: skip
    write_shared(shared, tmp_path, words_of(language))
    texts = {path.name: path.read_text(encoding="utf-8") for path in (tmp_path / "share").iterdir() if path.is_file()}

    people = {"ablation.tex", "checklists.md", "methods.txt", "numbers.tex", "pr.md"}
    assert set(texts) == people | {"ablation.csv", "claims.json"}
    is_chinese = {name: bool(re.search("[\u4e00-\u9fff]", text)) for name, text in texts.items()}
    assert is_chinese == {name: language == "zh" and name in people for name in texts}


def test_a_run_ends_with_what_is_shared_and_figures_are_drawn_when_asked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The commands: figures take longest, so that nobody waits for them unasked."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "toy.yaml").write_text(TOY, encoding="utf-8")
    runner, folder = CliRunner(), tmp_path / "reports" / "toy"
    ran = runner.invoke(app, ["run", "toy.yaml", "--executor", "inline", "--no-tracking"])
    at_its_end = {path.name for path in (folder / "share").iterdir()}
    asked = runner.invoke(app, ["report", "toy.yaml", "--figures"])

    assert (ran.exit_code, asked.exit_code) == (0, 0)
    assert "Figures: reports/toy/share/figures" in asked.output
    assert {"claims.json", "numbers.tex", "pr.md"} <= at_its_end
    assert "figures" not in at_its_end
    assert (folder / "share" / "figures" / "forest-slide.svg").is_file()
    assert (folder / "recompute.py").is_file()
