"""The corrected resampled t: what replicates that share training images may hide of new training sets."""

from __future__ import annotations

from collections.abc import Sequence
from math import sqrt

import numpy as np

from ablate.stats.student import student_interval


def resampled_interval(
    differences: Sequence[float], *, train: int, test: int, level: float = 0.95
) -> tuple[float, float]:
    """The interval of the mean difference if each replicate came of a training set of its own.

    differences: by replicate, at least two. train, test: images of one replicate. The variance of the mean is
    (1 / k + test / train) s^2 instead of s^2 / k, with k - 1 degrees of freedom: a rule of thumb.
    Source: Nadeau and Bengio 2003.
    """
    values = np.asarray(differences, np.float64)
    k = len(values)
    error = sqrt(float(values.var(ddof=1)) * (1 / k + test / train))
    return student_interval(float(values.mean()), error, k - 1, level=level)
