"""Contrasts from one number per run, for records without the scores of single images."""

from __future__ import annotations

from collections.abc import Sequence
from math import inf, isfinite, sqrt
from typing import Literal, NamedTuple

import numpy as np
from scipy.special import stdtrit

from ablate.stats.cells import Array, StatisticsError
from ablate.stats.engine import checked_weights
from ablate.stats.student import Estimate, student_interval, two_sided_p, without_rounding
from ablate.stats.verdict import POWER

Pairing = Literal["paired", "unpaired"]
MOST_RUNS = 1 << 30
"""Nobody makes more; a search ends there."""
RESOLUTION = 2.0**-22
"""Differences below this share of the numbers' size are rounding: a run's number may come in single precision."""

Numbers = Sequence[Sequence[float | None]]


def estimate_replicates(
    numbers: Numbers, weights: Array, *, pairing: Pairing, level: float = 0.95
) -> tuple[Estimate | None, ...]:
    """The contrasts of one family from one number per run.

    numbers: [variant][replicate], None where that run is missing. weights: shape (n_contrasts, n_variants).
    pairing: `paired` where replicates are folds, so that a fold's difficulty cancels; a contrast uses the
    replicates in which all its variants are present (for two variants the paired t-test). `unpaired` where
    all were tested on one fixed set: seeds have nothing in common (for two variants Welch's test), and the
    answer holds for this test set, not for new images; n_replicates is that of the variant with fewest.
    None where nothing can be compared; an infinite standard error where a variant has one number only.
    Runs that do not differ at all have standard error 0, and p is that of the sign test over replicates.
    Raises StatisticsError for numbers that are not finite and for ragged input.
    Source: Student 1908, Welch 1947.
    """
    if len({len(row) for row in numbers}) > 1:
        raise StatisticsError("variants have different numbers of replicates", hint="Put None where a run is missing.")
    if not all(isfinite(number) for row in numbers for number in row if number is not None):
        raise StatisticsError("a result that is not finite", hint="Pass None for a run that failed.")
    compare = _paired if pairing == "paired" else _unpaired
    found = [compare(numbers, row) for row in checked_weights(weights, n_variants=len(numbers))]
    return tuple(None if sample is None else _finish(sample, pairing, level) for sample in found)


class Summary(NamedTuple):
    """Runs of one variant of which only this is known. deviation: with n - 1; None for a single run."""

    mean: float
    deviation: float | None
    n: int


def estimate_summaries(
    summaries: Sequence[Summary], weights: Array, *, level: float = 0.95
) -> tuple[Estimate | None, ...]:
    """The contrasts of one family from means, standard deviations and numbers of runs: as `unpaired`, exactly.

    Raises StatisticsError for numbers that are not finite.
    """
    if not all(isfinite(one.mean) and isfinite(one.deviation or 0.0) for one in summaries):
        raise StatisticsError("a result that is not finite", hint="Leave that variant out.")
    moments = [
        _Moments(
            one.mean,
            inf if one.deviation is None else one.deviation**2,
            one.n,
            abs(one.mean) + (one.deviation or 0.0) * sqrt(one.n),
        )
        for one in summaries
    ]
    found = [
        _welch([moments[v] for v in np.flatnonzero(row).tolist()], row[np.flatnonzero(row)])
        for row in checked_weights(weights, n_variants=len(summaries))
    ]
    return tuple(_finish(sample, "unpaired", level) for sample in found)


class _Moments(NamedTuple):
    """One variant's runs: mean, variance with n - 1, number, and how large the numbers are."""

    mean: float
    variance: float
    n: int
    size: float


class _Sample(NamedTuple):
    """One contrast before its interval; size: how large the numbers behind it are."""

    difference: float
    variance: float
    df: float
    size: float
    n_replicates: int
    by_replicate: tuple[float, ...]


