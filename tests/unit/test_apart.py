"""Variants tested on different images: an interval from what the tests share, or from two tests as if unrelated."""

from __future__ import annotations

from math import sqrt

import numpy as np
import pytest

from ablate.stats.apart import estimate_elsewhere
from ablate.stats.cells import Cells
from ablate.stats.engine import estimate
from ablate.stats.score_book import ScoreRow
from ablate.stats.student import unit_of_chance


@pytest.fixture
def rng() -> np.random.Generator:
    """Images and luck that are the same in every run of the test."""
    return np.random.default_rng(7)


STEP = {"B": 1.0, "A": -1.0}


def once(_: int) -> int:
    """Every replicate's test was cut from one shuffle."""
    return 0


def each_anew(r: int) -> int:
    """Every replicate shuffles the data anew."""
    return r


def counted(right: int, n: int, *, first: int = 0) -> ScoreRow:
    """A run with `right` of n images right."""
    return ScoreRow(np.arange(first, first + n), (np.arange(n) < right).astype(float))


def drawn(rng: np.random.Generator, images: np.ndarray, level: float) -> ScoreRow:
    return ScoreRow(images, (rng.random(len(images)) < level).astype(float))


def test_two_single_runs_on_other_images_get_newcombes_interval() -> None:
    """87 of 180 against 166 of 360 other images: the interval and p of Newcombe and of the score test."""
    rows = {("A", 0): counted(166, 360), ("B", 0): counted(87, 180, first=1000)}
    found = estimate_elsewhere(rows, STEP, once)

    assert found is not None
    assert (found.lo, found.hi, found.p) == pytest.approx((-0.066287, 0.110825, 0.625989), abs=1e-6)
    assert (found.basis, found.n_images, found.n_replicates) == ("images, apart", 540, 1)


def test_shared_images_keep_their_groups(rng: np.random.Generator) -> None:
    """The images both tests have are compared as the engine compares them, by patients of four scans each."""
    patients = np.arange(360) // 4
    rows, small = {}, slice(90, 270)
    for r in range(3):
        rows["A", r] = drawn(rng, np.arange(360), 0.46)._replace(groups=patients)
        rows["B", r] = drawn(rng, np.arange(90, 270), 0.55)._replace(groups=patients[small])
    found = estimate_elsewhere(rows, STEP, each_anew)
    cut = [[rows["B", r].scores for r in range(3)], [rows["A", r].scores[small] for r in range(3)]]
    cells = Cells(
        scores=tuple(map(tuple, cut)),
        images=(np.arange(90, 270),) * 3,
        repetition=(0, 1, 2),
        groups=(patients[small],) * 3,
    )
    (own,) = estimate(cells, np.array([[1.0, -1.0]]))

    assert found is not None
    assert own is not None
    assert found.grouped is not None
    assert (found.lo, found.hi, found.grouped.n) == (own.lo, own.hi, 46)


def test_a_nested_test_is_compared_on_the_images_both_were_tested_on(rng: np.random.Generator) -> None:
    """The engine's answer on the smaller test, image by image; the larger one's other images play no part."""
    rows = {}
    for r in range(3):
        large = np.arange(360)
        rows["A", r] = drawn(rng, large, 0.46)
        rows["B", r] = drawn(rng, np.arange(90, 270), 0.55)
    found = estimate_elsewhere(rows, STEP, each_anew)
    cut = [[rows["B", r].scores for r in range(3)], [rows["A", r].scores[90:270] for r in range(3)]]
    cells = Cells(scores=tuple(map(tuple, cut)), images=(np.arange(90, 270),) * 3, repetition=(0, 1, 2))
    (own,) = estimate(cells, np.array([[1.0, -1.0]]))

    assert found is not None
    assert own is not None
    assert (found.difference, found.lo, found.hi) == (own.difference, own.lo, own.hi)
    assert (found.basis, found.n_images) == ("common images", 180)


def test_tests_that_share_little_are_taken_as_unrelated(rng: np.random.Generator) -> None:
    """The variances of the two levels add up, whatever the few shared images say."""
    rows = {("A", r): drawn(rng, np.arange(300), 0.46) for r in range(3)}
    rows |= {("B", r): drawn(rng, np.arange(250, 550), 0.55) for r in range(4)}
    found = estimate_elsewhere(rows, STEP, each_anew)
    levels = [
        estimate(Cells(scores=(tuple(own),), images=(images,) * len(own)), np.ones((1, 1)))[0]
        for images, own in (
            (np.arange(300), [rows["A", r].scores for r in range(3)]),
            (np.arange(250, 550), [rows["B", r].scores for r in range(4)]),
        )
    ]

    assert found is not None
    a, b = (level for level in levels if level is not None)
    assert found.difference == pytest.approx(b.difference - a.difference)
    assert found.standard_error == pytest.approx(sqrt(a.standard_error**2 + b.standard_error**2))
    assert (found.basis, found.n_replicates) == ("images, apart", 3)


def test_a_variant_without_scores_is_compared_with_nothing() -> None:
    """No interval from one side."""
    assert estimate_elsewhere({("A", 0): counted(3, 9)}, STEP, once) is None


def test_a_report_rests_on_what_most_comparisons_rest_on() -> None:
    """One comparison of two tests does not rename the basis of the others."""
    apart = estimate_elsewhere({("A", 0): counted(3, 9), ("B", 0): counted(3, 9, first=50)}, STEP, once)
    (usual,) = estimate(Cells(scores=((np.eye(9)[0],), (np.eye(9)[1],)), images=(np.arange(9),)), np.array([[1.0, -1]]))

    assert apart is not None
    assert usual is not None
    assert unit_of_chance([apart, usual]) == "images"
    assert unit_of_chance([apart]) == "images, apart"
    assert unit_of_chance([]) is None


def test_variants_without_a_common_replicate_share_no_test(rng: np.random.Generator) -> None:
    """Nothing is paired, whatever their images."""
    images = np.arange(50)
    rows = {("A", 0): drawn(rng, images, 0.8), ("B", 1): drawn(rng, images, 0.6)}
    found = estimate_elsewhere(rows, {"A": 1.0, "B": -1.0}, once)

    assert found is not None
    assert found.basis == "images, apart"


def test_tests_that_overlap_within_a_repetition_are_compared_with_nothing(rng: np.random.Generator) -> None:
    """Such replicates are neither one test nor folds, together or alone: their spread is not known."""
    tests = {0: np.arange(60), 1: np.arange(30, 90)}
    rows = {
        (name, r): drawn(rng, images + shift, 0.7)
        for name, shift in (("A", 0), ("B", 1))
        for r, images in tests.items()
    }

    assert estimate_elsewhere(rows, {"A": 1.0, "B": -1.0}, once) is None
