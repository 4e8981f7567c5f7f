"""One answer a group of images: what is scored is the patient, not the scan."""

from __future__ import annotations

from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ablate.scoring.answers import UNKNOWN, Answers, Array, Index, NotMeasurable
from ablate.scoring.metric import Measured, Metric

By = Literal["mean", "max", "vote"]

Names = NDArray[np.str_]


class Unit(NamedTuple):
    """What is scored: the group of images, called `name`; `by` says how its images' answers become one."""

    name: str
    by: By


def _share_right(answers: Answers) -> Measured:
    if (answers.predicted == UNKNOWN).any() and answers.several:
        raise NotMeasurable("no probabilities are stored, so that nobody knows which labels were named")
    wrong = (answers.predicted != answers.target).reshape(len(answers.target), -1).any(axis=1)
    right = (~wrong).astype(np.float64)
    return Measured(float(right.mean()), right - right.mean())


SHARE_RIGHT = Metric(name="accuracy", goal="max", measure=_share_right)
"""Accuracy of whatever is answered: that of single images is what their runs store."""


def join_answers(ids: Names, answers: Answers, unit: Unit) -> tuple[Names, Answers]:
    """One answer a group, in the order of the groups' names; an image on its own is a group of one.

    mean: of the probabilities. max: of the positive class's probability where there are two classes, else of each
    class's, divided by their sum; of each label's where an image has several. vote: the share of the images that name
    a class; a tie goes to the class with the larger mean probability among those tied, and is wrong where none are
    stored.
    Every group then weighs the same, and has no group of its own any more.
    Raises NotMeasurable where nobody says which images belong together, where the images of a group are of different
    classes, and for mean and max where no probabilities are stored.
    """
    if answers.group is None or not (answers.group != "").any():
        raise NotMeasurable(
            f"nobody says which images are of one {unit.name}: add `data.groups: '({unit.name}\\d+)'`, or the source's "
            "column `group`"
        )
    names = np.where(answers.group == "", ids, np.char.add("/", answers.group))
    units, first, place = np.unique(names, return_index=True, return_inverse=True)
    _refuse_contradictions(answers, place, first, unit)
    sizes = np.bincount(place).astype(np.float64)
    prob = None if answers.prob is None else _joined(answers.prob, place, sizes, answers, unit.by)
    if prob is None and unit.by != "vote":
        raise NotMeasurable(f"unit: by: {unit.by} needs probabilities, and none are stored (column `prob`)")
    joined = Answers(
        target=answers.target[first],
        predicted=_voted(answers, place, sizes) if unit.by == "vote" else _named(prob, several=answers.several),
        prob=prob,
        classes=answers.classes,
        val=_joined_validation(answers.val, unit),
    )
    return units, joined


def _refuse_contradictions(answers: Answers, place: Index, first: Index, unit: Unit) -> None:
    target = answers.target
    other = (target != target[first][place]).reshape(len(target), -1).any(axis=1)
    if not other.any():
        return
    i = int(np.flatnonzero(other)[0])
    group = str(answers.group[i]) if answers.group is not None else ""
    both = "of different labels"
    if not answers.several:
        both = f"both of {answers.name_of(int(target[first][place][i]))} and of {answers.name_of(int(target[i]))}"
    raise NotMeasurable(f"the images of {unit.name} {group!r} are {both}: one answer of it has no truth")


def _joined(prob: Array, place: Index, sizes: Array, answers: Answers, by: By) -> Array:
    """The probabilities of each group: shape (groups, classes)."""
    if by == "vote":
        return _shares(_votes(answers), place, sizes)
    if by == "mean":
        return _shares(prob, place, sizes)
    largest = np.full((sizes.size, prob.shape[1]), -np.inf)
    np.maximum.at(largest, place, prob)
    if answers.several:
        return largest
    if prob.shape[1] == 2:
        return np.stack([1 - largest[:, 1], largest[:, 1]], axis=1)
    return np.asarray(largest / largest.sum(axis=1, keepdims=True), np.float64)


def _votes(answers: Answers) -> Array:
    """Which class each image names, or which labels: shape (n, classes)."""
    if answers.several:
        return np.asarray(answers.predicted == 1, np.float64)
    return np.asarray(answers.predicted[:, None] == np.arange(answers.n_classes), np.float64)


def _shares(values: Array, place: Index, sizes: Array) -> Array:
    sums = np.zeros((sizes.size, values.shape[1]))
    np.add.at(sums, place, values)
    return np.asarray(sums / sizes[:, None], np.float64)


def _voted(answers: Answers, place: Index, sizes: Array) -> Index:
    shares = _shares(_votes(answers), place, sizes)
    mean = None if answers.prob is None else _shares(answers.prob, place, sizes)
    if answers.several:
        tied = np.full_like(shares, np.nan) if mean is None else mean
        said = np.where(shares == 0.5, tied > 0.5, shares > 0.5).astype(np.int64)
        return np.asarray(np.where((shares == 0.5) & np.isnan(tied), UNKNOWN, said), np.int64)
    most = shares == shares.max(axis=1, keepdims=True)
    unsure = most.sum(axis=1) > 1
    # An answer that names no known class votes for none: where there are more of those, nobody knows who won.
    lost = shares.max(axis=1) <= 1 - shares.sum(axis=1)
    if mean is not None:
        return np.asarray(np.where(most, mean, -1.0).argmax(axis=1), np.int64)
    return np.asarray(np.where(unsure | lost, UNKNOWN, most.argmax(axis=1)), np.int64)


def _named(prob: Array | None, *, several: bool) -> Index:
    assert prob is not None
    return np.asarray(prob > 0.5 if several else prob.argmax(axis=1), np.int64)


def _joined_validation(val: Answers | None, unit: Unit) -> Answers | None:
    """The validation images likewise; None without their groups: a threshold for images is none for groups."""
    if val is None or val.group is None:
        return None
    try:
        return join_answers(np.array([f"{i}" for i in range(len(val.target))]), val, unit)[1]
    except NotMeasurable:
        return None
