"""Verdicts on arrays of scores, without a study."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy import stats

import ablate
from ablate.stats.arrays import assert_no_worse, compare
from ablate.stats.cells import Cells, StatisticsError
from ablate.stats.engine import estimate


def answers(*, right: float, gain: float = 0.0, n: int = 500, seed: int = 7) -> tuple[np.ndarray, np.ndarray]:
    """Right and wrong answers of two networks that share what is hard."""
    rng = np.random.default_rng(seed)
    ease = rng.normal(size=n)
    noise = rng.normal(size=(2, n))
    edge = -stats.norm.ppf(right) * 1.4
    return (ease + noise[0] > edge).astype(int), (ease + noise[1] > edge - gain).astype(int)


def test_one_run_of_each_is_judged_image_by_image() -> None:
    """The paired t-test over images, in points; of these two networks."""
    first, second = answers(right=0.6, gain=0.8)
    found = compare(first, second)
    known = stats.ttest_1samp(second - first, 0)
    lo, hi = known.confidence_interval()

    assert (found.lo, found.hi) == pytest.approx((100 * lo, 100 * hi))
    assert found.p == pytest.approx(known.pvalue)
    assert (found.verdict, found.unit, found.images, found.runs) == ("better", "points", 500, 1)
    assert "of these two networks" in repr(found)


def test_several_runs_are_judged_as_a_study_judges_them() -> None:
    """The engine's own answer for replicates on one test set."""
    pairs = [answers(right=0.6, gain=0.4, seed=seed) for seed in range(5)]
    first, second = (np.array(rows) for rows in zip(*pairs, strict=True))
    found = compare(first, second)
    cells = Cells(scores=(tuple(first * 1.0), tuple(second * 1.0)), images=(np.arange(500),) * 5)
    (known,) = estimate(cells, np.array([[-1.0, 1.0]]))

    assert known is not None
    assert (found.difference, found.lo, found.hi, found.p) == pytest.approx(
        (100 * known.difference, 100 * known.lo, 100 * known.hi, known.p)
    )
    assert "5 runs of each" in found.about


def test_images_that_share_a_group_are_one_draw() -> None:
    """Ten copies of each image tell no more than one; None is an image on its own."""
    first, second = answers(right=0.6, gain=0.8, n=100)
    copies = compare(np.repeat(first, 10), np.repeat(second, 10), groups=np.repeat(np.arange(100), 10))
    alone = compare(first, second)

    assert copies.groups == 100
    assert copies.hi - copies.lo == pytest.approx(alone.hi - alone.lo, rel=0.02)
    assert compare(first, second, groups=[None] * 100).groups is None


def test_scores_by_image_are_matched_by_image() -> None:
    """Whatever their order."""
    first, second = answers(right=0.5, gain=0.5, n=50)
    names = [f"{i}.png" for i in range(50)]
    shuffled = dict(sorted(zip(names, second, strict=True), key=lambda item: item[0][::-1]))
    found = compare(dict(zip(names, first, strict=True)), shuffled, groups={"0.png": "a", "1.png": "a"})

    assert found.difference == pytest.approx(compare(first, second).difference)
    assert found.groups == 49


def test_columns_of_a_data_frame_belong_together_by_their_index() -> None:
    """The same one, in the same order."""
    first, second = answers(right=0.5, gain=0.5, n=50)
    frame = pd.DataFrame({"a": first, "b": second}, index=[f"{i}.png" for i in range(50)])

    assert compare(frame["a"], frame["b"]).difference == pytest.approx(compare(first, second).difference)


def test_a_score_without_a_scale_has_its_own_unit_and_no_assumed_threshold() -> None:
    """Nobody said what a difference of it is worth."""
    rng = np.random.default_rng(1)
    first = rng.normal(3.0, 1.0, 200)
    found = compare(first, first + rng.normal(0.0, 0.1, 200), metric="loss")

    assert (found.unit, found.goal, found.tolerable, found.verdict) == ("", "min", None, "undecided")
    assert compare(first, first - 0.1 + rng.normal(0.0, 0.1, 200), metric="loss").verdict == "better"


