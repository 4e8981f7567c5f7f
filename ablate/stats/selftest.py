"""The baseline against itself: how noisy runs are, how alike their errors, how often chance is called a find."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations
from math import sqrt
from typing import NamedTuple

import numpy as np

from ablate.stats.cells import Cells
from ablate.stats.effects import Effect
from ablate.stats.engine import contrast_moments, pool_runs


class SelfTest(NamedTuple):
    """What copies of one variant say of the noise; kappa and spread in the unit of the scores.

    kappa: standard deviation of runs' true scores, beyond what the test images' noise explains. spread: of
    runs' measured scores, their replicate's share taken out. correlation: of the scores of single images
    between two copies, averaged; None where it is not defined. false_verdicts: comparisons called better or
    worse, of all that were judged: each of them is a mistake.
    """

    kappa: float
    spread: float
    correlation: float | None
    false_verdicts: int
    judged: int


def self_test(cells: Cells, effects: Sequence[Effect]) -> SelfTest | None:
    """The noise between copies of one variant; None before two copies have two replicates each.

    cells: [copy][replicate]. effects: the comparisons of the copies.
    """
    n = len(cells.scores)
    weights = np.diff(np.eye(n), axis=0)
    pool = pool_runs([contrast_moments(cells, row) for row in weights], weights)
    if pool is None:
        return None
    words = [effect.judged.verdict for effect in effects if effect.judged.verdict != "not_assessable"]
    return SelfTest(
        kappa=sqrt(pool.excess),
        spread=sqrt(pool.between),
        correlation=_correlation(cells),
        false_verdicts=sum(word in ("better", "worse") for word in words),
        judged=len(words),
    )


def _correlation(cells: Cells) -> float | None:
    found = []
    for one, other in combinations(cells.scores, 2):
        for a, b in zip(one, other, strict=True):
            if a is not None and b is not None and a.std() and b.std():
                found.append(float(np.corrcoef(a, b)[0, 1]))
    return float(np.mean(found)) if found else None
