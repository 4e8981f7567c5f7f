"""The stored answers to single test images, read once and added up."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from ablate.records import Cell, Finished
from ablate.store.outcome_columns import GROUP, read_columns

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Integers = NDArray[np.int64]


logger = logging.getLogger(__name__)


MOST_COUNTED = 2048
"""Classes of which answers are counted at all: a table has the square of it."""


class _Answers(NamedTuple):
    """One run on its test images, by id: right (a score), true class, predicted class; None where unknown."""

    ids: NDArray[np.str_]
    scores: Floats
    targets: Integers | None
    predicted: Integers | None
    groups: NDArray[np.str_] | None = None


@dataclass(slots=True)
class Sums:
    """What the runs of all variants say together. numbers: image id -> row of `scores`' images."""

    numbers: dict[str, int] = field(default_factory=dict)
    targets: dict[int, int] = field(default_factory=dict)
    images: dict[int, Integers] = field(default_factory=dict)
    """Replicate -> the numbers of its images."""
    scores: dict[tuple[str, int], Floats] = field(default_factory=dict)
    """(variant, replicate) -> its scores, in the order of the replicate's images."""
    predicted: dict[tuple[str, int], NDArray[np.int16]] = field(default_factory=dict)
    """(variant, replicate) -> the classes it said, in the same order; absent where they are not stored."""
    counts: dict[str, Integers] = field(default_factory=dict)
    runs: dict[str, int] = field(default_factory=dict)
    groups: dict[int, int] = field(default_factory=dict)
    """Number of an image -> that of the first of its group, for those that share their luck with others."""

    @property
    def variants(self) -> list[str]:
        """Those with answers, in the order they were read."""
        return list(dict.fromkeys(variant for variant, _ in self.scores))

    @property
    def classes(self) -> int:
        """How many there are, by the largest number of one; 0 where none is told."""
        return max([*self.targets.values(), *(len(counts) - 1 for counts in self.counts.values())], default=-1) + 1

    def names(self, labels: Sequence[str]) -> tuple[str, ...]:
        """The classes by number. labels: their names, empty where they are not known."""
        return tuple(labels) if len(labels) >= self.classes else tuple(map(str, range(self.classes)))


def add_up(cells: Sequence[Cell]) -> Sums:
    """What the runs of all variants say together; without scores where none has stored any.

    A variant that was tested on other images than the first of its replicate is passed over: its comparisons say so
    already.
    """
    import numpy as np

    sums = Sums()
    firsts: dict[str, int] = {}
    order: dict[int, NDArray[np.str_]] = {}
    for cell in cells:
        answers = _read(cell, cell.result) if isinstance(cell.result, Finished) else None
        if answers is None:
            continue
        r = cell.replicate.index
        if r not in order:
            order[r] = answers.ids
            names = answers.ids.tolist()
            sums.images[r] = np.array([sums.numbers.setdefault(name, len(sums.numbers)) for name in names], np.int64)
            if answers.targets is not None:
                sums.targets |= dict(zip(sums.images[r].tolist(), answers.targets.tolist(), strict=True))
            if answers.groups is not None:
                both = zip(sums.images[r].tolist(), answers.groups.tolist(), strict=True)
                sums.groups |= {image: firsts.setdefault(name, image) for image, name in both if name}
        if not np.array_equal(order[r], answers.ids):
            continue
        sums.scores[cell.variant, r] = answers.scores
        if answers.targets is not None and answers.predicted is not None:
            _count(sums, cell.variant, answers.targets, answers.predicted)
            sums.predicted[cell.variant, r] = answers.predicted.astype(np.int16)
    return sums


def _count(sums: Sums, variant: str, targets: Integers, predicted: Integers) -> None:
    import numpy as np

    size = max(int(targets.max()), int(predicted.max())) + 1
    before = sums.counts.get(variant)
    size = max(size, 0 if before is None else len(before))
    if size > MOST_COUNTED:
        return
    counts = np.bincount(targets * size + predicted, minlength=size * size).reshape(size, size)
    if before is not None:
        counts[: len(before), : len(before)] += before
    sums.counts[variant] = counts
    sums.runs[variant] = sums.runs.get(variant, 0) + 1


def _read(cell: Cell, run: Finished) -> _Answers | None:
    """The answers in the order of the image ids; None where they are not stored or cannot be read."""
    import numpy as np

    from ablate.stats.score_book import group_names

    if run.images is None:
        return None
    path = run.folder / run.images
    try:
        stored = read_columns(path, "id", "score", "target", "prob", GROUP)
        ids, scores = stored["id"], stored["score"].astype(np.float64)
    except (OSError, ValueError, KeyError, TypeError) as error:
        logger.warning("%s: the answers to single images are left out: %s", path, error)
        return None
    targets, prob = stored.get("target"), stored.get("prob")
    if len({column.shape[:1] for column in stored.values()}) != 1 or ids.ndim != 1 or scores.ndim != 1:
        logger.warning("%s: the answers to single images are left out: its columns differ in length", path)
        return None
    order = np.argsort(ids, kind="stable")
    groups = group_names(cell, ids, stored.get(GROUP))
    whole = targets is not None and targets.ndim == 1 and targets.dtype.kind in "iu" and bool((targets >= 0).all())
    predicted = (
        prob.argmax(axis=1)[order]
        if prob is not None and prob.ndim == 2 and len(prob) and prob.shape[1] <= MOST_COUNTED
        else None
    )
    return _Answers(
        ids=ids[order],
        scores=scores[order],
        targets=targets[order].astype(np.int64) if whole and targets is not None else None,
        predicted=predicted,
        groups=None if groups is None else groups[order],
    )
