"""The accuracy of one variant and the comparisons of single runs."""

from __future__ import annotations

import math

import numpy as np
import pytest
from statsmodels.stats.contingency_tables import mcnemar as exact_mcnemar

from ablate.stats.accuracy import (
    accuracy_of_numbers,
    mcnemar,
    newcombe,
    variant_accuracy,
    wilson,
)
from ablate.stats.cells import Cells, StatisticsError
from ablate.stats.engine import estimate

IMAGES = np.arange(40)


def one_variant(*runs: np.ndarray, folds: bool = False) -> Cells:
    """The runs of one variant, on one test set or on one fold each."""
    n = len(runs[0])
    return Cells(
        scores=(tuple(np.asarray(run, dtype=float) for run in runs),),
        images=tuple(np.arange(n) + (r * n if folds else 0) for r in range(len(runs))),
    )


class TestVariantAccuracy:
    def test_three_runs_on_one_test_set(self) -> None:
        """120 evaluations of 40 images are worth 116.3 independent images, by hand."""
        runs = [((37 * IMAGES + 53 * s + 11 * IMAGES * s) % 97 < 5 + 2 * IMAGES) for s in range(3)]

        found = variant_accuracy(one_variant(*runs), 0)

        assert found is not None
        assert found.mean == pytest.approx(0.433333, abs=1e-6)
        assert found.n_effective == pytest.approx(116.315789, abs=1e-6)
        assert (found.lo, found.hi) == pytest.approx((0.346836, 0.524093), abs=1e-6)
        assert (found.n_replicates, found.n_images) == (3, 40)

    @pytest.mark.parametrize(
        ("right", "n", "expected"),
        [
            (106, 180, (0.515882, 0.658181)),
            (149, 360, (0.364181, 0.465415)),
            (87, 180, (0.411445, 0.555919)),
            (0, 180, (0.0, 0.020895)),
        ],
    )
    def test_one_run_is_wilsons_interval(self, right: int, n: int, expected: tuple[float, float]) -> None:
        """A single run's interval is the Wilson interval of its count."""
        found = variant_accuracy(one_variant(np.arange(n) < right), 0)

        assert found is not None
        assert (found.lo, found.hi) == pytest.approx(expected, abs=1e-6)
        assert found.n_effective == pytest.approx(n)
        assert (found.lo, found.hi) == pytest.approx(wilson(right, n))

    def test_repeating_a_run_adds_no_images(self) -> None:
        """Ten identical runs on one test set are worth the images of one."""
        run = np.arange(180) < 106

        once, often = variant_accuracy(one_variant(run), 0), variant_accuracy(one_variant(*[run] * 10), 0)

        assert once is not None
        assert often is not None
        assert (often.lo, often.hi) == pytest.approx((once.lo, once.hi))

    def test_all_right_counts_each_image_once(self) -> None:
        """Without a single error the interval is that of the distinct images."""
        found = variant_accuracy(one_variant(*[np.ones(50)] * 4), 0)

        assert found is not None
        assert (found.lo, found.hi) == pytest.approx(wilson(50, 50))

    def test_never_worth_more_than_the_evaluations(self) -> None:
        """Runs that balance each other out image by image are still only so many looks."""
        half = np.arange(50) % 2

        found = variant_accuracy(one_variant(half, 1 - half), 0)

        assert found is not None
        assert found.n_effective == 100

    def test_folds_that_agree_are_worth_their_images(self) -> None:
        """Each image tested once: as many independent images as there are."""
        found = variant_accuracy(one_variant(*[np.arange(50) % 2] * 4, folds=True), 0)

        assert found is not None
        assert (found.n_images, found.n_effective) == (200, 200)

    def test_noise_of_runs_widens_the_interval(self) -> None:
        """Folds of very different accuracy are worth fewer images than were tested."""
        runs = [np.arange(50) < right for right in (5, 25, 45)]

        found = variant_accuracy(one_variant(*runs, folds=True), 0)

        assert found is not None
        assert found.n_effective is not None
        assert found.n_effective < 20

    def test_other_scores_get_the_engines_interval(self) -> None:
        """Losses and fractional scores have no Wilson interval; the images still count once."""
        rng = np.random.default_rng(0)
        cells = one_variant(*(rng.random(60) for _ in range(3)))

        found = variant_accuracy(cells, 0)
        (engine,) = estimate(cells, np.ones((1, 1)))

        assert found is not None
        assert engine is not None
        assert (found.mean, found.lo, found.hi) == (engine.difference, engine.lo, engine.hi)
        assert found.n_effective is None

    def test_a_variant_without_a_finished_run_has_no_accuracy(self) -> None:
        """Nothing finished is None, not zero."""
        cells = Cells(scores=((np.ones(3),), (None,)), images=(np.arange(3),))

        assert variant_accuracy(cells, 1) is None


