"""Two published counts, were both networks tested on the same images: what the difference proves for every agreement.

How often two networks are right on the same images stands in no count. It decides how much of a difference is luck.
"""

from __future__ import annotations

from math import ldexp, sqrt
from typing import NamedTuple

from scipy.special import ndtr

from ablate.stats.cells import StatisticsError

ROUNDING = 1e-15
"""A variance below this is none."""

Count = tuple[int, int]
"""Number right, number of images."""


class Agreement(NamedTuple):
    """One possible agreement.

    both: share of images that both have right. standard_error: of the difference. p: two-sided, for "no difference".
    no_gain: the posterior probability that the variant's true share is not above the reference's, for a flat prior
    on the difference.
    """

    both: float
    standard_error: float
    p: float
    no_gain: float


class Agreements(NamedTuple):
    """closest: the two are right on the same images as far as the counts allow. farthest: the opposite.

    independent: as if one's answer told nothing of the other's. p grows from the first to the last.
    """

    closest: Agreement
    independent: Agreement
    farthest: Agreement


def agreements(variant: Count, reference: Count) -> Agreements:
    """The difference of two shares right, over everything the answers may have in common.

    With n images each, q of them answered differently and a difference d, SE^2 = (q - d^2) / n, and q lies in
    [|d|, min(p1 + p2, 2 - p1 - p2)]. Where one test is smaller, its images are taken to be among the other's.
    The p of any one table of answers (McNemar's, on these networks alone) lies between those of the ends, up to its
    being exact; a normal p is the smaller one where few answers differ. Says nothing of other runs of either method.
    Raises StatisticsError for impossible counts. Source: McNemar 1947; Frechet's bounds of a joint share.
    """
    for right, n in (variant, reference):
        if not 0 <= right <= n or n < 1:
            raise StatisticsError(f"{right} right of {n} images", hint="Give (number right, number of images).")
    (a, m), (b, n) = variant, reference
    one, other = a / m, b / n
    most, least, product = min(one, other), max(0.0, one + other - 1), one * other
    return Agreements(*(_with(variant, reference, both) for both in (most, product, least)))


def _with(variant: Count, reference: Count, both: float) -> Agreement:
    (a, m), (b, n) = variant, reference
    one, other = a / m, b / n
    variance = one * (1 - one) / m + other * (1 - other) / n - 2 * (both - one * other) / max(m, n)
    difference = one - other
    error = sqrt(variance) if variance > ROUNDING else 0.0
    if difference == 0:
        return Agreement(both, error, 1.0, 0.5)
    # All of one right and none of the other's: nothing varies, and the sign test is left.
    p = 2 * float(ndtr(-abs(difference) / error)) if error else ldexp(1.0, 1 - min(m, n))
    return Agreement(both, error, p, p / 2 if difference > 0 else 1 - p / 2)
