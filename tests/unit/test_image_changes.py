"""Images that a change fixes or breaks reliably."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ablate.stats.cells import Array
from ablate.stats.image_changes import FEWEST_TESTS, ImageChanges, PairedAnswers, changed_images


def paired(before: Array, after: Array) -> ImageChanges:
    """before, after: shape (replicates, images), all tested in every replicate."""
    numbers = np.arange(before.shape[1])
    return changed_images(
        [PairedAnswers(numbers, old, new) for old, new in zip(before, after, strict=True)], before.shape[1]
    )


def flipped(replicates: int, *, fixed: int, broken: int = 0, same: int = 50) -> ImageChanges:
    """The first are wrong before and right after in every replicate, the next the other way round."""
    before = np.array([0.0] * fixed + [1.0] * broken + [1.0] * same)
    after = np.array([1.0] * fixed + [0.0] * broken + [1.0] * same)
    return paired(np.tile(before, (replicates, 1)), np.tile(after, (replicates, 1)))


def test_images_that_flip_in_every_replicate_are_listed() -> None:
    """Three fixed and three broken of 56, in five replicates."""
    found = flipped(5, fixed=3, broken=3)

    assert found.fixed.images == (0, 1, 2)
    assert found.broken.images == (3, 4, 5)
    assert (found.n_images, found.assessed, found.most_tests) == (56, 56, 5)
    assert found.before[0] == 0
    assert found.after[0] == 5


@pytest.mark.parametrize("replicates", range(1, FEWEST_TESTS))
def test_below_five_tests_nothing_is_assessed(replicates: int) -> None:
    """However many images flip."""
    found = flipped(replicates, fixed=40)

    assert found.assessed == 0
    assert found.fixed.images == found.broken.images == ()
    assert found.most_tests == replicates


def test_what_chance_lists_is_the_mean_over_all_exchanges() -> None:
    """By enumeration: every exchange of labels, one by one."""
    rng = np.random.default_rng(7)
    before, after = rng.integers(0, 2, (2, 5, 30)).astype(float)
    before[:, :12], after[:, :12] = 0, 1
    found = paired(before, after)

    assert found.fixed.net is not None
    lists = []
    for exchanged in product((False, True), repeat=5):
        one = np.where(np.array(exchanged)[:, None], after, before).sum(axis=0)
        other = np.where(np.array(exchanged)[:, None], before, after).sum(axis=0)
        lists.append(int((other - one >= found.fixed.net).sum()))
    assert found.fixed.by_chance == pytest.approx(np.mean(lists))
    assert found.fixed.by_chance <= 0.1 * len(found.fixed.images)


def test_one_poor_run_of_all_images_is_no_list() -> None:
    """It is poor in every exchange, too: five runs of which one fails say nothing of single images."""
    before = np.ones((5, 200))
    before[0] = 0

    assert paired(before, np.ones((5, 200))).fixed.images == ()


def test_folds_need_five_repetitions() -> None:
    """An image is tested once a repetition: five repetitions of two folds are ten replicates and five tests."""
    numbers = [np.arange(0, 20), np.arange(20, 40)]
    rows = [PairedAnswers(numbers[i % 2], np.zeros(20), np.full(20, float(i % 2 == 0))) for i in range(10)]

    assert changed_images(rows[:8], 40).assessed == 0
    assert changed_images(rows, 40).fixed.images == tuple(range(20))


def test_the_lists_are_the_same_each_time() -> None:
    """Above ten replicates exchanges are drawn, always the same ones."""
    rng = np.random.default_rng(0)
    before, after = rng.integers(0, 2, (2, 12, 60)).astype(float)

    assert str(paired(before, after)) == str(paired(before, after))


@given(seed=st.integers(0, 1000), replicates=st.integers(5, 12))
def test_the_other_way_round_exchanges_the_lists(seed: int, replicates: int) -> None:
    """What a change fixes its removal breaks."""
    rng = np.random.default_rng(seed)
    before, after = rng.integers(0, 2, (2, replicates, 25)).astype(float)
    before[:, :6], after[:, :6] = 0, 1
    one, other = paired(before, after), paired(after, before)

    assert one.fixed == other.broken
    assert one.broken == other.fixed
