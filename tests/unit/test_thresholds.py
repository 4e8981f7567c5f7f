"""Verdicts that need a size which counts: in the metric's own unit, or not at all."""

from __future__ import annotations

from pathlib import Path

import pytest

from ablate.records import Cell, Finished
from ablate.report.facts.findings import Findings
from ablate.report.gather.assemble import make_findings
from ablate.report.page.render import report_text
from ablate.report.wording.evidence import evidence_lines, settling_lines
from ablate.report.wording.headline import first_sentence
from ablate.report.wording.language import words_of
from ablate.splits.rules import Replicate
from ablate.stats.verdict import Rules, claim_p_values
from ablate.study.plan import make_plan
from ablate.workflows.judge import Request, judge_results
from tests.builders import a_study

NEAR = [(0.52, 0.523), (0.55, 0.549), (0.53, 0.531), (0.54, 0.541)]
FAR = [(0.52, 0.61), (0.55, 0.63), (0.53, 0.62), (0.54, 0.64)]


def judged(folder: Path, metric: str, pairs: list[tuple[float, float]], **more: float) -> Findings:
    """What `ablate judge` says of two variants, a and b, over paired runs."""
    rows = [f"{name},{r},{pair[i]}" for r, pair in enumerate(pairs) for i, name in enumerate("ab")]
    path = folder / "table.csv"
    path.write_text("\n".join([f"variant,replicate,{metric}", *rows, ""]), encoding="utf-8")
    return judge_results(Request(source=str(path), metric=metric, paired=True, **more))  # type: ignore[arg-type]


def findings_on(metric: str, tmp_path: Path, pairs: list[tuple[float, float]], **evidence: float) -> Findings:
    """What a study says whose trainer reports one number per run."""
    study = a_study(trainer="tests.unit.test_thresholds:train", factors={"B": {"rate": 2.0}}, base={"rate": 1.0},
                    evidence={"metric": metric, "replicates": len(pairs), **evidence})  # fmt: skip
    cells = [
        Cell(variant=name, replicate=Replicate(index=r), result=Finished(folder=tmp_path, metrics={metric: pair[i]}))
        for r, pair in enumerate(pairs)
        for i, name in enumerate(("baseline", "B"))
    ]
    return make_findings(study, make_plan(study), cells, look=1, prepared={}, work=tmp_path, origin=None)


from ablate.settings import Settings  # noqa: E402 - the trainer below is found by its path, like anybody's

METRICS = {"acc@1": "max", "kappa": "max", "loss": "min", "error": "min"}


class Config(Settings):
    """Nothing to set."""

    rate: float = 1.0


def train(config: Config, run: object) -> dict[str, float]:
    """Never called."""
    return {}


@pytest.mark.parametrize("metric", ["kappa", "mIoU", "MCC", "mAP50(B)", "auc", "loss", "brier"])
def test_nothing_is_the_same_by_a_size_that_nobody_stated(metric: str, tmp_path: Path) -> None:
    """A small difference of a kappa is undecided, and a sentence says why and what to add."""
    findings = judged(tmp_path, metric, NEAR)

    assert [effect.decision.verdict for effect in findings.effects] == ["undecided"]
    assert any(metric in line and "--worthwhile" in line for line in findings.notices.cautions)
    assert any("--negligible" in line for line in evidence_lines(findings))


@pytest.mark.parametrize("metric", ["kappa", "loss", "brier"])
def test_a_difference_is_shown_without_any_size(metric: str, tmp_path: Path) -> None:
    """Only the verdicts that rest on a threshold need one."""
    findings = judged(tmp_path, metric, FAR)

    assert findings.effects[0].decision.verdict == ("better" if metric == "kappa" else "worse")
    assert findings.effects[0].decision.supplement == ""
    assert not any("--worthwhile" in line for line in findings.notices.cautions)


def test_a_size_in_the_metric_s_own_unit_gives_its_verdict(tmp_path: Path) -> None:
    """And it is shown in that unit."""
    findings = judged(tmp_path, "kappa", NEAR, negligible=0.02, worthwhile=0.05)

    assert findings.effects[0].decision.verdict == "same"
    assert findings.effects[0].decision.verdict_text == "same (within ±0.020)"
    assert any("0.050 in kappa" in line for line in evidence_lines(findings))


@pytest.mark.parametrize("metric", ["acc@1", "val/Top1", "Top-1", "err", "top5_error"])
def test_means_of_right_and_wrong_are_judged_in_points(metric: str, tmp_path: Path) -> None:
    """Nine points of a hundred are no negligible difference."""
    near, far = judged(tmp_path, metric, NEAR), judged(tmp_path, metric, FAR)

    assert near.effects[0].decision.verdict == "same"
    assert near.effects[0].decision.verdict_text == "same (within ±1.0 points)"
    assert far.effects[0].decision.verdict in ("better", "worse")
    assert far.effects[0].measured.difference == pytest.approx(9.0)
    assert (far.study.metric.unit, far.study.metric.goal) == ("%", "min" if "err" in metric else "max")


def test_points_for_a_kappa_are_left_out_with_a_sentence(tmp_path: Path) -> None:
    """Whoever copies 1 and 3 from a study on accuracy is told."""
    findings = judged(tmp_path, "kappa", NEAR, negligible=1.0, worthwhile=3.0)

    assert findings.effects[0].decision.verdict == "undecided"
    assert findings.notices.cautions[0].startswith("1 and 3 cannot be meant for kappa")


def test_a_fraction_for_points_is_pointed_out(tmp_path: Path) -> None:
    """0.03 under an accuracy is three hundredths of a point."""
    findings = judged(tmp_path, "acc@1", FAR, negligible=0.01, worthwhile=0.03)

    assert any("0.030 points" in line for line in findings.notices.cautions)


def test_a_study_on_a_kappa_says_what_to_add(tmp_path: Path) -> None:
    """In its report, whole and in every language, and in the sentence under it."""
    findings = findings_on("kappa", tmp_path, NEAR)
    text = report_text(findings)

    assert findings.effects[0].decision.verdict == "undecided"
    assert any("evidence.negligible in the study file" in line for line in evidence_lines(findings))
    assert "B is undecided" in first_sentence(findings)
    assert any("none is stated" in line for line in settling_lines(findings))
    assert "None" not in text
    assert "None" not in report_text(findings, words_of("zh"))


def test_a_study_names_the_unit_of_what_it_counts(tmp_path: Path) -> None:
    """Points of a rate, else the metric itself."""
    rate, kappa = findings_on("acc@1", tmp_path, FAR), findings_on("kappa", tmp_path, FAR, negligible=0.01)

    assert "Difference (points)" in report_text(rate)
    assert "Difference (kappa)" in report_text(kappa)
    assert rate.effects[0].decision.verdict_text.endswith("larger than 1.0 points")


def test_thresholds_that_are_missing_claim_nothing() -> None:
    """Of the three claims a family makes, only that of a difference is left."""
    from tests.unit.test_verdict import an_estimate

    found = claim_p_values([an_estimate(0.001)], Rules(negligible=None, worthwhile=None), reasons={})

    assert (found.same, found.no_gain) == ((1.0,), (1.0,))
