"""What the words of one family follow from when only `negligible` and `worthwhile` are moved.

Of the rule in `verdict` and `looks` those two enter one-sided p-values, the size of a difference, and whether the
test set is too small. Everything else is fixed by the runs and is worked out here, look by look, so that a page can
apply the rule again without the answers.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from math import sqrt
from typing import NamedTuple

from scipy.special import ndtri

from ablate.stats.looks import WAITING, Seen, may_still_change, predictive_power
from ablate.stats.no_worse import no_worse_power, p_no_worse
from ablate.stats.student import Estimate
from ablate.stats.verdict import POWER, Rules


class MemberSeen(NamedTuple):
    """One comparison at one look; numbers in the unit of the estimates.

    chance: of a difference at the last look; None where none is left. too_small: below this `worthwhile` the test set
    is too small, 0 where that is not known. p_no_worse, p_inferior, chance_no_worse: of the claim that nothing is
    lost, which keeps a comparison open where it was asked.
    """

    difference: float
    se: float
    df: float
    p: float
    lo_all: float
    hi_all: float
    chance: float | None
    too_small: float
    p_no_worse: float = 1.0
    p_inferior: float = 1.0
    chance_no_worse: float | None = None


class Withheld(NamedTuple):
    """A comparison that gets no verdict at a look. may_change: by further runs; waits: for runs that were not made."""

    may_change: bool
    waits: bool


class LookSeen(NamedTuple):
    """What one look found of a family; share: of alpha."""

    share: float
    members: tuple[MemberSeen | Withheld, ...]


def looks_seen(
    family: Sequence[Sequence[Seen]],
    rules: Rules,
    shares: Sequence[float],
    *,
    last: tuple[int, float],
    asked: Collection[int] = (),
) -> tuple[LookSeen, ...]:
    """Look by look what the family's words follow from. family: a row a member, a look an entry.

    shares, asked: as in `judge_looks`. last: replicates of the last planned look, and its share.
    """
    found = []
    for number, at_look in enumerate(zip(*family, strict=True), start=1):
        spent = rules.alpha * shares[number - 1] / len(family)
        left = last if number < len(shares) else None
        members = [_member(one, rules, spent, left, len(family), asked=i in asked) for i, one in enumerate(at_look)]
        found.append(LookSeen(shares[number - 1], tuple(members)))
    return tuple(found)


def _member(
    seen: Seen, rules: Rules, spent: float, left: tuple[int, float] | None, size: int, *, asked: bool
) -> MemberSeen | Withheld:
    one = seen.found
    if one is None or seen.reason:
        return Withheld(may_still_change(seen.reason, one), seen.reason == WAITING)
    lo, hi = one.interval(1 - spent)
    chance = chance_no_worse = None
    if left is not None:
        most, share = left
        chance = predictive_power(one, most, family_size=size, share=share, alpha=rules.alpha)
        if asked and rules.tolerable is not None:
            at_last = rules.alpha * share
            chance_no_worse = no_worse_power(one, most, rules.tolerable, rules.goal, family_size=size, spent=at_last)
    claims = p_no_worse(one, rules.tolerable, rules.goal)
    return MemberSeen(
        one.difference, one.standard_error, one.df, one.p, lo, hi, chance, _too_small(one, spent), *claims,
        chance_no_worse,
    )  # fmt: skip


def _too_small(one: Estimate, spent: float) -> float:
    """See `replicates_needed`: what endlessly many replicates on these images would still not show."""
    if one.n_images is None:
        return 0.0
    return -float(ndtri(spent / 2) + ndtri(1 - POWER)) * sqrt(one.image_floor or 0.0)
