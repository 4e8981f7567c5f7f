"""Metrics at another prevalence: known answers, and what must not change."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import f1_score

from ablate.scoring.answers import Answers, NotMeasurable
from ablate.scoring.prevalence import at_shares, class_shares, depends_on_prevalence, value_of


def answers(target: list[int], named: list[int], classes: tuple[str, ...] = ("healthy", "ill")) -> Answers:
    """Answers that are 80 % sure of the class they name."""
    count = len(classes)
    prob = np.full((len(target), count), 0.2 / (count - 1))
    prob[np.arange(len(target)), named] = 0.8
    return Answers(np.array(target), np.array(named), prob, None, classes)


def test_accuracy_at_another_prevalence_is_the_weighted_mean_of_the_recalls() -> None:
    """Recall 0.5 of 10 ill, 0.9 of 90 healthy: 86 % here, and 70 % where half are ill."""
    found = answers([0] * 90 + [1] * 10, [0] * 81 + [1] * 9 + [1] * 5 + [0] * 5)

    assert value_of(found, "accuracy") == pytest.approx(0.86)
    assert value_of(at_shares(found, {"healthy": 0.5, "ill": 0.5}), "accuracy") == pytest.approx(0.70, abs=1e-3)


def test_f1_agrees_with_weights_of_an_independent_source() -> None:
    """scikit-learn's weighted F1 of the class, image by image."""
    target, named = [0] * 60 + [1] * 40, [0] * 45 + [1] * 15 + [1] * 30 + [0] * 10
    weight = np.where(np.array(target) == 1, 0.1 / 40, 0.9 / 60)
    expected = f1_score(target, named, sample_weight=weight)

    moved = at_shares(answers(target, named), {"healthy": 0.9, "ill": 0.1})
    assert value_of(moved, "f1:ill") == pytest.approx(expected, abs=2e-3)


def test_a_class_that_does_not_occur_leaves_its_share_to_the_others() -> None:
    """Of 20, 20 and 60 % the last is lacking: half and half. With none in common there is no number."""
    found = answers([0, 0, 0, 1], [0, 0, 0, 0], ("a", "b", "c"))
    moved = at_shares(found, {"a": 0.2, "b": 0.2, "c": 0.6})

    assert class_shares(moved) == pytest.approx({"a": 0.5, "b": 0.5})
    with pytest.raises(NotMeasurable):
        at_shares(found, {"c": 1.0})


@given(st.lists(st.tuples(st.integers(0, 2), st.integers(0, 2)), min_size=3, max_size=60), st.floats(0.1, 0.8))
@settings(max_examples=30)
def test_what_looks_within_classes_stays_as_it_is(pairs: list[tuple[int, int]], share: float) -> None:
    """Balanced accuracy is the same at every prevalence; so is everything at the prevalence that there is."""
    target = [0, 1, 2, *(one for one, _ in pairs)]
    found = answers(target, [0, 0, 0, *(named for _, named in pairs)], ("a", "b", "c"))
    moved = at_shares(found, {"a": share, "b": (1 - share) / 2, "c": (1 - share) / 2})

    before, after = value_of(found, "balanced_accuracy"), value_of(moved, "balanced_accuracy")
    assert after == pytest.approx(before, abs=0.02)
    same = at_shares(found, class_shares(found))
    assert value_of(same, "accuracy") == pytest.approx(value_of(found, "accuracy"), abs=2e-3)


def test_specificity_of_three_classes_is_another_where_the_others_are_mixed_otherwise() -> None:
    """Of healthy none, of other half are called ill: 75 % where both are as frequent, 55 % where it is 1 to 9."""
    found = answers(
        [0] * 10 + [1] * 10 + [2] * 10, [0] * 10 + [1] * 5 + [2] * 5 + [2] * 10, ("healthy", "other", "ill")
    )

    assert value_of(found, "specificity:ill") == pytest.approx(0.75)
    moved = at_shares(found, {"healthy": 0.08, "other": 0.72, "ill": 0.2})
    assert value_of(moved, "specificity:ill") == pytest.approx(0.55, abs=1e-3)
    assert depends_on_prevalence("specificity:ill", 3)


@pytest.mark.parametrize(
    ("metric", "classes", "depends"),
    [
        ("accuracy", 2, True), ("log_loss", 2, True), ("auprc:ill", 2, True), ("f1:ill", 2, True),
        ("balanced_accuracy", 5, False), ("sensitivity:ill", 2, False), ("sensitivity:ill@specificity=0.9", 2, False),
        ("sensitivity:ill", 3, False), ("specificity:ill", 2, False), ("specificity:ill", 3, True),
        ("auroc:ill", 2, False), ("auroc", 2, False), ("auroc:ill", 3, True),
    ],
)  # fmt: skip
def test_which_metrics_depend_on_it(metric: str, classes: int, *, depends: bool) -> None:
    """Those that look within classes do not; of more than two, who the others are counts."""
    assert depends_on_prevalence(metric, classes) is depends
