"""A study that scores one answer a patient, or goes by a metric of the user's own: from the file to the report."""

from __future__ import annotations

from pathlib import Path

import jsonschema
import numpy as np
import pytest

from ablate.errors import StudyError
from ablate.records import Cell, Finished
from ablate.report.facts.findings import Findings
from ablate.report.gather.assemble import make_findings
from ablate.report.page.html import html_page
from ablate.report.page.render import report_text
from ablate.report.page.sections import page_of
from ablate.report.page.summary_json import summary_json
from ablate.report.wording.language import words_of
from ablate.safety.own_modules import search_first
from ablate.scoring.unit import Unit
from ablate.stats.scores import read_scores
from ablate.store.outcome_columns import GROUP
from ablate.study.plan import make_plan
from ablate.workflows.visible import is_assumable, why_unknown
from tests.answer_builders import with_probabilities
from tests.builders import a_study, cells_with
from tests.unit.test_render import run_schema

BY_PATIENT = {"group": "patient", "by": "mean"}


def found_in(work: Path, *, patients: int | None = 40, **evidence: object) -> Findings:
    """What the report says of runs with probabilities, of so many patients a fold."""
    study = a_study(evidence=evidence)
    plan = make_plan(study)
    cells = with_probabilities(cells_with(plan, work), patients=patients)
    return make_findings(study, plan, cells, look=1, prepared={}, work=work, origin=None)


def accuracy_by_hand(cell: Cell) -> float:
    """Of patients: the mean of the probabilities of their images, by whatever order they were stored in."""
    assert isinstance(cell.result, Finished)
    with np.load(cell.result.folder / "outcomes.npz") as stored:
        prob, target, group = (stored[name] for name in ("prob", "target", GROUP))
    right = []
    for name in np.unique(group):
        own = group == name
        right.append(prob[own].astype(np.float64).mean(axis=0).argmax() == target[own][0])
    return float(np.mean(right))


def test_each_patient_is_one_answer_of_weight_one(tmp_path: Path) -> None:
    """Levels, runs and comparisons are of patients, which are all the groups there are."""
    found = found_in(tmp_path, unit=BY_PATIENT)
    plan = make_plan(a_study())
    cells = with_probabilities(cells_with(plan, tmp_path / "again"), patients=40)
    by_hand = [accuracy_by_hand(cell) for cell in cells if cell.variant == "BN"]

    assert found.variants[1].mean == pytest.approx(100 * np.mean(by_hand))
    assert found.effects[0].measured.images == 120
    assert found.evidence.groups is not None
    assert (found.evidence.groups.n, found.evidence.groups.effective, found.evidence.groups.alike) == (120, 120, ())
    assert [run.metrics["accuracy"] for run in found.runs.rows if run.variant == "BN"] == pytest.approx(
        [100 * value for value in by_hand]
    )


def test_the_report_says_what_is_scored(tmp_path: Path) -> None:
    """In words, in both languages, and as JSON; intervals hold for new patients."""
    found = found_in(tmp_path, unit=BY_PATIENT)
    text = report_text(found)

    assert "What is scored is one answer per patient: the mean of the probabilities of its images" in text
    assert "they hold for new groups of this kind" in text
    assert "design effect" not in text
    assert "每个 patient 的一个回答" in html_page(page_of(found, words_of("zh")))
    jsonschema.validate(summary_json(found), run_schema())
    assert summary_json(found)["unit"] == {"group": "patient", "by": "mean"}
    assert "unit" not in summary_json(found_in(tmp_path / "images"))


@pytest.mark.parametrize(("patients", "words"), [(6, "worth 18.0 of equal size: below 20"), (1, "fewer than 6")])
def test_few_patients_are_warned_of(tmp_path: Path, patients: int, words: str) -> None:
    """As few groups are: below 20 in a sentence, below 6 there is no verdict."""
    found = found_in(tmp_path, patients=patients, unit=BY_PATIENT, test={"share": 0.2})  # three folds' patients at once

    assert any(words in line for line in found.notices.cautions)
    assert (found.effects[0].decision.reason == "too few groups of images") == (patients == 1)


