"""Lists of single images and levels of parts of them: how often they are wrong, and what they find."""

from __future__ import annotations

from collections.abc import Iterator
from math import comb
from typing import NamedTuple

import numpy as np
import pytest
from numpy.typing import NDArray

from ablate.report.gather.slices import cut_columns
from ablate.report.gather.stored_answers import Sums
from ablate.splits.rules import Official
from ablate.stats.image_changes import FALSE_SHARE, PairedAnswers, changed_images

pytestmark = pytest.mark.slow

STUDIES = 300
IMAGES = 1000
ALLOWANCE = 0.037
"""Three standard errors of a share of one in ten of so many studies' lists, two a study."""


class World(NamedTuple):
    """How images and runs differ, on the scale of log odds. heavy: images as hard as a t of 2 degrees of freedom.

    by_class: spread of what a run finds harder about all images of one of ten classes. moved: share of the images that
    a step moves from hardly ever to nearly always right, half of them, and the other way round. by_run: spread of
    what a run finds harder about all images.
    """

    replicates: int
    folds: int = 1
    heavy: bool = False
    by_class: float = 0.0
    moved: float = 0.0
    by_run: float = 0.3


class Drawn(NamedTuple):
    """A study: its paired answers; the images that were moved, and which way."""

    replicates: list[PairedAnswers]
    moved: NDArray[np.int64]


def drawn_study(rng: np.random.Generator, world: World) -> Drawn:
    """One study of two variants that share test images."""
    ease = 2 + 2.5 * (rng.standard_t(2, IMAGES) if world.heavy else rng.normal(size=IMAGES))
    classes = rng.integers(0, 10, IMAGES)
    moved = np.zeros(IMAGES, np.int64)
    moved[: int(world.moved * IMAGES)] = np.where(np.arange(int(world.moved * IMAGES)) % 2, 1, -1)
    eases = [np.where(moved, way * 3.0 * moved, ease) for way in (-1, 1)]
    fold = rng.integers(0, world.folds, (world.replicates, IMAGES))
    rows = []
    for replicate in range(world.replicates):
        for number in range(world.folds):
            images = np.flatnonzero(fold[replicate] == number)
            before, after = (_answers(rng, own, classes, world)[images] for own in eases)
            rows.append(PairedAnswers(images, before, after))
    return Drawn(rows, moved)


def _answers(
    rng: np.random.Generator, ease: NDArray[np.float64], classes: NDArray[np.int64], world: World
) -> NDArray[np.float64]:
    """Of one run to all images."""
    of_class = world.by_class * rng.normal(size=10)[classes]
    odds = ease + world.by_run * rng.normal() + of_class + rng.normal(size=len(ease))
    return (rng.random(len(ease)) < 1 / (1 + np.exp(-np.clip(odds, -30, 30)))).astype(float)


class Lists(NamedTuple):
    """One side of a study: how many images are on its list, how many wrongly, and how many belong there."""

    listed: int
    wrong: int
    true: int


def lists_of(world: World, seed: int) -> Iterator[Lists]:
    """Both lists of every study."""
    for stream in np.random.SeedSequence(seed).spawn(STUDIES):
        drawn = drawn_study(np.random.default_rng(stream), world)
        found = changed_images(drawn.replicates, IMAGES)
        for side, way in ((found.fixed, 1), (found.broken, -1)):
            right = int((drawn.moved[list(side.images)] == way).sum())
            yield Lists(len(side.images), len(side.images) - right, int((drawn.moved == way).sum()))


NULL = [World(5), World(7, heavy=True), World(10), World(10, by_class=0.7), World(14), World(5, folds=3, by_class=0.7)]


@pytest.mark.parametrize("world", NULL, ids=str)
def test_a_step_that_does_nothing_has_empty_lists(world: World) -> None:
    """A list is not empty in at most a tenth of studies, and holds fewer than a quarter of an image on average."""
    found = list(lists_of(world, seed=1))

    some = np.mean([one.listed > 0 for one in found])
    assert some <= FALSE_SHARE + ALLOWANCE
    assert np.mean([one.listed for one in found]) < 0.25


