"""What two arrays of answers claim, measured: the interval, a difference, and a loss that is ruled out."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from ablate.stats.arrays import compare

STUDIES = 1000


def answers(rng: np.random.Generator, *, images: int, right: float, gain: float) -> tuple[np.ndarray, np.ndarray]:
    """Right and wrong answers of two networks of known accuracy that share half of what is hard."""
    ease, noise = rng.normal(size=images), rng.normal(size=(2, images))
    first, second = (-stats.norm.ppf(share) * 2**0.5 for share in (right, right + gain))
    return (ease + noise[0] > first).astype(int), (ease + noise[1] > second).astype(int)


@pytest.mark.slow
@pytest.mark.parametrize(("images", "right"), [(50, 0.7), (200, 0.95), (1000, 0.7)])
def test_two_networks_are_judged_at_the_promised_rates(images: int, right: float) -> None:
    """A loss just as large as the one to rule out passes in 5 %; 95 % of intervals hold the truth."""
    rng = np.random.default_rng(images)
    worse = [compare(*answers(rng, images=images, right=right, gain=-0.02), no_worse=2.0) for _ in range(STUDIES)]
    equal = [compare(*answers(rng, images=images, right=right, gain=0.0)) for _ in range(STUDIES)]

    assert np.mean([found.no_worse == "non_inferior" for found in worse]) <= 0.075
    assert 0.93 <= np.mean([found.lo <= -2.0 <= found.hi for found in worse]) <= 0.98
    assert np.mean([found.verdict in ("better", "worse") for found in equal]) <= 0.075
