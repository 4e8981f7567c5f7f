"""The report's curves of predicted probabilities: drawn where probabilities are stored, described and never judged."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from ablate.records import Finished
from ablate.report.facts.findings import Findings
from ablate.report.figures.answers import AnswerCurvesInfo, answer_curves_infos, banded_parts
from ablate.report.figures.drawing import draw_answer_curves
from ablate.report.gather.assemble import make_findings
from ablate.report.gather.curves import MOST_VARIANTS, answer_curves
from ablate.report.page.earlier_sheets import without_answers, without_robustness
from ablate.report.page.html import html_page
from ablate.report.page.render import render_report, report_text
from ablate.report.page.sections import page_of
from ablate.report.wording.language import words_of
from ablate.stats.measured import probable_answers
from ablate.study.plan import make_plan
from ablate.workflows.compare import report_differences
from tests.answer_builders import with_probabilities
from tests.builders import a_study, cells_with


def found_in(work: Path, classes: int = 2, *, several: bool = False) -> Findings:
    """What the report of the usual study says of runs with probabilities."""
    study = a_study()
    plan = make_plan(study)
    cells = with_probabilities(cells_with(plan, work), classes, several=several)
    return make_findings(study, plan, cells, look=1, prepared={}, work=work, origin=None)


def infos(findings: Findings) -> dict[str, AnswerCurvesInfo]:
    """The figures by their kind."""
    return {info.kind: info for info in answer_curves_infos(findings)}


def test_three_figures_and_a_table_stand_in_the_report(tmp_path: Path) -> None:
    """As files beside the Markdown, in the page, in both languages; what an earlier report left there goes."""
    findings = found_in(tmp_path)
    folder = tmp_path / "report"
    text = render_report(findings, folder).read_text(encoding="utf-8")
    page = (folder / "report.html").read_text(encoding="utf-8")

    for name in ("roc", "precision-recall", "reliability"):
        assert f"(figures/{name}.png)" in text
        assert (folder / "figures" / f"{name}.png").read_bytes().startswith(b"\x89PNG")
    assert "## Predicted probabilities" in text
    assert "Described, not judged" in text
    assert page.count('class="panels squares"') == 3
    assert (folder / "tables" / "probabilities.csv").read_text(encoding="utf-8").startswith("Variant,n,")
    assert "可靠性曲线" in html_page(page_of(findings, words_of("zh")))
    render_report(found_without(tmp_path / "w"), folder)
    assert [path.name for path in (folder / "figures").glob("r*.png")] == []


def found_without(work: Path) -> Findings:
    """What the report says of runs that stored right and wrong alone."""
    study = a_study()
    plan = make_plan(study)
    return make_findings(study, plan, cells_with(plan, work), look=1, prepared={}, work=work, origin=None)


def test_the_report_says_once_that_no_probabilities_were_stored(tmp_path: Path) -> None:
    """And draws nothing."""
    findings = found_without(tmp_path)
    text = report_text(findings)

    assert text.count("stored no probabilities") == 1
    assert "Predicted probabilities" not in text
    assert infos(findings) == {}
    assert "stored no probabilities" not in report_text(found_in(tmp_path / "with"))


def test_plain_numbers_say_nothing_of_probabilities(tmp_path: Path) -> None:
    """Runs without single images have no line that they lack them."""
    study = a_study()
    plan = make_plan(study)
    cells = cells_with(plan, tmp_path, scored=False)
    findings = make_findings(study, plan, cells, look=1, prepared={}, work=tmp_path, origin=None)

    assert findings.exploratory.curves is None
    assert "no probabilities" not in report_text(findings)


def test_two_classes_have_a_positive_one(tmp_path: Path) -> None:
    """The second, by its name where it is known; precision of guessing is its share."""
    found = infos(found_in(tmp_path))

    assert "The positive class is 1." in found["roc"].caption
    assert found["precision-recall"].dotted == pytest.approx((0.5, 0.5))
    assert "how often it is 1" in found["reliability"].caption


def test_several_classes_are_averaged_and_calibrated_by_what_is_predicted(tmp_path: Path) -> None:
    """Each against the rest."""
    found = infos(found_in(tmp_path, 4))

    assert "averaged over the 4 classes" in found["roc"].caption
    assert found["precision-recall"].dotted == pytest.approx((0.25, 0.25))
    assert "probability of the predicted class" in found["reliability"].caption
    assert min(found["reliability"].panels[0].line.x) >= 0.25


def test_several_labels_are_averaged_label_by_label(tmp_path: Path) -> None:
    """And their probabilities calibrated all together."""
    found = infos(found_in(tmp_path, 3, several=True))

    assert "averaged over the 3 labels" in found["roc"].caption
    assert "all labels together" in found["reliability"].caption


def test_of_very_many_classes_only_the_reliability_is_drawn(tmp_path: Path) -> None:
    """The table says why."""
    findings = found_in(tmp_path, 50)

    assert list(infos(findings)) == ["reliability"]
    assert "not drawn of so many classes" in report_text(findings)
    assert "Average precision" not in report_text(findings)


def test_each_panel_has_its_band_and_the_curve_it_is_built_on(tmp_path: Path) -> None:
    """The baseline's is dashed in the next panel; axes go from 0 to 1."""
    info = infos(found_in(tmp_path))["roc"]
    baseline, bn, dropout = info.panels

    assert baseline.before is None
    assert bn.before == baseline.line
    assert dropout.before == bn.line
    assert all(lo <= mean <= hi for lo, mean, hi in zip(bn.line.lo, bn.line.mean, bn.line.hi, strict=True))  # type: ignore[operator]
    axes = draw_answer_curves(info).axes[:3]
    assert [axis.get_title(loc="left") for axis in axes] == ["baseline  (n=3)", "BN  (n=3)", "Dropout  (n=3)"]
    assert axes[0].get_ylabel() == "True positive rate"
    assert axes[1].get_xlim() == (-0.02, 1.02)


