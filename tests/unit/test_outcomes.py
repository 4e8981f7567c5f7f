"""What the stored answers to single images say of classes, confusions and disagreements."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from ablate.records import Cell, Finished
from ablate.report.facts.summaries import most_confused
from ablate.report.gather.stored_answers import add_up
from ablate.report.gather.test_images import image_facts
from ablate.splits.rules import Folds, Replicate
from tests.builders import a_finished

LABELS = ("cat", "dog", "owl")


def a_cell(
    folder: Path, variant: str, replicate: int, targets: list[int], predicted: list[int], *, first: int = 0
) -> Cell:
    """A run that took image `i` for `predicted[i]`; its answers are stored as a trainer stores them."""
    ids = [f"image {first + i:02d}" for i in range(len(targets))]
    scores = {name: float(t == p) for name, t, p in zip(ids, targets, predicted, strict=True)}
    run = a_finished(folder / f"{variant} {replicate}", scores=scores)
    prob = np.full((len(ids), len(LABELS)), 0.1, np.float16)
    prob[np.arange(len(ids)), predicted] = 0.8
    order = np.random.default_rng(replicate).permutation(len(ids))  # files need no order
    np.savez(
        run.folder / "outcomes.npz",
        id=np.array(ids)[order],
        target=np.array(targets)[order],
        score=np.array([scores[name] for name in ids], np.float32)[order],
        prob=prob[order],
    )
    return Cell(variant=variant, replicate=Replicate(index=replicate), result=run)


TARGETS = [0, 0, 1, 1, 2, 2]


@pytest.fixture
def cells(tmp_path: Path) -> list[Cell]:
    """A baseline that takes dogs for cats, a change that gets all right but one owl; two folds."""
    return [
        a_cell(tmp_path, "baseline", 0, TARGETS, [0, 0, 0, 0, 2, 2]),
        a_cell(tmp_path, "baseline", 1, TARGETS, [0, 0, 0, 1, 2, 2], first=6),
        a_cell(tmp_path, "BN", 0, TARGETS, [0, 0, 1, 1, 2, 1]),
        a_cell(tmp_path, "BN", 1, TARGETS, [0, 0, 1, 1, 2, 2], first=6),
    ]


def test_each_class_is_counted_by_variant(cells: list[Cell]) -> None:
    """Four dogs over two folds: one right of four, then all."""
    facts = image_facts(add_up(cells), LABELS, Folds(count=2))

    assert facts is not None
    by = {(row.variant, row.label): row for row in facts.classes}
    assert {label: by["baseline", label].mean for label in LABELS} == {"cat": 100, "dog": 25, "owl": 100}
    assert by["BN", "owl"].mean == pytest.approx(75)
    assert by["BN", "dog"].n == 4
    assert all(row.lo is not None and row.hi is not None and row.lo <= row.hi for row in facts.classes)


def test_confusions_are_summed_over_replicates(cells: list[Cell]) -> None:
    """Whatever order the files are in; the most frequent first, as a share of the true class."""
    facts = image_facts(add_up(cells), LABELS, Folds(count=2))

    assert facts is not None
    baseline, bn = facts.confusions
    assert baseline.counts == ((4, 0, 0), (3, 1, 0), (0, 0, 4))
    assert most_confused(baseline, LABELS) == [("dog", "cat", 75.0)]
    assert most_confused(bn, LABELS) == [("owl", "dog", 25.0)]
    assert baseline.runs == 2


def test_images_the_variants_disagree_on_are_found(cells: list[Cell]) -> None:
    """Three dogs and an owl, with who is right."""
    facts = image_facts(add_up(cells), LABELS, Folds(count=2))

    assert facts is not None
    assert [item.id for item in facts.disagreements] == ["image 02", "image 03", "image 05", "image 08"]
    assert facts.disagreements[0].right == {"baseline": 0.0, "BN": 1.0}
    assert facts.disagreements[2].label == "owl"
    assert facts.reads == (12, 24, 2)


def test_relabelling_the_classes_changes_no_number(tmp_path: Path) -> None:
    """Only their names."""
    swapped = {0: 2, 1: 0, 2: 1}
    names = ("dog", "owl", "cat")
    wrong = [0, 1, 1, 1, 2, 2]
    one = [a_cell(tmp_path / "a", name, 0, TARGETS, took) for name, took in (("x", wrong), ("y", TARGETS))]
    other = [
        a_cell(tmp_path / "b", "x", 0, [swapped[t] for t in TARGETS], [swapped[p] for p in wrong]),
        a_cell(tmp_path / "b", "y", 0, [swapped[t] for t in TARGETS], [swapped[t] for t in TARGETS]),
    ]
    first, second = (image_facts(add_up(c), n, Folds(count=2)) for c, n in ((one, LABELS), (other, names)))

    assert first is not None
    assert second is not None
    assert {(r.variant, r.label, r.mean, r.lo) for r in first.classes} == {
        (r.variant, r.label, r.mean, r.lo) for r in second.classes
    }


def test_damaged_answers_are_left_out_and_nothing_ends(cells: list[Cell]) -> None:
    """A report without a run's classes is better than none."""
    run = cells[0].result
    assert isinstance(run, Finished)
    (run.folder / "outcomes.npz").write_bytes(b"no archive")
    facts = image_facts(add_up(cells), LABELS, Folds(count=2))

    assert facts is not None
    assert {row.variant for row in facts.classes} == {"baseline", "BN"}


def test_without_answers_there_are_no_facts(tmp_path: Path) -> None:
    """Trainers of plain numbers."""
    run = a_finished(tmp_path, scores=None)

    assert (
        image_facts(add_up([Cell(variant="x", replicate=Replicate(index=0), result=run)]), (), Folds(count=2)) is None
    )
