"""ROC, precision-recall and reliability curves of single runs, and what they are over the replicates.

Equal probabilities (half precision stores many) are one threshold: no order among them counts. Nothing here is an
interval for new images, and nothing is judged.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ablate.stats.cells import Array

Truth = NDArray[np.bool_]

PLACES: tuple[float, ...] = tuple(i / 100 for i in range(101))
"""Where curves are read: false positive rates of ROC curves, recalls of precision-recall curves."""

BINS = 10
"""Of equal width, of the predicted probability."""

FEWEST_IN_BIN = 10
"""Answers over all runs below which a bin is not drawn: a point of two images is noise."""

FEWEST_IN_RUN = 5
"""Answers of one run below which the run has no say in the band of a bin."""

_ROUNDING = 1e-9


class Ranking(NamedTuple):
    """What a run's probabilities say in order: curves at PLACES, shape (101,), averaged over the classes that can be
    ranked; the areas below them; how large the share of positives is. classes: how many were ranked."""

    sensitivity: Array
    precision: Array
    area: float
    average_precision: float
    share: float
    classes: int


class Calibration(NamedTuple):
    """Answers by bins of the probability, each of shape (BINS,): how many, the sum of their probabilities, how many are
    right. error: the expected calibration error."""

    n: Array
    probability: Array
    right: Array
    error: float


class Bin(NamedTuple):
    """One bin over all runs. lo, hi: the least and the most of the runs with enough answers in it, None without two.

    share: of all answers.
    """

    probability: float
    right: float
    lo: float | None
    hi: float | None
    share: float


class Band(NamedTuple):
    """A number or a curve over the runs: mean, least and most, place by place."""

    mean: tuple[float, ...]
    lo: tuple[float, ...]
    hi: tuple[float, ...]


def rank_answers(truth: Truth, score: Array) -> Ranking | None:
    """Curves of one run, each column a class against the rest; None where no class has images and others beside it.

    truth, score: shape (n, classes). The mean over classes (macro) at each false positive rate, or recall.
    """
    found = [_ranked(truth[:, c], score[:, c]) for c in range(truth.shape[1])]
    known = [one for one in found if one is not None]
    if not known:
        return None
    return Ranking(
        sensitivity=np.mean([one.sensitivity for one in known], axis=0),
        precision=np.mean([one.precision for one in known], axis=0),
        area=float(np.mean([one.area for one in known])),
        average_precision=float(np.mean([one.average_precision for one in known])),
        share=float(np.mean([one.share for one in known])),
        classes=len(known),
    )


def _ranked(truth: Truth, score: Array) -> Ranking | None:
    """One class against the rest.

    Between thresholds the ROC curve is a line (what a coin between the two gives) and its area the chance that a
    positive has the higher probability, ties counted half; at a false positive rate that several thresholds share it is
    the highest of them. Precision at a recall is that of the first threshold that reaches it; its mean over the
    positives is the average precision, without interpolation.
    """
    positives = int(truth.sum())
    if positives == 0 or positives == truth.size:
        return None
    order = np.argsort(-score, kind="stable")
    last = np.append(np.diff(score[order]) != 0, True)  # of equal probabilities
    hits = np.cumsum(truth[order])[last].astype(np.float64)
    called = (np.flatnonzero(last) + 1).astype(np.float64)
    sensitivity, precision = hits / positives, hits / called
    alarms = (called - hits) / (truth.size - positives)
    places = np.array(PLACES)
    x, y = np.append(0.0, alarms), np.append(0.0, sensitivity)
    at = np.searchsorted(x, places + _ROUNDING, side="right") - 1
    after = np.minimum(at + 1, x.size - 1)
    gap = x[after] - x[at]
    share = np.clip(np.divide(places - x[at], gap, out=np.zeros_like(gap), where=gap > 0), 0.0, 1.0)
    reached = np.minimum(np.searchsorted(sensitivity, places - _ROUNDING), sensitivity.size - 1)
    return Ranking(
        sensitivity=y[at] + share * (y[after] - y[at]),
        precision=precision[reached],
        area=float(np.sum(np.diff(x) * (y[1:] + y[:-1]) / 2)),
        average_precision=float(np.sum(np.diff(sensitivity, prepend=0.0) * precision)),
        share=positives / truth.size,
        classes=1,
    )


def calibrate(probability: Array, right: Truth) -> Calibration:
    """How often answers of a probability are right, by BINS of equal width; the last one takes 1, too.

    The expected calibration error is the mean over answers of how far apart the two are in their bin; with few answers
    a bin it is too large by the noise of the bins.
    Source: Naeini, Cooper and Hauskrecht 2015; Guo et al. 2017.
    """
    place = np.clip((probability * BINS).astype(np.int64), 0, BINS - 1)
    n = np.bincount(place, minlength=BINS).astype(np.float64)
    told = np.bincount(place, weights=probability, minlength=BINS).astype(np.float64)
    seen = np.bincount(place, weights=right, minlength=BINS).astype(np.float64)
    return Calibration(n, told, seen, float(np.abs(told - seen).sum() / max(1, probability.size)))


def band_of(curves: Sequence[Array]) -> Band:
    """Mean, least and most over runs; each of the same shape."""
    stacked = np.stack(curves)
    lo, hi = stacked.min(axis=0), stacked.max(axis=0)
    mean = np.clip(stacked.mean(axis=0), lo, hi)  # of equal values it is one of them
    return Band(tuple(mean.tolist()), tuple(lo.tolist()), tuple(hi.tolist()))


def bins_of(runs: Sequence[Calibration]) -> tuple[Bin, ...]:
    """The bins that enough answers of all runs fall into, from the least probability to the most."""
    n, told, right = (np.stack([getattr(run, name) for run in runs]) for name in ("n", "probability", "right"))
    total = n.sum(axis=0)
    found = []
    for b in np.flatnonzero(total >= FEWEST_IN_BIN):
        enough = n[:, b] >= FEWEST_IN_RUN
        rates = right[enough, b] / n[enough, b]
        several = rates.size > 1
        found.append(
            Bin(
                probability=float(told[:, b].sum() / total[b]),
                right=float(right[:, b].sum() / total[b]),
                lo=float(rates.min()) if several else None,
                hi=float(rates.max()) if several else None,
                share=float(total[b] / total.sum()),
            )
        )
    return tuple(found)
