"""Metrics of the classes that answers name: balanced accuracy, F1, sensitivity, specificity, weighted kappa."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from ablate.scoring.answers import Answers, Array, Index, NotMeasurable
from ablate.scoring.metric import Measured, named_classes, one_label


def balanced_accuracy(answers: Answers) -> Measured:
    """The mean over the classes that occur of the share of their images that is named rightly.

    Source: Brodersen et al. 2010; a mean of ratios, so that an image weighs as the mean of its class moves.
    """
    one_label(answers)
    target, right = answers.target, answers.predicted == answers.target
    counts = np.bincount(target)
    present = counts > 0
    recall = np.bincount(target, weights=right) / np.maximum(counts, 1)
    each = len(target) / (present.sum() * np.maximum(counts, 1))
    return Measured(float(recall[present].mean()), each[target] * (right - recall[target]))


def equal_shares(answers: Answers) -> Array:
    """Each class that occurs weighs the same; those that do not, nothing."""
    present = np.bincount(answers.target, minlength=answers.n_classes) > 0
    share: Array = present / present.sum()
    return share


def macro_f1(answers: Answers) -> Measured:
    """The mean over the classes that occur or are named of 2 TP / (images of the class + answers that name it)."""
    each, influence, seen = _f1(answers)
    if not seen.any():
        raise NotMeasurable("no label occurs on the test images, and none is named")
    return Measured(float(each[seen].mean()), influence[:, seen].mean(axis=1))


def weighted_f1(answers: Answers) -> Measured:
    """The mean of the classes' F1, each weighing as many images as it has."""
    one_label(answers)
    each, influence, _ = _f1(answers)
    counts = np.bincount(answers.target, minlength=len(each))
    share = counts / len(answers.target)
    value = float(share @ each)
    return Measured(value, influence @ share + each[answers.target] - value)


def f1_of(name: str) -> Callable[[Answers], Measured]:
    """F1 of one class."""

    def measure(answers: Answers) -> Measured:
        one_label(answers)
        number = class_number(name, answers)
        each, influence, seen = _f1(answers)
        if not seen[number]:
            raise NotMeasurable(f"no test image is of class {name}, and none is named so")
        return Measured(float(each[number]), influence[:, number])

    return measure


def _f1(answers: Answers) -> tuple[Array, Array, np.ndarray]:
    """F1 of each class, the influence of each image on it (n, C), and which classes occur or are named."""
    target, named = answers.target, named_classes(answers)
    if answers.several:
        is_target, is_named = target > 0, named > 0
    else:
        numbers = np.arange(max(answers.n_classes, int(named.max(initial=0)) + 1))
        is_target, is_named = target[:, None] == numbers, named[:, None] == numbers
    total = is_target.sum(axis=0) + is_named.sum(axis=0)
    hit = is_target & is_named
    each = 2 * hit.sum(axis=0) / np.maximum(total, 1)
    influence = (2 * hit - each * (is_target.astype(np.float64) + is_named)) * len(target) / np.maximum(total, 1)
    return each, influence, total > 0


def sensitivity_of(name: str) -> Callable[[Answers], Measured]:
    """The share of the images of a class that are named so."""

    def measure(answers: Answers) -> Measured:
        one_label(answers)
        of_class = is_class(name, answers)
        return share_within(of_class, answers.predicted == answers.target, f"no test image is of class {name}")

    return measure


def specificity_of(name: str) -> Callable[[Answers], Measured]:
    """The share of the images of all other classes that are not named so."""

    def measure(answers: Answers) -> Measured:
        one_label(answers)
        number = class_number(name, answers)
        other, right = answers.target != number, answers.predicted == answers.target
        if not right[other].all():
            right = right | (named_classes(answers) != number)
        return share_within(other, right, f"every test image is of class {name}")

    return measure


def share_within(chosen: np.ndarray, right: np.ndarray, otherwise: str) -> Measured:
    """The share of the chosen images that are right. otherwise: the reason why there is none without any."""
    m = int(chosen.sum())
    if m == 0:
        raise NotMeasurable(otherwise)
    value = float(right[chosen].mean())
    return Measured(value, np.where(chosen, len(chosen) / m * (right - value), 0.0))


def class_number(name: str, answers: Answers) -> int:
    """The number of a class, by its name; by the number itself where no names are known.

    Raises NotMeasurable where there is none of that name.
    """
    if name in answers.classes:
        return answers.classes.index(name)
    if not answers.classes and name.isdecimal() and int(name) < answers.n_classes:
        return int(name)
    known = ", ".join(answers.classes) or f"numbers up to {answers.n_classes - 1}, since no names are stored"
    raise NotMeasurable(f"there is no class {name}, only {known}")


def is_class(name: str, answers: Answers) -> NDArray[np.bool_]:
    """Which images are of a class."""
    found: NDArray[np.bool_] = answers.target == class_number(name, answers)
    return found


def quadratic_kappa(answers: Answers) -> Measured:
    """Agreement of the classes' numbers beyond chance, a confusion weighing the square of its distance.

    For classes that are grades. Source: Cohen 1968.
    """
    one_label(answers)
    target, named = answers.target.astype(np.float64), named_classes(answers).astype(np.float64)
    observed = np.square(target - named)
    expected = np.square(target).mean() + np.square(named).mean() - 2 * target.mean() * named.mean()
    if expected <= 0:
        raise NotMeasurable("all images are of one class, and all answers name it")
    by_image = (
        np.square(target)
        + np.square(named)
        - 2 * named.mean() * (target - target.mean())
        - 2 * target.mean() * (named - named.mean())
    )
    change = by_image - by_image.mean()
    share = float(observed.mean() / expected)
    return Measured(1 - share, (share * change - (observed - observed.mean())) / expected)


def one_against_rest(name: str) -> Callable[[Answers], Index]:
    """Strata of a metric of one class: its images, and all others."""

    def strata(answers: Answers) -> Index:
        return is_class(name, answers).astype(np.int64)

    return strata
