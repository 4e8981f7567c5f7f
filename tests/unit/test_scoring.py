"""Metrics by stored answers: scikit-learn's values, influence by counting an image more often, reasons for none."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from sklearn import metrics as sk

from ablate.metrics import measured_goal, measured_names, of_class
from ablate.scoring.answers import UNKNOWN, Answers, NotMeasurable, answers_of, taken
from ablate.scoring.classes import joined
from ablate.scoring.metric import Metric
from ablate.scoring.probabilities import threshold_for
from ablate.scoring.registry import find_metric

NAMES = ("cat", "dog", "emu")
EVERY = (
    "balanced_accuracy", "macro_f1", "weighted_f1", "auroc", "auprc", "quadratic_kappa", "log_loss", "brier",
    "sensitivity:emu", "specificity:emu", "auroc:emu", "auprc:emu", "f1:emu", "sensitivity:emu@specificity=0.8",
)  # fmt: skip


def some_answers(seed: int = 0, n: int = 60, classes: int = 3, *, half: bool = True) -> Answers:
    """Random answers, unequal classes, probabilities in half precision."""
    rng = np.random.default_rng(seed)
    target = rng.choice(classes, n, p=np.arange(classes, 0, -1) / np.arange(1, classes + 1).sum())
    logits = rng.normal(0, 1, (n, classes)) + 1.2 * (target[:, None] == np.arange(classes))
    prob = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    stored = prob.round(1).astype(np.float16) if half else prob
    stored = np.maximum(stored, 0.01).astype(stored.dtype)
    columns = {"target": target, "prob": stored / stored.sum(axis=1, keepdims=True)}
    val = {"val_target": target[: n // 2], "val_prob": columns["prob"][: n // 2]}
    return answers_of(columns | val, NAMES[:classes])


def metric(name: str) -> Metric:
    """One of the harness."""
    found = find_metric(name)
    assert found is not None
    return found


def value(name: str, answers: Answers) -> float:
    """A metric of some answers."""
    return metric(name).measure(answers).value


@pytest.mark.parametrize("seed", [0, 1, 2])
@pytest.mark.parametrize("classes", [2, 3])
def test_the_values_are_scikit_learns(seed: int, classes: int) -> None:
    """With ties, with unequal classes, with two classes and with three."""
    answers = some_answers(seed, classes=classes)
    y, named, prob = answers.target, answers.predicted, answers.prob
    assert prob is not None
    one_hot = (y[:, None] == np.arange(classes)).astype(int)
    last = NAMES[classes - 1]
    is_last = y == classes - 1
    expected = {
        "balanced_accuracy": sk.balanced_accuracy_score(y, named),
        "macro_f1": sk.f1_score(y, named, average="macro"),
        "weighted_f1": sk.f1_score(y, named, average="weighted"),
        "auroc": np.mean([sk.roc_auc_score(one_hot[:, c], prob[:, c]) for c in range(classes)]),
        "auprc": np.mean([sk.average_precision_score(one_hot[:, c], prob[:, c]) for c in range(classes)]),
        "quadratic_kappa": sk.cohen_kappa_score(y, named, weights="quadratic"),
        "log_loss": sk.log_loss(y, prob),
        "brier": np.square(prob - one_hot).sum(axis=1).mean() / (2 if classes == 2 else 1),
        f"sensitivity:{last}": sk.recall_score(is_last, named == classes - 1),
        f"specificity:{last}": sk.recall_score(~is_last, named != classes - 1),
        f"auroc:{last}": sk.roc_auc_score(is_last, prob[:, -1]),
        f"auprc:{last}": sk.average_precision_score(is_last, prob[:, -1]),
        f"f1:{last}": sk.f1_score(is_last, named == classes - 1),
    }

    assert {name: value(name, answers) for name in expected} == pytest.approx(expected)


def test_the_brier_score_of_two_classes_is_scikit_learns() -> None:
    """Of one of the two, so that it lies between 0 and 1."""
    answers = some_answers(classes=2)
    assert answers.prob is not None

    assert value("brier", answers) == pytest.approx(sk.brier_score_loss(answers.target, answers.prob[:, 1]))


@pytest.mark.parametrize("name", [*EVERY, "ece"])
@pytest.mark.parametrize("seed", [3, 4])
def test_influence_is_what_an_image_more_changes(name: str, seed: int) -> None:
    """Of all images counted five hundred times and one of them once more; the mean influence is 0."""
    answers, copies = some_answers(seed, n=30), 500
    found = metric(name).measure(answers)
    many = np.repeat(np.arange(30), copies)
    for i in range(0, 30, 3):
        more = metric(name).measure(taken(answers, np.append(many, i))).value
        assert (more - found.value) * (len(many) + 1) == pytest.approx(found.influence[i], abs=0.02)
    assert found.influence.sum() == pytest.approx(0, abs=1e-9)


@pytest.mark.parametrize("name", ["macro_f1", "mean_average_precision"])
def test_several_labels_an_image(name: str) -> None:
    """F1 and average precision have a meaning there, label by label."""
    rng = np.random.default_rng(5)
    target = rng.random((40, 3)) < 0.4
    prob = np.clip(0.3 * target + rng.random((40, 3)) * 0.7, 0, 1)
    answers = answers_of({"target": target, "prob": prob})
    expected = {
        "macro_f1": sk.f1_score(target, prob > 0.5, average="macro"),
        "mean_average_precision": sk.average_precision_score(target, prob),
    }

    assert value(name, answers) == pytest.approx(expected[name])
    assert metric(name).measure(answers).influence.sum() == pytest.approx(0, abs=1e-9)


@pytest.mark.parametrize("name", [n for n in EVERY if n != "macro_f1"])
def test_what_means_nothing_with_several_labels_is_not_measured(name: str) -> None:
    """The reason is one that a reader understands."""
    answers = answers_of({"target": np.eye(3, dtype=bool), "prob": np.full((3, 3), 0.4)}, NAMES)

    with pytest.raises(NotMeasurable, match="several labels"):
        metric(name).measure(answers)


@pytest.mark.parametrize("name", ["auroc", "auprc", "log_loss", "brier", "ece", "auroc:emu", "macro_f1", "f1:emu"])
def test_without_probabilities_the_reason_is_told(name: str) -> None:
    """Right and wrong alone do not say which class was named."""
    answers = answers_of({"target": np.array([0, 1, 2]), "score": np.array([1, 0, 1])}, NAMES)

    with pytest.raises(NotMeasurable, match="no probabilities are stored"):
        metric(name).measure(answers)


@pytest.mark.parametrize(
    ("name", "expected"), [("balanced_accuracy", 2 / 3), ("sensitivity:dog", 0.0), ("specificity:dog", None)]
)
def test_right_and_wrong_are_enough_for_recalls(name: str, expected: float | None) -> None:
    """A specificity needs to know which class a wrong answer named."""
    answers = answers_of({"target": np.array([0, 1, 2, 2]), "score": np.array([1, 0, 1, 1])}, NAMES)
    if expected is not None:
        assert value(name, answers) == pytest.approx(expected)
    else:
        assert value(name, answers) == 1.0  # all images of the others are right


def test_of_two_classes_a_wrong_answer_named_the_other() -> None:
    """So that F1 needs no probabilities there."""
    answers = answers_of({"target": np.array([0, 1, 1]), "score": np.array([1, 0, 1])}, NAMES[:2])

    assert answers.predicted.tolist() == [0, 0, 1]


def test_a_tie_of_half_precision_is_broken_by_what_was_right() -> None:
    """Probabilities that rounding made equal do not turn a wrong answer into a right one, nor the reverse."""
    prob = np.array([[0.5, 0.5, 0], [0.5, 0.5, 0], [0.25, 0.5, 0.25]], np.float16)
    answers = answers_of({"target": np.array([0, 0, 0]), "prob": prob, "score": np.array([0, 1, 0])}, NAMES)

    assert answers.predicted.tolist() == [1, 0, 1]


def test_a_probability_that_rounds_to_nothing_has_a_finite_loss() -> None:
    """Half precision holds nothing below 6e-8."""
    answers = answers_of({"target": np.array([0, 1]), "prob": np.array([[0, 1], [0, 1]], np.float16)})

    assert value("log_loss", answers) == pytest.approx(25 * np.log(2) / 2)


def test_the_threshold_is_set_on_validation() -> None:
    """Four of five of the others stay below it; equal probabilities are all below or none."""
    assert threshold_for(np.array([0.1, 0.2, 0.3, 0.4, 0.9]), 0.8) == np.nextafter(0.4, 1)
    assert threshold_for(np.array([0.1, 0.4, 0.4, 0.4, 0.9]), 0.6) == np.nextafter(0.4, 1)
    assert threshold_for(np.array([0.1]), 0.0) == 0.0

    answers = some_answers()
    with pytest.raises(NotMeasurable, match="validation images are not stored"):
        metric("sensitivity:emu@specificity=0.8").measure(answers._replace(val=None))
    only = taken(answers, np.flatnonzero(answers.target == 2))
    with pytest.raises(NotMeasurable, match="no validation image is of another class"):
        metric("sensitivity:emu@specificity=0.8").measure(answers._replace(val=only))


@pytest.mark.parametrize(
    ("name", "classes", "words"),
    [
        ("sensitivity:cat", [1, 2], "no test image is of class cat"),
        ("specificity:cat", [0], "every test image is of class cat"),
        ("auroc:cat", [1, 2], "no test image is of class cat"),
        ("auroc:cat", [0], "every test image is of class cat"),
        ("f1:emu", [0], "no test image is of class emu"),
        ("auroc", [0], "all test images are of one class"),
        ("quadratic_kappa", [0], "all images are of one class"),
        ("sensitivity:fox", [0, 1, 2], "there is no class fox, only cat, dog, emu"),
    ],
)
def test_a_class_that_is_missing_is_told(name: str, classes: list[int], words: str) -> None:
    """What cannot be measured on some images says why."""
    prob = np.full((6, 3), 0.1)
    prob[:, 0] = 0.8
    answers = answers_of({"target": np.resize(classes, 6), "prob": prob}, NAMES)

    with pytest.raises(NotMeasurable, match=words):
        metric(name).measure(answers)


def test_no_label_at_all_is_no_metric() -> None:
    """Neither F1 nor average precision is 0 where there is nothing to find."""
    answers = answers_of({"target": np.zeros((3, 2), bool), "prob": np.zeros((3, 2))})

    for name in ("macro_f1", "mean_average_precision"):
        with pytest.raises(NotMeasurable, match="no label occurs"):
            metric(name).measure(answers)


@pytest.mark.parametrize(
    ("columns", "words"),
    [
        ({"score": [1, 0]}, "no column `target`"),
        ({"target": [0, 1]}, "neither `prob` nor `predicted` nor `score`"),
        ({"target": [0, 1], "score": [1]}, "differ in length"),
        ({"target": [0.0, np.nan], "score": [1, 1]}, "no classes"),
        ({"target": [0, 5], "prob": [[0.5, 0.5], [0.5, 0.5]]}, "fewer classes"),
        ({"target": ["a", "b"], "predicted": ["a", "c"]}, "none of its classes"),
    ],
)
def test_columns_that_do_not_fit_are_told(columns: dict[str, Any], words: str) -> None:
    """A trainer of one's own may store anything."""
    with pytest.raises(NotMeasurable, match=words):
        answers_of({name: np.array(column) for name, column in columns.items()})


