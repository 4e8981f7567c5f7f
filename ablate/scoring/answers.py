"""A run's answers to the images of a part, as its outcomes hold them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ablate.errors import AblateError
from ablate.store.outcome_columns import CLASSES, GROUP, MOST_NUMBERED, VAL_PROB, VAL_TARGET

Array = NDArray[np.float64]
Index = NDArray[np.int64]

UNKNOWN = -1
"""In the place of a named class: the answer is wrong, and nobody says which class it named."""

SUM_SLACK = 0.05
"""How far probabilities in half precision may be from adding up to one; what is farther off are no probabilities."""


class NotMeasurable(AblateError):
    """A metric that these answers do not have; the message is the reason, for the reader of a report."""


class Answers(NamedTuple):
    """One answer an image.

    target: (n,) numbers of classes; (n, C) of 0 and 1 where an image has several labels. predicted: (n,), UNKNOWN for
    a wrong answer of which no more is known; (n, C) likewise of several labels. prob: (n, C), rows adding up to one
    unless an image has several labels; None where the trainer stored none. group: (n,) names, "" for an image on its
    own. classes: the names in the order of their numbers; empty where nobody says. val: the answers to the validation
    images, where they were stored. columns: how many classes the probabilities had, where they were let go.
    """

    target: Index
    predicted: Index
    prob: Array | None = None
    group: NDArray[np.str_] | None = None
    classes: tuple[str, ...] = ()
    val: Answers | None = None
    columns: int = 0

    @property
    def several(self) -> bool:
        """Whether an image has several labels."""
        return self.target.ndim == 2

    @property
    def n_classes(self) -> int:
        """By the probabilities or the names; without both, as many as occur."""
        if self.several:
            return int(self.target.shape[1])
        if self.prob is not None:
            return int(self.prob.shape[1])
        most = int(max(self.target.max(initial=0), self.predicted.max(initial=0))) + 1
        return len(self.classes) or max(self.columns, most)

    def name_of(self, number: int) -> str:
        """A class as people call it."""
        return self.classes[number] if number < len(self.classes) else f"class {number}"


def answers_of(columns: Mapping[str, NDArray[Any]], classes: Sequence[str] = ()) -> Answers:
    """The answers in a run's columns: `target`, and `prob`, `predicted` or `score`. classes: names, if these have none.

    The class with the largest probability was named. Half precision may make two equal: `score` says whether it was
    that of the image. Targets may be names.
    Raises NotMeasurable where the columns do not say what the images are, or do not fit together.
    """
    if "target" not in columns:
        raise NotMeasurable("the trainer stores no column `target`")
    names = tuple(map(str, columns[CLASSES].tolist())) if CLASSES in columns else tuple(classes)
    target, names = _numbered(columns["target"], names)
    n, prob = len(target), _probabilities(columns.get("prob"), several=target.ndim == 2)
    score = columns.get("score")
    if any(len(column) != n for column in (prob, score, columns.get("predicted")) if column is not None):
        raise NotMeasurable("the stored columns differ in length")
    if prob is not None and names and len(names) != prob.shape[1]:
        if columns["target"].dtype.kind in "US":
            raise NotMeasurable(
                f"the targets name {len(names)} classes and `prob` has {prob.shape[1]} columns: store their names in "
                "the column `classes`"
            )
        names = ()
    if prob is not None and (target.shape[1:] not in ((), prob.shape[1:]) or target.max(initial=0) >= prob.shape[1]):
        raise NotMeasurable("the stored `prob` has fewer classes than the targets name")
    group = columns.get(GROUP)
    predicted = _predicted(target, prob, score, columns.get("predicted"), names)
    if prob is None and not names and target.ndim == 1:
        target, predicted, names = _codes(target, predicted)
    return Answers(
        target=target,
        predicted=predicted,
        prob=prob,
        group=None if group is None or len(group) != n else group.astype(np.str_),
        classes=names,
        val=_validation(columns, names),
    )


def _numbered(target: NDArray[Any], names: tuple[str, ...]) -> tuple[Index, tuple[str, ...]]:
    if target.dtype.kind not in "US":
        if target.ndim not in (1, 2) or not np.isfinite(target).all() or (target < 0).any():
            raise NotMeasurable("the stored targets are no classes")
        return target.astype(np.int64), names
    names = names or tuple(np.unique(target).astype(np.str_).tolist())
    number = {name: i for i, name in enumerate(names)}
    if unknown := set(target.astype(np.str_).tolist()) - number.keys():
        raise NotMeasurable(f"the stored target {min(unknown)!r} is none of its classes")
    return np.array([number[name] for name in target.astype(np.str_).tolist()], np.int64), names


def _codes(target: Index, predicted: Index) -> tuple[Index, Index, tuple[str, ...]]:
    """Numbers too large to count up to as the names that they are; others as they are, without names."""
    if max(target.max(initial=0), predicted.max(initial=0)) < MOST_NUMBERED:
        return target, predicted, ()
    found = np.unique(np.concatenate([target, predicted]))
    found = found[found != UNKNOWN]
    named = np.where(predicted == UNKNOWN, UNKNOWN, np.searchsorted(found, predicted))
    return np.searchsorted(found, target), named, tuple(map(str, found.tolist()))


def _probabilities(prob: NDArray[Any] | None, *, several: bool) -> Array | None:
    """As float64; of one label so that rows add up to one, which half precision misses by a thousandth."""
    if prob is None:
        return None
    found = prob.astype(np.float64)
    if found.ndim != 2 or not np.isfinite(found).all() or (found < 0).any():
        return None
    if several:
        return found
    sums = found.sum(axis=1, keepdims=True)
    return found / sums if (np.abs(sums - 1) <= SUM_SLACK).all() else None


def _predicted(
    target: Index,
    prob: Array | None,
    score: NDArray[Any] | None,
    predicted: NDArray[Any] | None,
    names: tuple[str, ...],
) -> Index:
    if target.ndim == 2:
        return (prob > 0.5).astype(np.int64) if prob is not None else np.full_like(target, UNKNOWN)
    if predicted is not None:
        return _numbered(predicted, names)[0]
    right = None if score is None else score > 0.5
    if prob is not None:
        return _named_by(prob, target, right)
    if right is None:
        raise NotMeasurable("the trainer stores neither `prob` nor `predicted` nor `score`")
    wrong: Index = 1 - target if len(names) == 2 else np.full_like(target, UNKNOWN)
    named: Index = np.where(right, target, wrong)
    return named


def _named_by(prob: Array, target: Index, right: NDArray[np.bool_] | None) -> Index:
    found: Index = prob.argmax(axis=1).astype(np.int64)
    if right is None or prob.shape[1] < 2:
        return found
    others = prob.copy()
    others[np.arange(len(target)), target] = -1
    wrong = ~right & (found == target)
    found[wrong] = others[wrong].argmax(axis=1)
    named: Index = np.where(right, target, found)
    return named


def _validation(columns: Mapping[str, NDArray[Any]], names: tuple[str, ...]) -> Answers | None:
    if VAL_TARGET not in columns or VAL_PROB not in columns:
        return None
    try:
        return answers_of({"target": columns[VAL_TARGET], "prob": columns[VAL_PROB]}, names)
    except NotMeasurable:
        return None


def taken(answers: Answers, places: Index) -> Answers:
    """The answers at these places, in their order; the validation images stay as they are."""
    return answers._replace(
        target=answers.target[places],
        predicted=answers.predicted[places],
        prob=None if answers.prob is None else answers.prob[places],
        group=None if answers.group is None else answers.group[places],
    )


def without_prob(answers: Answers) -> Answers:
    """The answers without their probabilities, which are most of what they weigh."""
    return answers._replace(prob=None, val=None, columns=answers.n_classes)
