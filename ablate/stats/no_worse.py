"""Whether a loss that nobody would accept is ruled out, or shown: the claim for changes that make something cheaper.

Two one-sided t-tests against minus the tolerable loss. Non-inferior: the true loss is smaller than that; inferior:
it is at least that large. Either is a family of claims of its own, adjusted by Holm's method over all members of
the comparison's family, asked or not, so that what is asked may be chosen by cost.
Source: Wellek 2010 (one-sided equivalence, non-inferiority); Holm 1979.
"""

from __future__ import annotations

from math import isfinite, sqrt
from typing import Literal

from scipy.special import ndtr, ndtri

from ablate.stats.student import Estimate

NoWorse = Literal["non_inferior", "inferior", "undecided", "not_assessable"]


def p_no_worse(found: Estimate, tolerable: float | None, goal: Literal["max", "min"]) -> tuple[float, float]:
    """The unadjusted p of `non_inferior` and of `inferior`; 1 where no loss was stated as tolerable."""
    if tolerable is None:
        return 1.0, 1.0
    if goal == "max":
        return found.p_above(-tolerable), found.p_below(-tolerable)
    return found.p_below(tolerable), found.p_above(tolerable)


def no_worse_word(non_inferior: float, inferior: float, alpha: float) -> NoWorse:
    """What the adjusted p-values allow to say. The two claims exclude each other; the smaller p counts."""
    if min(non_inferior, inferior) > alpha:
        return "undecided"
    return "non_inferior" if non_inferior <= inferior else "inferior"


def no_worse_power(
    found: Estimate | None,
    most: int,
    tolerable: float,
    goal: Literal["max", "min"],
    *,
    family_size: int,
    spent: float,
) -> float | None:
    """The predicted chance that the last look, at `most` replicates, rules the loss out or shows it.

    spent: the part of the error rate the last look may spend. As `predictive_power`, one-sided.
    """
    if found is None or found.n_replicates >= most or not isfinite(found.standard_error):
        return None
    floor, now = found.image_floor or 0.0, found.standard_error**2
    then = floor + max(0.0, now - floor) * found.n_replicates / most
    room = (found.difference if goal == "max" else -found.difference) + tolerable
    critical = -float(ndtri(spent / family_size)) * sqrt(then)
    spread = sqrt(max(0.0, now - then))
    if not spread:
        return float(abs(room) > critical)
    return float(ndtr((room - critical) / spread) + ndtr((-room - critical) / spread))