def test_targets_and_answers_may_be_names() -> None:
    """Their classes are those that occur, in the order of the alphabet."""
    answers = answers_of({"target": np.array(["b", "a", "b"]), "predicted": np.array(["b", "b", "a"])})

    assert (answers.classes, answers.target.tolist()) == (("a", "b"), [1, 0, 1])
    assert value("sensitivity:b", answers) == 0.5
    assert answers.name_of(7) == "class 7"


@pytest.mark.parametrize(
    "prob", [np.ones((2, 2)), np.array([[0.5, np.nan], [0.5, 0.5]]), np.array([0.5, 0.5]), -np.ones((2, 2))]
)
def test_what_is_no_probability_counts_as_none(prob: np.ndarray) -> None:
    """Logits under the name of probabilities would give another metric."""
    answers = answers_of({"target": np.array([0, 1]), "prob": prob, "score": np.array([1, 0])})

    assert answers.prob is None
    assert answers.predicted.tolist() == [0, UNKNOWN]


def test_stored_names_go_before_those_that_are_handed_in() -> None:
    """And names that do not fit the probabilities are none."""
    columns = {"target": np.array([0, 1]), "prob": np.eye(2), "group": np.array(["p", ""])}

    assert answers_of(columns | {"classes": np.array(["x", "y"])}, NAMES).classes == ("x", "y")
    assert answers_of(columns, NAMES).classes == ()
    assert answers_of(columns, NAMES).group is not None
    with pytest.raises(NotMeasurable, match="only numbers up to 1"):
        value("sensitivity:cat", answers_of(columns))
    assert value("sensitivity:1", answers_of(columns)) == 1.0


