"""What a metric is to the statistics: a value, and how much each image adds to it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np

from ablate.scoring.answers import UNKNOWN, Answers, Array, Index, NotMeasurable

Goal = Literal["max", "min"]


class Measured(NamedTuple):
    """A metric of some answers. influence: (n,), how the value changes with the weight of each image; its mean is 0.

    Value plus influence is a score of each image whose mean is the metric and whose spread is that of the metric, to
    first order (Hampel 1974): what the engine groups, pairs and pools as it does right and wrong answers.
    """

    value: float
    influence: Array


@dataclass(frozen=True, slots=True, kw_only=True)
class Metric:
    """A metric that is computed from stored answers.

    measure raises NotMeasurable, with the reason, for answers that do not have it. pooled: on folds it is computed of
    all answers of a repetition at once, else of each fold, and averaged. strata: (n,) the sample each image is of, such
    as its class: what the influence is centred in, and what degrees of freedom are counted by; None for one sample.
    shares: of a metric of right and wrong answers, how much each stratum weighs; it bounds how small an error can be.
    needs: the classes it rests on, with their numbers of images. reported: why it is shown and never judged.
    bounds: the least and the largest value it can have. by_prob: whether it reads the probabilities, beside the classes
    they name; they are kept no longer than that.
    """

    name: str
    goal: Goal
    measure: Callable[[Answers], Measured]
    pooled: bool = False
    strata: Callable[[Answers], Index] | None = None
    shares: Callable[[Answers], Array] | None = None
    needs: Callable[[Answers], Mapping[str, int]] | None = None
    reported: str = ""
    bounds: tuple[float, float] = (0.0, 1.0)
    by_prob: bool = True


def one_label(answers: Answers) -> None:
    """Raise NotMeasurable where an image has several labels."""
    if answers.several:
        raise NotMeasurable("it has no meaning where an image has several labels")


def named_classes(answers: Answers) -> Index:
    """The class that each answer names. Raises NotMeasurable where it is not known of a wrong one."""
    if (answers.predicted == UNKNOWN).any():
        raise NotMeasurable("no probabilities are stored, so that nobody knows which class a wrong answer named")
    return answers.predicted


def probabilities(answers: Answers) -> Array:
    """Raises NotMeasurable where none are stored."""
    if answers.prob is None:
        raise NotMeasurable("no probabilities are stored (column `prob`)")
    return answers.prob


def by_target(answers: Answers) -> Index:
    """The class of each image; one sample where an image has several."""
    return np.zeros(len(answers.target), np.int64) if answers.several else answers.target


def class_counts(answers: Answers) -> dict[str, int]:
    """Every class with its number of images; those that do not occur with 0."""
    if answers.several:
        counts = (answers.target > 0).sum(axis=0)
    else:
        counts = np.bincount(answers.target, minlength=answers.n_classes)
    return {answers.name_of(number): int(count) for number, count in enumerate(counts)}
