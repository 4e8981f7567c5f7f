"""Further metrics beside the study's own: families of their own, with an error of their own."""

from __future__ import annotations

from pathlib import Path

import jsonschema
import pytest

from ablate.errors import StudyError
from ablate.records import Prepared
from ablate.report.facts.findings import Findings
from ablate.report.gather.assemble import make_findings
from ablate.report.page.html import html_page
from ablate.report.page.render import render_report, report_text
from ablate.report.page.sections import page_of
from ablate.report.page.summary_json import summary_json
from ablate.report.wording.language import words_of
from ablate.stats.looks import WAITING
from ablate.study.class_names import refuse_unknown_class
from ablate.study.plan import make_plan
from tests.answer_builders import with_probabilities
from tests.builders import a_study, cells_with
from tests.unit.test_render import run_schema


def found_in(work: Path, *also: str, **evidence: object) -> Findings:
    """What the report says of runs with probabilities, by accuracy and by further metrics."""
    study = a_study(evidence={"also": list(also), **evidence})
    plan = make_plan(study)
    cells = with_probabilities(cells_with(plan, work), 3)
    return make_findings(study, plan, cells, look=1, prepared={}, work=work, origin=None)


def test_each_further_metric_is_judged_beside_the_own_one(tmp_path: Path) -> None:
    """The own comparisons stay as they are, number by number."""
    alone, both = found_in(tmp_path / "a"), found_in(tmp_path / "b", "balanced_accuracy", "macro_f1")

    assert [row.measured for row in both.effects] == [row.measured for row in alone.effects]
    assert [row.decision for row in both.effects] == [row.decision for row in alone.effects]
    assert [other.study.metric.name for other in both.further] == ["balanced_accuracy", "macro_f1"]
    assert [len(other.effects) for other in both.further] == [2, 2]
    assert all(row.compared.family_size == 2 for other in both.further for row in other.effects)
    assert [other.effects[0].decision.verdict for other in both.further] == ["better", "better"]


def test_the_report_says_that_each_has_an_error_of_its_own(tmp_path: Path) -> None:
    """In words, in both languages, with the tables as files."""
    findings = found_in(tmp_path, "balanced_accuracy", "macro_f1")
    text = report_text(findings)

    assert "## Further metrics" in text
    assert "each with 5% of its own" in text
    assert "Together these two families add up to 10%" in text
    assert "balanced accuracy: negligible 1.0 points and worthwhile 3.0 points." in text
    assert "macro F1: no sizes" in text
    assert "其他指标" in html_page(page_of(findings, words_of("zh")))
    render_report(findings, tmp_path / "report")
    assert (tmp_path / "report" / "tables" / "steps-chain-macro-f1.csv").is_file()
    jsonschema.validate(summary_json(findings), run_schema())
    told = summary_json(findings)["further"]
    assert [(one["metric"]["name"], len(one["effects"])) for one in told] == [("balanced_accuracy", 2), ("macro_f1", 2)]


def test_stated_sizes_hold_where_both_count_right_and_wrong(tmp_path: Path) -> None:
    """Two points of accuracy are two of balanced accuracy, and nothing of F1."""
    found = found_in(tmp_path, "balanced_accuracy", "macro_f1", worthwhile=2.0)

    assert [other.evidence.worthwhile for other in found.further] == [2.0, None]


def test_a_comparison_that_waits_keeps_the_answer_of_the_look_before(tmp_path: Path) -> None:
    """Runs that the own metric needs no more are never made."""
    study = a_study(evidence={"also": ["macro_f1"], "replicates": [3, 6]})
    plan = make_plan(study)
    levels = {"BN": 70.0, "Dropout": 73.0}
    cells = with_probabilities(cells_with(plan, tmp_path, levels=levels), 3)
    made = {(cell.variant, cell.replicate.index): cell.result for cell in cells}
    later = cells_with(plan, tmp_path / "later", look=2, results={key: made.get(key) for key in [
        (variant.name, r) for variant in plan.variants for r in range(6)
    ]})  # fmt: skip
    found = make_findings(study, plan, later, look=2, prepared={}, work=tmp_path, origin=None)

    assert found.effects[1].decision.reason == WAITING
    assert [row.course.look for row in found.further[0].effects] == [1, 1]
    assert found.further[0].effects[1].decision.verdict == "undecided"
    assert found.further[0].effects[0].measured.n == 3


def test_a_metric_is_named_once(tmp_path: Path) -> None:
    """Twice would be one family judged twice."""
    del tmp_path
    with pytest.raises(StudyError, match="also names a metric that is judged already"):
        a_study(evidence={"also": ["accuracy"]})
    with pytest.raises(StudyError, match="Name each once"):
        a_study(evidence={"also": ["macro_f1", "macro_f1"]})


def test_a_further_metric_that_nobody_knows_is_refused() -> None:
    """With its line and a near name."""
    with pytest.raises(StudyError, match=r"evidence.*macro_f2.*macro_f1|macro_f2"):
        a_study(evidence={"also": ["macro_f2"]})


def test_a_further_class_that_the_data_do_not_have_is_refused() -> None:
    """As that of the own metric is."""
    study = a_study(evidence={"also": ["sensitivity:mole"]})
    with pytest.raises(StudyError, match=r"evidence\.also is sensitivity:mole, and the data have no class 'mole'"):
        refuse_unknown_class(study, {"baseline": Prepared(digest="d", classes=("naevus", "melanoma"))})
