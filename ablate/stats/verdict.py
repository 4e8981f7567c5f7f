"""From the estimates of one family to a word for each: fixed rules, the first that matches wins.

Three families of claims are made side by side, each with its own family-wise error of `alpha`: there is
a difference; it is smaller than the negligible one; a worthwhile gain is ruled out. For one contrast the
first two cannot both be mistaken; over a whole study the three together are bounded by 3 alpha. Beside the
words stands the claim that nothing is lost; see `no_worse`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import ceil, inf, isfinite
from typing import Literal, NamedTuple

import numpy as np
from scipy.special import ndtri, stdtrit

from ablate.stats.cells import StatisticsError
from ablate.stats.groups import FEWEST_GROUPS
from ablate.stats.no_worse import NoWorse, no_worse_word, p_no_worse
from ablate.stats.student import Estimate

Verdict = Literal["better", "worse", "same", "no_worthwhile_gain", "undecided", "not_assessable"]
Goal = Literal["max", "min"]
Supplement = Literal["", "larger", "negligible"]

SINGLE_RUN = "single run"
NO_RUNS = "no replicate in which all its runs finished"
NO_SPREAD = "equal results in every replicate"
"""Why differences that do not vary at all prove nothing: an interval without width would be surer than any data."""
TOO_FEW_GROUPS = "too few groups of images"
"""Fewer effective ones than FEWEST_GROUPS."""

ROUNDING = 1e-9
"""Six equal groups are six, whatever is left of that by rounding."""

POWER = 0.8
"""The chance with which the smallest visible difference is seen."""


class Needed(NamedTuple):
    """What would show a worthwhile difference: `number` further replicates, or that many test images.

    at_least: the number is a lower bound, because no image was tested twice so far.
    """

    unit: Literal["replicates", "images"]
    number: int
    at_least: bool


class NextLook(NamedTuple):
    """What pursuing an open comparison takes: runs of all its variants up to so many replicates each.

    seconds: one run after another, from finished runs; None before the first.
    """

    replicates: int
    runs: int
    seconds: float | None


class ClaimPValues(NamedTuple):
    """The p-values of each member of a family, claim by claim, before Holm; 1 where a member cannot be assessed."""

    difference: tuple[float, ...]
    same: tuple[float, ...]
    no_gain: tuple[float, ...]
    no_worse: tuple[float, ...]
    inferior: tuple[float, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """What was fixed before the first run; thresholds in the unit of the estimates.

    negligible: a smaller difference counts as none. worthwhile: a smaller gain is not worth having. None: nobody
    has said, and the verdict that rests on it is never given.
    goal: `min` where a decrease is the gain. alpha: family-wise error of each kind of claim.
    share: the part of alpha that may be spent at this look, 1 where there is only one.
    futility: a contrast whose predicted chance of showing a difference is smaller is not pursued.
    tolerable: a loss of this size or more is what `no_worse` rules out or shows; None: nobody has said.
    Raises StatisticsError for thresholds that are negative or not finite.
    """

    negligible: float | None
    worthwhile: float | None
    goal: Goal = "max"
    alpha: float = 0.05
    share: float = 1.0
    futility: float = 0.1
    tolerable: float | None = None

    def __post_init__(self) -> None:
        stated = [size for size in (self.negligible, self.worthwhile, self.tolerable) if size is not None]
        if not all(isfinite(size) and size >= 0 for size in stated):
            raise StatisticsError(
                f"negligible: {self.negligible}, worthwhile: {self.worthwhile}, tolerable: {self.tolerable}",
                hint="Thresholds are sizes, 0 or more.",
            )
        if not (0 < self.alpha < 1 and 0 < self.share <= 1):
            raise StatisticsError(
                f"alpha: {self.alpha}, share: {self.share}", hint="Give alpha below 1 and a share up to 1."
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class JudgedContrast:
    """One member of a family with its verdict; numbers in the unit of the estimates.

    p_adjusted, p_same, p_no_gain: Holm-adjusted. lo_all, hi_all: the interval at level 1 - alpha / m,
    which holds for all members at once. visible: the smallest difference this evidence shows with 80%
    power. p_no_worse, p_inferior: Holm-adjusted, of a tolerable loss ruled out and shown. needed: what would show
    a worthwhile one, only for `undecided`. reason: why a member is not assessable, else empty. estimate is None
    where no replicate has all variants of the contrast.
    """

    verdict: Verdict
    estimate: Estimate | None
    p_adjusted: float
    p_same: float
    p_no_gain: float
    lo_all: float
    hi_all: float
    visible: float
    supplement: Supplement
    needed: Needed | None
    reason: str
    rules: Rules
    p_no_worse: float = 1.0
    p_inferior: float = 1.0

    @property
    def no_worse(self) -> NoWorse:
        """Whether a loss of the tolerable size is ruled out or shown."""
        if self.verdict == "not_assessable" or self.rules.tolerable is None:
            return "not_assessable"
        return no_worse_word(self.p_no_worse, self.p_inferior, self.rules.alpha)


def judge_family(  # noqa: PLR0913 - the thresholds, each by its name
    estimates: Sequence[Estimate | None],
    *,
    negligible: float | None,
    worthwhile: float | None,
    tolerable: float | None = None,
    alpha: float = 0.05,
    goal: Goal = "max",
    reasons: Mapping[int, str] | None = None,
) -> tuple[JudgedContrast, ...]:
    """The verdict on every member of one family of contrasts declared before the first run.

    negligible, worthwhile, tolerable, alpha, goal: see Rules. reasons: position -> why a member is not assessable
    although numbers may exist (different test sets, selected on test, replicates added after looking).
    Every member counts in the family's size, assessable or not.
    Source: Holm 1979; Schuirmann 1987 for the two one-sided tests.
    """
    rules = Rules(negligible=negligible, worthwhile=worthwhile, tolerable=tolerable, alpha=alpha, goal=goal)
    reasons = unassessable(estimates, reasons or {})
    return assign_verdicts(estimates, claim_p_values(estimates, rules, reasons=reasons), rules, reasons=reasons)


def unassessable(estimates: Sequence[Estimate | None], reasons: Mapping[int, str]) -> dict[int, str]:
    """Position -> why that member gets no verdict: the given reasons, then what the numbers themselves cannot carry."""
    own = {i: why for i, found in enumerate(estimates) if (why := _why_unassessable(found))}
    return own | dict(reasons)


def _why_unassessable(found: Estimate | None) -> str:
    if found is None:
        return NO_RUNS
    if found.n_replicates < 2:
        return SINGLE_RUN
    return why_unproven(found)


def why_unproven(found: Estimate) -> str:
    """Why an estimate carries no verdict, however many runs it is of; empty where it does."""
    if found.grouped is not None and found.grouped.effective < FEWEST_GROUPS - ROUNDING:
        return TOO_FEW_GROUPS
    return "" if found.standard_error else NO_SPREAD


def claim_p_values(estimates: Sequence[Estimate | None], rules: Rules, *, reasons: Mapping[int, str]) -> ClaimPValues:
    """The unadjusted p of the claims: a difference, a negligible one, no worthwhile gain; no worse, inferior."""
    r, d = rules.negligible, rules.worthwhile
    rows: list[tuple[float, ...]] = []
    for i, found in enumerate(estimates):
        if found is None or i in reasons:
            rows.append((1.0,) * 5)
        else:
            same = 1.0 if r is None else max(found.p_above(-r), found.p_below(r))
            no_gain = 1.0 if d is None else found.p_below(d) if rules.goal == "max" else found.p_above(-d)
            rows.append((found.p, same, no_gain, *p_no_worse(found, rules.tolerable, rules.goal)))
    return ClaimPValues(*zip(*rows, strict=True)) if rows else ClaimPValues((), (), (), (), ())


def assign_verdicts(
    estimates: Sequence[Estimate | None], raw: ClaimPValues, rules: Rules, *, reasons: Mapping[int, str]
) -> tuple[JudgedContrast, ...]:
    """Holm over each kind of claim, then the rules in order: difference, sameness, no gain, undecided.

    raw: one p a member and claim, after whatever several looks cost. reasons: as from `unassessable`.
    """
    differs, same, no_gain, no_worse, inferior = (holm(p) for p in raw)
    m = len(estimates)
    spent = rules.alpha * rules.share
    judged = []
    for i, found in enumerate(estimates):
        lo, hi = found.interval(1 - spent / m) if found else (-inf, inf)
        verdict: Verdict = "not_assessable"
        if found and i not in reasons:
            claims = [p[i] <= rules.alpha for p in (differs, same, no_gain)]
            verdict = _verdict(found, claims, rules.goal)
        needed = None
        if found and verdict == "undecided" and rules.worthwhile:
            needed = replicates_needed(found, worthwhile=rules.worthwhile, family_size=m, alpha=spent)
        judged.append(
            JudgedContrast(
                verdict=verdict,
                estimate=found,
                p_adjusted=differs[i],
                p_same=same[i],
                p_no_gain=no_gain[i],
                lo_all=lo,
                hi_all=hi,
                visible=smallest_visible(found, family_size=m, alpha=spent) if found else inf,
                supplement=_supplement(verdict, lo, hi, rules),
                needed=needed,
                reason=reasons.get(i, ""),
                rules=rules,
                p_no_worse=no_worse[i],
                p_inferior=inferior[i],
            )
        )
    return tuple(judged)


def holm(p: Sequence[float]) -> tuple[float, ...]:
    """Holm's adjusted p-values, in the order given.

    Source: Holm 1979; valid whatever the dependence between the members.
    """
    # Written out because the library's version runs a full garbage collection at every call.
    order = np.argsort(p, kind="stable")
    stepped = np.arange(len(p), 0, -1) * np.asarray(p, dtype=np.float64)[order]
    adjusted = np.empty(len(p))
    adjusted[order] = np.minimum(1.0, np.maximum.accumulate(stepped))
    return tuple(adjusted.tolist())


def smallest_visible(found: Estimate, *, family_size: int, alpha: float = 0.05) -> float:
    """The true difference this evidence would call a difference in 80% of studies, at Holm's first step.

    Infinite where a single number per variant was compared.
    """
    se, df = found.standard_error, found.df
    if not isfinite(se):
        return inf
    return -float(stdtrit(df, alpha / family_size / 2) + stdtrit(df, 1 - POWER)) * se


def replicates_needed(found: Estimate, *, worthwhile: float, family_size: int, alpha: float = 0.05) -> Needed | None:
    """What it takes to see a worthwhile difference with 80% power, from the noise seen so far.

    The observed difference plays no part: power computed from it would say nothing that p does not.
    Zero just where `smallest_visible` is no larger already.
    Further replicates shrink what the runs add; what the test images add they cannot shrink, and where
    that alone is too much the answer is a number of test images. None for a single number per variant.
    """
    if worthwhile <= 0:
        raise StatisticsError(f"worthwhile: {worthwhile}", hint="Name a difference above 0 to look for.")
    if not isfinite(found.standard_error):
        return None
    k, floor = found.n_replicates, found.image_floor or 0.0
    target = (worthwhile / -float(ndtri(alpha / family_size / 2) + ndtri(1 - POWER))) ** 2
    if target > floor and smallest_visible(found, family_size=family_size, alpha=alpha) > worthwhile:
        further = _further(found, target - floor)
        if further == 0:  # enough for a normal estimate, but the noise itself is not known well enough yet
            df = found.df
            target = (worthwhile / -float(stdtrit(df, alpha / family_size / 2) + stdtrit(df, 1 - POWER))) ** 2
            further = max(1, _further(found, target - floor)) if target > floor else k
        return Needed("replicates", further, at_least=found.image_floor is None)
    if target <= floor and found.n_images is not None:
        return Needed("images", ceil(found.n_images * floor / target), at_least=False)
    return Needed("replicates", 0, at_least=found.image_floor is None)


def _further(found: Estimate, room: float) -> int:
    """Further replicates after which what they can shrink of the variance fits into `room`."""
    shrinking = found.n_replicates * max(0.0, found.standard_error**2 - (found.image_floor or 0.0))
    return max(0, ceil(shrinking / room) - found.n_replicates)


def verdict_text(
    judged: JudgedContrast, *, scale: float = 100.0, decimals: int = 1, outlook: str = "", unit: str = ""
) -> str:
    """The verdict in words, with the difference and its plain interval where they belong.

    scale: from the unit of the estimates to the one printed; 100 turns shares into points. outlook: what
    becomes of an undecided comparison: the next planned look and its price, or why there is none. unit: of
    thresholds, such as `points`.
    """

    def number(value: float | None, sign: str = "") -> str:
        assert value is not None
        return f"{value * scale:{sign}z.{decimals}f}"

    def size(value: float | None) -> str:
        return f"{number(value)} {unit}".rstrip()

    match judged.verdict:
        case "better" | "worse":
            found = judged.estimate
            assert found is not None
            text = f"{judged.verdict}: {number(found.difference, '+')} [{number(found.lo)}, {number(found.hi)}]"
            if judged.supplement == "larger":
                return f"{text}, larger than {size(judged.rules.negligible)}"
            return f"{text}, but negligible" if judged.supplement else text
        case "same":
            return f"same (within ±{size(judged.rules.negligible)})"
        case "no_worthwhile_gain":
            return f"no worthwhile gain (a gain of {size(judged.rules.worthwhile)} or more is ruled out)"
        case "undecided":
            if judged.needed is not None and judged.needed.unit == "images":
                if judged.estimate is not None and not judged.estimate.images_dominate:
                    return "undecided (no number of replicates shows the worthwhile difference on this test set)"
                return "undecided (test set too small: no number of replicates settles this)"
            return f"undecided ({outlook})" if outlook else "undecided"
    return f"not assessable ({judged.reason})"


def _verdict(found: Estimate, claims: Sequence[bool], goal: Goal) -> Verdict:
    differs, is_same, no_gain = claims
    if differs and found.difference:
        return "better" if (found.difference > 0) == (goal == "max") else "worse"
    if is_same:
        return "same"
    return "no_worthwhile_gain" if no_gain else "undecided"


def _supplement(verdict: Verdict, lo: float, hi: float, rules: Rules) -> Supplement:
    if verdict != "better" or not rules.negligible:
        return ""
    least, most = (lo, hi) if rules.goal == "max" else (-hi, -lo)
    if least >= rules.negligible:
        return "larger"
    return "negligible" if most <= rules.negligible else ""
