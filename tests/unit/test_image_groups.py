"""Groups of test images as the unit of chance: known answers, and what they may not change."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import statsmodels.api as sm
from statsmodels.stats.sandwich_covariance import cov_cluster

from ablate.stats.accuracy import variant_accuracy, wilson
from ablate.stats.cells import Cells, StatisticsError
from ablate.stats.engine import contrast_moments, estimate
from ablate.stats.student import Estimate
from ablate.stats.verdict import judge_family

STEP = np.array([[-1.0, 1.0]])
SIZES = np.repeat(np.arange(12), [9, 7, 1, 4, 2, 6, 3, 8, 5, 1, 2, 12])
"""The group of each of sixty images."""


def a_study(
    *, seed: int = 0, k: int = 3, groups: np.ndarray | None = SIZES, folds: int = 0, likeness: float = 1.5
) -> Cells:
    """Two variants on sixty images, whose answers are alike within a group."""
    rng = np.random.default_rng(seed)
    n = 60 if groups is None else len(groups)
    shared = rng.normal(0, likeness, (2, n))[:, np.zeros(n, int) if groups is None else groups]
    scores, images = ([], []), []
    for r in range(k):
        tested = np.flatnonzero(groups % folds == r % folds) if folds and groups is not None else np.arange(n)
        right = rng.random((2, len(tested))) < 1 / (1 + np.exp(-shared[:, tested]))
        for row, drawn in zip(scores, right, strict=True):
            row.append(drawn.astype(float))
        images.append(tested)
    told = () if groups is None else tuple(groups[tested] for tested in images)
    repetition = tuple(r // folds for r in range(k)) if folds else ()
    return Cells(scores=(tuple(scores[0]), tuple(scores[1])), images=tuple(images), repetition=repetition, groups=told)


def alone(cells: Cells) -> Cells:
    """The same without a word of groups."""
    return Cells(scores=cells.scores, images=cells.images, repetition=cells.repetition)


def one(cells: Cells) -> Estimate:
    """The step between the two variants."""
    (found,) = estimate(cells, STEP)
    assert found is not None
    return found


def differences(cells: Cells) -> np.ndarray:
    """Each replicate's difference of each image: shape (k, n)."""
    return np.array([np.subtract(b, a) for a, b in zip(*cells.scores, strict=True) if a is not None and b is not None])


