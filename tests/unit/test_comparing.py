"""A written report checked against the journals, and two studies beside each other."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from typer.testing import CliRunner

from ablate.cli.app import app
from ablate.records import Cell, Finished
from ablate.report.gather.assemble import make_findings
from ablate.report.page.comparison import (
    Side,
    compare_studies,
    compared_json,
    compared_page,
    compared_sentence,
    shared_table,
)
from ablate.report.page.earlier_pages import earlier_html, earlier_page
from ablate.report.page.html import html_page
from ablate.report.page.markdown import markdown_page
from ablate.report.page.render import render_report, report_texts, study_page
from ablate.report.page.verify import differences, untrue_metrics
from ablate.report.wording.language import Language, words_of
from ablate.stats.method import METHOD
from ablate.stats.scores import read_scores
from ablate.study.plan import make_plan
from ablate.study.study import Study
from ablate.workflows.compare import report_differences
from tests.builders import a_study, cells_with, findings_of

TOY = """\
study: toy
trainer: ablate.toy:train
base: {}
chain: {BN: {gain: 10.0}, Dropout: {noise: 1.5}}
evidence: {test: {folds: 3}, replicates: [3]}
"""


def a_side(study: Study, work: Path, **cells: object) -> Side:
    """A study with its runs."""
    plan = make_plan(study)
    drawn = cells_with(plan, work, **cells)  # type: ignore[arg-type]  # as the keywords say
    findings = make_findings(study, plan, drawn, look=1, prepared={}, work=work, origin=None)
    return Side(study, plan, drawn, findings)


# --- verify -----------------------------------------------------------------------------------


def test_a_sentence_that_held_an_interval_it_did_not_need_still_verifies(tmp_path: Path) -> None:
    """Reports once gave the interval for the whole family with every sentence to cite; other numbers still count."""
    now = "ruled out (difference +0.0, 95% interval -0.8 to 0.8; adjusted for the 13 comparisons by Holm's method)."
    then = "ruled out (difference +0.0, 95% interval -0.8 to 0.8; -3.3 to 3.3 allowing for the 13 comparisons)."
    zh = "（差别 +0.0，95% 区间 -0.8 至 0.8；已按 Holm 方法对全部 13 项比较校正）。"
    zh_then = "（差别 +0.0，95% 区间 -0.8 至 0.8；计入全部 13 项比较为 -3.3 至 3.3）。"
    for written, text, agrees in (
        (then, now, True),
        (zh_then, zh, True),
        (then.replace("0.8;", "0.9;"), now, False),
        (then.replace("3.3", "3.4"), then, False),
    ):
        (tmp_path / "report.md").write_text(written, encoding="utf-8")
        assert (not differences(tmp_path, {"report.md": text})) == agrees


def test_a_report_that_was_just_written_is_what_the_journals_say(tmp_path: Path) -> None:
    """File by file, in either language."""
    findings = findings_of(a_study(), tmp_path)
    for language in ("en", "zh"):
        words = words_of(language)  # type: ignore[arg-type]  # one of the languages
        render_report(findings, tmp_path / language, words)

        assert differences(tmp_path / language, report_texts(study_page(findings, words), findings)) == []


@pytest.mark.parametrize("name", ["report.md", "report.html", "tables/effects.csv", "tables/steps-chain.tex"])
def test_one_changed_number_is_found(name: str, tmp_path: Path) -> None:
    """In whichever file; and the line is named."""
    findings = findings_of(a_study(), tmp_path)
    render_report(findings, tmp_path / "out")
    path = tmp_path / "out" / name
    text = path.read_text(encoding="utf-8")
    digits = "9.8" if "9.8" in text else "9.7"
    assert digits in text
    path.write_text(text.replace(digits, "9.9", 1), encoding="utf-8")
    (found,) = differences(tmp_path / "out", report_texts(study_page(findings), findings))

    assert found.file == name
    assert found.line > 0
    assert "9.9" in found.written
    assert digits in found.now


@pytest.mark.parametrize("language", ["en", "zh"])
@pytest.mark.parametrize("name", ["report.md", "report.html"])
def test_one_changed_number_is_found_in_a_page_of_before(name: str, language: Language, tmp_path: Path) -> None:
    """Before the first screen was what it is: such a page agrees, and a number changed in it is found."""
    findings, say = findings_of(a_study(), tmp_path), words_of(language)
    render_report(findings, tmp_path / "out", say)
    page = earlier_page(findings, say)
    for file, text in {"report.html": earlier_html(page), "report.md": markdown_page(page)}.items():
        (tmp_path / "out" / file).write_text(text, encoding="utf-8")
    before = report_differences(tmp_path / "out", findings, say)
    path = tmp_path / "out" / name
    path.write_text(path.read_text(encoding="utf-8").replace("9.8", "9.9", 1), encoding="utf-8")
    (found,) = report_differences(tmp_path / "out", findings, say)

    assert before == []
    assert (found.file, "9.9" in found.written, "9.8" in found.now) == (name, True, True)


def test_what_no_font_has_and_what_a_page_runs_are_no_numbers_of_a_study(tmp_path: Path) -> None:
    """Another computer has other fonts, and another version another script."""
    findings = findings_of(a_study(), tmp_path)
    render_report(findings, tmp_path / "out")
    page, html = tmp_path / "out" / "report.md", tmp_path / "out" / "report.html"
    page.write_text(page.read_text(encoding="utf-8") + "\n> Figures show □ for 51 signs.\n", encoding="utf-8")
    text = html.read_text(encoding="utf-8").replace("<script>", "<script>let more = 7;\n", 1)
    html.write_text(text.replace("'sha256-", "'sha256-9+8", 1), encoding="utf-8")

    assert differences(tmp_path / "out", report_texts(study_page(findings), findings)) == []


def test_a_page_about_a_run_that_came_after_the_report_is_no_difference(tmp_path: Path) -> None:
    """`ablate explain` adds a link to the report; no number of the study is in it."""
    findings = findings_of(a_study(), tmp_path)
    render_report(findings, tmp_path / "out")
    later = replace(findings, runs=replace(findings.runs, explained=(("toy/BN/0", "explain/bn-0/report.html"),)))

    assert differences(tmp_path / "out", report_texts(study_page(later), later)) == []


def test_a_missing_file_is_a_difference_and_other_words_are_none(tmp_path: Path) -> None:
    """Numbers are what is checked."""
    findings = findings_of(a_study(), tmp_path)
    report = render_report(findings, tmp_path / "out")
    texts = report_texts(study_page(findings), findings)
    report.write_text(report.read_text(encoding="utf-8").replace("One may write", "You may say"), encoding="utf-8")
    (tmp_path / "out" / "tables" / "runs.csv").unlink()

    assert [item.file for item in differences(tmp_path / "out", texts)] == ["tables/runs.csv"]


def test_a_journal_that_contradicts_its_answers_is_found(tmp_path: Path) -> None:
    """The accuracy a run reports is the mean of its stored answers."""
    cells = cells_with(make_plan(a_study()), tmp_path)
    run = cells[0].result
    assert isinstance(run, Finished)
    wrong = [replace(cells[0], result=replace(run, metrics={"accuracy": 0.99})), *cells[1:]]

    assert untrue_metrics(cells, read_scores(cells)) == []
    (found,) = untrue_metrics(wrong, read_scores(wrong))
    assert found.file == "baseline, replicate 0"


def test_verify_ends_with_one_where_a_number_differs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The command: 2 without a report, 0 when it is right, 1 when it is not."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "toy.yaml").write_text(TOY, encoding="utf-8")
    runner = CliRunner()
    before = runner.invoke(app, ["report", "toy.yaml", "--verify"])
    runner.invoke(app, ["run", "toy.yaml", "--executor", "inline", "--no-tracking"])
    good = runner.invoke(app, ["report", "toy.yaml", "--verify"])
    report = tmp_path / "reports" / "toy" / "report.md"
    report.write_text(report.read_text(encoding="utf-8").replace("3 replicates", "4 replicates"), encoding="utf-8")
    bad = runner.invoke(app, ["report", "toy.yaml", "--verify"])

    assert (before.exit_code, good.exit_code, bad.exit_code) == (2, 0, 1)
    assert "every number agrees with the journals" in good.output
    assert "report.md" in bad.output


def test_a_report_by_an_earlier_method_is_not_called_damaged(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its numbers are those of other rules: --verify says by which it was written; where they agree it says nothing."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "toy.yaml").write_text(TOY, encoding="utf-8")
    runner = CliRunner()
    runner.invoke(app, ["run", "toy.yaml", "--executor", "inline", "--no-tracking"])
    folder = tmp_path / "reports" / "toy"
    judged = f"Judged by method {METHOD}."
    for name, line in (("report.md", judged), ("report.html", f"<p>{judged}</p>")):
        text = (folder / name).read_text(encoding="utf-8")
        assert line in text
        (folder / name).write_text(text.replace(line, ""), encoding="utf-8")
    same = runner.invoke(app, ["report", "toy.yaml", "--verify"])
    text = (folder / "report.md").read_text(encoding="utf-8").replace("3 replicates", "4 replicates")
    (folder / "report.md").write_text(text, encoding="utf-8")
    other = runner.invoke(app, ["report", "toy.yaml", "--verify"])
    told = json.loads(runner.invoke(app, ["report", "toy.yaml", "--verify", "--json"]).stdout)

    assert (same.exit_code, other.exit_code) == (0, 1)
    assert "written by method 1" in " ".join(other.output.split())
    assert "1 difference between the report and the journals" in other.output
    assert (told["method"], told["judged_by"], told["same"]) == (1, METHOD, False)


# --- two studies ------------------------------------------------------------------------------


def renamed(study: Study, name: str) -> Study:
    """The same study under another name."""
    return replace(study, name=name)


def test_variants_are_shared_by_configuration_whatever_their_names(tmp_path: Path) -> None:
    """And the runs they share are said to be the same."""
    one, other = a_study(), renamed(a_study(factors={"Norm": {"gain": 10.0}, "deep": {"gain": 5.0}}), "other")
    found = compare_studies(a_side(one, tmp_path), a_side(other, tmp_path))

    assert [(row.first, row.second, row.why) for row in found.shared] == [
        ("baseline", "baseline", "same_runs"),
        ("BN", "Norm", "same_runs"),
    ]
    assert [name for name, _ in found.only] == ["Dropout", "deep"]
    assert found.protocol == ()
    assert shared_table(found).note.startswith("The difference is other minus ")
    assert compared_sentence(found) == (
        "2 of 4 configurations occur in both studies; they are the same runs, so there is no difference to judge."
    )


def test_the_same_test_images_may_be_judged(tmp_path: Path) -> None:
    """A validation part changes the training, not the test: a difference with its verdict."""
    one, other = a_study(), renamed(a_study(evidence={"val": 0.1}), "validated")
    found = compare_studies(
        a_side(one, tmp_path / "a"), a_side(other, tmp_path / "b", levels={"baseline": 60, "BN": 88, "Dropout": 70})
    )
    by_name = {row.first: row.effect for row in found.shared}

    assert [row.why for row in found.shared] == ["same_images"] * 3
    assert by_name["BN"] is not None
    assert by_name["BN"].decision.verdict == "better"
    assert by_name["BN"].measured.difference == pytest.approx(18, abs=2)
    assert [what for what, _, _ in found.protocol] == ["validation"]


def test_other_test_images_get_no_verdict(tmp_path: Path) -> None:
    """Only the levels stand beside each other."""
    one, other = a_study(), renamed(a_study(evidence={"test": {"folds": 5}}), "five")
    b = a_side(other, tmp_path / "b")
    moved = [replace(cell, result=with_digest(cell)) for cell in b.cells]
    found = compare_studies(a_side(one, tmp_path / "a"), b._replace(cells=moved))
    html = html_page(compared_page(found))

    assert {row.effect for row in found.shared} == {None}
    assert {row["verdict"] for row in compared_json(found)["shared"]} == {"not_assessable"}
    assert "not assessable: different test sets" in html
    assert "folds 5" in html
    assert "tested on other images, so their levels are shown side by side" in compared_sentence(found)


def with_digest(cell: Cell) -> Finished:
    """The same run on other images."""
    assert isinstance(cell.result, Finished)
    return replace(cell.result, test_digest=f"other {cell.replicate.index}")


def test_studies_without_anything_in_common_say_so(tmp_path: Path) -> None:
    """Another trainer, another world."""
    one, other = a_study(), renamed(a_study(base={"skill": 70.0}), "other")
    found = compare_studies(a_side(one, tmp_path / "a"), a_side(other, tmp_path / "b"))

    assert found.shared == ()
    assert compared_sentence(found).startswith("The two studies share no variant")


def test_another_grouping_of_the_images_is_a_difference_in_protocol(tmp_path: Path) -> None:
    """It makes other splits and another unit of chance."""
    one = a_side(a_study(), tmp_path)
    blocks: tuple[dict[str, object], dict[str, object]] = (
        {"groups": r"(p\d+)", "seed": 1},
        {"groups": None, "seed": 1},
    )
    a, b = (
        one._replace(
            plan=replace(
                one.plan, variants=tuple(replace(v, config={**v.config, "data": data}) for v in one.plan.variants)
            )
        )
        for data in blocks
    )

    assert compare_studies(a, b).protocol == (("groups of images", r"(p\d+)", "none: each image counts by itself"),)
