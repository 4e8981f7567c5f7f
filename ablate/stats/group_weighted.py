"""The other question about groups: what a change does to the average patient, not to the average scan."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ablate.records import Cell
from ablate.stats.cells import Array, Cells, Index, StatisticsError
from ablate.stats.effects import Effect, Question
from ablate.stats.engine import estimate
from ablate.stats.frame import different_tests
from ablate.stats.score_book import ScoreBook
from ablate.stats.scores import arrange, other_images
from ablate.stats.student import Estimate


def each_group_alike(cells: Cells) -> Cells | None:
    """One score a group, the mean over its images; None where there are no groups, or they are cut by the folds.

    None for a metric that is no mean over images alike: a patient's own F1 is another matter.
    """
    if not cells.units or cells.strata is not None:
        return None
    groups: list[Index | None] = []
    scores: list[list[Array | None]] = [[] for _ in cells.scores]
    for r, unit in enumerate(cells.units):
        if unit is None:
            groups.append(None)
            for row in scores:
                row.append(None)
            continue
        names, place = np.unique(unit, return_inverse=True)
        groups.append(names)
        sizes = np.bincount(place)
        for row, own in zip(scores, cells.scores, strict=True):
            found = own[r]
            row.append(None if found is None else np.bincount(place, weights=found) / sizes)
    try:
        return Cells(scores=tuple(map(tuple, scores)), images=tuple(groups), repetition=cells.repetition)
    except StatisticsError:
        return None


def estimate_alike(
    cells: Sequence[Cell], effects: Sequence[Effect], question: Question, book: ScoreBook
) -> tuple[Estimate | None, ...]:
    """Each effect by groups of equal weight, from the runs its own estimate rests on: a check, and never a verdict."""
    variants = tuple(dict.fromkeys(cell.variant for cell in cells))
    found: dict[int, Estimate | None] = {}
    for look in dict.fromkeys(effect.look for effect in effects):
        members = [i for i, effect in enumerate(effects) if effect.look == look]
        weights = np.array([[effects[i].contrast.weights.get(name, 0.0) for name in variants] for i in members])
        mine = [cell for cell in cells if cell.replicate.index < question.looks[look - 1]]
        different = different_tests(mine, variants) | other_images(book)
        try:
            alike = each_group_alike(arrange(book, mine, variants, question.test, different))
        except StatisticsError:
            alike = None
        answers = (None,) * len(members) if alike is None else estimate(alike, weights)
        found |= dict(zip(members, answers, strict=True))
    return tuple(found[i] for i in range(len(effects)))
