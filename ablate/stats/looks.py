"""What several planned looks cost and can show, and when going on is not worth it."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from math import isfinite, sqrt
from statistics import median
from typing import NamedTuple

from scipy.special import ndtr, ndtri, stdtrit

from ablate.stats.no_worse import no_worse_power
from ablate.stats.student import Estimate
from ablate.stats.verdict import (
    NO_RUNS,
    POWER,
    SINGLE_RUN,
    TOO_FEW_GROUPS,
    ClaimPValues,
    JudgedContrast,
    Rules,
    assign_verdicts,
    claim_p_values,
    unassessable,
)

WAITING = "runs of this look are still missing"
MENDABLE = (WAITING, SINGLE_RUN, NO_RUNS)
"""Why a member is not assessable yet, though further runs may change that."""

SO_FAR = "so far "
"""How a reason begins that folds which are still to be tested may take away."""

Found = tuple[Sequence[Estimate | None], Mapping[int, str]]
"""The estimates of a family, and position -> why that member gets no verdict."""


class Seen(NamedTuple):
    """What one look found of one member, before any threshold. reason: why it gets no verdict there, else empty."""

    found: Estimate | None
    reason: str


class LookState(NamedTuple):
    """One member of a family after some looks: its verdict, and the look (counted from 1) whose numbers these are.

    share: the part of alpha of that look. chance: the predicted chance that the looks still planned show a
    difference (or, where that is asked, whether it is no worse), None where it was not asked; stopped: it was too
    small (futility).
    """

    judged: JudgedContrast
    look: int
    share: float
    chance: float | None
    stopped: bool

    @property
    def is_open(self) -> bool:
        """Whether runs that are still planned may answer it."""
        if self.judged.verdict == "not_assessable":
            return may_still_change(self.judged.reason, self.judged.estimate)
        if self.judged.verdict == "no_worthwhile_gain":  # it may be a loss, which only further runs can show
            return self.chance is not None and self.chance >= self.judged.rules.futility
        return self.judged.verdict == "undecided" and not self.stopped


def judge_looks(  # noqa: PLR0913 - the looks there were, and the last one there was to be
    estimate_at: Callable[[int, Collection[int] | None], Found],
    rules: Rules,
    looks: Sequence[int],
    shares: Sequence[float],
    *,
    up_to: int,
    asked: Collection[int] = (),
    planned: tuple[int, float] | None = None,
) -> list[LookState]:
    """The members of one family after the first `up_to` looks.

    estimate_at: look (counted from 1) and the positions still open (None: all) -> what the runs up to it say.
    Holm sees the smallest p / share over the looks so far. A member that is settled keeps that look's verdict
    and numbers. A gain that is ruled out is settled only where a loss has become too unlikely as well.
    looks: planned replicates; shares: of alpha. rules: their share is that of each look in turn. asked: the
    members of which is asked whether they are no worse, which keeps them open as well while they are undecided.
    planned: replicates and share of the last look that was planned, where the study was closed before it: what looks
    predicted, they predicted of that one.
    """
    most, last = planned or (looks[-1], shares[-1])
    answers: list[LookState] = []
    smallest: ClaimPValues | None = None
    for number, share in enumerate(shares[:up_to], start=1):
        at_look = replace(rules, share=share)
        open_ = [i for i, answer in enumerate(answers) if answer.is_open]
        found, reasons = estimate_at(number, open_ if answers else None)
        reasons = unassessable(found, reasons)
        closed = [i for i, answer in enumerate(answers) if not answer.is_open]
        smallest = adjust_for_looks(claim_p_values(found, at_look, reasons=reasons), share, smallest, closed=closed)
        now = []
        words = assign_verdicts(found, smallest, at_look, reasons=reasons)
        for i, (one, judged) in enumerate(zip(found, words, strict=True)):
            chance = None
            if judged.verdict in ("undecided", "no_worthwhile_gain") and number < len(shares):
                chance = predictive_power(one, most, family_size=len(found), share=last, alpha=rules.alpha)
                if i in asked and judged.no_worse == "undecided" and chance is not None and rules.tolerable is not None:
                    spent = rules.alpha * last
                    other = no_worse_power(one, most, rules.tolerable, rules.goal, family_size=len(found), spent=spent)
                    chance = max(chance, other or 0.0)
            stopped = judged.verdict == "undecided" and chance is not None and chance < rules.futility
            now.append(LookState(judged, number, share, chance, stopped))
        if not answers:
            answers = now
        answers = [
            old if i in closed or _is_lost(old, new) else new
            for i, (old, new) in enumerate(zip(answers, now, strict=True))
        ]
    return answers


def seen_at_looks(
    estimate_at: Callable[[int, Collection[int] | None], Found], up_to: int
) -> tuple[tuple[Seen, ...], ...]:
    """A row a member: what each of the first looks found of it."""
    by_look = []
    for number in range(1, up_to + 1):
        found, reasons = estimate_at(number, None)
        reasons = unassessable(found, reasons)
        by_look.append([Seen(one, reasons.get(i, "")) for i, one in enumerate(found)])
    return tuple(zip(*by_look, strict=True))


def may_still_change(reason: str, found: Estimate | None) -> bool:
    """Whether runs that are still planned may lift what stands in the way of a verdict."""
    # Too few groups, while further folds, with groups of their own, were not tested yet.
    grows = reason == TOO_FEW_GROUPS and found is not None and found.image_floor is None
    return reason in MENDABLE or reason.startswith(SO_FAR) or grows


def _is_lost(old: LookState, new: LookState) -> bool:
    """Whether a look has lost what an earlier one knew, because its runs are not all there."""
    return old.judged.verdict == "no_worthwhile_gain" and new.judged.verdict == "not_assessable"


def adjust_for_looks(
    p: ClaimPValues, share: float, before: ClaimPValues | None, *, closed: Collection[int] = ()
) -> ClaimPValues:
    """The p-values that count after a look: the smallest of p / share over the looks so far.

    closed: members that keep what they had, because no look asks about them any more.
    Source: Bonferroni's bound over looks; valid whatever the looks have in common.
    """
    weighed = ClaimPValues(*(tuple(min(1.0, value / share) for value in claim) for claim in p))
    if before is None:
        return weighed
    return ClaimPValues(
        *(
            tuple(a if i in closed else min(a, b) for i, (a, b) in enumerate(zip(old, new, strict=True)))
            for old, new in zip(before, weighed, strict=True)
        )
    )


def predictive_power(
    found: Estimate | None, most: int, *, family_size: int, share: float, alpha: float = 0.05
) -> float | None:
    """The predicted chance that the last look, at `most` replicates, shows a difference.

    The estimate then is normal around the present one, with the variance that the further replicates take
    away. share: the part of alpha the last look may spend. None where no replicates are left, or nothing is
    known of the noise. Stopping on it can only lower the rate of false findings.
    Source: predictive power after Spiegelhalter, Freedman and Blackburn 1986.
    """
    if found is None or found.n_replicates >= most or not isfinite(found.standard_error):
        return None
    floor = found.image_floor or 0.0
    now = found.standard_error**2
    then = floor + max(0.0, now - floor) * found.n_replicates / most
    critical = -float(ndtri(alpha * share / (2 * family_size))) * sqrt(then)
    spread = sqrt(max(0.0, now - then))
    if not spread:
        return float(abs(found.difference) > critical)
    above = ndtr((found.difference - critical) / spread)
    below = ndtr((-critical - found.difference) / spread)
    return float(above + below)


def visible_at_looks(
    found: Sequence[Estimate | None], looks: Sequence[int], shares: Sequence[float], *, alpha: float = 0.05
) -> tuple[float | None, ...]:
    """The smallest visible difference at each look, from the noise of comparisons that were made.

    found: the members of one family. The median over them counts, at Holm's first step. Further replicates
    shrink what is not the test images' own; where no image was tested twice yet all of it is taken to shrink,
    so that the figure is a lower bound. Comparisons of single runs, and of runs that do not differ at all,
    say nothing of the noise; None where there are no others.
    """
    known = [
        e for e in found if e is not None and e.n_replicates > 1 and e.standard_error > 0 and isfinite(e.standard_error)
    ]
    if not known:
        return (None,) * len(looks)
    return tuple(
        median(_visible(one, look, alpha * share / len(found)) for one in known)
        for look, share in zip(looks, shares, strict=True)
    )


def _visible(found: Estimate, replicates: int, alpha: float) -> float:
    floor = found.image_floor or 0.0
    shrinking = max(0.0, found.standard_error**2 - floor) * found.n_replicates / replicates
    # Twice the replicates know the noise twice as well, as far as it is the runs' and not the images'.
    df = max(1.0, found.df * (replicates - 1) / (found.n_replicates - 1))
    return -float(stdtrit(df, alpha / 2) + stdtrit(df, 1 - POWER)) * sqrt(floor + shrinking)
