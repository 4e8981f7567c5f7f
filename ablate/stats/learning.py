"""How a result grows with the number of training images, and what up to twice as many may bring.

The level at n images is taken as a + b * f(n), f(n) = (1 - n^-c) / c, with an exponent c that three to five sizes do
not tell: every plausible one is followed, and what they predict is a range. For a given c all is linear in the levels,
so that each prediction is a contrast of the variants like any other, with the replicates of all sizes together.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from ablate.stats.cells import Array, StatisticsError
from ablate.stats.student import Estimate

EXPONENTS = (0.0, 0.25, 0.5, 1.0, 2.0)
"""From as much again with every doubling (0, the logarithm) to a quarter of it (2). Errors that were measured over many
sizes fall with exponents of about 0.1 to 0.5; those of a curve that levels off look larger."""

FARTHEST = 2.0
"""Times the images at hand, up to which anything is predicted."""

AT = (1.25, 1.5, 1.75, FARTHEST)
"""Where the range is computed."""

FEWEST_SIZES = 3
MISFIT = 0.01
"""An exponent is dropped where the curve through the larger sizes misses the smallest one at this p."""


class Extrapolation(NamedTuple):
    """The gain over the largest size at `at` times its images, over all exponents that are followed.

    least, most: of the curves themselves; lo, hi: with the 95 % intervals of each. exponents: those followed.
    """

    at: float
    least: float
    most: float
    lo: float
    hi: float
    exponents: tuple[float, ...]


def shape(n: float | Array, exponent: float) -> Array:
    """The curve of an exponent: 0 at n = 1, ever flatter."""
    n = np.asarray(n, dtype=np.float64)
    return np.log(n) if exponent == 0 else (1 - n**-exponent) / exponent


def gain_weights(sizes: Sequence[float], exponent: float, at: float) -> Array:
    """Weights of the levels whose sum is the gain from 1 to `at`, by the curve of this exponent.

    sizes: training images as shares of the largest, shape (n,). By least squares; the weights add up to 0.
    """
    return _slope(sizes, exponent) * float(shape(at, exponent))


def misfit_weights(sizes: Sequence[float], exponent: float) -> Array:
    """Weights of the levels whose sum is the smallest size's level less that of the curve through the others."""
    least = int(np.argmin(sizes))
    others = [i for i in range(len(sizes)) if i != least]
    slope = _slope([sizes[i] for i in others], exponent)
    f = shape(np.array(sizes), exponent)
    weights = np.zeros(len(sizes))
    weights[least] = 1.0
    weights[others] = -1 / len(others) - slope * (f[least] - f[others].mean())
    return weights


def _slope(sizes: Sequence[float], exponent: float) -> Array:
    f = shape(np.array(sizes), exponent)
    centred = f - f.mean()
    spread = float(centred @ centred)
    if len(sizes) < 2 or spread == 0:
        raise StatisticsError("a curve through one number of images", hint="Train on several numbers of images.")
    return np.asarray(centred / spread)


def extrapolate(gains: Sequence[Estimate], misfits: Sequence[Estimate], at: float) -> Extrapolation | None:
    """The range over EXPONENTS, from a gain and a misfit of each; None where no curve fits the sizes at hand.

    An exponent that fits takes the next one on either side along.
    """
    fits = [i for i, misfit in enumerate(misfits) if misfit.p > MISFIT]
    if not fits:
        return None
    # No curve holds exactly: what fits is followed together with its neighbours on either side.
    near = range(max(0, fits[0] - 1), min(len(gains), fits[-1] + 2))
    kept = [gains[i] for i in near]
    return Extrapolation(
        at=at,
        least=min(gain.difference for gain in kept),
        most=max(gain.difference for gain in kept),
        lo=min(gain.lo for gain in kept),
        hi=max(gain.hi for gain in kept),
        exponents=tuple(EXPONENTS[i] for i in near),
    )
