"""What several planned looks cost, and when going on is not worth it."""

from __future__ import annotations

from collections.abc import Collection
from math import isfinite, sqrt

from scipy.special import ndtr, ndtri

from ablate.stats.student import Estimate
from ablate.stats.verdict import RawP


def spend(p: RawP, share: float, before: RawP | None, *, closed: Collection[int] = ()) -> RawP:
    """The p-values that count after a look: the smallest of p / share over the looks so far.

    closed: members that keep what they had, because no look asks about them any more.
    Source: Bonferroni's bound over looks; valid whatever the looks have in common.
    """
    weighed = RawP(*(tuple(min(1.0, value / share) for value in claim) for claim in p))
    if before is None:
        return weighed
    return RawP(
        *(
            tuple(a if i in closed else min(a, b) for i, (a, b) in enumerate(zip(old, new, strict=True)))
            for old, new in zip(before, weighed, strict=True)
        )
    )


def futile(found: Estimate | None, most: int, *, family_size: int, share: float, alpha: float = 0.05) -> float | None:
    """The predicted chance that the last look, at `most` replicates, shows a difference.

    The estimate then is normal around the present one, with the variance that the further replicates take
    away. share: the part of alpha the last look may spend. None where no replicates are left, or nothing is
    known of the noise. Stopping on it can only lower the rate of false findings.
    Source: predictive power after Spiegelhalter, Freedman and Blackburn 1986.
    """
    if found is None or found.n_replicates >= most or not isfinite(found.standard_error):
        return None
    floor = found.image_floor or 0.0
    now = found.standard_error**2
    then = floor + max(0.0, now - floor) * found.n_replicates / most
    critical = -float(ndtri(alpha * share / (2 * family_size))) * sqrt(then)
    spread = sqrt(max(0.0, now - then))
    if not spread:
        return float(abs(found.difference) > critical)
    above = ndtr((found.difference - critical) / spread)
    below = ndtr((-critical - found.difference) / spread)
    return float(above + below)
