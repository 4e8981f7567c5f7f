"""Which single images a change turns right or wrong reliably, by exchanging run labels within replicates.

Exploratory: thousands of images are looked at, and none was named beforehand. Where a change does nothing to an image,
the two runs of a replicate may exchange their labels, and its answers are as likely as before. Whole runs exchange
them, so that a run that is poor on all images is poor on all of them in every exchange, too.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ablate.stats.cells import Array, Index

FEWEST_TESTS = 5
"""Tests of an image by either variant, below which nothing can be told of it: of 2^3 or 2^4 exchanges too many are the
study itself or its mirror image."""


FALSE_SHARE = 0.1
"""How much of a list may be there by chance, by the estimate that the list is cut at."""


ALL_EXCHANGES = 10
"""Replicates up to which every exchange is counted: 2^10. With more, as many are drawn, with the study itself."""


class PairedAnswers(NamedTuple):
    """One replicate of both variants: the numbers of its images, and whether each was right, 0 or 1."""

    images: Index
    before: Array
    after: Array


class ChangedList(NamedTuple):
    """Images that went one way. images: their numbers, the largest net change first.

    net: how many replicates more an image on the list has to be right (or wrong) in; None where no number will do.
    by_chance: how many of them exchanged labels put on the list on average.
    """

    images: tuple[int, ...]
    net: int | None
    by_chance: float


class ImageChanges(NamedTuple):
    """What a change does to single images. tests, before, after: image -> tests by each variant, right answers of each.

    assessed: images with enough tests; most_tests: of any image.
    """

    n_images: int
    assessed: int
    most_tests: int
    fixed: ChangedList
    broken: ChangedList
    tests: Index
    before: Index
    after: Index


def changed_images(
    replicates: Sequence[PairedAnswers], n_images: int, *, false_share: float = FALSE_SHARE
) -> ImageChanges:
    """The images that a change fixes or breaks reliably. n_images: the numbers of images lie below it.

    An image is on the list of fixed ones if, net, it is right in so many replicates more after the change than before.
    The number is the smallest at which exchanged labels list, on average, at most `false_share` of what the study
    lists. Without any image that a change moves, one list at one number is not empty in at most that share of studies,
    since of equally likely exchanges no more than one in ten can have ten times their mean. For both lists at the
    smallest of several numbers that is no bound: where one run of each replicate is poor on the same images, some list
    is not empty in up to a fifth of studies.
    Source: Tusher, Tibshirani and Chu 2001 (SAM), with every image counted as unchanged.
    """
    tests, before, after = (np.zeros(n_images, np.int64) for _ in range(3))
    differences = np.zeros((len(replicates), n_images), np.int8)
    for row, one in zip(differences, replicates, strict=True):
        tests[one.images] += 1
        before[one.images] += one.before.astype(np.int64)
        after[one.images] += one.after.astype(np.int64)
        row[one.images] = (one.after - one.before).astype(np.int8)
    assessed = tests >= FEWEST_TESTS
    differences[:, ~assessed] = 0
    net = differences.sum(axis=0, dtype=np.int64)
    by_chance = _listed_by_chance(differences, int(tests.max(initial=0)))
    return ImageChanges(
        n_images=int((tests > 0).sum()),
        assessed=int(assessed.sum()),
        most_tests=int(tests.max(initial=0)),
        fixed=_listed(net, by_chance, false_share),
        broken=_listed(-net, by_chance, false_share),
        tests=tests,
        before=before,
        after=after,
    )


def _listed(net: Index, by_chance: Array, false_share: float) -> ChangedList:
    """The longest list of which exchanged labels list no more than that share. by_chance: [net change - 1]."""
    for least in range(1, len(by_chance) + 1):
        images = np.flatnonzero(net >= least)
        if images.size and by_chance[least - 1] <= false_share * images.size:
            order = images[np.lexsort((images, -net[images]))]
            return ChangedList(tuple(order.tolist()), least, float(by_chance[least - 1]))
    return ChangedList((), None, 0.0)


def _listed_by_chance(differences: NDArray[np.int8], most: int) -> Array:
    """Images with a net change of at least 1, 2, ..., most, on average over the exchanges of labels.

    An exchange and its mirror image are both among them: fixed and broken images are expected to be as many.
    """
    patterns, times = np.unique(differences[:, differences.any(axis=0)], axis=1, return_counts=True)
    if not patterns.size:
        return np.zeros(most)
    net = _exchanges(len(differences)) @ patterns.astype(np.float32)
    counts = [float((np.abs(net) >= least).sum(axis=0) @ times) for least in range(1, most + 1)]
    return np.array(counts) / (2 * len(net))


def _exchanges(replicates: int) -> NDArray[np.float32]:
    """One row an exchange, -1 for each replicate whose labels are exchanged; the first exchanges none."""
    if replicates <= ALL_EXCHANGES:
        bits = np.arange(2**replicates)[:, None] >> np.arange(replicates) & 1
    else:
        bits = np.random.default_rng(0).integers(0, 2, size=(2**ALL_EXCHANGES, replicates))
        bits[0] = 0
    return (1 - 2 * bits).astype(np.float32)
