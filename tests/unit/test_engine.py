"""The engine of intervals for contrasts between variants."""

from __future__ import annotations

import math
from dataclasses import asdict

import numpy as np
import pytest

from ablate.stats.cells import Cells, StatisticsError
from ablate.stats.engine import contrast_moments, estimate, pool_runs

IMAGES = np.arange(40)
CHAIN = np.array([[-1.0, 1.0, 0.0], [0.0, -1.0, 1.0]])
STEP = np.array([[-1.0, 1.0]])


def textbook_scores() -> list[list[np.ndarray]]:
    """Three variants, three replicates, forty images: 0/1 scores from a congruence, so anyone can redo them."""

    def scores(a: int, b: int, c: int, threshold: int) -> list[np.ndarray]:
        i = IMAGES
        return [((a * i + b * s + c * i * s) % 97 < threshold + 2 * i).astype(float) for s in range(3)]

    return [scores(37, 53, 11, 5), scores(29, 71, 17, 15), scores(41, 23, 7, 45)]


def fixed_cells() -> Cells:
    """The textbook scores, every replicate tested on all forty images."""
    return Cells(scores=tuple(map(tuple, textbook_scores())), images=(IMAGES,) * 3)


def folds_cells() -> Cells:
    """The textbook scores, each replicate tested on a third of the images."""
    parts = [IMAGES[np.minimum(IMAGES // 14, 2) == s] for s in range(3)]
    scores = tuple(tuple(row[s][parts[s]] for s in range(3)) for row in textbook_scores())
    return Cells(scores=scores, images=tuple(parts))


def two_variants(reference: list[list[float]], variant: list[list[float]], *, folds: bool = False) -> Cells:
    """A reference and a variant with the given scores, on one test set or on one fold a replicate."""
    n = len(reference[0])
    images = tuple(np.arange(n) + (r * n if folds else 0) for r in range(len(reference)))
    return Cells(
        scores=(tuple(np.array(row) for row in reference), tuple(np.array(row) for row in variant)),
        images=images,
    )


def numbers(cells: Cells, weights: np.ndarray, row: int = 0) -> tuple[float, ...]:
    """Difference, standard error, degrees of freedom and p of one contrast."""
    found = estimate(cells, weights)[row]
    assert found is not None
    return found.difference, found.standard_error, found.df, found.p


class TestKnownAnswers:
    @pytest.mark.parametrize(
        ("row", "expected"),
        [(0, (0.125, 0.061657, 28.529111, 0.052063)), (1, (0.291667, 0.061077, 28.236853, 0.000050))],
    )
    def test_a_chain_on_one_test_set(self, row: int, expected: tuple[float, ...]) -> None:
        """Two steps of a chain on a fixed test set give the numbers worked out by hand."""
        assert numbers(fixed_cells(), CHAIN, row) == pytest.approx(expected, abs=1e-6)

    def test_the_interval_on_one_test_set(self) -> None:
        """The 95% interval is the difference -+ Student's quantile times the standard error."""
        found = estimate(fixed_cells(), CHAIN)[0]

        assert found is not None
        assert (found.lo, found.hi) == pytest.approx((-0.001194, 0.251194), abs=1e-6)

    def test_a_step_on_its_own(self) -> None:
        """A family of one has its own degrees of freedom, the same difference and standard error."""
        expected = (0.125, 0.061657, 36.842458, 0.049909)

        assert numbers(fixed_cells(), CHAIN[:1]) == pytest.approx(expected, abs=1e-6)

    @pytest.mark.parametrize(
        ("row", "expected"),
        [(0, (0.198413, 0.089156, 4.167827, 0.087349)), (1, (0.317460, 0.090494, 4.394888, 0.021184))],
    )
    def test_a_chain_on_folds(self, row: int, expected: tuple[float, ...]) -> None:
        """Two steps of a chain on disjoint folds give the numbers worked out by hand."""
        assert numbers(folds_cells(), CHAIN, row) == pytest.approx(expected, abs=1e-6)

    def test_one_run_gives_the_interval_over_images(self) -> None:
        """A single pair of runs is Student's one-sample interval over the images' differences."""
        delta = np.repeat([0.0, 1.0, -1.0], [258, 62, 40])
        cells = two_variants([np.where(delta < 0, 1.0, 0.0)], [np.where(delta > 0, 1.0, 0.0)])

        found = estimate(cells, STEP)[0]

        assert found is not None
        assert (found.difference, found.lo, found.hi, found.p) == pytest.approx(
            (0.0611111, 0.006228, 0.115994, 0.029183484), abs=1e-6
        )
        assert found.df == 359
        assert (found.run_part, found.image_floor) == (0.0, None)


class TestPooling:
    def test_the_noise_of_runs_is_borrowed_from_the_family(self) -> None:
        """A step whose own runs happen to agree gets the family's run noise, not zero."""
        rng = np.random.default_rng(0)
        image = (rng.random(400) < 0.5).astype(float)
        calm = [image, image, image]
        lucky = [image * (rng.random(400) < share) for share in (1.0, 0.8, 0.6)]
        cells = Cells(scores=(tuple(calm), tuple(calm), tuple(lucky)), images=(np.arange(400),) * 3)

        quiet, loud = estimate(cells, CHAIN)

        assert quiet is not None
        assert loud is not None
        assert quiet.difference == 0
        assert quiet.run_part == pytest.approx(loud.run_part / 2)

    def test_contrasts_that_share_a_baseline_do_not_add_up_their_degrees_of_freedom(self) -> None:
        """25 variants against one baseline at three replicates carry 7 degrees of freedom, not 50."""
        weights = np.hstack([-np.ones((25, 1)), np.eye(25)])
        rng = np.random.default_rng(1)
        scores = tuple(tuple((rng.random(50) < 0.5).astype(float) for _ in range(3)) for _ in range(26))
        cells = Cells(scores=scores, images=(np.arange(50),) * 3)

        pool = pool_runs([contrast_moments(cells, row) for row in weights], weights)

        assert pool is not None
        assert pool.df == pytest.approx(50 / 7)

    def test_a_chain_of_five_steps_pools_ten_degrees_of_freedom_down_to_seven(self) -> None:
        """Neighbouring steps share a variant: the sum is divided by 1 + (S - 1) / 2S."""
        weights = np.diff(np.eye(6), axis=0)
        rng = np.random.default_rng(1)
        scores = tuple(tuple((rng.random(50) < 0.5).astype(float) for _ in range(3)) for _ in range(6))
        cells = Cells(scores=scores, images=(np.arange(50),) * 3)

        pool = pool_runs([contrast_moments(cells, row) for row in weights], weights)

        assert pool is not None
        assert pool.df == pytest.approx(10 / 1.4)

    def test_contrasts_of_other_lengths_are_brought_to_one_scale(self) -> None:
        """Halving one contrast's weights halves its answer and leaves the others alone."""
        halved = CHAIN * [[0.5], [1.0]]

        whole, half = estimate(folds_cells(), CHAIN), estimate(folds_cells(), halved)

        assert half[1] == whole[1]
        assert whole[0] is not None
        assert half[0] is not None
        assert (half[0].difference, half[0].lo, half[0].hi, half[0].p) == pytest.approx(
            (whole[0].difference / 2, whole[0].lo / 2, whole[0].hi / 2, whole[0].p)
        )

    def test_a_quiet_step_in_a_loud_family_keeps_the_degrees_of_freedom_of_a_paired_t(self) -> None:
        """A step that changes few images is not punished for its neighbours' noise beyond k - 1."""
        rng = np.random.default_rng(3)
        first = [(rng.random(300) < 0.5).astype(float) for _ in range(5)]
        second = [(rng.random(300) < 0.5).astype(float) for _ in range(5)]
        third = [np.where(rng.random(300) < 0.02, 1 - row, row) for row in second]
        cells = Cells(scores=(tuple(first), tuple(second), tuple(third)), images=(np.arange(300),) * 5)

        quiet = estimate(cells, CHAIN)[1]

        assert quiet is not None
        assert quiet.df == 4
        assert quiet.hi - quiet.lo < 0.1

    def test_a_single_pair_of_runs_borrows_nothing(self) -> None:
        """A contrast with one matched replicate stays the interval over images, whatever its family."""
        full = fixed_cells()
        alone = Cells(
            scores=(*full.scores[:2], (full.scores[2][0], None, None)),
            images=full.images,
        )

        single = estimate(alone, CHAIN)[1]

        assert single == estimate(alone, CHAIN[1:])[0]
        assert single is not None
        assert (single.n_replicates, single.df) == (1, 39)


class TestMissingRuns:
    def test_only_matched_replicates_are_compared(self) -> None:
        """A replicate in which one variant failed is left out of that contrast, and the record says so."""
        full = fixed_cells()
        a, b, c = full.scores
        holed = Cells(scores=(a, (b[0], None, b[2]), c), images=full.images)

        first = estimate(holed, CHAIN)[0]

        assert first is not None
        assert first.n_replicates == 2
        assert first.by_replicate == pytest.approx((0.1, 0.125))

    def test_variants_without_weight_do_not_matter(self) -> None:
        """A failed run of a variant outside the contrast changes nothing in it."""
        full = fixed_cells()
        holed = Cells(scores=(*full.scores[:2], (None, None, None)), images=full.images)

        assert estimate(holed, CHAIN[:1]) == estimate(full, CHAIN[:1])

    def test_a_contrast_without_any_matched_replicate_has_no_estimate(self) -> None:
        """Nothing to compare is None, not a number."""
        a, b, _ = fixed_cells().scores
        cells = Cells(scores=((a[0], None), (None, b[1])), images=(IMAGES, IMAGES))

        assert estimate(cells, STEP) == (None,)

    def test_a_replicate_in_which_everything_failed_is_skipped(self) -> None:
        """A replicate without any run has no images and changes nothing."""
        full = fixed_cells()
        longer = Cells(
            scores=tuple((*row, None) for row in full.scores), images=(*full.images, None), repetition=(0,) * 4
        )

        assert longer.form == "fixed"
        assert estimate(longer, CHAIN) == estimate(full, CHAIN)

    def test_a_study_in_which_everything_failed(self) -> None:
        """Without a single run there are no estimates, and no error either."""
        cells = Cells(scores=((None, None), (None, None)), images=(None, None))

        assert estimate(cells, STEP) == (None,)


class TestForms:
    def test_the_order_of_images_is_no_part_of_the_form(self) -> None:
        """The same images in another order are still one fixed test set, matched image by image."""
        full = fixed_cells()
        turned = Cells(
            scores=tuple((row[0], row[1][::-1], row[2]) for row in full.scores),
            images=(IMAGES, IMAGES[::-1], IMAGES),
        )

        assert turned.form == "fixed"
        assert numbers(turned, CHAIN) == pytest.approx(numbers(full, CHAIN))

    def test_later_repetitions_may_reshuffle_the_folds(self) -> None:
        """Images recur in later repetitions; each counts once, averaged over its tests."""
        rng = np.random.default_rng(5)
        images = (IMAGES[:20], IMAGES[20:], IMAGES[::2], IMAGES[1::2])
        scores = tuple(tuple((rng.random(20) < 0.5).astype(float) for _ in range(4)) for _ in range(2))
        cells = Cells(scores=scores, images=images, repetition=(0, 0, 1, 1))

        found = estimate(cells, STEP)[0]

        total = np.zeros(40)
        for r, tested in enumerate(images):
            total[tested] += scores[1][r] - scores[0][r]
        assert cells.form == "folds"
        assert found is not None
        assert found.n_images == 40
        assert found.image_part == pytest.approx(np.var(total / 2, ddof=1) / 40)
        assert found.image_floor is not None

    @pytest.mark.parametrize("repetition", [(0, 0, 0, 0), (0, 0, 1, 1)])
    def test_folds_count_noise_of_runs_beyond_that_of_their_images(self, repetition: tuple[int, ...]) -> None:
        """What folds differ by, less what their own images explain, is shared out over the replicates."""
        rng = np.random.default_rng(6)
        images = (IMAGES[:20], IMAGES[20:], IMAGES[::2], IMAGES[1::2])
        if repetition == (0, 0, 0, 0):
            images = tuple(np.arange(20) + 20 * r for r in range(4))
        shares = (0.1, 0.9, 0.2, 0.8)
        deltas = [(rng.random(20) < share).astype(float) for share in shares]
        cells = Cells(scores=(tuple(0 * row for row in deltas), tuple(deltas)), images=images, repetition=repetition)

        found = estimate(cells, STEP)[0]

        between = np.var([row.mean() for row in deltas], ddof=1)
        within = np.mean([np.var(row, ddof=1) / 20 for row in deltas])
        assert found is not None
        assert found.run_part == pytest.approx((between - within) / 4)

    def test_the_image_floor_on_repeated_folds(self) -> None:
        """Once images are tested twice, what the two tests disagree by is taken off their variance."""
        first, second = np.array([1.0, 0, 1, 0]), np.array([0.0, 0, 0, 0])
        third, fourth = np.array([1.0, 1, 0, 0]), np.array([1.0, 0, 0, 0])
        images = (np.arange(4), np.arange(4, 8), np.array([0, 1, 4, 5]), np.array([2, 3, 6, 7]))
        scores = (first, second, third, fourth)
        cells = Cells(scores=(tuple(0 * row for row in scores), scores), images=images, repetition=(0, 0, 1, 1))

        found = estimate(cells, STEP)[0]

        tests = np.array([[1, 1], [0, 1], [1, 1], [0, 0], [0, 0], [0, 0], [0, 0], [0, 0]])
        expected = tests.mean(axis=1).var(ddof=1) / 8 - tests.var(axis=1, ddof=1).mean() / 8 / 2
        assert found is not None
        assert found.image_floor == pytest.approx(expected)

    def test_the_image_floor_is_unknown_until_an_image_is_tested_twice(self) -> None:
        """One pass over the folds cannot tell image noise from run noise."""
        found = estimate(folds_cells(), CHAIN)[0]

        assert found is not None
        assert found.image_floor is None

    def test_the_image_floor_on_a_fixed_test_set(self) -> None:
        """What is left after endlessly many replicates is the image part without its residual noise."""
        found = estimate(fixed_cells(), CHAIN)[0]
        a, b, _ = textbook_scores()
        delta = np.array(b) - np.array(a)

        assert found is not None
        expected = delta.mean(axis=0).var(ddof=1) / 40 - delta.var(axis=0, ddof=1).mean() / 40 / 3
        assert found.image_floor == pytest.approx(expected)


class TestNoSpread:
    @pytest.mark.parametrize(("n", "half"), [(50, 0.0547), (360, 0.00768), (2000, 0.0013854)])
    def test_identical_answers_prove_no_more_than_they_can(self, n: int, half: float) -> None:
        """Of n images on which two variants never differ, the interval is t * sqrt(2) / (n + 2) to either side."""
        same = [(np.arange(n) % 3 > 0).astype(float).tolist()] * 3

        found = estimate(two_variants(same, same), STEP)[0]

        assert found is not None
        assert (found.difference, found.p) == (0, 1)
        assert found.standard_error == pytest.approx(math.sqrt(2) / (n + 2))
        assert (-found.lo, found.hi) == (pytest.approx(half, rel=0.001), pytest.approx(half, rel=0.001))

    def test_further_replicates_do_not_narrow_identical_answers(self) -> None:
        """They are the same images once more: what is left after endlessly many replicates is all there is."""
        same = [[1.0, 0.0] * 30] * 5

        found = estimate(two_variants(same, same), STEP)[0]

        assert found is not None
        assert found.image_floor == pytest.approx(found.standard_error**2)
        assert found.run_part == 0

    def test_one_differing_image_of_fifty_proves_little(self) -> None:
        """Its own spread is smaller than what fifty images can prove; five points are not ruled out."""
        base = [1.0] * 49 + [0.0]
        found = estimate(two_variants([base] * 3, [[1.0] * 50] * 3), STEP)[0]

        assert found is not None
        assert found.difference == pytest.approx(0.02)
        assert found.lo < -0.03
        assert found.hi > 0.07

    def test_losses_that_do_not_differ_have_no_width(self) -> None:
        """Scores on a scale of their own do not tell how far one image could have been off: they get no verdict."""
        losses = [[0.2, 0.3, 0.7]] * 3
        found = estimate(two_variants(losses, losses), STEP)[0]

        assert found is not None
        assert (found.difference, found.standard_error, found.lo, found.hi, found.p) == (0, 0, 0, 0, 1)

    def test_every_image_changing_alike_is_the_sign_test(self) -> None:
        """If all images flip the same way in all runs, p is that of as many heads in a row."""
        found = estimate(two_variants([[0.0] * 10] * 3, [[1.0] * 10] * 3), STEP)[0]

        assert found is not None
        assert found.difference == 1
        assert found.lo < 1 < found.hi
        assert found.p == 2**-9

    def test_two_images_changing_alike_prove_nothing(self) -> None:
        """Two equal differences come up in half of all fair coin pairs."""
        found = estimate(two_variants([[0.0, 0.0]] * 3, [[1.0, 1.0]] * 3), STEP)[0]

        assert found is not None
        assert found.p == 0.5

    @pytest.mark.parametrize("folds", [False, True])
    def test_rounding_is_not_a_difference(self, *, folds: bool) -> None:
        """Weights that do not cancel in binary leave exactly nothing when outcomes are identical."""
        score = [0.1, 0.7, 0.3, 0.9]
        cells = two_variants([score] * 3, [score] * 3, folds=folds)
        three = Cells(scores=(*cells.scores, cells.scores[0]), images=cells.images)

        found = estimate(three, np.array([[0.1, 0.2, -0.3]]))[0]

        assert found is not None
        assert (found.difference, found.standard_error, found.p) == (0, 0, 1)

    def test_rounding_is_not_noise_of_runs(self) -> None:
        """Two equal variances leave exactly nothing when one is taken from the other."""
        calm = np.full(3, 1.75)
        cells = Cells(
            scores=((np.array([0.0, 1.75, 1.75]), calm), (calm, calm), (calm, calm)), images=(np.arange(3),) * 2
        )

        found = estimate(cells, CHAIN)[1]

        assert found is not None
        assert (found.standard_error, found.p) == (0, 1)

    @pytest.mark.parametrize("k", [1, 2, 3])
    def test_no_answer_is_ever_not_a_number(self, k: int) -> None:
        """Every field of a degenerate estimate is a number."""
        for variant in ([0.0, 0.0], [1.0, 1.0], [0.0, 1.0]):
            found = estimate(two_variants([[0.0, 0.0]] * k, [variant] * k), STEP)[0]

            assert found is not None
            values = [value for value in asdict(found).values() if isinstance(value, float)]
            assert not any(math.isnan(value) for value in values)


class TestRefusals:
    def test_scores_that_are_not_finite(self) -> None:
        """A run that ended in NaN is a failed run, never a score."""
        with pytest.raises(StatisticsError, match="not finite"):
            two_variants([[0.0, 1.0]], [[0.0, np.nan]])

    def test_folds_that_overlap_within_a_repetition(self) -> None:
        """Test sets are the same or disjoint; anything between is refused."""
        row = (np.zeros(3), np.zeros(3))

        with pytest.raises(StatisticsError, match="share some test images"):
            Cells(scores=(row, row), images=(np.array([0, 1, 2]), np.array([2, 3, 4])))

    def test_the_same_overlap_between_repetitions_is_welcome(self) -> None:
        """What is refused within a repetition is what reshuffling does between two."""
        row = (np.zeros(3), np.zeros(3))

        cells = Cells(scores=(row, row), images=(np.array([0, 1, 2]), np.array([2, 3, 4])), repetition=(0, 1))

        assert cells.form == "folds"

    @pytest.mark.parametrize(
        ("scores", "images", "match"),
        [
            (((np.zeros(3),),), (np.array([0, 1, 1]),), "twice"),
            (((np.zeros(1),),), (np.array([0]),), "fewer than two"),
            (((np.zeros(3),),), (np.array([0, 1]),), "3 scores for 2 images"),
            (((np.zeros(3),),), (None,), "3 scores for 0 images"),
            (((np.zeros(2),),), (np.array([0, 1]), np.array([0, 1])), "1 runs of a variant for 2"),
        ],
    )
    def test_shapes_that_disagree(self, scores: tuple, images: tuple, match: str) -> None:
        """Scores and images that do not belong together are refused with what is wrong."""
        with pytest.raises(StatisticsError, match=match):
            Cells(scores=scores, images=images)

    def test_repetitions_that_do_not_match_the_replicates(self) -> None:
        """Each replicate belongs to one repetition."""
        with pytest.raises(StatisticsError, match="2 repetitions for 1 replicates"):
            Cells(scores=((np.zeros(2),),), images=(np.array([0, 1]),), repetition=(0, 1))

    @pytest.mark.parametrize(
        ("weights", "match"),
        [
            (np.array([-1.0, 1.0]), "shape"),
            (np.array([[-1.0, 1.0]]), "shape"),
            (np.array([[0.0, 0.0, 0.0]]), "all zero"),
            (np.array([[0.0, np.inf, 0.0]]), "not finite"),
        ],
    )
    def test_weights_that_ask_nothing(self, weights: np.ndarray, match: str) -> None:
        """A contrast needs one finite weight a variant, and one that is not zero."""
        with pytest.raises(StatisticsError, match=match):
            estimate(fixed_cells(), weights)

    def test_a_level_that_is_no_probability(self) -> None:
        """95 is not .95."""
        with pytest.raises(StatisticsError, match="level 95"):
            estimate(fixed_cells(), CHAIN, level=95)
