"""One difference over several data sets: known answers, and what must hold whatever the numbers are."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from statsmodels.stats.meta_analysis import combine_effects

from ablate.errors import AblateError
from ablate.stats.pooled import pool_data_sets

# Thirteen trials of the BCG vaccine (Colditz et al. 1994): cases and others, vaccinated and not.
CASES, OTHERS = [4, 6, 3, 62, 33, 180, 8, 505, 29, 17, 186, 5, 27], [
    119, 300, 228, 13536, 5036, 1361, 2537, 87886, 7470, 1699, 50448, 2493, 16886,
]  # fmt: skip
CASES_0, OTHERS_0 = [11, 29, 11, 248, 47, 372, 10, 499, 45, 65, 141, 3, 29], [
    128, 274, 209, 12619, 5761, 1079, 619, 87892, 7232, 1600, 27197, 2338, 17825,
]  # fmt: skip

# Nine laboratories' means and their errors (the example in Paule and Mandel's manner of statsmodels).
LABS = [61.00, 61.40, 62.21, 62.30, 62.34, 62.60, 62.70, 62.84, 65.90]
LABS_ERRORS = [0.45, 1.1, 0.3, 0.45, 0.62, 0.75, 0.26, 0.15, 1.35]

seeds = st.integers(0, 2**32 - 1)


def some_data_sets(seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Three to nine differences with their errors."""
    rng = np.random.default_rng(seed)
    k = rng.integers(3, 10)
    return rng.uniform(-20, 20, size=k), rng.uniform(0.05, 10, size=k)


def log_risk_ratios() -> tuple[np.ndarray, np.ndarray]:
    a, b, c, d = (np.array(row, dtype=float) for row in (CASES, OTHERS, CASES_0, OTHERS_0))
    return np.log(a / (a + b) / (c / (c + d))), np.sqrt(1 / a - 1 / (a + b) + 1 / c - 1 / (c + d))


def test_the_bcg_trials_give_metafors_paule_mandel_variance() -> None:
    """Known answer: metafor's `rma(yi, vi, data=dat.bcg, method="PM")` gives tau^2 = 0.3181 and the mean -0.7150."""
    found = pool_data_sets(*log_risk_ratios())

    assert found is not None
    assert found.tau**2 == pytest.approx(0.3181, abs=5e-5)
    assert found.estimate.difference == pytest.approx(-0.7150, abs=5e-5)
    assert found.q == pytest.approx(152.2330, abs=5e-5)


@pytest.mark.parametrize(
    ("mean", "error"),
    [
        (LABS, LABS_ERRORS),
        ([0.3, 2.0, 5.1], [0.4, 0.9, 0.6]),
        ([-1.0, 0.5, 2.5, 3.0, 9.0], [1.0, 1.0, 0.3, 2.0, 1.5]),
    ],
)  # fmt: skip
def test_mean_variance_and_interval_are_those_of_statsmodels(mean: list[float], error: list[float]) -> None:
    """Known answer: statsmodels' iterated (Paule and Mandel) estimate with Hartung and Knapp's interval."""
    theirs = combine_effects(np.array(mean), np.square(error), method_re="iterated", use_t=True, atol=1e-13)
    lo, hi = theirs.conf_int(use_t=True)[3]

    found = pool_data_sets(mean, error)

    assert found is not None
    assert found.tau**2 == pytest.approx(theirs.tau2, rel=1e-6)
    assert found.estimate.difference == pytest.approx(theirs.mean_effect_re, rel=1e-6)
    assert (found.estimate.lo, found.estimate.hi) == pytest.approx((lo, hi), rel=1e-6)
    assert found.q == pytest.approx(theirs.q, rel=1e-9)


def test_data_sets_that_agree_better_than_their_noise_do_not_shorten_the_interval() -> None:
    """q* = max(1, q): the interval is Student's with the ordinary error, not Hartung and Knapp's shorter one."""
    found = pool_data_sets([62.21, 62.30, 62.34], [0.3, 0.45, 0.62])
    plain = 1 / np.sqrt(np.sum(1 / np.square([0.3, 0.45, 0.62])))

    assert found is not None
    assert found.tau == 0
    assert found.estimate.standard_error == pytest.approx(plain)
    assert found.estimate.hi - found.estimate.difference == pytest.approx(stats.t.ppf(0.975, 2) * plain)


def test_the_next_data_set_is_predicted_with_one_degree_of_freedom_less() -> None:
    """Known answer by hand from Higgins, Thompson and Spiegelhalter 2009, formula 12."""
    found = pool_data_sets([-1.0, 0.5, 2.5, 3.0, 9.0], [1.0, 1.0, 0.3, 2.0, 1.5])

    assert found is not None
    reach = stats.t.ppf(0.975, 3) * np.hypot(found.tau, found.estimate.standard_error)
    assert found.hi_next - found.estimate.difference == pytest.approx(reach)


def test_two_data_sets_are_not_pooled() -> None:
    """With one degree of freedom an interval says next to nothing."""
    assert pool_data_sets([1.0, 2.0], [0.5, 0.5]) is None


@pytest.mark.parametrize(("mean", "error"), [([1, 2, 3], [1, 0, 1]), ([1, np.nan, 3], [1, 1, 1]), ([1, 2, 3], [1, 1])])
def test_what_is_no_estimate_with_an_error_is_refused(mean: list[float], error: list[float]) -> None:
    """An error of 0 would take all the weight."""
    with pytest.raises(AblateError):
        pool_data_sets(mean, error)


@given(seeds, st.floats(-5, 5), st.floats(0.01, 100))
def test_shift_and_unit_do_not_matter(seed: int, shift: float, scale: float) -> None:
    """Points or shares, and whatever is added everywhere: the same statement."""
    y, s = some_data_sets(seed)
    one, other = pool_data_sets(y, s), pool_data_sets(scale * (y + shift), scale * s)

    assert one is not None
    assert other is not None
    assert other.estimate.difference == pytest.approx(scale * (one.estimate.difference + shift), abs=1e-4 * scale)
    assert other.estimate.standard_error == pytest.approx(scale * one.estimate.standard_error, rel=1e-4)
    assert other.tau == pytest.approx(scale * one.tau, rel=1e-3, abs=1e-3 * scale)


@given(seeds)
def test_a_data_set_more_is_never_predicted_more_narrowly_than_the_mean(seed: int) -> None:
    """The prediction holds the interval of the mean, which holds the mean; the mean lies between the data sets."""
    y, s = some_data_sets(seed)
    found = pool_data_sets(y, s)

    assert found is not None
    own = found.estimate
    assert found.lo_next <= own.lo <= own.difference <= own.hi <= found.hi_next
    assert y.min() - 1e-9 <= own.difference <= y.max() + 1e-9
    assert sum(found.weights) == pytest.approx(1)