class TestKnownAnswers:
    def test_by_hand(self) -> None:
        """Three groups of 1, 1 and 2 images in one run: est 1/4, u = (3, -1, -2) / 16, w = 1/4, 1/4, 1/2."""
        cells = Cells(
            scores=((np.zeros(4),), (np.array([1.0, 0.0, 0.0, 0.0]),)),
            images=(np.arange(4),),
            groups=(np.array([0, 1, 2, 2]),),
        )
        moments = contrast_moments(cells, STEP[0])

        assert moments is not None
        assert moments.image_part == pytest.approx((9 / (3 / 4) + 1 / (3 / 4) + 4 / (1 / 2)) / 256)
        assert moments.image_df == pytest.approx(16 / 6 - 1)
        assert moments.grouped is not None
        assert moments.grouped.n == 3
        assert moments.grouped.effective == pytest.approx(16 / 6)
        assert moments.grouped.largest == pytest.approx(1 / 2)

    def test_the_image_part_is_cr2_in_matrices(self) -> None:
        """The bias-reduced sandwich of Bell and McCaffrey for the regression of an image's difference on a constant."""
        cells = a_study(k=1)
        (values,) = differences(cells)
        x = np.ones((60, 1))
        bread = np.linalg.inv(x.T @ x)
        residual, hat = values - values.mean(), x @ bread @ x.T
        meat = np.zeros((1, 1))
        for g in range(12):
            mine = g == SIZES
            block = np.eye(mine.sum()) - hat[np.ix_(mine, mine)]
            value, vector = np.linalg.eigh(block)
            adjusted = vector @ np.diag(value**-0.5) @ vector.T @ residual[mine]
            meat += x[mine].T @ np.outer(adjusted, adjusted) @ x[mine]
        moments = contrast_moments(cells, STEP[0])

        assert moments is not None
        assert moments.image_part == pytest.approx(float((bread @ meat @ bread)[0, 0]), rel=1e-12)

    def test_groups_of_one_size_are_the_textbook_sandwich(self) -> None:
        """With equal groups CR2 is CR0 times G / (G - 1), as statsmodels computes it."""
        cells = a_study(groups=np.repeat(np.arange(10), 6), k=1)
        (values,) = differences(cells)
        fit = sm.OLS(values, np.ones(60)).fit()
        textbook = cov_cluster(fit, np.repeat(np.arange(10), 6), use_correction=False)
        moments = contrast_moments(cells, STEP[0])

        assert moments is not None
        assert moments.image_part == pytest.approx(float(np.squeeze(textbook)) * 10 / 9, rel=1e-12)

    def test_the_within_run_part_by_group_values(self) -> None:
        """What replicates would differ by from the groups' own luck alone: the variance of group sums, over 1 - w."""
        cells = a_study(k=4)
        values = differences(cells)
        centred = values - values.mean(axis=1, keepdims=True)
        sums = np.array([[row[g == SIZES].sum() / 60 for g in range(12)] for row in centred])
        weights = np.bincount(SIZES) / 60
        moments = contrast_moments(cells, STEP[0])

        assert moments is not None
        assert moments.within == pytest.approx(float((sums.var(axis=0, ddof=1) / (1 - weights)).sum()))
        assert moments.image_floor == pytest.approx(max(0.0, moments.image_part - moments.within / 4))

    def test_folds_weigh_groups_by_their_own_fold(self) -> None:
        """A fold of few images counts as much as the others, so that its groups weigh more."""
        cells = a_study(k=3, folds=3)
        moments = contrast_moments(cells, STEP[0])
        sizes = [len(row) for row in cells.images if row is not None]
        weights = np.array([np.sum(g == SIZES) / sizes[g % 3] / 3 for g in range(12)])
        rows = [np.subtract(b, a) for a, b in zip(*cells.scores, strict=True) if a is not None and b is not None]
        difference = np.mean([row.mean() for row in rows])
        sums = [
            (rows[g % 3][cells.groups[g % 3] == g] - difference).sum() / sizes[g % 3] / 3  # type: ignore[index]
            for g in range(12)
        ]

        assert moments is not None
        assert moments.image_part == pytest.approx(float((np.square(sums) / (1 - weights)).sum()))
        assert moments.image_df == pytest.approx(1 / np.square(weights).sum() - 1)
        assert moments.image_floor is None


