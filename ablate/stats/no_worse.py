"""Whether a loss that nobody would accept is ruled out, or shown: the claim for changes that make something cheaper.

Two one-sided t-tests against minus the tolerable loss. Non-inferior: the true loss is smaller than that; inferior:
it is at least that large. Either is a family of claims of its own, adjusted by Holm's method over all members of
the comparison's family, asked or not, so that what is asked may be chosen by cost.
Source: Wellek 2010 (one-sided equivalence, non-inferiority); Holm 1979. Of answers that hardly differ: Tango 1998.
"""

from __future__ import annotations

from dataclasses import replace
from math import isfinite, sqrt
from typing import Literal

from scipy.special import ndtr, ndtri

from ablate.stats.engine import SURE_GROUPS
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


def variance_at_margin(losses: int, gains: int, answers: int, tolerable: float) -> float:
    """The variance of one answer's difference, -1, 0 or 1, were the true loss just the tolerable one.

    losses, gains: of the paired answers, how many the change turned wrong and right. The likeliest shares of both
    that differ by `tolerable`. Source: Tango 1998, Statistics in Medicine 17, 891-908.
    """
    n, b, c, d = answers, losses, gains, tolerable
    linear = (b + c) * (1 - d) - 2 * d * (n - b)
    gained = (linear + sqrt(linear * linear + 8 * n * c * d * (1 - d))) / (4 * n)
    return 2 * gained + d - d * d


def at_margin(found: Estimate, losses: int, gains: int, answers: int, tolerable: float) -> Estimate:
    """An estimate of answers that are right or wrong, with at least the image noise there is at the margin.

    Of two networks that differ in a few answers the few tell little of how often they do: by their own variance,
    small where a loss happens to be, a loss of one point passes in 12 % of tests on 500 images (docs/adr/0050).
    As little do they tell of how much the answers of one group, or of one image's replicates, share: that is begun
    at all of it, weighing as many answers as the margin would change, so that no further loss narrows the claim.
    """
    n = found.n_images
    if found.image_part is None or not n:
        return found
    mean = (gains - losses) / answers
    own = (losses + gains) / answers - mean * mean
    units = found.grouped.effective if found.grouped else n
    whole = n / max(1.0, units - 1)
    # Of so few that the engine sets a floor nothing is observed; it may be far above all there is to share.
    seen = min(whole, found.image_part * n / own) if own > 0 else whole
    weight, telling = tolerable * answers, max(0, losses + gains - SURE_GROUPS + 1)
    shared = whole + (seen - whole) * telling / (weight + telling) if telling else whole
    there = shared * variance_at_margin(losses, gains, answers, tolerable) / n
    more = max(0.0, there - found.image_part)
    return replace(found, standard_error=sqrt(found.standard_error**2 + more), image_part=found.image_part + more)


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