class TestAccuracyOfNumbers:
    def test_students_interval_over_replicates(self) -> None:
        """Five accuracies give the textbook interval of their mean."""
        found = accuracy_of_numbers([46.4, 44.2, 47.5, 45.0, 47.2])

        assert (found.lo, found.hi) == pytest.approx((44.296138, 47.823862), abs=1e-6)
        assert (found.n_replicates, found.n_images, found.n_effective) == (5, None, None)

    def test_one_number_has_no_bounds(self) -> None:
        """A single accuracy without its images is a number and nothing more."""
        found = accuracy_of_numbers([46.4])

        assert (found.mean, found.lo, found.hi) == (46.4, -math.inf, math.inf)

    def test_no_numbers_are_refused(self) -> None:
        """The mean of nothing is a mistake of the caller."""
        with pytest.raises(StatisticsError, match="no runs"):
            accuracy_of_numbers([])


class TestMcNemar:
    def test_the_exact_test(self) -> None:
        """40 against 62 discordant images: the exact binomial p."""
        pairs = np.repeat([[1, 1], [1, 0], [0, 1], [0, 0]], [120, 40, 62, 138], axis=0)

        found = mcnemar(pairs[:, 0], pairs[:, 1])

        assert (found.only_reference, found.only_variant) == (40, 62)
        assert found.p == pytest.approx(0.0370667674, abs=1e-9)

    @pytest.mark.parametrize(("b", "c", "p"), [(5, 1, 0.21875), (9, 0, 0.00390625), (4, 4, 1.0), (0, 0, 1.0)])
    def test_small_counts(self, b: int, c: int, p: float) -> None:
        """A handful of discordant images gives the coin's p, at most 1."""
        pairs = np.repeat([[1, 0], [0, 1], [1, 1]], [b, c, 3], axis=0)

        assert mcnemar(pairs[:, 0], pairs[:, 1]).p == pytest.approx(p)

    @pytest.mark.parametrize(("b", "c"), [(0, 1), (1, 1), (3, 7), (12, 12), (40, 62), (500, 430), (2000, 1)])
    def test_p_is_that_of_statsmodels(self, b: int, c: int) -> None:
        """Lopsided, level, few and many discordant images: the exact p of another library."""
        pairs = np.repeat([[1, 0], [0, 1]], [b, c], axis=0)
        known = float(exact_mcnemar([[0, c], [b, 0]], exact=True).pvalue)

        assert mcnemar(pairs[:, 0], pairs[:, 1]).p == pytest.approx(known, rel=1e-9, abs=1e-300)

    @pytest.mark.parametrize("variant", [np.array([0.5, 1.0]), np.array([1.0])])
    def test_anything_but_right_or_wrong_is_refused(self, variant: np.ndarray) -> None:
        """Fractions and images without a partner cannot be discordant."""
        with pytest.raises(StatisticsError, match="same images"):
            mcnemar(np.array([1.0, 0.0]), variant)


class TestNewcombe:
    @pytest.mark.parametrize(
        ("variant", "reference", "expected"),
        [
            ((106, 180), (87, 180), (0.002606, 0.205402, 0.044939)),
            ((87, 180), (166, 360), (-0.066287, 0.110825, 0.625989)),
            ((166, 360), (152, 360), (-0.033514, 0.110719, 0.293744)),
        ],
    )
    def test_counts_on_different_images(
        self, variant: tuple[int, int], reference: tuple[int, int], expected: tuple[float, ...]
    ) -> None:
        """Published counts give Newcombe's interval and the score test's p."""
        found = newcombe(variant, reference)

        assert (found.lo, found.hi, found.p) == pytest.approx(expected, abs=1e-6)
        assert found.difference == pytest.approx(variant[0] / variant[1] - reference[0] / reference[1])

    @pytest.mark.parametrize(("variant", "reference"), [((0, 9), (0, 9)), ((9, 9), (0, 9)), ((0, 9), (9, 9))])
    def test_all_or_nothing(self, variant: tuple[int, int], reference: tuple[int, int]) -> None:
        """Shares of 0 and 1 have an interval and a p like any other."""
        found = newcombe(variant, reference)

        assert found.lo <= found.difference <= found.hi
        assert 0 <= found.p <= 1

    @pytest.mark.parametrize("counts", [(10, 9), (-1, 9), (0, 0)])
    def test_impossible_counts_are_refused(self, counts: tuple[int, int]) -> None:
        """More right than there are images is a typing error."""
        with pytest.raises(StatisticsError, match="right of"):
            newcombe(counts, (1, 2))


def test_equal_numbers_have_no_interval_of_zero_width() -> None:
    """How much runs differ is not known then."""
    found = accuracy_of_numbers([0.5, 0.5])

    assert (found.mean, found.lo, found.hi) == (0.5, -np.inf, np.inf)
