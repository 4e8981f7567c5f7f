"""The claim of a row: by hand for one file, as the statistics' own for several replicates, one family by Holm."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from ablate.workflows.deploy.judge import judge_rows
from ablate.workflows.deploy.measure import _repetitions

N = 400


def answers(wrong: int, total: int = N) -> np.ndarray:
    """So many of them wrong."""
    found = np.ones(total, dtype=np.int64)
    found[:wrong] = 0
    return found


def test_one_file_is_judged_over_images_by_the_paired_t_test() -> None:
    """Six images lost and none won of 400: the one-sided p at the margin by scipy."""
    first, other = answers(20), answers(26)
    (claim,) = judge_rows([[first], [other]], [np.arange(N)], None, tolerable=0.03, alpha=0.05)

    expected = stats.ttest_1samp(other - first, -0.03, alternative="greater").pvalue
    assert claim.p_non_inferior == pytest.approx(expected)
    assert claim.difference == pytest.approx(-6 / N)
    assert (claim.word, claim.basis) == ("non_inferior", "images")
    assert claim.lo is not None
    assert claim.lo > -0.03


def test_a_large_loss_is_inferior_and_a_near_one_undecided() -> None:
    """The word for each side of the margin."""
    rows = [[answers(20)], [answers(80)], [answers(26)]]
    words = [one.word for one in judge_rows(rows, [np.arange(N)], None, tolerable=0.02, alpha=0.05)]
    assert words == ["inferior", "undecided"]


def test_equal_answers_prove_no_more_than_the_images_can() -> None:
    """A twin is no worse where there are images enough, and undecided where there are not."""
    for total, word in ((2000, "non_inferior"), (50, "undecided")):
        rows = [[answers(5, total)], [answers(5, total)]]
        (claim,) = judge_rows(rows, [np.arange(total)], None, tolerable=0.01, alpha=0.05)
        assert claim.word == word


def test_all_rows_are_one_family() -> None:
    """The more rows, the stronger each must be: by Holm."""
    alone = judge_rows([[answers(20)], [answers(26)]], [np.arange(N)], None, tolerable=0.03, alpha=0.05)[0]
    many = judge_rows([[answers(20)], *[[answers(26)]] * 4], [np.arange(N)], None, tolerable=0.03, alpha=0.05)
    assert [one.p_non_inferior for one in many] == [pytest.approx(min(1.0, 4 * alone.p_non_inferior))] * 4


def test_replicates_are_judged_over_images_and_runs() -> None:
    """Runs that differ widen the claim: what one file shows, five that scatter do not."""
    rng = np.random.default_rng(0)
    first = [answers(20) for _ in range(5)]
    steady = [answers(24) for _ in range(5)]
    scattered = [rng.permutation(answers(wrong)) for wrong in (0, 60, 5, 50, 5)]
    images = [np.arange(N)] * 5
    claims = judge_rows([first, steady, scattered], images, None, tolerable=0.03, alpha=0.05)
    assert [one.basis for one in claims] == ["images and replicates"] * 2
    assert claims[1].word == "undecided"


def test_images_of_one_group_count_as_one_draw() -> None:
    """Frames of one video."""
    rows = [[answers(20)], [answers(26)]]
    (alone,) = judge_rows(rows, [np.arange(N)], None, tolerable=0.03, alpha=0.05)
    (grouped,) = judge_rows(rows, [np.arange(N)], [np.arange(N) // 8], tolerable=0.03, alpha=0.05)
    assert grouped.p_non_inferior > alone.p_non_inferior


def test_a_single_image_is_not_assessable() -> None:
    """It has no spread; the reason is told."""
    (claim,) = judge_rows([[answers(0, 1)], [answers(1, 1)]], [np.arange(1)], None, tolerable=0.01, alpha=0.05)
    assert claim.word == "not_assessable"
    assert "fewer than two test images" in claim.reason


def test_a_first_file_alone_has_no_claim() -> None:
    """There is nothing to hold it against."""
    assert judge_rows([[answers(3)]], [np.arange(N)], None, tolerable=0.01, alpha=0.05) == []


def test_folds_of_two_shuffles_are_told_apart() -> None:
    """A new shuffle begins where an image is tested again."""
    assert _repetitions([("a", "b"), ("c", "d"), ("a", "c"), ("b", "d")]) == [0, 0, 1, 1]
