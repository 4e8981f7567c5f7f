"""Simulated studies whose test images come in groups, by two generators, with what the engine says of them.

A group is easier or harder as a whole, and suits one variant more than another: its images are right or wrong together.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, NamedTuple

import numpy as np
from scipy.special import expit

from ablate.stats.cells import Cells
from ablate.stats.engine import estimate
from ablate.stats.verdict import judge

Generator = Literal["item response", "heavy tails"]
Form = Literal["fixed", "folds"]
Sizes = Literal["equal", "lognormal", "one of 30 %"]

STEP = np.array([[-1.0, 1.0]])
IMAGES = 360
FOLDS = 5


class GroupedStudy(NamedTuple):
    """One cell of the table: `studies` pairs of equal variants. noise: logits of run-by-group luck."""

    sizes: Sizes
    groups: int
    replicates: int = 5
    form: Form = "fixed"
    generator: Generator = "item response"
    noise: float = 0.0
    seed: int = 1
    studies: int = 400


def sizes_of(rng: np.random.Generator, sizes: Sizes, groups: int, images: int = IMAGES) -> np.ndarray:
    """The group of each image."""
    match sizes:
        case "equal":
            shares = np.ones(groups)
        case "lognormal":
            shares = rng.lognormal(0, 1, groups)
        case "one of 30 %":
            shares = np.full(groups, 0.7 / (groups - 1))
            shares[0] = 0.3
    counts = np.maximum(2, np.round(images * shares / shares.sum()).astype(int))
    return np.repeat(np.arange(groups), counts)


def grouped_cells(rng: np.random.Generator, setting: GroupedStudy) -> Cells:
    """Two variants of one true accuracy; half of what images differ by, and of how they suit a variant, is by group.

    `heavy tails`: Student's t with 3 degrees of freedom in the place of the normal, a second variant whose taste is
    1.5 times as strong, and a run's own luck with each image.
    """
    group = sizes_of(rng, setting.sizes, setting.groups)
    n, half = len(group), np.sqrt(0.5)
    heavy = setting.generator == "heavy tails"

    def draw(*shape: int) -> np.ndarray:
        return rng.standard_t(3, shape) / np.sqrt(3) if heavy else rng.normal(0, 1, shape)

    def shared(*shape: int) -> np.ndarray:
        """Of variance 1: half by group, half by image."""
        return half * draw(*shape, setting.groups)[..., group] + half * draw(*shape, n)

    taste = shared(2) * (np.array([[1.0], [1.5]]) if heavy else 1.0)
    # Both variants are as good on average: the taste of either is symmetric around none.
    ability = 2.0 * shared() + taste
    folds = _folds(rng, group) if setting.form == "folds" else None
    scores: tuple[list[np.ndarray], list[np.ndarray]] = ([], [])
    images, repetition = [], []
    for r in range(setting.replicates):
        q, fold = divmod(r, FOLDS)
        if folds is not None and fold == 0 and q:
            folds = _folds(rng, group)
        tested = np.arange(n) if folds is None else np.flatnonzero(folds[group] == fold)
        logit = ability[:, tested] + rng.normal(0, 0.1, (2, 1))
        logit = logit + setting.noise * draw(2, setting.groups)[:, group[tested]]
        if heavy:
            logit = logit + 0.7 * draw(2, len(tested))
        for row, correct in zip(scores, rng.random(logit.shape) < expit(logit), strict=True):
            row.append(correct.astype(np.float64))
        images.append(tested)
        repetition.append(q)
    return Cells(
        scores=(tuple(scores[0]), tuple(scores[1])),
        images=tuple(images),
        repetition=tuple(repetition),
        groups=tuple(group[tested] for tested in images),
    )


def _folds(rng: np.random.Generator, group: np.ndarray) -> np.ndarray:
    """The fold of each group, as the harness deals them: no group is divided, every fold has some."""
    number = int(group.max()) + 1
    return rng.permutation(np.arange(number) % FOLDS)


def without_groups(cells: Cells) -> Cells:
    """The same study as if every image were on its own."""
    return Cells(scores=cells.scores, images=cells.images, repetition=cells.repetition)


def measure_groups(setting: GroupedStudy) -> dict[str, float]:
    """Of pairs of equal variants, how many differ at 5 %: by groups, and by images. And coverage, and half-width."""
    rng = np.random.default_rng([setting.seed, setting.groups, setting.replicates])
    by_group, by_image, held, width, effective, judged = 0, 0, 0, 0.0, 0.0, 0
    for _ in range(setting.studies):
        cells = grouped_cells(rng, setting)
        (found,), (naive,) = estimate(cells, STEP), estimate(without_groups(cells), STEP)
        assert found is not None
        assert naive is not None
        assert found.grouped is not None
        by_group += found.p <= 0.05
        by_image += naive.p <= 0.05
        held += found.lo <= 0 <= found.hi
        width += 50 * (found.hi - found.lo)
        effective += found.grouped.effective
        (one,) = judge([found], negligible=0.01, worthwhile=0.03)
        judged += one.verdict in ("better", "worse")
    n = setting.studies
    numbers: Sequence[float] = (by_group, by_image, held, width, effective, judged)
    names = ("by_group", "by_image", "coverage", "half_width", "effective", "verdicts")
    return {name: number / n for name, number in zip(names, numbers, strict=True)}
