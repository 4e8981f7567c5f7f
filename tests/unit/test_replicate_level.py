"""Contrasts from one number per run."""

from __future__ import annotations

import math
from typing import Literal

import numpy as np
import pytest
from scipy import stats
from statsmodels.stats.weightstats import ttost_paired

from ablate.stats.cells import StatisticsError
from ablate.stats.replicate_level import MOST_RUNS, estimate_replicates, runs_that_tell
from ablate.stats.student import Estimate

A = [46.4, 44.2, 47.5, 45.0, 47.2]
B = [48.9, 47.8, 48.6, 46.9, 49.7]
STEP = np.array([[-1.0, 1.0]])

Pairing = Literal["paired", "unpaired"]


def the_step(a: list[float | None], b: list[float | None], pairing: Pairing) -> Estimate:
    """The one contrast b minus a."""
    (found,) = estimate_replicates([a, b], STEP, pairing=pairing)
    assert found is not None
    return found


class TestPaired:
    def test_two_variants_are_the_paired_t_test(self) -> None:
        """Folds cancel: five pairs give the textbook interval and p."""
        found = the_step(A, B, "paired")

        assert found.difference == pytest.approx(2.32)
        assert (found.p, found.df) == pytest.approx((0.0048230629, 4), abs=1e-9)
        assert (found.lo, found.hi) == pytest.approx((1.180642, 3.459358), abs=1e-6)
        assert found.difference / found.standard_error == pytest.approx(5.6534941, abs=1e-6)
        assert found.p == pytest.approx(stats.ttest_rel(B, A).pvalue)
        assert (found.basis, found.n_images, found.image_floor) == ("replicates, paired", None, None)

    @pytest.mark.parametrize(("bound", "p"), [(4, 0.0074636270), (1, 0.9838082)])
    def test_the_two_one_sided_tests(self, bound: float, p: float) -> None:
        """Equivalence within a bound is the larger of the two one-sided p."""
        found = the_step(A, B, "paired")

        assert max(found.p_above(-bound), found.p_below(bound)) == pytest.approx(p, abs=1e-7)
        assert ttost_paired(np.array(B), np.array(A), -bound, bound)[0] == pytest.approx(p, abs=1e-7)

    def test_only_matched_replicates_count(self) -> None:
        """A fold that one variant failed on is left out of the contrast."""
        found = the_step([*A, None, 40.0], [*B, 50.0, None], "paired")

        assert found == the_step(A, B, "paired")

    def test_the_replicates_own_differences_are_kept(self) -> None:
        """The report draws them beside the interval."""
        assert the_step(A, B, "paired").by_replicate == pytest.approx((2.5, 3.6, 1.1, 1.9, 2.5))

    def test_longer_contrasts_pair_all_their_variants(self) -> None:
        """A weighted sum of variants is the t-test of the sums, fold by fold."""
        c = [50.0, 49.0, 52.0, 47.5, 51.0]
        (found,) = estimate_replicates([A, B, c], np.array([[-1.0, 0.5, 0.5]]), pairing="paired")

        sums = (np.array(B) + np.array(c)) / 2 - np.array(A)
        assert found is not None
        assert found.p == pytest.approx(stats.ttest_1samp(sums, 0).pvalue)


class TestUnpaired:
    def test_two_variants_are_welchs_test(self) -> None:
        """Seeds on one test set have no partners: Welch's interval and p."""
        found = the_step(A, B, "unpaired")

        assert found.difference / found.standard_error == pytest.approx(2.9159907, abs=1e-6)
        assert (found.p, found.df) == pytest.approx((0.0210119731, 7.4367851), abs=1e-7)
        assert (found.lo, found.hi) == pytest.approx((0.460844, 4.179156), abs=1e-6)
        assert (found.basis, found.by_replicate) == ("replicates, unpaired", ())

    def test_unequal_numbers_of_runs(self) -> None:
        """A failed run leaves the others of both variants in."""
        found = the_step(A, [*B[:3], None, None], "unpaired")

        assert found.p == pytest.approx(stats.ttest_ind(B[:3], A, equal_var=False).pvalue)
        assert found.n_replicates == 3

    def test_the_order_of_seeds_is_meaningless(self) -> None:
        """Shuffling one variant's runs changes nothing."""
        assert the_step(A, B[::-1], "unpaired").p == pytest.approx(the_step(A, B, "unpaired").p)


