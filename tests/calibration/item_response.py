"""Simulated studies with known truth: images differ in difficulty, runs differ in luck.

logit p[variant, image, run] = level(variant) + 2 * difficulty(image) + taste(variant, image) + luck(variant, run)
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Literal

import numpy as np
from scipy.optimize import brentq
from scipy.special import expit

from ablate.stats.cells import Cells

DIFFICULTY_SD, TASTE_SD = 2.0, 1.0
SOURCE_CHAIN = (0.414, 0.422, 0.461, 0.483, 0.589, 0.550)
"""True accuracies with the steps +0.8, +3.9, +2.2, +10.6, -3.9 points."""


def chain_weights(n_variants: int) -> np.ndarray:
    """Each variant minus the one before it: shape (n_variants - 1, n_variants)."""
    return np.diff(np.eye(n_variants), axis=0)


@lru_cache(maxsize=256)
def level_and_luck(accuracy: float, run_sd: float) -> tuple[float, float]:
    """The level and the sd of luck, in logits, that give a mean accuracy and a sd of the runs' true accuracies."""
    node, weight = np.polynomial.hermite_e.hermegauss(80)
    weight = weight / weight.sum()
    spread = np.hypot(DIFFICULTY_SD, TASTE_SD)

    def mean(level: float, luck: float) -> float:
        return float(weight @ expit(level + np.hypot(spread, luck) * node))

    luck = 0.0
    for _ in range(4):
        level = brentq(lambda x, s=luck: mean(x, s) - accuracy, -20, 20)
        slope = (mean(level + 1e-4, luck) - mean(level - 1e-4, luck)) / 2e-4
        luck = run_sd / slope
    return brentq(lambda x: mean(x, luck) - accuracy, -20, 20), luck


def simulated_cells(
    rng: np.random.Generator,
    *,
    accuracies: Sequence[float],
    form: Literal["fixed", "folds"],
    n_replicates: int,
    run_sd: float | Sequence[float] = 0.0,
    same_variant: bool = False,
    n_test: int = 360,
    n_folds: int = 5,
) -> Cells:
    """One study: 0/1 scores of every variant in every replicate.

    accuracies: the true mean accuracy of each variant, over new images and new runs. run_sd: the sd of
    runs' true accuracies, one for all or one a variant. same_variant: all variants are one configuration
    under other seeds (A/A). n_test: images a replicate is tested on.
    """
    n_variants = len(accuracies)
    run_sds = np.broadcast_to(run_sd, n_variants)
    n_images = n_test if form == "fixed" else n_test * n_folds
    solved = [level_and_luck(float(a), float(s)) for a, s in zip(accuracies, run_sds, strict=True)]
    level, luck_sd = np.array(solved).T
    taste = rng.normal(0, TASTE_SD, (1 if same_variant else n_variants, n_images))
    ability = level[:, None] + rng.normal(0, DIFFICULTY_SD, n_images) + taste
    scores: list[list[np.ndarray]] = [[] for _ in accuracies]
    images, repetition = [], []
    order = np.arange(n_images)
    for r in range(n_replicates):
        q, fold = divmod(r, n_folds)
        if form == "folds" and fold == 0:
            order = rng.permutation(n_images)
        tested = order if form == "fixed" else np.sort(order[fold::n_folds])
        luck = rng.normal(0, 1, n_variants) * luck_sd
        chance = expit(ability[:, tested] + luck[:, None])
        for row, correct in zip(scores, rng.random(chance.shape) < chance, strict=True):
            row.append(correct.astype(np.float64))
        images.append(tested)
        repetition.append(q)
    return Cells(scores=tuple(map(tuple, scores)), images=tuple(images), repetition=tuple(repetition))
