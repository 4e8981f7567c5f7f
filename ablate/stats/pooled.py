"""One difference over several data sets: its mean over data sets of this kind, and what the next one may show."""

from __future__ import annotations

from collections.abc import Sequence
from math import sqrt
from typing import NamedTuple

import numpy as np
from scipy.optimize import brentq
from scipy.special import chdtrc, stdtrit

from ablate.stats.cells import Array, StatisticsError
from ablate.stats.student import Estimate, student_answer

FOR_INTERVAL, FOR_VERDICT = 3, 5
"""Data sets from which there is an interval, and from which there is a verdict."""

LEAST_DF = 4
"""Degrees of freedom of a data set's own standard error, below which it is not pooled: errors that are known so poorly
make false findings more often than 5 % (docs/statistics.md, "Several data sets")."""

TOO_FEW_REPLICATES = "too few replicates to pool"

TOO_FEW_SETS = f"fewer than {FOR_VERDICT} data sets"


class Pooled(NamedTuple):
    """A difference over data sets.

    estimate: its mean, with interval and p; by_replicate holds the data sets' own differences. tau: standard deviation
    of the true differences between data sets. weights: the share of each data set. q: what Cochran's test is of, and
    p_alike its p for "the same true difference everywhere". lo_next, hi_next: what the true difference on one more data
    set is predicted to be.
    """

    estimate: Estimate
    tau: float
    weights: tuple[float, ...]
    q: float
    p_alike: float
    lo_next: float
    hi_next: float


def pool_data_sets(
    differences: Sequence[float] | Array, errors: Sequence[float] | Array, *, level: float = 0.95
) -> Pooled | None:
    """The mean difference over data sets that were drawn from many; None for fewer than three.

    differences, errors: one estimate and its standard error a data set. The variance between data sets is that of Paule
    and Mandel, the interval Student's with one degree of freedom less than there are data sets, and its standard error
    never smaller than the ordinary one: Hartung and Knapp's factor q is 1 at a variance of Paule and Mandel's above
    zero, and taken as 1 where it is smaller.
    Source: Paule and Mandel 1982; Hartung and Knapp 2001; Roever, Knapp and Friede 2015 (q* = max(1, q)); Higgins,
    Thompson and Spiegelhalter 2009 (prediction, k - 2 degrees of freedom).
    """
    y, s = np.asarray(differences, dtype=np.float64), np.asarray(errors, dtype=np.float64)
    if y.shape != s.shape or y.ndim != 1:
        raise StatisticsError(f"{y.size} differences and {s.size} standard errors", hint="Give one of each a data set.")
    if not (np.isfinite(y).all() and np.isfinite(s).all() and (s > 0).all()):
        raise StatisticsError(
            "a data set whose difference or standard error is not a finite number, or whose error is 0",
            hint="Leave such a data set out, and say so.",
        )
    k = y.size
    if k < FOR_INTERVAL:
        return None
    tau2 = between_variance(y, s)
    mean, weights, spread = _weighted(y, s, tau2)
    q = spread / (k - 1)
    se = sqrt(max(1.0, q) / weights.sum())
    reach = -float(stdtrit(k - 2, (1 - level) / 2)) * sqrt(tau2 + se**2)
    heterogeneity = _weighted(y, s, 0.0)[2]
    return Pooled(
        estimate=Estimate(
            **student_answer(mean, se, k - 1.0, n_units=k, level=level),
            n_replicates=k,
            n_images=None,
            image_part=None,
            run_part=None,
            image_floor=None,
            by_replicate=tuple(y.tolist()),
            basis="replicates, paired",
        ),
        tau=sqrt(tau2),
        weights=tuple((weights / weights.sum()).tolist()),
        q=heterogeneity,
        p_alike=float(chdtrc(k - 1, heterogeneity)),
        lo_next=mean - reach,
        hi_next=mean + reach,
    )


def between_variance(y: Array, s: Array) -> float:
    """Paule and Mandel's variance between data sets: at it the weighted squares add up to one less than their number.

    y, s: shape (k,). 0 where they add up to no more without any.
    """

    def beyond(tau2: float) -> float:
        return _weighted(y, s, tau2)[2] - (y.size - 1)

    if beyond(0.0) <= 0:
        return 0.0
    # Weighted squares are least about their own mean, so that they add up to at most (k - 1) var(y) / tau2.
    return float(brentq(beyond, 0.0, float(y.var(ddof=1)), rtol=1e-12))


def _weighted(y: Array, s: Array, tau2: float) -> tuple[float, Array, float]:
    """Mean, weights and weighted sum of squares about it."""
    weights = 1 / (np.square(s) + tau2)
    mean = float(weights @ y / weights.sum())
    return mean, weights, float(weights @ np.square(y - mean))
