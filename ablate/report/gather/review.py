"""A paragraph for a review or a rebuttal: what a pasted table shows, what it cannot, and what to ask for."""

from __future__ import annotations

from collections.abc import Sequence
from math import sqrt
from typing import NamedTuple

from ablate.report.facts.effect import EffectRow
from ablate.report.facts.findings import Findings, VariantRow
from ablate.report.wording.language import Words
from ablate.report.wording.sentences import p_words
from ablate.stats.replicate_level import runs_that_tell

ALPHA = 0.05
NORMAL = 1.959964
"""Of a normal number, 95 % lie within so many deviations."""
HALF = 0.5
"""A second guess at the noise that nobody states: runs differ by half of the claimed difference."""


class Claim(NamedTuple):
    """What is claimed, and what is told of every row. ours: the method that the others are compared with."""

    ours: str
    images: int | None
    runs: int | None
    spread: bool


def review_paragraph(findings: Findings, other: Findings | None, claim: Claim, say: Words) -> str:
    """Sentences that can be copied into a review. other: the findings, had the spread been a standard error."""
    parts = [*_shown(findings, claim, say), *_spread(findings, other, claim, say)]
    parts += [*_images(findings, claim, say), say("review.not_visible"), *_asked(findings, claim, say)]
    return say("join.sentence").join(parts)


def _beaten(findings: Findings) -> list[str]:
    """Those than which the method is established to be better."""
    return [effect.compared.variant for effect in findings.effects if effect.decision.verdict == "worse"]


def _ahead(findings: Findings) -> list[str]:
    return [effect.compared.variant for effect in findings.effects if effect.decision.verdict == "better"]


def _shown(findings: Findings, claim: Claim, say: Words) -> list[str]:
    n = len(findings.effects)
    if not claim.spread:
        found = [say("review.single", ours=claim.ours, others=say.count(n, "other_method"))]
        if (claim.runs or 1) > 1:
            return [*found, say("review.no_spread", runs=claim.runs)]
        counted = [effect for effect in findings.effects if effect.same_images is not None]
        if not counted:
            return [*found, say("review.no_count")]
        sure = [effect.compared.variant for effect in counted if _always(effect)]
        names = say.listed(sure)
        told = say("review.networks", names=names) if sure else say("review.no_networks", images=f"{claim.images:,}")
        return [*found, told, say("review.one_run")]
    beaten, ahead = _beaten(findings), _ahead(findings)
    found = [say("review.runs", ours=claim.ours, others=say.count(n, "other_method"), runs=claim.runs)]
    if beaten:
        found.append(say("review.better", ours=claim.ours, names=say.listed(beaten)))
    if ahead:
        found.append(say("review.worse", ours=claim.ours, names=say.listed(ahead)))
    open_ = [effect.compared.variant for effect in findings.effects if effect.compared.variant not in (*beaten, *ahead)]
    if open_:
        known = [p for effect in findings.effects if (p := effect.decision.p_adjusted) is not None
                 and effect.compared.variant in open_]  # fmt: skip
        found.append(say("review.open", names=say.listed(open_), p=p_words(min(known, default=1.0))))
    return found


def _always(effect: EffectRow) -> bool:
    """Whether two networks differ whatever the images on which both are right, adjusted by Bonferroni."""
    same = effect.same_images
    return same is not None and same.p.most * effect.compared.family_size <= ALPHA


def _spread(findings: Findings, other: Findings | None, claim: Claim, say: Words) -> list[str]:
    if other is None:
        return []
    before, after = set(_beaten(findings)), set(_beaten(other))
    if before == after:
        return [say("review.error_same")]
    lost = [name for name in _beaten(findings) if name not in after]
    return [say("review.error_less", names=say.listed(lost), ours=claim.ours)]


def _images(findings: Findings, claim: Claim, say: Words) -> list[str]:
    """By how much two networks differ through the choice of the test images alone."""
    level = next((row.mean for row in findings.variants if row.name == claim.ours), None)
    if claim.images is None:
        return [say("review.images_unknown")]
    if level is None or findings.study.metric.unit != "%" or not 0 < level < 100:
        return []
    share = level / 100
    points = 100 * NORMAL * sqrt(2 * share * (1 - share) / claim.images)
    return [say("review.images", images=f"{claim.images:,}", points=f"{points:.2f}")]


def _asked(findings: Findings, claim: Claim, say: Words) -> list[str]:
    """What to ask for, and how many runs would tell the claimed difference from the nearest rival."""
    ask = say("review.ask_spread" if claim.spread else "review.ask")
    rival = _nearest(findings.effects)
    if rival is None:
        return [ask]
    difference = abs(rival.measured.difference or 0.0)
    unit = say("review.points") if findings.study.metric.unit == "%" else ""
    shown = f"{difference:.{findings.study.metric.decimals}f}{unit}"
    name, size = rival.compared.variant, len(findings.effects)
    spreads = [_spread_of(findings.variants, one) for one in (claim.ours, name)]
    if claim.spread and None not in spreads:
        known = (spreads[0] or 0.0, spreads[1] or 0.0)
        runs = runs_that_tell(difference, known, family_size=size)
        key = "review.runs_needed" if runs > (claim.runs or 0) else "review.runs_enough"
        return [ask, say(key, runs=runs, difference=shown, name=name, had=claim.runs)]
    wide = runs_that_tell(difference, (difference, difference), family_size=size)
    half = runs_that_tell(difference, (HALF * difference, HALF * difference), family_size=size)
    return [ask, say("review.runs_guessed", difference=shown, name=name, wide=wide, half=half)]


def _nearest(effects: Sequence[EffectRow]) -> EffectRow | None:
    """The rival that is least different."""
    known = [effect for effect in effects if effect.measured.difference]
    return min(known, key=lambda effect: abs(effect.measured.difference or 0.0), default=None)


def _spread_of(rows: Sequence[VariantRow], name: str) -> float | None:
    return next((row.spread for row in rows if row.name == name), None)
