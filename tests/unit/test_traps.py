"""Traps in the records of a study: each is noticed, said, and costs no more than the contrasts it concerns."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ablate.files import write_json
from ablate.records import Cell, Finished
from ablate.report.gather.assemble import Findings, make_findings
from ablate.report.wording.evidence import warnings
from ablate.results.declared_looks import FILE, looks_before, remember_looks, why_void, with_declared_shares
from ablate.results.question import question_of
from ablate.splits.rules import Replicate
from ablate.stats.effects import estimate_effects
from ablate.study.plan import make_plan
from tests.builders import a_failed, a_finished, a_plan, a_study, cells_with, draw_scores

THREE = {"BN": {"gain": 10.0}, "Dropout": {"noise": 1.5}, "GAP head": {"epochs": 4}}


def judged_from(cells: list[Cell], work: Path, **study: Any) -> Findings:
    """What a report says over these cells."""
    made = a_study(**study)
    return make_findings(made, make_plan(made), cells, look=1, prepared={}, work=work, origin=None)


def finished(cell: Cell) -> Finished:
    """The result of a cell that finished."""
    assert isinstance(cell.result, Finished)
    return cell.result


def rewritten(cell: Cell, **columns: Any) -> Cell:
    """The same run with other columns in its file of scores."""
    run = finished(cell)
    assert run.images is not None
    with np.load(run.folder / run.images) as stored:
        content = dict(stored) | columns
    np.savez(run.folder / run.images, **content)
    return cell


def verdicts(findings: Findings) -> dict[str, str]:
    """Contrast -> verdict."""
    return {effect.compared.name: effect.decision.verdict for effect in findings.effects}


def test_lost_scores_cost_only_the_contrasts_that_need_them(tmp_path: Path) -> None:
    """The rest of the report stands; what is gone is named with its path."""
    cells = cells_with(a_plan(factors=THREE), tmp_path)
    lost = next(cell for cell in cells if cell.variant == "GAP head")
    (finished(lost).folder / "outcomes.npz").unlink()
    findings = judged_from(cells, tmp_path, factors=THREE)

    assert verdicts(findings)["BN"] == "better"
    assert verdicts(findings)["GAP head"] == "not_assessable"
    assert any("the scores of GAP head, replicate 0, are gone" in line for line in warnings(findings))


def test_damaged_scores_are_as_good_as_lost(tmp_path: Path) -> None:
    """A file that is no archive, and a score that is no number."""
    cells = cells_with(a_plan(factors=THREE), tmp_path)
    by_key = {(cell.variant, cell.replicate.index): cell for cell in cells}
    (finished(by_key["GAP head", 0]).folder / "outcomes.npz").write_bytes(b"PK not really")
    rewritten(by_key["Dropout", 1], score=np.full(200, np.nan, np.float32))
    findings = judged_from(cells, tmp_path, factors=THREE)

    assert verdicts(findings) == {"BN": "better", "Dropout": "not_assessable", "GAP head": "not_assessable"}
    reasons = " ".join(effect.decision.reason for effect in findings.effects)
    assert "cannot be read" in reasons or "are damaged" in reasons


def test_folds_that_overlap_leave_numbers_but_no_verdict(tmp_path: Path) -> None:
    """After a change of the data, reused runs were tested on parts that fit no single cut into folds."""
    study = a_study()
    cells = cells_with(make_plan(study), tmp_path)
    for cell in cells:
        if cell.replicate.index == 2:  # half of fold 2, half of fold 0
            ids = [*(f"image {i:05d}" for i in range(2, 302, 3)), *(f"image {i:05d}" for i in range(0, 300, 3))]
            rewritten(cell, id=np.array(ids))
    findings = judged_from(cells, tmp_path)

    assert set(verdicts(findings).values()) == {"not_assessable"}
    assert all("share some test images but not all" in effect.decision.reason for effect in findings.effects)
    assert all(effect.measured.difference is not None and effect.measured.lo is not None for effect in findings.effects)


def test_one_image_more_is_another_test_set(tmp_path: Path) -> None:
    """Never cut to what two variants have in common, even where the recorded digests agree."""
    study = a_study()
    cells = cells_with(make_plan(study), tmp_path)
    odd = next(cell for cell in cells if cell.variant == "Dropout")
    scores = draw_scores(60.0, 0, 2, images=600, noise=0.5, test=make_plan(study).protocol.test) | {"image 99999": 1.0}
    result = a_finished(tmp_path / "odd", scores=scores, test_digest=finished(odd).test_digest)
    findings = judged_from([replace(c, result=result) if c is odd else c for c in cells], tmp_path)

    assert findings.effects[0].decision.verdict == "better"
    assert findings.effects[1].decision.reason == "different test sets"
    assert findings.effects[1].measured.difference is not None


def test_equal_answers_are_no_proof_and_a_warning(tmp_path: Path) -> None:
    """A change that never reached the network rules out three points on 600 images, not one; the report wonders."""
    cells = cells_with(a_plan(), tmp_path)
    by_key = {(cell.variant, cell.replicate.index): cell for cell in cells}
    for (variant, r), cell in by_key.items():
        if variant == "Dropout":
            with np.load(finished(by_key["BN", r]).folder / "outcomes.npz") as stored:
                rewritten(cell, score=stored["score"])
    findings = judged_from(cells, tmp_path)

    assert findings.effects[1].decision.verdict == "no_worthwhile_gain"
    assert (findings.effects[1].measured.hi or 0.0) > 0
    assert (findings.effects[1].measured.difference, findings.effects[1].decision.p) == (0.0, 1.0)
    assert any(
        line.startswith("Dropout and BN gave the same answer to every test image") for line in warnings(findings)
    )


def test_networks_that_learnt_nothing_are_named(tmp_path: Path) -> None:
    """Two networks that always name the most frequent class are equal, and equally worthless."""
    study = a_study()
    cells = cells_with(make_plan(study), tmp_path, levels={"baseline": 50.0, "BN": 80.0, "Dropout": 50.0})
    targets = np.array([0] * 100 + [1] * 100, np.int32)
    findings = judged_from([rewritten(cell, target=targets) for cell in cells], tmp_path)
    (line,) = (line for line in warnings(findings) if line.startswith("At chance level"))

    assert "baseline and Dropout are not shown to be better" in line
    assert "(50.0% of the test images)" in line


def test_percent_for_a_fraction_is_flagged(tmp_path: Path) -> None:
    """A trainer that returns 85.3 gets no table of 8530 % without a word."""
    cells = cells_with(a_plan(), tmp_path, scored=False)
    percent = [replace(cell, result=replace(finished(cell), metrics={"accuracy": 85.3, "loss": 1.0})) for cell in cells]

    assert any("accuracy = 85.3, which is not a fraction" in line for line in warnings(judged_from(percent, tmp_path)))


def test_failed_runs_and_unequal_replicates_are_said(tmp_path: Path) -> None:
    """n is what was matched; what was planned stands beside it."""
    failed = {("Dropout", 1): a_failed(tmp_path / "failed")}
    findings = judged_from(cells_with(a_plan(), tmp_path, results=failed), tmp_path)

    assert [(effect.measured.n, effect.measured.n_planned) for effect in findings.effects] == [(3, 3), (2, 3)]
    assert warnings(findings)[0].startswith("1 run failed: Dropout (replicate 1")


def test_replicates_beyond_the_plan_void_what_they_were_added_to(tmp_path: Path) -> None:
    """Whoever adds seeds after looking gets intervals, and words instead of a verdict."""
    study = a_study()
    plan = make_plan(study)
    cells = cells_with(plan, tmp_path)
    extra = [
        Cell(variant=name, replicate=Replicate(index=3), result=a_finished(tmp_path / f"extra {name}", scores=scores))
        for name, scores in ((n, {"a": 1.0, "b": 0.0}) for n in ("baseline", "BN"))
    ]
    effects = estimate_effects([*cells, *extra], plan.contrasts, question_of(study, plan))

    assert (effects[0].judged.verdict, effects[0].judged.reason) == ("not_assessable", "replicates added after looking")
    assert effects[0].estimate is not None
    assert effects[0].estimate.n_replicates == 3
    assert effects[1].judged.verdict != "not_assessable"


@pytest.mark.parametrize(
    ("later", "why"),
    [([3], ""), ([3, 6], "replicates added after looking"), ([2], "planned looks changed after looking")],
)
def test_looks_that_were_changed_after_looking_are_noticed(later: list[int], why: str, tmp_path: Path) -> None:
    """The looks under which verdicts were first shown are the plan."""
    remember_looks(tmp_path, a_plan())
    changed = a_plan(evidence={"replicates": later})
    remember_looks(tmp_path, changed)

    assert why_void(looks_before(tmp_path, changed), changed) == why


THREE_LOOKS = {"replicates": [1, 2, 3]}


def test_a_study_that_looked_under_the_former_shares_keeps_them(tmp_path: Path) -> None:
    """A default that changed since is no change of its looks: it is judged as it was declared."""
    write_json(tmp_path / FILE, {"looks": [1, 2, 3], "shares": [0.2, 0.3, 0.5]})
    kept = with_declared_shares(tmp_path, a_plan(evidence=THREE_LOOKS))

    assert kept.shares == (0.2, 0.3, 0.5)
    assert looks_before(tmp_path, kept) is None


@pytest.mark.parametrize(
    ("noted", "planned"),
    [
        ([0.25, 0.25, 0.5], THREE_LOOKS),
        ([0.2, 0.3, 0.5], {**THREE_LOOKS, "shares": [0.3, 0.3, 0.4]}),
        ([0.2, 0.3, 0.5], {"replicates": [1, 2, 4]}),
    ],
)
def test_shares_changed_by_anything_but_a_default_are_noticed(
    noted: list[float], planned: dict[str, Any], tmp_path: Path
) -> None:
    """The study file gave other shares, before or now, or has other looks."""
    write_json(tmp_path / FILE, {"looks": [1, 2, 3], "shares": noted})
    plan = with_declared_shares(tmp_path, a_plan(evidence=planned))

    assert plan == a_plan(evidence=planned)
    assert looks_before(tmp_path, plan) == (1, 2, 3)


@pytest.mark.parametrize("noted", [None, {"looks": [1, 2, 3]}, {"looks": [1, 2, 3], "shares": 3}])
def test_a_note_of_looks_that_says_nothing_changes_no_plan(noted: object, tmp_path: Path) -> None:
    """Nobody has looked, or what is noted is no list of shares."""
    write_json(tmp_path / FILE, noted)

    assert with_declared_shares(tmp_path, a_plan(evidence=THREE_LOOKS)) == a_plan(evidence=THREE_LOOKS)


def test_a_study_nobody_has_seen_yet_may_change_its_looks(tmp_path: Path) -> None:
    """Without a verdict shown there is nothing to notice."""
    assert looks_before(tmp_path, a_plan()) is None


def test_numbers_that_never_vary_are_wondered_at(tmp_path: Path) -> None:
    """An interval without width says that no luck was drawn, not that none is needed."""
    cells = cells_with(a_plan(), tmp_path, scored=False)
    fixed = [replace(cell, result=replace(finished(cell), metrics={"accuracy": 0.6, "loss": 1.0})) for cell in cells]
    lines = [
        line for line in warnings(judged_from(fixed, tmp_path)) if "differences are equal in every replicate" in line
    ]

    assert [line.split(":")[0] for line in lines] == ["BN", "Dropout"]
