"""How often the range for twice the images holds the truth, on curves that are followed and on others.

`python -m tests.calibration.test_learning_curves` prints the table of docs/statistics.md.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from typing import NamedTuple

import numpy as np
import pytest

from ablate.stats.cells import Array
from ablate.stats.learning import EXPONENTS, extrapolate, gain_weights, misfit_weights
from ablate.stats.replicate_level import estimate_replicates

STUDIES = 1000
SIZES = np.array([0.25, 0.5, 0.75, 1.0])
FOLLOWED: Mapping[str, Callable[[Array], Array]] = {
    "none": np.zeros_like,
    "logarithm": lambda n: 4 * np.log2(n),
    "c = 0.25": lambda n: -20 * n**-0.25,
    "c = 0.5": lambda n: -8 * n**-0.5,
    "c = 0.75": lambda n: -5 * n**-0.75,
    "c = 1": lambda n: -4 / n,
    "c = 2": lambda n: -2 * n**-2,
}
OTHERS: Mapping[str, Callable[[Array], Array]] = {
    "levels off: exp(-2n)": lambda n: -20 * np.exp(-2 * n),
    "S, steepest at 0.75": lambda n: 30 / (1 + np.exp(-4 * (n - 0.75))),
    "S, steepest at 1.25": lambda n: 30 / (1 + np.exp(-4 * (n - 1.25))),
}
NOISES = ((3, 1.0), (6, 1.0), (10, 0.5))
"""Replicates, and the standard deviation of a run in points; half of the runs' noise has heavy tails."""


class Measured(NamedTuple):
    """true: the gain. held: of the ranges, how many hold it; width: their mean; refused: where no curve fits."""

    true: float
    held: float
    width: float
    refused: float


def measure(curve: Callable[[Array], Array], k: int, noise: float, *, studies: int = STUDIES) -> Measured:
    """Levels on a known curve, each run with its own noise."""
    rng = np.random.default_rng([k, round(10 * noise)])
    levels, true = curve(SIZES), float(curve(np.array([2.0]))[0] - curve(np.array([1.0]))[0])
    rows = [gain_weights(SIZES.tolist(), c, 2.0) for c in EXPONENTS]
    rows += [misfit_weights(SIZES.tolist(), c) for c in EXPONENTS]
    held, width, told = 0, 0.0, 0
    for _ in range(studies):
        own = (rng.standard_normal((4, k)) + rng.standard_t(4, size=(4, k)) / 2**0.5) / 2**0.5
        numbers = levels[:, None] + noise * own
        found = [one for one in estimate_replicates(numbers.tolist(), np.array(rows), pairing="paired") if one]
        far = extrapolate(found[: len(EXPONENTS)], found[len(EXPONENTS) :], 2.0)
        if far is not None:
            told, held, width = told + 1, held + (far.lo <= true <= far.hi), width + far.hi - far.lo
    return Measured(true, held / max(1, told), width / max(1, told), 1 - told / studies)


@pytest.mark.slow
@pytest.mark.parametrize("name", FOLLOWED)
def test_the_range_holds_the_gain_of_every_curve_that_is_followed(name: str) -> None:
    """In at least 95 % of studies, less what chance makes of 400."""
    for k, noise in NOISES:
        found = measure(FOLLOWED[name], k, noise, studies=400)

        assert found.held >= 0.93
        assert found.refused <= 0.04


@pytest.mark.slow
def test_a_late_rise_is_mostly_not_extrapolated() -> None:
    """With ten replicates an S is seen not to be any of the curves, and nothing is said."""
    for name in ("S, steepest at 0.75", "S, steepest at 1.25"):
        assert measure(OTHERS[name], 10, 0.5, studies=200).refused >= 0.95


if __name__ == "__main__":
    sys.stdout.write("| curve | replicates | noise of a run | true gain | held | mean width | nothing said |\n")
    for name, curve in {**FOLLOWED, **OTHERS}.items():
        for k, noise in NOISES:
            found = measure(curve, k, noise)
            numbers = f"{found.true:.1f} | {found.held:.3f} | {found.width:.1f} | {found.refused:.2f}"
            sys.stdout.write(f"| {name} | {k} | {noise} | {numbers} |\n")
