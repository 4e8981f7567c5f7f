"""The stored answers to single test images, added up: classes, confusions, disagreements."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from ablate.records import Cell
from ablate.report.facts.exploratory import ClassRow, Confusion, Disagreement, ImageFacts
from ablate.report.gather.image_parts import part_of
from ablate.report.gather.stored_answers import Sums, add_up
from ablate.splits.rules import TestRule

MOST_CLASSES = 40
"""More classes than this nobody reads in a table or a matrix."""


MOST_COMPARED = 6
"""Variants beside each other in the table of classes, and with a confusion matrix."""


MOST_IMAGES = 24
"""Images the variants disagree on."""


DIVIDED = 0.5
"""How far apart the variants' shares of right answers must be for an image to count as one they disagree on."""


def image_facts(sums: Sums, labels: Sequence[str], test: TestRule) -> ImageFacts | None:
    """What the runs' answers say of classes and images; None where no run has stored any.

    labels: the classes' names, empty where they are not known.
    """
    if not sums.scores:
        return None
    variants, names = sums.variants, sums.names(labels)
    compared = compared_variants(variants)
    readable = 1 < sums.classes <= MOST_CLASSES
    return ImageFacts(
        labels=names,
        classes=tuple(_class_rows(sums, compared, names, test)) if readable else (),
        confusions=tuple(_confusions(sums, compared)) if readable else (),
        disagreements=_disagreements(sums, variants, names),
        reads=_reads(sums),
    )


def reads_of(cells: Sequence[Cell]) -> tuple[int, int, int]:
    """How often test images were read: distinct images, reads, the most reads of one; zeros where nobody knows."""
    sums = add_up(cells)
    return _reads(sums) if sums.scores else (0, 0, 0)


def compared_variants(variants: Sequence[str]) -> list[str]:
    """The first and the last, and as many between as can be read beside each other."""
    if len(variants) <= MOST_COMPARED:
        return list(variants)
    return [variants[0], *variants[-(MOST_COMPARED - 1) :]]


def _class_rows(sums: Sums, variants: Sequence[str], names: Sequence[str], test: TestRule) -> Iterator[ClassRow]:
    import numpy as np

    target = np.full(len(sums.numbers), -1, np.int64)
    target[list(sums.targets)] = list(sums.targets.values())
    for number, label in enumerate(names):
        part = part_of(sums, variants, target == number, test)
        for variant, level in zip(variants, part.levels(), strict=True):
            mean, lo, hi = (100 * level.mean, 100 * level.lo, 100 * level.hi) if level else (None, None, None)
            yield ClassRow(variant=variant, label=label, n=part.n, mean=mean, lo=lo, hi=hi)


def _confusions(sums: Sums, variants: Sequence[str]) -> Iterator[Confusion]:
    for variant in variants:
        if variant in sums.counts:
            counts = tuple(tuple(row) for row in sums.counts[variant].tolist())
            yield Confusion(variant=variant, counts=counts, runs=sums.runs[variant])


def _disagreements(sums: Sums, variants: Sequence[str], names: Sequence[str]) -> tuple[Disagreement, ...]:
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


def _reads(sums: Sums) -> tuple[int, int, int]:
    import numpy as np

    times = np.zeros(len(sums.numbers), np.int64)
    for _, r in sums.scores:
        times[sums.images[r]] += 1
    return len(times), int(times.sum()), int(times.max())
