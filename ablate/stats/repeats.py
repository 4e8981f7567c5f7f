"""Would it come out again? The chance that the same study, on new images and with new runs, says the same of a step.

That chance depends on how large effects are, of which a handful of steps tells little. So it is given as a range,
between a sceptical and hopeful distributions of effects. The size of effects is never plugged in: it is drawn from
what the family's own steps leave possible (empirical Bayes with its uncertainty), the true effect of each step from
what is then left, and a whole study from those effects, with its looks, its futility rule and Holm's adjustment.
All of it happens on the level of estimates: no image is drawn.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import isfinite
from typing import NamedTuple

import numpy as np

from ablate.stats.cells import Array
from ablate.stats.drawn_studies import (
    BETTER,
    NO_GAIN,
    SAME,
    UNDECIDED,
    WORDS,
    WORSE,
    Design,
    DrawnLook,
    judge_drawn,
)
from ablate.stats.student import Estimate
from ablate.stats.verdict import Verdict

MOST_DRAWS, FEWEST_DRAWS, COLUMNS = 1000, 250, 20_000
"""Studies drawn for each distribution of effects, fewer where a family is large: chances are known to 2 or 3 points."""
SIZES = 33
"""Sizes of effects that are tried, from a tenth of the noise to ten times as much."""
OPPOSITE = {BETTER: (WORSE,), WORSE: (BETTER,), SAME: (BETTER, WORSE), NO_GAIN: (BETTER,), UNDECIDED: ()}
"""What contradicts a word. Nothing contradicts that a step is undecided."""


class Prior(NamedTuple):
    """How effects are spread before any is seen: a share that is none at all, the others normal around none.

    How large these are is not known: a size weighs as a normal with standard deviation `scale` has it, in units of the
    noise at the last look.
    """

    none: float
    scale: float


SCEPTICAL = Prior(0.5, 0.7)
HOPEFUL = (Prior(0.0, 5.0), Prior(0.5, 20.0))
"""Of whatever size: all effects, or half of them. Chosen so that what was foretold comes true in simulated studies."""


class Range(NamedTuple):
    """The least and the largest chance, over the distributions of effects."""

    least: float
    most: float


class Repeated(NamedTuple):
    """One step: the chance of the same word in another study of this make, and of its opposite, where it has one."""

    same: Range
    opposite: Range | None


def repeat_chances(
    estimates: Sequence[Estimate | None], verdicts: Sequence[Verdict], design: Design
) -> tuple[Repeated | None, ...]:
    """For each member of one family; None where there is no word, or no noise is known.

    estimates: those behind the words. The answer is a function of its arguments: draws begin at a fixed seed.
    Source: empirical Bayes after Efron 2010 with the prior's scale integrated out; the chance of repeating a finding
    after Goodman 1992 and Miller 2009.
    """
    known = [i for i, found in enumerate(estimates) if _is_known(found) and verdicts[i] in WORDS]
    if not known:
        return (None,) * len(estimates)
    family = _Family.of([estimates[i] for i in known], design.directions[known], design.looks[design.up_to - 1])
    words = np.array([WORDS.index(verdicts[i]) for i in known])
    draws = max(FEWEST_DRAWS, min(MOST_DRAWS, COLUMNS // len(known)))
    luck = _Luck.of(np.random.default_rng(0), draws, family, design.up_to)
    drawn = []
    for prior in (SCEPTICAL, *HOPEFUL):
        looks = _looks(_effects(prior, family, luck), family, luck, design.looks[: design.up_to])
        drawn.append(judge_drawn(looks, known, design))
    same = np.array([(repeated == words).mean(axis=0) for repeated in drawn])
    opposite = np.array(
        [[np.isin(repeated[:, i], OPPOSITE[word]).mean() for i, word in enumerate(words)] for repeated in drawn]
    )
    found: list[Repeated | None] = [None] * len(estimates)
    for position, i in enumerate(known):
        again, contrary = (_range(chances[:, position]) for chances in (same, opposite))
        found[i] = Repeated(again, contrary if OPPOSITE[int(words[position])] else None)
    return tuple(found)


def _range(chances: Array) -> Range:
    return Range(float(chances.min()), float(chances.max()))


def _is_known(found: Estimate | None) -> bool:
    return found is not None and found.n_replicates > 1 and found.standard_error > 0 and isfinite(found.standard_error)


class _Family(NamedTuple):
    """The members that are repeated, a column each. root: of their correlation; scale: their noise at the last look."""

    difference: Array
    se: Array
    df: Array
    replicates: Array
    floor: Array
    root: Array
    scale: float

    @staticmethod
    def of(found: Sequence[Estimate | None], directions: Array, last: int) -> _Family:
        known = [one for one in found if one is not None]
        directions = directions / np.linalg.norm(directions, axis=1, keepdims=True)
        # Contrasts may depend on each other, so that their correlation has no root of its own.
        correlation = 0.999 * directions @ directions.T + 0.001 * np.eye(len(known))
        se = np.array([one.standard_error for one in known])
        replicates = np.array([float(one.n_replicates) for one in known])
        floor = np.array([min(one.image_floor or 0.0, one.standard_error**2) for one in known])
        return _Family(
            difference=np.array([one.difference for one in known]),
            se=se,
            df=np.array([max(1.0, one.df) for one in known]),
            replicates=replicates,
            floor=floor,
            scale=float(np.sqrt(np.mean(floor + (se**2 - floor) * replicates / last))),
            root=np.asarray(np.linalg.cholesky(correlation), dtype=np.float64),
        )


class _Luck(NamedTuple):
    """What both distributions of effects are given alike, a row a study: standard normal; size and none in (0, 1)."""

    size: Array
    none: Array
    effect: Array
    noise: Array
    spread: Array
    looks: Array

    @staticmethod
    def of(rng: np.random.Generator, draws: int, family: _Family, looks: int) -> _Luck:
        shape = (draws, len(family.se))
        return _Luck(
            (rng.permutation(draws) + 0.5) / draws,
            rng.random(shape),
            rng.normal(size=shape),
            rng.normal(size=shape),
            rng.normal(size=shape),
            rng.normal(size=(looks, *shape)) @ family.root.T,
        )


def _effects(prior: Prior, family: _Family, luck: _Luck) -> Array:
    """True effects that the family's estimates leave possible, a row a study."""
    sizes = family.scale * np.geomspace(0.1, 10, SIZES)
    null = _density(family.difference, family.se)
    other = _density(family.difference, np.sqrt(family.se**2 + sizes[:, None] ** 2))
    mixed = prior.none * null + (1 - prior.none) * other
    # The sizes lie on a geometric grid: their weights are of the logarithm.
    weight = np.log(mixed).sum(axis=1) + np.log(sizes) - 0.5 * (sizes / (prior.scale * family.scale)) ** 2
    chances = np.exp(weight - weight.max())
    drawn = np.minimum(np.searchsorted(np.cumsum(chances) / chances.sum(), luck.size), SIZES - 1)
    size = sizes[drawn][:, None]
    is_none = luck.none < prior.none * null / mixed[drawn]
    kept = size**2 / (size**2 + family.se**2)
    effect = kept * family.difference + np.sqrt(kept) * family.se * luck.effect
    return np.where(is_none, 0.0, effect)


