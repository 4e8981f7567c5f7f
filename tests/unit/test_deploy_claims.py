"""The claim of a row: by hand for one file, as the statistics' own for several replicates, one family by Holm."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy import optimize, stats

from ablate.deploy.records import Claim
from ablate.stats.cells import Cells
from ablate.stats.engine import estimate
from ablate.stats.no_worse import at_margin, variance_at_margin
from ablate.workflows.deploy.judge import judge_rows
from ablate.workflows.deploy.measure import _repetitions

N = 400


def answers(wrong: int, total: int = N) -> np.ndarray:
    """So many of them wrong."""
    found = np.ones(total, dtype=np.int64)
    found[:wrong] = 0
    return found


def likeliest_variance(losses: int, gains: int, total: int, margin: float) -> float:
    """Of one difference, by maximising the likelihood of all shares with that true loss."""

    def misfit(gained: float) -> float:
        shares = np.array([gained + margin, gained, 1 - 2 * gained - margin])
        return -float(np.array([losses, gains, total - losses - gains]) @ np.log(shares))

    found = optimize.minimize_scalar(misfit, bounds=(1e-12, (1 - margin) / 2 - 1e-12), method="bounded")
    return 2 * float(found.x) + margin - margin**2


def test_one_file_is_judged_over_images_with_the_variance_there_is_at_the_margin() -> None:
    """Six images lost and four won of 400: the paired t-test, its variance that of the likeliest true loss."""
    first, other = answers(20), answers(26)
    other[:4] = 1
    losses, gains = 10 - 4, 4
    (claim,) = judge_rows([[first], [other]], [np.arange(N)], None, tolerable=0.03, alpha=0.05)

    difference = other - first
    own = float(difference.var())
    error = (difference.var(ddof=1) / N * likeliest_variance(losses, gains, N, 0.03) / own) ** 0.5
    expected = stats.t.sf((difference.mean() + 0.03) / error, N - 1)
    assert claim.p_non_inferior == pytest.approx(expected, rel=1e-3)
    assert claim.difference == pytest.approx(-2 / N)
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


def test_the_variance_at_the_margin_is_tangos() -> None:
    """Contact lenses disinfected in two ways, 44 pairs, one differs, margin 0.1: z = 1.709, p = 0.044.

    Source: Tango 1998, Statistics in Medicine 17, 891-908, section 5.
    """
    variance = variance_at_margin(losses=1, gains=0, answers=44, tolerable=0.1)
    z = (-1 / 44 + 0.1) / (variance / 44) ** 0.5
    assert z == pytest.approx(1.709, abs=5e-4)
    assert stats.norm.sf(z) == pytest.approx(0.044, abs=5e-4)


def test_without_a_difference_it_is_that_of_the_loss_alone() -> None:
    """And of a margin of zero the share of answers that differ."""
    assert variance_at_margin(0, 0, 100, 0.01) == pytest.approx(0.01 * 0.99)
    assert variance_at_margin(3, 5, 100, 0.0) == pytest.approx(0.08)


def test_two_lost_of_500_do_not_rule_out_a_loss_of_a_point() -> None:
    """A loss of a point loses two or fewer in one test of eight; their own variance would let it pass."""
    (claim,) = judge_rows([[answers(20, 500)], [answers(22, 500)]], [np.arange(500)], None, tolerable=0.01, alpha=0.05)
    assert claim.word == "undecided"
    assert claim.p_non_inferior > 0.05


def test_where_the_loss_is_that_of_the_margin_nothing_is_widened() -> None:
    """Nor is an estimate without images."""
    (found,) = estimate(
        Cells(scores=((answers(20).astype(float),), (answers(24).astype(float),)), images=(np.arange(N),)),
        np.array([[-1.0, 1.0]]),
    )
    assert found is not None
    assert at_margin(found, 4, 0, N, 0.01).standard_error == pytest.approx(found.standard_error)
    assert at_margin(found, 4, 0, N, 0.02).standard_error > found.standard_error
    bare = replace(found, image_part=None)
    assert at_margin(bare, 0, 0, N, 0.01) is bare


def losing(total: int, groups: int, *, replicates: int, gains: int, most: int) -> list[Claim]:
    """Of files that lose one answer more each, every one in a group of its own; they gain in the last groups."""
    place = np.arange(total)
    group = [place % groups] * replicates if groups < total else None
    first = [np.ones(total, dtype=np.int64) for _ in range(replicates)]
    for one in first:
        one[total - gains :] = 0
    found = []
    for losses in range(most):
        other = [np.ones(total, dtype=np.int64) for _ in range(replicates)]
        for lost in range(losses):
            other[lost % replicates][lost] = 0
        found += judge_rows([first, other], [place] * replicates, group, tolerable=0.01, alpha=0.05)
    return found


@pytest.mark.parametrize(
    ("total", "groups", "replicates", "gains"),
    [(1000, 400, 1, 0), (5000, 250, 1, 0), (2000, 500, 1, 4), (5000, 300, 1, 0), (1000, 1000, 1, 0), (200, 200, 5, 0)],
)
def test_no_further_loss_makes_a_file_more_surely_no_worse(
    total: int, groups: int, replicates: int, gains: int
) -> None:
    """Each answer lost raises the p-value of `non_inferior`, from none lost to the margin."""
    most = total * replicates // 100 + gains * replicates
    p = [one.p_non_inferior for one in losing(total, groups, replicates=replicates, gains=gains, most=most)]
    assert np.diff(p).min() >= -1e-9


def test_with_too_few_groups_no_number_of_losses_rules_the_margin_out() -> None:
    """None lost proves nothing over 100 groups, so that three lost do not either."""
    words = {one.word for one in losing(2000, 100, replicates=1, gains=0, most=30)}
    assert "non_inferior" not in words


def test_one_answer_lost_hardly_widens_the_claim() -> None:
    """The interval of 400 groups is as wide with one lost as with none."""
    none, one = losing(1000, 400, replicates=1, gains=0, most=2)
    assert none.lo is not None
    assert one.lo is not None
    assert none.lo == pytest.approx(-0.0083, abs=5e-4)
    assert one.lo == pytest.approx(none.lo - 0.001, abs=5e-4)


def test_a_margin_of_nothing_leaves_an_estimate_as_it_is() -> None:
    """Whether or not answers differ; a single group has all there is to share."""
    for wrong in (20, 24):
        scores = ((answers(20).astype(float),), (answers(wrong).astype(float),))
        (found,) = estimate(Cells(scores=scores, images=(np.arange(N),)), np.array([[-1.0, 1.0]]))
        assert found is not None
        widened = at_margin(found, wrong - 20, 0, N, 0.0)
        assert widened.standard_error == pytest.approx(found.standard_error, rel=1e-2)
