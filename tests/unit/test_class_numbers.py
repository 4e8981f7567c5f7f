"""Classes keep their names through every run: one numbering for the answers of a study, however each run numbers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.metrics import f1_score

from ablate.command.answers import read_answers, write_outcomes
from ablate.records import Cell, Finished
from ablate.scoring.answers import Answers, NotMeasurable, answers_of
from ablate.scoring.classes import joined, one_numbering
from ablate.scoring.registry import find_metric
from ablate.splits.rules import Folds, Replicate
from ablate.stats.effects import Question, variant_levels
from ablate.stats.scores import read_scores
from ablate.store.outcome_columns import read_columns

FOLDS = [
    (["benign", "malignant"] * 3, ["benign", "benign", "malignant", "malignant", "benign", "malignant"]),
    (["benign", "malignant"] * 3, ["benign", "malignant", "inconclusive", "malignant", "benign", "benign"]),
]


def of_command(folder: Path, target: list[str], predicted: list[str], at: int = 0) -> Path:
    """The outcomes of a command whose answers these are."""
    text = "id,target,predicted\n" + "".join(
        f"{at}-{i},{t},{p}\n" for i, (t, p) in enumerate(zip(target, predicted, strict=True))
    )
    path = folder / "outcomes.npz"
    write_outcomes(read_answers(text.encode(), "answers.csv"), path)
    return path


def some(target: list[int], predicted: list[int], classes: tuple[str, ...] = (), **more: Any) -> Answers:
    """Answers by the numbers of classes."""
    return Answers(np.array(target), np.array(predicted), classes=classes, **more)


@pytest.mark.parametrize("name", ["sensitivity:malignant", "specificity:malignant", "f1:malignant"])
def test_a_name_that_one_fold_alone_knows_moves_no_class(tmp_path: Path, name: str) -> None:
    """Each command numbers the names it meets; folds are pooled by name."""
    cells = []
    for r, (target, predicted) in enumerate(FOLDS):
        run = tmp_path / f"A{r}"
        run.mkdir()
        of_command(run, target, predicted, r)
        result = Finished(folder=run, metrics={"accuracy": 0.5}, images="outcomes.npz")
        cells.append(Cell(variant="A", replicate=Replicate(index=r), result=result))
    target, predicted = (np.array([one for fold in FOLDS for one in fold[side]]) for side in (0, 1))
    sick, named = target == "malignant", predicted == "malignant"
    expected = {"sensitivity": named[sick].mean(), "specificity": (~named)[~sick].mean(), "f1": f1_score(sick, named)}

    question = Question(metric=name, goal="max", negligible=0.01, worthwhile=0.03, looks=(2,), test=Folds(count=2))
    level = variant_levels(cells, question)["A"]

    assert level is not None
    assert level.mean == pytest.approx(expected[name.split(":")[0]])


def test_joined_answers_are_of_the_same_names() -> None:
    """With the probabilities in the columns of the names, and 0 for a class the part does not know."""
    first = some([0, 1], [0, 1], ("a", "c"), prob=np.array([[0.9, 0.1], [0.2, 0.8]]))
    second = some([1, 2], [1, -1], ("a", "b", "c"), prob=np.eye(3)[:2])

    found = joined([first, second])

    assert found.classes == ("a", "b", "c")
    assert found.target.tolist() == [0, 2, 1, 2]
    assert found.predicted.tolist() == [0, 2, 1, -1]
    assert found.prob is not None
    assert found.prob[:2].tolist() == [[0.9, 0.0, 0.1], [0.2, 0.0, 0.8]]


def test_labels_are_joined_by_name_too() -> None:
    """Several of an image are columns."""
    first = Answers(np.array([[1, 0]]), np.array([[1, 1]]), classes=("b", "a"))
    second = Answers(np.array([[0, 1, 1]]), np.array([[-1, -1, -1]]), classes=("a", "b", "c"))

    found = joined([first, second])

    assert found.target.tolist() == [[0, 1, 0], [0, 1, 1]]
    assert found.predicted.tolist() == [[1, 1, 0], [-1, -1, -1]]


def test_the_order_of_the_longest_list_is_kept() -> None:
    """It may be that of grades."""
    parts = [some([0], [0], ("mild", "severe")), some([0], [0], ("none", "mild", "severe"))]

    assert one_numbering(parts).names == ("none", "mild", "severe")


def test_numbers_are_names_where_other_runs_have_numbers_among_their_names(tmp_path: Path) -> None:
    """A command that answers 3, 5 and once `unsure` means the same 5 in every fold."""
    plain = answers_of(read_columns(of_command(tmp_path, ["3", "5"], ["3", "5"])))
    mixed = answers_of(read_columns(of_command(tmp_path, ["3", "5"], ["3", "unsure"])))

    found = joined([plain, mixed])

    assert [found.name_of(number) for number in found.target] == ["3", "5", "3", "5"]
    assert [found.name_of(number) for number in found.predicted] == ["3", "5", "3", "unsure"]


def test_runs_without_names_are_numbered_as_the_one_list_that_others_have() -> None:
    """As it was; where there are several lists nobody knows which it is."""
    known, longer = some([0, 1], [0, 1], ("a", "b")), some([0, 1], [0, 1], ("b", "c"))

    assert joined([known, some([1], [0])]).target.tolist() == [0, 1, 1]
    with pytest.raises(NotMeasurable, match="no names"):
        joined([known, longer, some([1], [0])])
    with pytest.raises(NotMeasurable, match="no names"):
        joined([known, some([2], [0])])


def test_names_that_are_fewer_than_the_probabilities_have_no_columns() -> None:
    """Which column is whose nobody says, where a fold lacks a class and the names are not stored."""
    prob = np.array([[0.9, 0.1, 0.0], [0.0, 0.1, 0.9]])

    with pytest.raises(NotMeasurable, match=r"2 classes.*3 columns.*`classes`"):
        answers_of({"target": np.array(["a", "c"]), "prob": prob})
    assert answers_of({"target": np.array(["a", "c"]), "prob": prob}, ("a", "b", "c")).target.tolist() == [0, 2]


def test_a_run_whose_classes_cannot_be_told_is_named(tmp_path: Path) -> None:
    """The others count."""
    stored = [{"classes": np.array(["a", "b"])}, {"classes": np.array(["b", "c"])}, {}]
    cells = []
    for r, more in enumerate(stored):
        run = tmp_path / str(r)
        run.mkdir()
        columns = {"id": np.array(["x", "y"]), "target": np.array([0, 1]), "predicted": np.array([0, 1])}
        np.savez(run / "outcomes.npz", **columns, **more)  # type: ignore[arg-type]
        result = Finished(folder=run, metrics={"accuracy": 1.0}, images="outcomes.npz")
        cells.append(Cell(variant="A", replicate=Replicate(index=r), result=result))

    book = read_scores(cells, "balanced_accuracy")

    assert book is not None
    assert list(book.rows) == [("A", 0), ("A", 1)]
    assert "no names" in book.gone["A", 2]


def test_codes_of_eight_digits_are_names(tmp_path: Path) -> None:
    """Nothing is counted up to 44 million; they sort as numbers."""
    codes = ["22298006", "44054006", "9468002"]
    found = answers_of(read_columns(of_command(tmp_path, codes, codes)))
    stored = answers_of({"target": np.array([22298006, 5]), "predicted": np.array([22298006, 22298006])})

    assert found.classes == ("9468002", "22298006", "44054006")
    assert (stored.classes, stored.target.tolist(), stored.predicted.tolist()) == (("5", "22298006"), [1, 0], [1, 1])
    metric = find_metric("macro_f1")
    assert metric is not None
    assert metric.measure(found).value == 1.0
