"""Contrasts between variants that were tested on different images: on what the tests share, or unpaired.

Which of the two is decided by the sizes of the tests, never by their outcomes. Either way two tests are
two questions, so that whoever judges gives such a contrast an interval and no verdict.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import reduce
from math import sqrt

import numpy as np

from ablate.stats.accuracy import newcombe
from ablate.stats.cells import Array, Cells, Index, StatisticsError
from ablate.stats.engine import estimate
from ablate.stats.score_book import Key, ScoreRow
from ablate.stats.student import ContrastEstimate, Estimate, student_answer

ENOUGH_SHARED = 0.5
"""The least part of the smaller test that must be shared. With less, pairing gains nothing over the sizes lost:
two independent tests of n images tell more than a paired one of n / 2 unless the variants agree on most."""


def estimate_elsewhere(
    rows: Mapping[Key, ScoreRow], weights: Mapping[str, float], repetition: Callable[[int], int], *, level: float = 0.95
) -> Estimate | None:
    """One contrast between variants tested on different images; None where one of them has no scores.

    rows: the scores of every run. weights: variant -> weight, none of them 0. repetition: replicate -> the
    shuffle of the data that its test was cut from. Where the tests of every matched replicate share at
    least ENOUGH_SHARED of the smaller one, the engine compares the variants on the shared images (basis
    `common images`): an image that is tested in both is trained on in neither. Otherwise nothing is
    paired (basis `images, apart`): Newcombe's interval for two single runs of right and wrong, else
    the sum of the variants' variances with Satterthwaite's degrees of freedom.
    Source: Newcombe 1998 (method 10); Satterthwaite 1946.
    """
    own = {name: {r: row for (variant, r), row in rows.items() if variant == name} for name in weights}
    if not all(own.values()):
        return None
    shared = _shared(own, repetition)
    if shared is not None:
        (found,) = estimate(shared, np.array([list(weights.values())]), level=level)
        assert found is not None
        return replace(found, basis="common images")
    counts = [_counts(runs) for runs in own.values()]
    if sorted(weights.values()) == [-1.0, 1.0] and None not in counts:
        variant, reference = sorted(zip(weights.values(), counts, strict=True), key=lambda pair: -pair[0])
        return _single(variant[1] or (0, 1), reference[1] or (0, 1), level)
    alone = [_alone(runs, repetition) for runs in own.values()]
    return _apart(alone, np.array(list(weights.values())), level) if None not in alone else None


def _shared(own: Mapping[str, Mapping[int, ScoreRow]], repetition: Callable[[int], int]) -> Cells | None:
    """The scores of all variants on the images all of them were tested on; None where these are too few."""
    matched = sorted(set.intersection(*(set(runs) for runs in own.values())))
    images, groups, scores = [], list[Index](), {name: list[Array]() for name in own}
    for r in matched:
        tests = [runs[r].images for runs in own.values()]
        common = reduce(np.intersect1d, tests)
        if len(common) < max(2, ENOUGH_SHARED * min(map(len, tests))):
            return None
        images.append(common)
        first = next(runs[r] for runs in own.values())
        if first.groups is not None:
            groups.append(first.groups[np.isin(first.images, common)])
        for name, runs in own.items():
            scores[name].append(runs[r].scores[np.isin(runs[r].images, common)])
    if not images:
        return None
    try:
        return Cells(
            scores=tuple(tuple(found) for found in scores.values()),
            images=tuple(images),
            repetition=tuple(repetition(r) for r in matched),
            groups=tuple(groups),
        )
    except StatisticsError:  # what the replicates have in common need not be folds any more
        return None


def _counts(runs: Mapping[int, ScoreRow]) -> tuple[int, int] | None:
    """Right and tested images of a single run; None for several, for groups, or other scores than right and wrong."""
    (row, *more) = runs.values()
    if more or row.groups is not None or not np.isin(row.scores, (0, 1)).all():
        return None
    return int(row.scores.sum()), len(row.scores)


def _alone(runs: Mapping[int, ScoreRow], repetition: Callable[[int], int]) -> Estimate | None:
    """One variant's own level."""
    try:
        cells = Cells(
            scores=(tuple(row.scores for row in runs.values()),),
            images=tuple(row.images for row in runs.values()),
            repetition=tuple(repetition(r) for r in runs),
            groups=tuple(row.groups for row in runs.values() if row.groups is not None),
        )
    except StatisticsError:
        return None
    return estimate(cells, np.ones((1, 1)))[0]


def _single(variant: tuple[int, int], reference: tuple[int, int], level: float) -> Estimate:
    found = newcombe(variant, reference, level=level)
    variance = sum(right / n * (1 - right / n) / n for right, n in (variant, reference))
    n_images = variant[1] + reference[1]
    answer = student_answer(found.difference, sqrt(variance), n_images - 2.0, n_units=n_images, level=level)
    answer |= {"lo": found.lo, "hi": found.hi, "p": found.p}
    return _unpaired(answer, n_replicates=1, n_images=n_images)


def _apart(levels: Sequence[Estimate | None], weights: Array, level: float) -> Estimate:
    known = [found for found in levels if found is not None]
    parts = np.array([found.standard_error**2 for found in known]) * np.square(weights)
    variance = float(parts.sum())
    shares = parts / variance if variance else parts
    inverse = sum(float(share) ** 2 / found.df for share, found in zip(shares, known, strict=True))
    n_images = sum(found.n_images or 0 for found in known)
    difference = float(weights @ [found.difference for found in known])
    df = 1 / inverse if variance else 1.0
    answer = student_answer(difference, sqrt(variance), df, n_units=n_images, level=level)
    return _unpaired(answer, n_replicates=min(found.n_replicates for found in known), n_images=n_images)


def _unpaired(answer: ContrastEstimate, *, n_replicates: int, n_images: int) -> Estimate:
    return Estimate(
        **answer,
        n_replicates=n_replicates,
        n_images=n_images,
        image_part=None,
        run_part=None,
        image_floor=None,
        by_replicate=(),
        basis="images, apart",
    )