@pytest.mark.parametrize("pairing", ["paired", "unpaired"])
class TestTooLittle:
    def test_a_single_run_each_has_no_interval(self, pairing: Pairing) -> None:
        """One number minus another is a difference that nothing is known about."""
        found = the_step([46.4], [48.9], pairing)

        assert found.difference == pytest.approx(2.5)
        assert (found.standard_error, found.lo, found.hi, found.p) == (math.inf, -math.inf, math.inf, 1)
        assert (found.p_above(0), found.p_below(0)) == (1, 1)

    def test_nothing_to_compare(self, pairing: Pairing) -> None:
        """Without runs of both there is no estimate."""
        assert estimate_replicates([A, [None] * 5], STEP, pairing=pairing) == (None,)

    def test_runs_that_do_not_differ(self, pairing: Pairing) -> None:
        """Identical numbers are no difference, with certainty."""
        found = the_step([0.1, 0.1, 0.1], [0.1, 0.1, 0.1], pairing)

        assert (found.difference, found.standard_error, found.p) == (0, 0, 1)

    def test_a_constant_gain_is_worth_its_coin_flips(self, pairing: Pairing) -> None:
        """Three equal gains are three heads in a row, not certainty."""
        found = the_step([0.25] * 3, [0.5] * 3, pairing)

        assert (found.lo, found.hi) == (0.25, 0.25)
        assert found.p == 0.25

    def test_numbers_that_are_not_finite_are_refused(self, pairing: Pairing) -> None:
        """A run that ended in NaN failed; it has no result."""
        with pytest.raises(StatisticsError, match="not finite"):
            the_step([1.0, math.nan], [1.0, 2.0], pairing)

    def test_ragged_input_is_refused(self, pairing: Pairing) -> None:
        """A missing run is None, not a shorter list."""
        with pytest.raises(StatisticsError, match="different numbers"):
            the_step(A, B[:4], pairing)


@pytest.mark.parametrize("pairing", ["paired", "unpaired"])
def test_the_rounding_of_single_precision_is_no_spread(pairing: Pairing) -> None:
    """float32 numbers of runs that do not vary give the answer of float64, and not a difference beyond all doubt."""
    numbers = [[0.8, 0.8, 0.8], [0.9, 0.9, 0.9]] if pairing == "unpaired" else [[0.81, 0.82, 0.83], [0.91, 0.92, 0.93]]
    rounded = [[float(np.float32(x) + np.float32(i * 6e-8)) for i, x in enumerate(row)] for row in numbers]
    weights = np.array([[-1.0, 1.0]])

    (exact,) = estimate_replicates(numbers, weights, pairing=pairing)
    (found,) = estimate_replicates(rounded, weights, pairing=pairing)

    assert exact is not None
    assert found is not None
    assert (found.standard_error, found.p) == (exact.standard_error, exact.p) == (0.0, 0.25)


@pytest.mark.parametrize(("difference", "deviations"), [(0.3, (0.2, 0.2)), (1.0, (0.1, 0.9)), (0.05, (0.2, 0.0))])
def test_so_many_runs_tell_and_one_less_does_not(difference: float, deviations: tuple[float, float]) -> None:
    """Known answer: the quantiles of Welch's t for n and for n - 1 runs of each, at half of 5 % of two comparisons."""
    found = runs_that_tell(difference, deviations, family_size=2)

    def reach(n: int) -> float:
        a, b = (size**2 / n for size in deviations)
        df = (n - 1) * (a + b) ** 2 / (a**2 + b**2)
        return float((stats.t.isf(0.0125, df) + stats.t.isf(0.2, df)) * math.sqrt(a + b))

    assert reach(found) <= difference < reach(found - 1)


def test_runs_that_never_differ_tell_at_once_and_a_hair_is_never_told() -> None:
    """Two runs are the fewest; the search for many ends."""
    assert runs_that_tell(0.1, (0.0, 0.0), family_size=1) == 2
    assert runs_that_tell(1e-9, (1.0, 1.0), family_size=1) == MOST_RUNS


@pytest.mark.parametrize(("difference", "deviations"), [(0.0, (1.0, 1.0)), (math.nan, (1.0, 1.0)), (1.0, (-1.0, 1.0))])
def test_no_runs_tell_of_no_difference(difference: float, deviations: tuple[float, float]) -> None:
    """And a deviation is a size."""
    with pytest.raises(StatisticsError):
        runs_that_tell(difference, deviations, family_size=1)