def test_a_band_ends_where_no_two_runs_have_answers(tmp_path: Path) -> None:
    """It is drawn in stretches; a point without one stands alone."""
    line = infos(found_in(tmp_path))["reliability"].panels[0].line
    broken = line._replace(x=(0.1, 0.2, 0.3, 0.4), mean=(0.1,) * 4, lo=(0.0, 0.1, None, 0.2), hi=(0.2, 0.2, None, 0.5))

    assert list(banded_parts(broken)) == [((0.1, 0.2), (0.0, 0.1), (0.2, 0.2))]


def test_variants_beyond_a_dozen_are_counted(tmp_path: Path) -> None:
    """The first and the last are drawn."""
    factors = {f"change {i}": {"gain": float(i)} for i in range(1, 14)}
    plan = make_plan(a_study(design="one_at_a_time", factors=factors))
    cells = with_probabilities(cells_with(plan, tmp_path))
    found = answer_curves(cells, {variant.name: variant.reference for variant in plan.variants}, ())

    assert found is not None
    assert len(found.rows) == MOST_VARIANTS
    assert (found.rows[0].variant, found.rows[-1].variant, found.left_out) == ("baseline", "only change 13", 2)


def test_a_report_of_before_has_no_damage_for_lack_of_curves(tmp_path: Path) -> None:
    """`--verify` takes one without their section for whole; numbers in it still count."""
    findings = found_in(tmp_path)
    before = without_robustness(
        without_answers(replace(findings, exploratory=replace(findings.exploratory, curves=None)))
    )
    render_report(before, tmp_path / "report")

    assert report_differences(tmp_path / "report", findings, words_of("en")) == []
    text = (tmp_path / "report" / "report.md").read_text(encoding="utf-8")
    (tmp_path / "report" / "report.md").write_text(text.replace("+9.8", "+9.9"), encoding="utf-8")
    assert report_differences(tmp_path / "report", findings, words_of("en")) != []


def test_runs_without_answers_have_no_probabilities(tmp_path: Path) -> None:
    """One that is to come, one that tells numbers alone, and one whose file is gone."""
    plan = make_plan(a_study())
    (cell, *_) = with_probabilities(cells_with(plan, tmp_path))
    assert isinstance(cell.result, Finished)

    assert probable_answers(cell) is not None
    assert probable_answers(replace(cell, result=None)) is None
    assert probable_answers(replace(cell, result=replace(cell.result, images=None))) is None
    assert probable_answers(replace(cell, result=replace(cell.result, images="gone.npz"))) is None
