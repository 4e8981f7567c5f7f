"""Metrics of the probabilities themselves: log loss, Brier score, calibration; and a threshold set on validation."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from ablate.scoring.answers import Answers, NotMeasurable
from ablate.scoring.counts import class_number, is_class, share_within
from ablate.scoring.metric import Measured, one_label, probabilities

SMALLEST = 2.0**-25
"""Half of the smallest probability that half precision holds: what it rounds to 0 counts as so much."""

BINS = 15
"""Of equal width, of the calibration error."""


def log_loss(answers: Answers) -> Measured:
    """The mean of minus the log of the probability of the true class."""
    one_label(answers)
    prob = probabilities(answers)
    of_true = prob[np.arange(len(prob)), answers.target]
    return _mean(-np.log(np.maximum(of_true, SMALLEST)))


def brier(answers: Answers) -> Measured:
    """The mean squared distance of the probabilities from the truth, over all classes; of two classes, of one of them.

    Source: Brier 1950; half of it for two classes, as is usual.
    """
    one_label(answers)
    prob = probabilities(answers)
    truth = answers.target[:, None] == np.arange(prob.shape[1])
    distance = np.square(prob - truth).sum(axis=1)
    return _mean(distance / 2 if prob.shape[1] == 2 else distance)


def _mean(each: np.ndarray) -> Measured:
    value = float(each.mean())
    return Measured(value, each - value)


def calibration_error(answers: Answers) -> Measured:
    """The mean distance of confidence and share right, in bins of confidence: described, since it is biased upwards.

    Its influence takes the bins' signs as given. Source: Naeini, Cooper and Hauskrecht 2015.
    """
    one_label(answers)
    confidence = probabilities(answers).max(axis=1)
    right = answers.predicted == answers.target
    place = np.minimum((confidence * BINS).astype(np.int64), BINS - 1)
    gap = np.bincount(place, weights=right - confidence, minlength=BINS)
    return _mean(np.sign(gap)[place] * (right - confidence))


def sensitivity_at(name: str, specificity: float) -> Callable[[Answers], Measured]:
    """The share of the images of a class whose probability reaches a threshold that is set on the validation images.

    The threshold is the lowest at which at least `specificity` of the other classes' validation images stay below it.
    Its own luck is counted as that of the run.
    """

    def measure(answers: Answers) -> Measured:
        one_label(answers)
        of_class, prob = is_class(name, answers), probabilities(answers)
        number = class_number(name, answers)
        if answers.val is None or answers.val.prob is None:
            raise NotMeasurable(
                "the answers to the validation images are not stored, and no threshold may be set on the test images"
            )
        others = answers.val.prob[answers.val.target != number, number]
        if not others.size:
            raise NotMeasurable(f"no validation image is of another class than {name}")
        reached = prob[:, number] >= threshold_for(others, specificity)
        return share_within(of_class, reached, f"no test image is of class {name}")

    return measure


def threshold_for(others: np.ndarray, specificity: float) -> float:
    """The lowest threshold below which at least this share of the others' probabilities lie."""
    ordered = np.sort(others)
    needed = int(np.ceil(specificity * len(ordered) - 1e-9))
    return 0.0 if needed == 0 else float(np.nextafter(ordered[needed - 1], np.inf))