def test_validation_answers_that_cannot_be_read_are_none() -> None:
    """The test answers still are."""
    columns = {"target": np.array([0, 1]), "prob": np.eye(2), "val_target": np.array([9]), "val_prob": np.eye(2)[:1]}

    assert answers_of(columns).val is None


def test_folds_are_joined() -> None:
    """In their order; what one of them lacks the whole lacks."""
    answers = some_answers(n=10)
    halves = [taken(answers, np.arange(5)), taken(answers, np.arange(5, 10))]

    assert np.array_equal(joined(halves).target, answers.target)
    assert joined(halves).group is None
    assert joined([halves[0], halves[1]._replace(prob=None)]).prob is None
    grouped = [one._replace(group=np.array(["p"] * 5)) for one in halves]
    assert joined(grouped).group is not None
    assert taken(grouped[0], np.array([1])).group is not None


def test_every_name_that_is_offered_is_there() -> None:
    """And gets better the way its name says."""
    for name in measured_names():
        asked = name.replace("CLASS", "emu")
        assert metric(asked).goal == measured_goal(asked)
        assert metric(asked).name == asked
    assert find_metric("accuracy") is None
    assert measured_goal("accuracy") is None
    assert measured_goal("my_metrics:kappa") is None


def test_a_class_may_have_any_name() -> None:
    """Only the part that sets a threshold is read."""
    assert of_class("sensitivity:a:b@home") == ("sensitivity", "a:b@home", None)
    assert of_class("sensitivity:a b@specificity=0.95") == ("sensitivity", "a b", 0.95)
    assert of_class("specificity:a@specificity=0.95") == ("specificity", "a@specificity=0.95", None)
    assert of_class("sensitivity:") is None


def test_classes_a_metric_rests_on_are_counted() -> None:
    """All of them, one, or one and the rest."""
    answers = answers_of({"target": np.array([0, 0, 1]), "prob": np.eye(3)[[0, 0, 1]]}, NAMES)
    counted = {
        name: dict(needs(answers))
        for name in ("macro_f1", "sensitivity:dog", "specificity:dog", "auroc:dog")
        if (needs := metric(name).needs) is not None
    }

    assert counted == {
        "macro_f1": {"cat": 2, "dog": 1, "emu": 0},
        "sensitivity:dog": {"dog": 1},
        "specificity:dog": {"other than dog": 2},
        "auroc:dog": {"dog": 1, "other than dog": 2},
    }
    assert metric("log_loss").needs is None
    several = answers_of({"target": np.array([[1, 0], [1, 1]]), "prob": np.full((2, 2), 0.4)}, ("cat", "dog"))
    needs = metric("macro_f1").needs
    assert needs is not None
    assert dict(needs(several)) == {"cat": 2, "dog": 1}
    assert several.n_classes == 2