def _paired(numbers: Numbers, weights: Array) -> _Sample | None:
    used = np.flatnonzero(weights)
    columns = zip(*(numbers[v] for v in used.tolist()), strict=True)
    matched = np.array([column for column in columns if None not in column], dtype=np.float64)
    k = len(matched)
    if k == 0:
        return None
    deltas = matched @ weights[used]
    return _Sample(
        difference=float(deltas.mean()),
        variance=float(deltas.var(ddof=1)) / k if k > 1 else inf,
        df=k - 1.0,
        size=float((np.abs(matched) @ np.abs(weights[used])).max()),
        n_replicates=k,
        by_replicate=tuple(deltas.tolist()),
    )


def _unpaired(numbers: Numbers, weights: Array) -> _Sample | None:
    used = np.flatnonzero(weights)
    samples = [np.array([x for x in numbers[v] if x is not None], dtype=np.float64) for v in used.tolist()]
    if min(len(sample) for sample in samples) == 0:
        return None
    moments = [
        _Moments(
            float(sample.mean()),
            float(sample.var(ddof=1)) if len(sample) > 1 else inf,
            len(sample),
            float(np.abs(sample).max()),
        )
        for sample in samples
    ]
    return _welch(moments, weights[used])


def _welch(moments: Sequence[_Moments], weights: Array) -> _Sample:
    counts = np.array([one.n for one in moments])
    k = int(counts.min())
    variance, df = inf, 0.0
    if k > 1:
        parts = np.array([one.variance for one in moments]) * weights**2 / counts
        variance = float(parts.sum())
        df = k - 1.0
        if variance > 0:
            df = 1 / float(((parts / variance) ** 2 / (counts - 1)).sum())
    return _Sample(
        difference=float(weights @ [one.mean for one in moments]),
        variance=variance,
        df=df,
        size=float(np.abs(weights) @ [one.size for one in moments]),
        n_replicates=k,
        by_replicate=(),
    )


def _finish(sample: _Sample, pairing: Pairing, level: float) -> Estimate:
    difference, se = without_rounding(sample.difference, sample.variance, resolution=RESOLUTION * sample.size)
    lo, hi = student_interval(difference, se, sample.df, level=level)
    return Estimate(
        difference=difference,
        standard_error=se,
        df=sample.df,
        lo=lo,
        hi=hi,
        p=two_sided_p(difference, se, sample.df, n_units=sample.n_replicates),
        level=level,
        n_replicates=sample.n_replicates,
        n_images=None,
        image_part=None,
        run_part=None,
        # Seeds on one test set say nothing of new images, so nothing is left after endlessly many of them.
        image_floor=None if pairing == "paired" else 0.0,
        by_replicate=sample.by_replicate,
        basis="replicates, paired" if pairing == "paired" else "replicates, unpaired",
    )


def runs_that_tell(difference: float, deviations: tuple[float, float], *, family_size: int, alpha: float = 0.05) -> int:
    """Runs of each of two variants after which a true difference of this size is seen with 80% power.

    deviations: of single runs of the one and the other. At Holm's first step, by Welch's test with equal numbers.
    Raises StatisticsError for a difference of 0 and for deviations that are no sizes.
    """
    if not difference or not isfinite(difference) or not all(0 <= size < inf for size in deviations):
        raise StatisticsError(
            f"difference: {difference}, deviations: {deviations}", hint="Name a difference to look for, and sizes."
        )
    low, high = 1, 2
    while high < MOST_RUNS and _reach(high, deviations, alpha / family_size) > abs(difference):
        low, high = high, 2 * high
    while high - low > 1:
        middle = (low + high) // 2
        if _reach(middle, deviations, alpha / family_size) > abs(difference):
            low = middle
        else:
            high = middle
    return high


def _reach(n: int, deviations: tuple[float, float], alpha: float) -> float:
    """The difference that n runs of each show with 80% power."""
    largest = max(deviations)
    ratio = (min(deviations) / largest) ** 2 if largest else 1.0
    df = (n - 1) * (1 + ratio) ** 2 / (1 + ratio**2)
    return -float(stdtrit(df, alpha / 2) + stdtrit(df, 1 - POWER)) * largest * sqrt((1 + ratio) / n)
