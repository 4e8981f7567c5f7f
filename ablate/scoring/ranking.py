"""Metrics of the order of probabilities: areas below the ROC and the precision-recall curve. Ties count half, or whole.

Half precision makes ties of probabilities that were none: AUROC counts a tied pair as half a right one, average
precision takes all that is tied at one threshold.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from ablate.scoring.answers import Answers, Array, NotMeasurable
from ablate.scoring.counts import class_number, is_class
from ablate.scoring.metric import Measured, one_label, probabilities


def auroc(answers: Answers) -> Measured:
    """The mean over the classes that occur of the area below the ROC curve of each against the rest."""
    return _macro(answers, roc_area)


def auprc(answers: Answers) -> Measured:
    """The mean over the classes that occur of the average precision of each against the rest."""
    return _macro(answers, average_precision)


def auroc_of(name: str) -> Callable[[Answers], Measured]:
    """The area below the ROC curve of one class against the rest."""
    return lambda answers: _of_class(name, answers, roc_area)


def auprc_of(name: str) -> Callable[[Answers], Measured]:
    """The average precision of one class against the rest."""
    return lambda answers: _of_class(name, answers, average_precision)


def mean_average_precision(answers: Answers) -> Measured:
    """The mean over labels that occur of their average precision, where an image has several labels."""
    prob = probabilities(answers)
    target = answers.target if answers.several else answers.target[:, None] == np.arange(prob.shape[1])
    return _mean([average_precision(target[:, c] > 0, prob[:, c]) for c in np.flatnonzero(target.any(axis=0))])


Area = Callable[[np.ndarray, Array], Measured]


def _macro(answers: Answers, area: Area) -> Measured:
    one_label(answers)
    prob = probabilities(answers)
    counts = np.bincount(answers.target, minlength=prob.shape[1])
    present = np.flatnonzero((counts > 0) & (counts < len(answers.target)))
    if not present.size:
        raise NotMeasurable("all test images are of one class")
    return _mean([area(answers.target == c, prob[:, c]) for c in present])


def _mean(each: list[Measured]) -> Measured:
    if not each:
        raise NotMeasurable("no label occurs on the test images")
    value = float(np.mean([one.value for one in each]))
    return Measured(value, np.mean([one.influence for one in each], axis=0))


def _of_class(name: str, answers: Answers, area: Area) -> Measured:
    one_label(answers)
    prob, of_class = probabilities(answers), is_class(name, answers)
    if not of_class.any() or of_class.all():
        raise NotMeasurable(f"{'every' if of_class.any() else 'no'} test image is of class {name}")
    return area(of_class, prob[:, class_number(name, answers)])


def roc_area(positive: np.ndarray, score: Array) -> Measured:
    """How often a positive one has the higher score than a negative one, ties half; influence by placements.

    Source: DeLong, DeLong and Clarke-Pearson 1988.
    """
    n, m = len(score), int(positive.sum())
    above, below = np.sort(score[positive]), np.sort(score[~positive])
    placement = np.empty(n)
    placement[positive] = _share_below(below, score[positive])
    placement[~positive] = 1 - _share_below(above, score[~positive])
    value = float(placement[positive].mean())
    weight = np.where(positive, n / m, n / (n - m))
    return Measured(value, weight * (placement - value))


def _share_below(ordered: Array, score: Array) -> Array:
    """The share of the ordered values below each score, equal ones half."""
    both = np.searchsorted(ordered, score, "left") + np.searchsorted(ordered, score, "right")
    share: Array = both / (2 * len(ordered))
    return share


def average_precision(positive: np.ndarray, score: Array) -> Measured:
    """The mean over the positive ones of the precision at their own score, as scikit-learn's average precision.

    Influence: of an image's own precision, and of the precision of those with a score as high or lower.
    """
    n, m = len(score), int(positive.sum())
    ordered, hits = np.sort(score), np.sort(score[positive])
    reached = n - np.searchsorted(ordered, score, "left")
    precision = (m - np.searchsorted(hits, score, "left")) / reached
    value = float(precision[positive].mean())
    # Sums over the positive ones with at most this score: of 1 / reached, and of precision / reached.
    order = np.argsort(score[positive], kind="stable")
    upto = np.searchsorted(hits, score, "right")
    ones = np.concatenate([[0.0], np.cumsum((1 / reached[positive])[order])])[upto]
    shares = np.concatenate([[0.0], np.cumsum((precision[positive] / reached[positive])[order])])[upto]
    return Measured(value, (positive * (precision - value + ones) - shares) * n / m)