class TestWhatChanges:
    @pytest.mark.parametrize("folds", [0, 3])
    def test_groups_of_one_image_are_no_groups(self, folds: int) -> None:
        """A study whose images are all on their own is answered bit for bit as before."""
        cells = a_study(folds=folds)
        single = replace(cells, groups=cells.images)

        assert estimate(single, STEP) == estimate(alone(cells), STEP)
        assert single.units == ()

    @pytest.mark.parametrize("folds", [0, 3])
    def test_the_difference_stays_that_of_images(self, folds: int) -> None:
        """What is estimated is the mean over images; only its uncertainty is another."""
        cells = a_study(folds=folds)

        assert one(cells).difference == one(alone(cells)).difference
        assert one(cells).by_replicate == one(alone(cells)).by_replicate
        assert one(cells).n_images == 60

    def test_alike_answers_within_groups_widen_the_interval(self) -> None:
        """Twelve patients with five scans each say less than sixty patients."""
        wide, narrow = one(a_study(likeness=3.0)), one(alone(a_study(likeness=3.0)))

        assert wide.hi - wide.lo > 1.5 * (narrow.hi - narrow.lo)
        assert wide.grouped is not None
        assert wide.grouped.design_effect > 2

    def test_copies_of_every_image_add_nothing(self) -> None:
        """Two copies of each image are as good as one, which without groups they are not."""
        cells = a_study(groups=np.arange(60))
        twice = tuple(tuple(np.repeat(row, 2) for row in rows if row is not None) for rows in cells.scores)
        images, groups = (np.arange(120),) * 3, (np.repeat(np.arange(60), 2),) * 3
        copied = one(Cells(scores=twice, images=images, groups=groups))
        plain, fooled = one(alone(cells)), one(Cells(scores=twice, images=images))

        assert copied.standard_error == pytest.approx(plain.standard_error)
        assert (copied.lo, copied.hi) == (pytest.approx(plain.lo), pytest.approx(plain.hi))
        assert fooled.standard_error < 0.8 * plain.standard_error

    def test_the_order_of_groups_and_images_does_not_matter(self) -> None:
        """Names of groups are only names."""
        cells = a_study()
        renamed = replace(cells, groups=tuple(97 - 7 * row for row in cells.groups if row is not None))
        turned = Cells(
            scores=tuple(tuple(row[::-1] for row in rows if row is not None) for rows in cells.scores),
            images=tuple(row[::-1] for row in cells.images if row is not None),
            groups=tuple(row[::-1] for row in cells.groups if row is not None),
        )

        for other in (renamed, turned):
            assert one(other).standard_error == pytest.approx(one(cells).standard_error)
            assert one(other).p == pytest.approx(one(cells).p)

    def test_one_group_that_is_everything_cannot_be_judged(self) -> None:
        """A single video gives no verdict, and a number of degrees of freedom that a table has."""
        found = one(a_study(groups=np.zeros(60, int)))

        assert found.grouped is not None
        assert found.grouped.effective == 1
        assert found.df >= 1
        assert judge_family([found], negligible=0.01, worthwhile=0.03)[0].verdict == "not_assessable"

    def test_degrees_of_freedom_are_those_of_few_groups(self) -> None:
        """Ten replicates on seven effective groups do not make nine degrees of freedom of them."""
        found = one(a_study(k=10, likeness=3.0))

        assert found.grouped is not None
        assert found.df < 9
        assert found.df >= found.grouped.effective - 1


class TestVerdicts:
    def test_fewer_than_six_effective_groups_get_no_verdict(self) -> None:
        """The interval is shown, and says by how few groups."""
        groups = np.repeat(np.arange(5), 12)
        found = one(a_study(groups=groups, likeness=4.0))
        (judged,) = judge_family([found], negligible=0.01, worthwhile=0.03)

        assert (judged.verdict, judged.reason) == ("not_assessable", "too few groups of images")
        assert judged.estimate is not None
        assert judged.lo_all < judged.hi_all

    def test_six_are_enough(self) -> None:
        """From six effective groups a difference that is large enough is called one."""
        groups = np.repeat(np.arange(6), 10)
        base = np.zeros(60)
        base[::10] = 1
        cells = Cells(scores=((base,) * 3, (1 - base,) * 3), images=(np.arange(60),) * 3, groups=(groups,) * 3)

        assert judge_family([one(cells)], negligible=0.01, worthwhile=0.03)[0].verdict == "better"


class TestLevels:
    def test_one_run_of_groups_of_one_is_wilson(self) -> None:
        """Groups of one image change nothing about a variant's own level."""
        cells = a_study(groups=np.arange(60), k=1)
        found = variant_accuracy(cells, 0)
        (row,) = (row for row in cells.scores[0] if row is not None)

        assert found is not None
        assert (found.lo, found.hi) == wilson(row.sum(), 60)

    def test_all_right_counts_groups(self) -> None:
        """Sixty right answers of twelve patients are about eight right patients, not sixty."""
        cells = Cells(scores=((np.ones(60),),), images=(np.arange(60),), groups=(SIZES,))
        found, plain = variant_accuracy(cells, 0), variant_accuracy(alone(cells), 0)

        assert found is not None
        assert plain is not None
        assert (found.mean, found.hi) == (1.0, 1.0)
        assert found.lo < 0.70 < 0.93 < plain.lo


@pytest.mark.parametrize(
    ("groups", "words"),
    [
        ((np.arange(59),) * 3, "do not fit"),
        ((np.arange(60), np.arange(60), np.arange(60)[::-1] // 2), "of two groups"),
    ],
)
def test_groups_that_cannot_be(groups: tuple[np.ndarray, ...], words: str) -> None:
    """One group an image, and the same one in every replicate."""
    with pytest.raises(StatisticsError, match=words):
        replace(a_study(), groups=groups)
