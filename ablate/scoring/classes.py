"""One numbering of the classes for the answers of several runs, whose lists of names may differ."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np

from ablate.scoring.answers import UNKNOWN, Answers, Index, NotMeasurable
from ablate.store.outcome_columns import in_order


class ClassNumbers(NamedTuple):
    """The names in the order of their numbers; empty where no run has any. is_one: whether all lists were the same."""

    names: tuple[str, ...]
    is_one: bool


def one_numbering(parts: Iterable[Answers]) -> ClassNumbers:
    """The numbering by which all parts can be read: that of the longest list if it has every name, else sorted.

    Numbers without names are names themselves where other parts have numbers among their names.
    """
    parts = list(parts)
    lists = list(dict.fromkeys(part.classes for part in parts if part.classes))
    names = {name for one in lists for name in one}
    if _has_numbers(names):
        names |= {str(number) for part in parts if not part.classes for number in _numbers(part)}
    longest = max(lists, key=len, default=())
    return ClassNumbers(longest if names == set(longest) else in_order(names), len(lists) < 2)


def renumbered(answers: Answers, by: ClassNumbers) -> Answers:
    """The same answers by another numbering.

    Raises NotMeasurable where they have no names, and nobody knows which of the lists of names is theirs.
    """
    if answers.classes == by.names:
        return answers
    own = answers.classes
    if not own and _has_numbers(by.names):
        own = tuple(str(number) for number in range(answers.n_classes))
    elif not own and by.is_one and answers.n_classes <= len(by.names):
        own = by.names[: answers.n_classes]
    elif answers.n_classes > len(own):
        raise NotMeasurable("its classes have no names, and those of other runs have: store the column `classes`")
    place = {name: number for number, name in enumerate(by.names)}
    return _moved(answers, np.array([place.get(name, UNKNOWN) for name in own], np.int64), by)


def _has_numbers(names: Iterable[str]) -> bool:
    return any(name.isascii() and name.isdecimal() for name in names)


def _numbers(part: Answers) -> Sequence[int]:
    if part.prob is not None or part.several:
        return range(part.n_classes)
    found: list[int] = np.unique(np.concatenate([part.target, part.predicted])).tolist()
    return [number for number in found if number != UNKNOWN]


def _moved(answers: Answers, to: Index, by: ClassNumbers) -> Answers:
    """to: the new number of each class."""
    target, predicted, prob = answers.target, answers.predicted, answers.prob
    if answers.several:
        lost = (predicted == UNKNOWN).any()
        target = _columns(target, to, len(by.names)).astype(np.int64)
        predicted = np.full_like(target, UNKNOWN) if lost else _columns(predicted, to, len(by.names)).astype(np.int64)
    else:
        target, predicted = to[target], np.where(predicted == UNKNOWN, UNKNOWN, to[predicted])
    return answers._replace(
        target=target,
        predicted=predicted,
        prob=None if prob is None else _columns(prob, to, len(by.names)),
        classes=by.names,
        val=None if answers.val is None else renumbered(answers.val, by),
    )


def _columns(values: np.ndarray, to: Index, width: int) -> np.ndarray:
    found = np.zeros((len(values), width))
    found[:, to] = values
    return found


def joined(parts: Sequence[Answers]) -> Answers:
    """The answers to the images of several folds as those of one part, by one numbering of the classes.

    Raises NotMeasurable where there is none.
    """
    numbering = one_numbering(parts)
    parts = [renumbered(part, numbering) for part in parts]
    probs, groups = [part.prob for part in parts], [part.group for part in parts]
    return Answers(
        target=np.concatenate([part.target for part in parts]),
        predicted=np.concatenate([part.predicted for part in parts]),
        prob=None if any(one is None for one in probs) else np.concatenate([one for one in probs if one is not None]),
        group=None if any(one is None for one in groups) else np.concatenate([g for g in groups if g is not None]),
        classes=numbering.names,
        columns=max(part.columns for part in parts),
    )