def _density(x: Array, sd: Array) -> Array:
    found: Array = np.exp(-0.5 * (x / sd) ** 2) / sd
    return np.maximum(found, 1e-300)


def _looks(effects: Array, family: _Family, luck: _Luck, looks: Sequence[int]) -> list[DrawnLook]:
    """The looks of each study: averages over replicates, of which a later one contains the earlier ones."""
    true = 1 / _spread(family.df, luck.noise)
    found, total, before = [], np.zeros_like(effects), np.zeros_like(effects)
    for replicates, normal in zip(looks, luck.looks, strict=True):
        shrinking = (family.se**2 - family.floor) * family.replicates / replicates
        variance = true * (family.floor + shrinking)
        information = 1 / variance
        total = total + np.sqrt(np.maximum(0.0, information - before)) * normal
        before = information
        df = np.maximum(1.0, family.df * max(replicates - 1, 0.5) / (family.replicates - 1))
        se = np.sqrt(variance * _spread(df, luck.spread))
        found.append(DrawnLook(effects + total * variance, se, df, family.floor, replicates))
    return found


def _spread(df: Array, normal: Array) -> Array:
    """Draws of chi-square over its degrees of freedom (Wilson and Hilferty 1931)."""
    found: Array = np.maximum(1 - 2 / (9 * df) + normal * np.sqrt(2 / (9 * df)), 0.05) ** 3
    return found
