"""Numbers that may not mean what they seem to: equal answers, nothing learnt, percent for fractions."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from ablate.metrics import no_fraction
from ablate.records import Cell, Contrast, Finished
from ablate.stats.accuracy import Accuracy
from ablate.stats.score_book import ScoreBook, ScoreRow
from ablate.store.outcome_columns import read_columns


class Identical(NamedTuple):
    """Two variants that got every image of every shared replicate alike: an interval without width.

    as_counted: only as far as the metric counts them; elsewhere their answers differ.
    """

    contrast: str
    variant: str
    reference: str
    replicates: int
    as_counted: bool = False


class AtChance(NamedTuple):
    """A variant not shown to be better than always naming the most frequent class, of share `most_frequent`."""

    variant: str
    most_frequent: float


class NoFraction(NamedTuple):
    """A rate that is none: 85.3 where a fraction from 0 to 1 is expected."""

    variant: str
    value: float


def identical_answers(book: ScoreBook, contrasts: Sequence[Contrast]) -> tuple[Identical, ...]:
    """The contrasts of two variants whose scores do not differ in a single image."""
    found = []
    for contrast in contrasts:
        if set(contrast.weights) != {contrast.variant, contrast.reference}:
            continue
        ours = {index: row for (name, index), row in book.rows.items() if name == contrast.variant}
        theirs = {index: row for (name, index), row in book.rows.items() if name == contrast.reference}
        shared = ours.keys() & theirs.keys()
        if shared and all(np.array_equal(ours[r].scores, theirs[r].scores) for r in shared):
            alike = all(_named_alike(ours[r], theirs[r]) for r in shared)
            found.append(Identical(contrast.name, contrast.variant, contrast.reference, len(shared), not alike))
    return tuple(found)


def _named_alike(one: ScoreRow, other: ScoreRow) -> bool:
    """Whether the answers name the same classes, where they are known."""
    if one.answers is None or other.answers is None:
        return True
    return np.array_equal(one.answers.predicted, other.answers.predicted)


def at_chance(cells: Sequence[Cell], levels: Mapping[str, Accuracy | None]) -> tuple[AtChance, ...]:
    """The variants whose interval of accuracy reaches down to the share of the most frequent class.

    levels: by variant, of accuracy. The classes are those of the test images of each variant's first
    finished run; a test set of one class says nothing.
    """
    found = []
    first: dict[str, Finished] = {}
    for cell in cells:
        if isinstance(cell.result, Finished):
            first.setdefault(cell.variant, cell.result)
    for variant, run in first.items():
        share, level = _most_frequent(run), levels.get(variant)
        if share is not None and level is not None and level.lo <= share:
            found.append(AtChance(variant, share))
    return tuple(found)


def _most_frequent(run: Finished) -> float | None:
    if run.images is None or not (run.folder / run.images).is_file():
        return None
    try:
        targets = read_columns(run.folder / run.images, "target").get("target", np.zeros(0))
    except (OSError, ValueError):
        return None
    if targets.ndim != 1:
        return None
    counts = Counter(targets.tolist())
    return max(counts.values()) / len(targets) if len(counts) > 1 else None


def no_fractions(cells: Sequence[Cell], metric: str) -> tuple[NoFraction, ...]:
    """The variants with a result that cannot be a rate; the first such value of each."""
    found: dict[str, NoFraction] = {}
    for cell in cells:
        if isinstance(cell.result, Finished):
            value = cell.result.metrics.get(metric)
            if value is not None and no_fraction(metric, value):
                found.setdefault(cell.variant, NoFraction(cell.variant, value))
    return tuple(found.values())
