"""The arithmetic of the benchmark on real trainings, on drawn answers."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.aa import Fold, false_findings, jackknife, split_halves


@pytest.fixture
def folds() -> list[Fold]:
    """Thirty trainings of one variant on each of three folds, right by the image's ease alone."""
    rng = np.random.default_rng(0)
    return [
        Fold(np.arange(200) + 1000 * fold, (rng.random((30, 200)) < rng.beta(2, 1, 200)).astype(np.float64))
        for fold in range(3)
    ]


def test_the_jackknife_of_a_mean_over_trainings_is_its_standard_error() -> None:
    """Known answer: of the mean of n numbers it is s / sqrt(n), here with each number a group of its own."""
    values = np.array([0.0, 0.1, 0.4, 0.5, 0.9, 0.2, 0.3, 0.6, 0.7, 0.8])
    (rate,) = jackknife(10, lambda kept, n: np.full((n, 1), values[kept].mean()), 4)

    assert rate.share == pytest.approx(values.mean())
    half = 2.2621571627409915 * values.std(ddof=1) / np.sqrt(10)  # t of 9 degrees of freedom
    assert (rate.lo, rate.hi) == pytest.approx((values.mean() - half, values.mean() + half))


def test_copies_without_any_difference_are_seldom_called_different(folds: list[Fold]) -> None:
    """Far fewer than half of the studies, in either design."""
    for design in ("chain", "one at a time"):
        found = false_findings(folds, design, studies=16, rng=np.random.default_rng(1))

        assert found["steps"] == 5
        assert found["studies"]["share"] <= 0.2


def test_halves_of_one_comparison_agree_within_their_errors(folds: list[Fold]) -> None:
    """Near 5, 20 and 50 % lie beyond the bounds of t."""
    other = [fold._replace(scores=np.maximum(fold.scores, fold.scores[::-1])) for fold in folds]
    found = split_halves([folds, other], halves=40, rng=np.random.default_rng(1))

    assert found["beyond 5 %"]["share"] <= 0.15
    assert 0.05 <= found["beyond 20 %"]["share"] <= 0.4
    assert 0.25 <= found["beyond 50 %"]["share"] <= 0.75