@pytest.mark.parametrize(
    ("first", "second", "more", "message"),
    [
        ([0, 1, 1], [0, 1], {}, "scores_a are 3 images and scores_b 2 images"),
        ([[0, 1, 1]] * 2, [[0, 1, 1]] * 3, {}, "2 runs on 3 images and scores_b 3 runs"),
        ([0, 1, float("nan")], [0, 1, 1], {}, "scores_a: the score of image 2 is not a number"),
        ([0, 1, "cat"], [0, 1, 1], {}, "scores_a: could not convert"),
        ([], [], {}, "scores_a have the shape"),
        ([1], [0], {}, "fewer than two test images"),
        ({"a": 1, "b": 0}, {"a": 1, "c": 0}, {}, "the image 'b' has one score of two"),
        ([0, 1, 1], [0, 1, 0], {"groups": ["a"]}, "1 groups for 3 images"),
        ([0, 1, 1], [0, 1, 0], {"groups": {"a": 1}}, "groups are a mapping"),
        ([0, 1, 1], [0, 1, 0], {"worthwhile": -3.0}, "a threshold of -3 for accuracy"),
        ([0, 1, 1], [0, 1, 0], {"negligible": 5.0}, "negligible: 5, worthwhile: 3"),
        ([0, 1, 7], [0, 1, 0], {"metric": "accuracy"}, "accuracy is a rate, and a score is 7"),
        (pd.Series([0, 1], index=["a", "b"]), pd.Series([0, 1], index=["b", "a"]), {}, "different indexes"),
    ],
)
def test_scores_that_do_not_belong_together_are_refused(
    first: Any, second: Any, more: dict[str, Any], message: str
) -> None:
    """Named, with the remedy."""
    with pytest.raises(StatisticsError, match=message) as refused:
        compare(first, second, **more)
    assert refused.value.hint


def test_a_notebook_shows_a_comparison_as_a_row_with_its_interval() -> None:
    """Texts escaped."""
    first, second = answers(right=0.6, gain=0.8)
    shown = compare(first, second, metric="<b>accuracy</b>")._repr_html_()

    assert "&lt;b&gt;accuracy" in shown
    assert "<b>" not in shown
    assert "<svg" in shown
    assert "better" in shown


# --- the gate in a test ------------------------------------------------------------------------


def test_what_loses_nothing_worth_naming_passes() -> None:
    """On enough images; the comparison comes back for further looks."""
    first, second = answers(right=0.7, n=20_000)

    assert assert_no_worse(first, second, loss=2.0).no_worse == "non_inferior"


def test_what_is_not_shown_fails_with_the_interval() -> None:
    """Too few images are no excuse, and the message says how bad it may be."""
    first, second = answers(right=0.7, n=100)
    found = compare(first, second, no_worse=1.0)
    size = "a loss of 1 point or more"
    with pytest.raises(AssertionError) as failed:
        assert_no_worse(first, second, loss=1.0)

    assert found.numbers in str(failed.value)
    assert f"{size} is not ruled out" in str(failed.value)
    assert f"as bad as {found.least:+.1f}" in str(failed.value)


def test_what_is_worse_fails_and_says_so() -> None:
    """A loss of that size is shown."""
    first, second = answers(right=0.7, gain=-1.0, n=2000)

    with pytest.raises(AssertionError, match="a loss of 2 points or more is shown"):
        assert_no_worse(first, second, loss=2.0)


def test_the_same_answers_pass() -> None:
    """A test that compares a network with itself is no failure, however few the images and whatever the score."""
    assert assert_no_worse([0.25, 0.5], [0.25, 0.5], loss=0.1).differing == 0


def test_the_one_sided_bound_decides() -> None:
    """It passes just where the bound it would print is above the loss."""
    first, second = answers(right=0.7, n=3000)
    least = compare(first, second).least

    assert least < 0
    assert_no_worse(first, second, loss=-least + 1e-6)
    with pytest.raises(AssertionError):
        assert_no_worse(first, second, loss=-least - 1e-6)


def test_the_names_are_public() -> None:
    """One line, without knowing the modules."""
    assert ablate.compare is compare
    assert ablate.assert_no_worse is assert_no_worse
