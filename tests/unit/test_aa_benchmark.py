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
    """Known answer: of the mean of n numbers it is s / sqrt(n), however few of them each study uses."""
    rng = np.random.default_rng(0)
    values = rng.normal(size=30)
    chosen = [rng.choice(30, 6, replace=False) for _ in range(20_000)]
    used = np.zeros((len(chosen), 1, 30), np.bool_)
    for place, own in zip(used[:, 0], chosen, strict=True):
        place[own] = True
    (rate,) = jackknife(values[np.array(chosen)].mean(1)[:, None] + 5.0, used)
    half = 2.045229642132703 * values.std(ddof=1) / np.sqrt(30)  # t of 29 degrees of freedom

    assert rate.share == pytest.approx(5.0 + values.mean(), abs=0.01)
    assert rate.share - rate.lo == pytest.approx(half, rel=0.05)


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
