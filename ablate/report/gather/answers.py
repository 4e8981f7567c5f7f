"""What the stored answers know of single images: those never right, and those a change fixes or breaks."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from ablate.readers.image_columns import Columns
from ablate.records import Contrast
from ablate.report.facts.answers import AnswerFacts, ChangedImage, ChangedImages, NeverRight
from ablate.report.gather.slices import cut_columns
from ablate.report.gather.stored_answers import Sums
from ablate.splits.rules import TestRule

if TYPE_CHECKING:
    from ablate.stats.image_changes import ChangedList, ImageChanges


FEWEST_RUNS = 3
"""Runs on an image below which it is no news that all are wrong."""


def answer_facts(
    sums: Sums, contrasts: Sequence[Contrast], labels: Sequence[str], test: TestRule | None, columns: Columns
) -> AnswerFacts | None:
    """None where no run has stored answers, or where images count in part.

    labels: the classes' names, empty where they are not known. columns: what is known about the images, by name.
    """
    import numpy as np

    if not sums.scores or not all(np.isin(row, (0, 1)).all() for row in sums.scores.values()):
        return None
    names = sums.names(labels)
    never, tested = _never_right(sums, names)
    slices, passed_over = cut_columns(sums, columns, test)
    return AnswerFacts(
        never_right=never,
        tested=tested,
        runs=len(sums.scores),
        changes=tuple(_changes(sums, contrasts, names)),
        slices=slices,
        passed_over=passed_over,
    )


def _never_right(sums: Sums, names: Sequence[str]) -> tuple[tuple[NeverRight, ...], int]:
    """The images that no run gets right, those all say the same of first; and how many were tested often enough."""
    import numpy as np

    runs, right = np.zeros(len(sums.numbers), np.int64), np.zeros(len(sums.numbers), np.int64)
    for (_, r), scores in sums.scores.items():
        runs[sums.images[r]] += 1
        right[sums.images[r]] += scores.astype(np.int64)
    enough = runs >= FEWEST_RUNS
    never = np.flatnonzero(enough & (right == 0))
    said = _said(sums, never.tolist())
    ids = list(sums.numbers)
    rows = [
        NeverRight(ids[i], _label(sums, i, names), int(runs[i]), names[most[0]] if most else "", most[1] if most else 0)
        for i in never.tolist()
        for most in [said.get(i)]
    ]
    rows.sort(key=lambda row: (row.times < row.runs, -row.times, -row.runs, row.id))
    return tuple(rows), int(enough.sum())


def _said(sums: Sums, images: Sequence[int]) -> dict[int, tuple[int, int]]:
    """Image -> the class most runs say, the first of several, and how many say it."""
    import numpy as np

    if not images or not sums.predicted:
        return {}
    place = np.full(len(sums.numbers), -1, np.int64)
    place[list(images)] = np.arange(len(images))
    counts = np.zeros((len(images), max(int(row.max()) for row in sums.predicted.values()) + 1), np.int32)
    for (_, r), predicted in sums.predicted.items():
        rows = place[sums.images[r]]
        counts[rows[rows >= 0], predicted[rows >= 0]] += 1
    most = counts.argmax(axis=1)
    times = counts[np.arange(len(images)), most]
    return {i: (int(c), int(n)) for i, c, n in zip(images, most, times, strict=True) if n}


def _changes(sums: Sums, contrasts: Sequence[Contrast], names: Sequence[str]) -> Iterator[ChangedImages]:
    """Each comparison of two variants that share replicates; the same two once."""
    from ablate.stats.image_changes import PairedAnswers, changed_images

    seen: set[tuple[str, str]] = set()
    for contrast in contrasts:
        pair = (contrast.reference, contrast.variant)
        if pair in seen or dict(contrast.weights) != {contrast.reference: -1.0, contrast.variant: 1.0}:
            continue
        seen.add(pair)
        shared = [r for r in sorted(sums.images) if all((variant, r) in sums.scores for variant in pair)]
        if shared:
            replicates = [PairedAnswers(sums.images[r], *(sums.scores[variant, r] for variant in pair)) for r in shared]
            found = changed_images(replicates, len(sums.numbers))
            yield _changed(sums, contrast.name, found, names)


def _changed(sums: Sums, name: str, found: ImageChanges, names: Sequence[str]) -> ChangedImages:
    ids = list(sums.numbers)

    def listed(changed: ChangedList) -> tuple[ChangedImage, ...]:
        return tuple(
            ChangedImage(ids[i], _label(sums, i, names), int(found.tests[i]), int(found.before[i]), int(found.after[i]))
            for i in changed.images
        )

    return ChangedImages(
        name=name,
        n_images=found.n_images,
        assessed=found.assessed,
        most_tests=found.most_tests,
        fixed=listed(found.fixed),
        broken=listed(found.broken),
        net_fixed=found.fixed.net,
        net_broken=found.broken.net,
        fixed_by_chance=found.fixed.by_chance,
        broken_by_chance=found.broken.by_chance,
    )


def _label(sums: Sums, image: int, names: Sequence[str]) -> str:
    return names[sums.targets[image]] if image in sums.targets else ""
