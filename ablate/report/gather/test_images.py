"""The stored answers to single test images, read once and added up: classes, confusions, disagreements."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from ablate.records import Cell, Finished
from ablate.report.facts.exploratory import ClassRow, Confusion, Disagreement, ImageFacts
from ablate.splits.rules import Folds, TestRule
from ablate.store.outcome_columns import GROUP, read_columns

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Integers = NDArray[np.int64]


logger = logging.getLogger(__name__)


MOST_CLASSES = 40
"""More classes than this nobody reads in a table or a matrix."""


MOST_COUNTED = 2048
"""Classes of which answers are counted at all: a table has the square of it."""


MOST_COMPARED = 6
"""Variants beside each other in the table of classes, and with a confusion matrix."""


MOST_IMAGES = 24
"""Images the variants disagree on."""


DIVIDED = 0.5
"""How far apart the variants' shares of right answers must be for an image to count as one they disagree on."""


class _Answers(NamedTuple):
    """One run on its test images, by id: right (a score), true class, predicted class; None where unknown."""

    ids: NDArray[np.str_]
    scores: Floats
    targets: Integers | None
    predicted: Integers | None
    groups: NDArray[np.str_] | None = None


@dataclass(slots=True)
class _Sums:
    """What the runs of all variants say together. numbers: image id -> row of `scores`' images."""

    numbers: dict[str, int] = field(default_factory=dict)
    targets: dict[int, int] = field(default_factory=dict)
    images: dict[int, Integers] = field(default_factory=dict)
    """Replicate -> the numbers of its images."""
    scores: dict[tuple[str, int], Floats] = field(default_factory=dict)
    """(variant, replicate) -> its scores, in the order of the replicate's images."""
    counts: dict[str, Integers] = field(default_factory=dict)
    runs: dict[str, int] = field(default_factory=dict)
    groups: dict[int, int] = field(default_factory=dict)
    """Number of an image -> that of the first of its group, for those that share their luck with others."""


def image_facts(cells: Sequence[Cell], labels: Sequence[str], test: TestRule) -> ImageFacts | None:
    """What the runs' answers say of classes and images; None where no run has stored any.

    labels: the classes' names, empty where they are not known. A variant that was tested on other images
    than the first of its replicate is passed over: its comparisons say so already.
    """
    sums = _add_up(cells)
    if not sums.scores:
        return None
    variants = list(dict.fromkeys(variant for variant, _ in sums.scores))
    classes = max([*sums.targets.values(), *(len(counts) - 1 for counts in sums.counts.values())], default=-1) + 1
    names = tuple(labels) if len(labels) >= classes else tuple(map(str, range(classes)))
    compared = _compared(variants)
    readable = 1 < classes <= MOST_CLASSES
    return ImageFacts(
        labels=names,
        classes=tuple(_class_rows(sums, compared, names, test)) if readable else (),
        confusions=tuple(_confusions(sums, compared)) if readable else (),
        disagreements=_disagreements(sums, variants, names),
        reads=_reads(sums),
    )


def reads_of(cells: Sequence[Cell]) -> tuple[int, int, int]:
    """How often test images were read: distinct images, reads, the most reads of one; zeros where nobody knows."""
    sums = _add_up(cells)
    return _reads(sums) if sums.scores else (0, 0, 0)


def _compared(variants: Sequence[str]) -> list[str]:
    """The first and the last, and as many between as can be read beside each other."""
    if len(variants) <= MOST_COMPARED:
        return list(variants)
    return [variants[0], *variants[-(MOST_COMPARED - 1) :]]


def _add_up(cells: Sequence[Cell]) -> _Sums:
    import numpy as np

    sums = _Sums()
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
    return sums


def _count(sums: _Sums, variant: str, targets: Integers, predicted: Integers) -> None:
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


def _class_rows(sums: _Sums, variants: Sequence[str], names: Sequence[str], test: TestRule) -> Iterator[ClassRow]:
    import numpy as np

    from ablate.stats.accuracy import variant_accuracy
    from ablate.stats.cells import Cells

    replicates = sorted(sums.images)
    repetition = tuple(r // test.count for r in replicates) if isinstance(test, Folds) else ()
    target = np.full(len(sums.numbers), -1, np.int64)
    target[list(sums.targets)] = list(sums.targets.values())
    for number, label in enumerate(names):
        kept = [target[sums.images[r]] == number for r in replicates]
        enough = [int(mask.sum()) > 1 for mask in kept]
        images = tuple(
            sums.images[r][mask] if ok else None for r, mask, ok in zip(replicates, kept, enough, strict=True)
        )
        rows = tuple(
            tuple(
                sums.scores[v, r][mask] if ok and (v, r) in sums.scores else None
                for r, mask, ok in zip(replicates, kept, enough, strict=True)
            )
            for v in variants
        )
        tested = len(np.unique(np.concatenate(found))) if (found := [i for i in images if i is not None]) else 0
        groups = tuple(
            None if row is None else np.array([sums.groups.get(image, image) for image in row.tolist()], np.int64)
            for row in (images if sums.groups else ())
        )
        cells = Cells(scores=rows, images=images, repetition=repetition, groups=groups)
        for position, variant in enumerate(variants):
            level = variant_accuracy(cells, position)
            mean, lo, hi = (100 * level.mean, 100 * level.lo, 100 * level.hi) if level else (None, None, None)
            yield ClassRow(variant=variant, label=label, n=tested, mean=mean, lo=lo, hi=hi)


def _confusions(sums: _Sums, variants: Sequence[str]) -> Iterator[Confusion]:
    for variant in variants:
        if variant in sums.counts:
            counts = tuple(tuple(row) for row in sums.counts[variant].tolist())
            yield Confusion(variant=variant, counts=counts, runs=sums.runs[variant])


def _disagreements(sums: _Sums, variants: Sequence[str], names: Sequence[str]) -> tuple[Disagreement, ...]:
    import numpy as np

    if len(variants) < 2:
        return ()
    position = {variant: i for i, variant in enumerate(variants)}
    right = np.zeros((len(variants), len(sums.numbers)), np.float32)
    times = np.zeros_like(right)
    for (variant, r), scores in sums.scores.items():
        right[position[variant], sums.images[r]] += scores
        times[position[variant], sums.images[r]] += 1
    share = right / np.maximum(times, 1)
    seen = times > 0
    most = np.where(seen, share, -np.inf).max(axis=0)
    least = np.where(seen, share, np.inf).min(axis=0)
    mean = np.where(seen, share, 0).sum(axis=0) / np.maximum(seen.sum(axis=0), 1)
    divided = np.flatnonzero((most - least >= DIVIDED) & (seen.sum(axis=0) > 1))
    ids = list(sums.numbers)
    ranked = sorted(divided.tolist(), key=lambda i: (round(abs(float(mean[i]) - 0.5), 6), ids[i]))[:MOST_IMAGES]
    return tuple(
        Disagreement(
            id=ids[i],
            label=names[sums.targets[i]] if i in sums.targets else "",
            right={variant: float(share[v, i]) for variant, v in position.items() if seen[v, i]},
        )
        for i in ranked
    )


def _reads(sums: _Sums) -> tuple[int, int, int]:
    import numpy as np

    times = np.zeros(len(sums.numbers), np.int64)
    for _, r in sums.scores:
        times[sums.images[r]] += 1
    return len(times), int(times.sum()), int(times.max())