def test_without_groups_nothing_is_judged_and_the_line_to_add_is_said(tmp_path: Path) -> None:
    """By accuracy too, although the runs tell an accuracy of images."""
    found = found_in(tmp_path, patients=None, unit=BY_PATIENT)

    assert {row.decision.verdict for row in found.effects} == {"not_assessable"}
    assert "add `data.groups: '(patient" in found.effects[0].decision.reason
    assert found.effects[0].measured.difference is None


def test_a_patient_of_two_classes_is_named(tmp_path: Path) -> None:
    """One answer about it has no truth."""
    study = a_study(evidence={"unit": BY_PATIENT})
    plan = make_plan(study)
    cells = with_probabilities(cells_with(plan, tmp_path), patients=40)
    for cell in cells:
        assert isinstance(cell.result, Finished)
        path = cell.result.folder / "outcomes.npz"
        with np.load(path) as stored:
            columns = {name: stored[name] for name in stored.files}
        columns["target"][np.flatnonzero(columns[GROUP] == "P0-003")[:2]] = 0  # of five; the others are of class 1
        np.savez(path, **columns)
    found = make_findings(study, plan, cells, look=1, prepared={}, work=tmp_path, origin=None)

    assert found.effects[0].decision.verdict == "not_assessable"
    assert "patient 'P0-003' are both of class 0 and of class 1" in found.effects[0].decision.reason


def test_any_metric_of_answers_is_of_patients(tmp_path: Path) -> None:
    """Areas, too; and groups known by the data alone, for runs of before."""
    plan = make_plan(a_study())
    cells = with_probabilities(cells_with(plan, tmp_path), patients=40)
    book = read_scores(cells, "auroc", unit=Unit("patient", "max"))

    assert book is not None
    assert {len(row.images) for row in book.rows.values()} == {40}
    assert all(row.groups is None for row in book.rows.values())
    assert (
        found_in(tmp_path / "f", metric="auroc", unit={"group": "patient", "by": "max"}).effects[0].measured.images
        == 120
    )


def test_a_loss_of_the_trainer_has_no_answer_a_patient() -> None:
    """It is refused with its line."""
    with pytest.raises(StudyError, match=r"evidence\.unit makes one answer a patient, and loss is reported by"):
        a_study(evidence={"metric": "loss", "unit": BY_PATIENT, "negligible": 0.1, "worthwhile": 0.2})


def test_the_built_in_trainer_has_to_know_the_groups() -> None:
    """Before it trains for hours."""
    folder = {"source": {"name": "image_folder", "root": "scans"}, "classes": 2, "image_size": 32}
    built_in = {"trainer": "ablate.training:train", "design": None, "compare": {"longer": {"set": {"epochs": 3}}}}
    base = {"data": folder, "model": {"name": "food_cnn"}, "optimizer": {"name": "adam", "lr": 0.1},
            "batch_size": 8, "epochs": 1}  # fmt: skip
    with pytest.raises(StudyError, match=r"evidence\.unit is one answer a patient, and nothing says.*data: groups:"):
        a_study(evidence={"unit": BY_PATIENT}, base=base, **built_in)
    known = base | {"data": folder | {"groups": "(patient\\d+)"}}
    assert a_study(evidence={"unit": BY_PATIENT}, base=known, **built_in).evidence.unit is not None


@pytest.fixture
def own_module(tmp_path: Path) -> str:
    """A file with metrics of one's own in a work folder, under a name that nothing else has."""
    name = f"own_{abs(hash(str(tmp_path)))}"
    (tmp_path / f"{name}.py").write_text(
        "def share(target, prob, group):\n    return float((prob.argmax(axis=1) == target).mean())\n"
        "def fails(target, prob, group):\n    return [][0]\n"
        "def picky(target, prob, group):\n    return 1.0 if len(target) < 100 else float('nan')\n"
    )
    search_first(tmp_path)
    return name


