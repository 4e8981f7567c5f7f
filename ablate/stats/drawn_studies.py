"""The looks, futility and rules of `judge_looks` for many drawn studies at once: a row a study, a column a member."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr, ndtri, stdtr

from ablate.stats.cells import Array
from ablate.stats.verdict import Rules, Verdict

WORDS: tuple[Verdict, ...] = ("better", "worse", "same", "no_worthwhile_gain", "undecided")
BETTER, WORSE, SAME, NO_GAIN, UNDECIDED = range(len(WORDS))


@dataclass(frozen=True, slots=True, kw_only=True)
class Design:
    """What a study has fixed: the rules, its looks so far, and what its members have in common.

    looks: all that are planned; up_to: how many of them were made. shares: of alpha. directions: the weights of each
    member, whose number is the family's size. asked: the members that are followed for `no worse` as well. planned:
    replicates and share of the last look that was planned, where the study was closed before it.
    """

    rules: Rules
    looks: Sequence[int]
    shares: Sequence[float]
    up_to: int
    directions: Array
    asked: Collection[int] = ()
    planned: tuple[int, float] | None = None


class DrawnLook(NamedTuple):
    """What one look says: shape (studies, members). floor: the variance that no replicate takes away."""

    difference: Array
    se: Array
    df: Array
    floor: Array
    replicates: int


def judge_drawn(looks: Sequence[DrawnLook], members: Sequence[int], design: Design) -> NDArray[np.int64]:
    """The word of each member after the looks, a number of WORDS.

    members: which ones of the family the columns are; the others are never assessable. As `judge_looks`, but that a
    member that is asked whether it is no worse is never stopped for futility.
    """
    shape = looks[0].difference.shape
    words, is_open = np.full(shape, UNDECIDED), np.ones(shape, dtype=bool)
    smallest = np.ones((3, *shape))
    m, asked = len(design.directions), np.array([i in design.asked for i in members])
    for number, (look, share) in enumerate(zip(looks, design.shares, strict=False), start=1):
        if look.replicates < 2:
            continue  # a single run says nothing yet
        weighed = np.minimum(1.0, _p_values(look, design.rules) / share)
        smallest = np.where(is_open, np.minimum(smallest, weighed), smallest)
        words = np.where(is_open, _judged(look, smallest, design.rules, m), words)
        if number < len(design.looks):
            hopeful = (_chance(look, m, design) >= design.rules.futility) | asked
            is_open &= ((words == UNDECIDED) | (words == NO_GAIN)) & hopeful
    return words


def _p_values(look: DrawnLook, rules: Rules) -> Array:
    """Of a difference, of a negligible one, of no worthwhile gain: shape (3, studies, members)."""
    difference, se, df = look.difference, look.se, look.df
    same = no_gain = np.ones_like(difference)
    if (r := rules.negligible) is not None:
        same = np.maximum(stdtr(df, -(difference + r) / se), stdtr(df, (difference - r) / se))
    if (d := rules.worthwhile) is not None:
        gain = difference if rules.goal == "max" else -difference
        no_gain = stdtr(df, (gain - d) / se)
    return np.stack([2 * stdtr(df, -np.abs(difference) / se), same, no_gain])


def _judged(look: DrawnLook, p: Array, rules: Rules, m: int) -> NDArray[np.int64]:
    differs, same, no_gain = (_holm(one, m) <= rules.alpha for one in p)
    gains = (look.difference > 0) == (rules.goal == "max")
    return np.select([differs & gains, differs, same, no_gain], [BETTER, WORSE, SAME, NO_GAIN], UNDECIDED)


def _holm(p: Array, m: int) -> Array:
    """Holm's adjusted p-values, row by row; of the m members those without a column have p = 1."""
    order = np.argsort(p, axis=1, kind="stable")
    stepped = np.take_along_axis(p, order, axis=1) * np.arange(m, m - p.shape[1], -1)
    adjusted = np.empty_like(p)
    np.put_along_axis(adjusted, order, np.minimum(1.0, np.maximum.accumulate(stepped, axis=1)), axis=1)
    return adjusted


def _chance(look: DrawnLook, m: int, design: Design) -> Array:
    """The predicted chance that the last look shows a difference; see `looks.predictive_power`."""
    most, share = design.planned or (design.looks[-1], design.shares[-1])
    now = look.se**2
    floor = np.minimum(look.floor, now)
    then = floor + (now - floor) * look.replicates / most
    critical = -float(ndtri(design.rules.alpha * share / (2 * m))) * np.sqrt(then)
    spread = np.sqrt(np.maximum(now - then, 1e-30))
    found: Array = ndtr((look.difference - critical) / spread) + ndtr((-critical - look.difference) / spread)
    return found