def test_strong_runs_fill_some_list_in_a_tenth_of_studies_at_most() -> None:
    """Of nine replicates whose runs differ strongly, with nothing to find: .06 when it was measured, and three standard
    errors above that here."""
    found = list(lists_of(World(9, by_run=1.0), seed=1))

    some = np.mean([fixed.listed + broken.listed > 0 for fixed, broken in zip(found[::2], found[1::2], strict=True)])
    assert some <= 0.10


@pytest.mark.parametrize(("replicates", "share"), [(7, 16 / 128), (9, 92 / 512)])
def test_one_poor_run_a_replicate_fills_some_list_in_at_most_a_fifth_of_studies(replicates: int, share: float) -> None:
    """All equally likely studies in which one of the two runs of each replicate, either one, fails on the same images:
    two lists of a tenth each."""
    some = 0
    for poor in range(replicates + 1):
        rows = [
            PairedAnswers(np.arange(9), np.full(9, float(i >= poor)), np.full(9, float(i < poor)))
            for i in range(replicates)
        ]
        found = changed_images(rows, 9)
        some += comb(replicates, poor) * bool(found.fixed.images or found.broken.images)

    assert some / 2**replicates == share <= 2 * FALSE_SHARE


MIXED = {
    World(5, moved=0.1): 0.3,
    World(7, moved=0.02): 0.5,
    World(10, moved=0.1, by_class=0.7): 0.8,
    World(5, folds=3, moved=0.1): 0.3,
}
"""What is found at least of images that go from 5 % to 95 % right, or back."""


@pytest.mark.parametrize(("world", "least"), MIXED.items(), ids=str)
def test_what_a_step_moves_is_found_with_a_tenth_by_chance_at_most(world: World, least: float) -> None:
    """On average over studies; of many images half are found from five replicates, of few most from seven."""
    found = list(lists_of(world, seed=2))

    wrong = np.mean([one.wrong / max(1, one.listed) for one in found])
    power = np.mean([(one.listed - one.wrong) / one.true for one in found])
    assert wrong <= FALSE_SHARE
    assert power >= least


@pytest.mark.parametrize(("spread", "noise"), [(2.0, 0.3), (0.3, 0.5), (0.3, 0.0)])
def test_the_levels_of_a_column_hold_together(spread: float, noise: float) -> None:
    """All intervals of a column cover in at least 95 % of studies: eight parts of 20 to 200 images, two variants."""
    rng = np.random.default_rng(4)
    sizes = np.array([20, 25, 30, 40, 60, 100, 150, 200])
    of = np.repeat(np.arange(8), sizes)
    means = np.linspace(0.5, 3.5, 8)
    odds = rng.normal(means, spread, (100_000, 8)) + noise * rng.normal(size=(100_000, 8))
    levels = np.mean(1 / (1 + np.exp(-odds)), axis=0).tolist()
    whole = float(np.average(levels, weights=sizes))
    missed = 0
    for _ in range(STUDIES):
        ease = rng.normal(means[of], spread)
        sums = Sums(numbers={str(i): i for i in range(len(of))})
        for replicate in range(4):
            sums.images[replicate] = np.arange(len(of))
            for variant in "ab":
                right = rng.random(len(of)) < 1 / (1 + np.exp(-(ease + noise * rng.normal())))
                sums.scores[variant, replicate] = right.astype(float)
        (column,), _ = cut_columns(sums, {"part": {str(i): str(part) for i, part in enumerate(of)}}, Official())
        truths = [(column.whole, whole), *zip(column.rows, levels, strict=True)]
        missed += any(not one.lo <= 100 * truth <= one.hi for row, truth in truths for one in row.levels.values())

    assert missed / STUDIES <= 0.05 + 3 * np.sqrt(0.05 * 0.95 / STUDIES)
