"""A metric that is missing on some folds: no verdict, and the folds by number."""

from __future__ import annotations

from pathlib import Path

import pytest

from ablate.records import Cell, Failed, Finished, RunResult
from ablate.report.facts.findings import Findings
from ablate.report.gather.assemble import make_findings
from ablate.report.wording.headline import first_sentence
from ablate.splits.rules import Replicate, Share
from ablate.stats import frame
from ablate.study.plan import make_plan
from tests.builders import a_study

BASE = (0.50, 0.52, 0.51, 0.53, 0.50, 0.52)
GAIN = (0.60, 0.63, 0.61, 0.62, 0.60, 0.63)


def findings_of_results(results: dict[tuple[str, int], RunResult], folder: Path, replicates: int = 3) -> Findings:
    """Numbers alone, baseline and B, with these results in the place of some."""
    study = a_study(
        trainer="tests.unit.test_thresholds:train", base={"rate": 1.0}, factors={"B": {"rate": 2.0}},
        evidence={"metric": "kappa", "replicates": replicates, "test": {"folds": 3}},
    )  # fmt: skip
    cells = [
        Cell(
            variant=name,
            replicate=Replicate(index=r),
            result=results.get((name, r), Finished(folder=folder, metrics={"kappa": values[r]})),
        )
        for name, values in (("baseline", BASE), ("B", GAIN))
        for r in range(replicates)
    ]
    return make_findings(study, make_plan(study), cells, look=1, prepared={}, work=folder, origin=None)


def test_a_metric_missing_on_a_fold_gets_no_verdict(tmp_path: Path) -> None:
    """What the other folds say would be an answer for images on which it happens to be defined."""
    whole = findings_of_results({}, tmp_path)
    part = findings_of_results({("B", 1): Finished(folder=tmp_path, metrics={"accuracy": 0.5})}, tmp_path)

    assert whole.effects[0].decision.verdict == "better"
    assert part.effects[0].decision.verdict == "not_assessable"
    assert part.effects[0].decision.reason == "kappa is missing on fold 1 (B)"
    assert "kappa is missing on fold 1" in first_sentence(part)
    assert any("fold 1" in line for line in part.notices.cautions)


@pytest.mark.parametrize(
    "message",
    [
        "TrainerError: the trainer returned kappa = nan on replicate 2 (fold 2). It is undefined there.",
        "TrainerError: the trainer returned kappa = None on replicate 2 (fold 2). It is undefined there.",
        "TrainerError: the trainer returned no 'kappa', only accuracy on replicate 2 (fold 2).",
        "Diverged: the trainer returned kappa = nan",
    ],
)
def test_a_run_that_failed_by_it_counts_alike(message: str, tmp_path: Path) -> None:
    """Whatever version wrote the record."""
    failed = Failed(folder=tmp_path, reason="error", message=message)
    findings = findings_of_results({("baseline", 2): failed}, tmp_path)

    assert findings.effects[0].decision.reason == "kappa is missing on fold 2 (baseline)"


def test_a_run_that_failed_otherwise_leaves_the_verdict_to_the_rest(tmp_path: Path) -> None:
    """Luck of the machine has nothing to do with the images of a fold."""
    failed = Failed(folder=tmp_path, reason="oom", message="MemoryError: ")

    assert findings_of_results({("B", 1): failed}, tmp_path, replicates=6).effects[0].decision.verdict == "better"


def test_a_later_repetition_is_named_with_its_fold(tmp_path: Path) -> None:
    """Replicate 4 of three folds is tested on fold 1."""
    without = Finished(folder=tmp_path, metrics={})
    findings = findings_of_results({("B", 1): without, ("B", 4): without}, tmp_path, replicates=6)

    assert findings.effects[0].decision.reason == "kappa is missing on replicates 1 (fold 1) and 4 (fold 1) (B)"


def test_results_in_percent_beside_fractions_are_not_judged(tmp_path: Path) -> None:
    """85.3 less 0.86 is no difference of anything."""
    study = a_study(trainer="tests.unit.test_thresholds:train", base={"rate": 1.0}, factors={"B": {"rate": 2.0}},
                    evidence={"metric": "acc@1", "replicates": 2})  # fmt: skip
    cells = [
        Cell(variant=name, replicate=Replicate(index=r), result=Finished(folder=tmp_path, metrics={"acc@1": value + r}))
        for name, value in (("baseline", 0.0), ("B", 85.3))
        for r in range(2)
    ]
    findings = make_findings(study, make_plan(study), cells, look=1, prepared={}, work=tmp_path, origin=None)

    assert findings.effects[0].decision.verdict == "not_assessable"
    assert "not a fraction" in findings.effects[0].decision.reason


def test_a_fixed_test_part_has_replicates_and_no_folds() -> None:
    """So they are called what they are."""
    assert frame.places([1], Share(share=0.2)) == "replicate 1"
    assert frame.places([1, 4], Share(share=0.2)) == "replicates 1 and 4"