def test_a_metric_of_ones_own_is_judged_like_any_other(tmp_path: Path, own_module: str) -> None:
    """One that is an accuracy gives the numbers of accuracy, in its own unit."""
    own = found_in(tmp_path / "a", patients=None, metric=f"{own_module}:share")
    accuracy = found_in(tmp_path / "b", patients=None)

    for mine, usual in zip(own.effects, accuracy.effects, strict=True):
        assert 100 * mine.measured.difference == pytest.approx(usual.measured.difference)  # type: ignore[operator]
        assert 100 * mine.measured.lo == pytest.approx(usual.measured.lo)  # type: ignore[operator]
        assert mine.decision.p == pytest.approx(usual.decision.p)
    assert own.study.metric.unit == ""
    assert own.evidence.worthwhile is None


def test_what_fails_on_made_up_answers_is_refused_before_training(own_module: str) -> None:
    """With the line of the study, and that of the function."""
    with pytest.raises(StudyError, match=rf"toy\.yaml:1: {own_module}:fails failed: IndexError: .*\.py:4\)"):
        a_study(evidence={"metric": f"{own_module}:fails"})
    with pytest.raises(StudyError, match="has no function 'shares'"):
        a_study(evidence={"also": [f"{own_module}:shares"]})


def test_what_fails_on_real_answers_is_not_assessable(tmp_path: Path, own_module: str) -> None:
    """And the report stands."""
    found = found_in(tmp_path / "work", metric=f"{own_module}:picky")

    assert {row.decision.verdict for row in found.effects} == {"not_assessable"}
    assert f"{own_module}:picky returned nan" in found.effects[0].decision.reason


def test_a_metric_of_ones_own_stands_beside_and_cannot_choose_epochs(tmp_path: Path, own_module: str) -> None:
    """In `also` as any other; never for weights: best."""
    found = found_in(tmp_path / "work", also=[f"{own_module}:share"])

    assert found.further[0].study.metric.name == f"{own_module}:share"
    with pytest.raises(StudyError, match="which is computed after training"):
        a_study(evidence={"metric": f"{own_module}:share", "weights": "best", "val": 0.1})


def test_nothing_is_assumed_of_a_metric_of_ones_own() -> None:
    """Whatever its name: the plan says that it waits for runs."""
    assert not is_assumable("mine:accuracy")
    assert "before two replicates" in why_unknown("mine:accuracy", {"a": 50}, with_folds=True)


def test_the_curves_are_of_the_unit_and_of_the_class_asked_for(tmp_path: Path) -> None:
    """Patients rank, not scans; of sensitivity:0 the positive class is 0."""
    images, patients = found_in(tmp_path / "a"), found_in(tmp_path / "b", unit=BY_PATIENT)
    first = found_in(tmp_path / "c", metric="sensitivity:0").exploratory.curves

    assert images.exploratory.curves is not None
    assert patients.exploratory.curves is not None
    assert images.exploratory.curves.rows[0].area != patients.exploratory.curves.rows[0].area
    assert images.exploratory.curves.positive == "1"
    assert first is not None
    assert (first.ranked, first.positive) == ("positive", "0")


def test_a_metric_of_ones_own_is_called_by_its_path(tmp_path: Path, own_module: str) -> None:
    """As it was written, at the head of columns too; and it may be below none, so its intervals are not cut there."""
    found = found_in(tmp_path / "work", also=[f"{own_module}:share", "sensitivity:1"])
    text = report_text(found)

    assert f"**{own_module}:share: " in text
    assert f"| {own_module}:share |" in text.replace("\\_", "_")
    assert "| Sensitivity (1) (%) |" in text
    assert text.count("Brackets are 95% intervals, n counts replicates.") == 1  # once for all the further ones
