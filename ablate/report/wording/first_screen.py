"""What a reader of the first screen alone has to know: what was tested, what is drawn, what may be written."""

from __future__ import annotations

from collections.abc import Iterator

from ablate.report.facts.effect import EffectRow
from ablate.report.facts.findings import Findings
from ablate.report.wording.language import ENGLISH, Words
from ablate.report.wording.sentences import metric_words, size_words
from ablate.splits.rules import Folds

LONGER, SHORTER = 1.05, 0.95
"""Training steps as a share of the reference's beyond which a step is marked."""


# --- what was tested --------------------------------------------------------------------------


def basis_words(findings: Findings, say: Words = ENGLISH) -> str:
    """How many test images of what, what a replicate draws anew, and what the intervals hold for."""
    if not findings.effects:
        return ""
    return say("join.sentence").join(
        filter(None, [_tested(findings, say), _redrawn(findings, say), _cover(findings, say)])
    )


def _tested(findings: Findings, say: Words) -> str:
    evidence, data = findings.evidence, findings.study.data
    if evidence.images is None:
        return ""
    of = say("screen.of", data=data) if data else ""
    if evidence.unit is not None:
        return say(
            "screen.tested", images=say("screen.units", n=f"{evidence.images:,}", unit=evidence.unit.name), of=of
        )
    images = say.count(evidence.images, "test_image")
    if evidence.groups is not None and evidence.groups.kind == "groups":
        images = say("screen.in_groups", images=images, groups=say.count(evidence.groups.n, "group"))
    return say("screen.tested", images=images, of=of)


def _redrawn(findings: Findings, say: Words) -> str:
    evidence = findings.evidence
    if evidence.test is None:
        return ""
    if not evidence.parts_known:
        what = "unknown"
    elif isinstance(evidence.test, Folds):
        what = "folds"
    elif _is_all_used(findings):
        what = "same"
    else:
        what = "fixed"
    return say("screen.replicates", what=say(f"redrawn.{what}"), n=say.count(evidence.replicates, "replicate"))


def _is_all_used(findings: Findings) -> bool:
    """Whether every variant trains on all images but the test part, so that replicates draw the same ones."""
    return findings.evidence.val is None and all(row.counts.get("unused") == 0 for row in findings.variants)


def _cover(findings: Findings, say: Words) -> str:
    evidence = findings.evidence
    match evidence.basis:
        case None:
            return ""
        case "images" | "common images" | "images, apart":
            by_group = evidence.unit is not None or (evidence.groups is not None and evidence.groups.kind == "groups")
            if findings.has_single_runs:
                return say("screen.cover_groups_once" if by_group else "screen.cover_counts")
            return say("screen.cover_groups" if by_group else "screen.cover_images")
        case "counts":
            return say("screen.cover_counts")
        case _:
            return say("screen.cover_runs")


# --- beside a verdict -------------------------------------------------------------------------


def steps_ratio(effect: EffectRow, findings: Findings) -> float | None:
    """Training steps as a share of the reference's, where a change of something else altered them; else None."""
    variant, reference = findings.variant(effect.compared.variant), findings.variant(effect.compared.reference)
    if variant is None or reference is None or not variant.steps or not reference.steps:
        return None
    ratio = variant.steps / reference.steps
    return None if SHORTER < ratio < LONGER or set(variant.changes) == {"epochs"} else ratio


def aside_words(effect: EffectRow, findings: Findings, say: Words = ENGLISH) -> tuple[str, ...]:
    """What stands at a verdict: more training, no worse, judged alone; empty where there is nothing to add."""
    return tuple(_asides(effect, findings, say))


def _asides(effect: EffectRow, findings: Findings, say: Words) -> Iterator[str]:
    if (ratio := steps_ratio(effect, findings)) is not None:
        yield say("screen.steps", ratio=f"{ratio:.2g}")
    claim = effect.no_worse
    if claim is not None and (claim.word, effect.decision.verdict) != ("non_inferior", "better"):
        size = size_words(claim.tolerable or 0.0, findings.study.metric, say)
        yield say(f"no_worse_aside.{claim.word}", size=size)
    if effect is findings.total:
        yield say("screen.alone")


def longer_words(findings: Findings, say: Words = ENGLISH) -> str:
    """Which steps trained longer or shorter, so that this may be why, and the control that tells."""
    marked = [
        effect
        for effect in findings.effects
        if effect.compared.family != "step-matched" and steps_ratio(effect, findings) is not None
    ]
    if not marked:
        return ""
    names = say.listed([effect.compared.name for effect in marked])
    made = any(effect.compared.family == "step-matched" for effect in findings.effects)
    how = "made" if made else "asked" if findings.study.counts_epochs else "own"
    return say("screen.longer", names=names, control=say(f"control.{how}"))


# --- how to read it ---------------------------------------------------------------------------


def all_comparisons(findings: Findings) -> list[EffectRow]:
    """What the tables of the first screen hold."""
    return [*findings.effects, *([findings.total] if findings.total else [])]


def is_thin(effect: EffectRow) -> bool:
    """Whether the interval for the whole family is longer than the plain one, so that it is seen."""
    found = effect.measured
    return found.difference is not None and (found.lo_all, found.hi_all) != (found.lo, found.hi)


def deciding_words(findings: Findings, say: Words = ENGLISH, *, key: str = "screen.thin") -> str:
    """What the interval that decides allows for, and where Holm's method decided more than it shows."""
    effects = all_comparisons(findings)
    sizes = {effect.compared.family_size for effect in findings.effects}
    many = say("screen.all_n", n=say.in_words(max(sizes))) if len(sizes) == 1 else say("screen.all_family")
    looks = say("screen.all_looks") if len(findings.evidence.looks) > 1 else ""
    more = [effect.compared.name for effect in effects if _says_more(effect, findings)]
    holm = say("screen.holm", names=say.listed(more)) if more else ""
    return say(key, many=many, looks=looks, holm=holm, decides=decides_words(findings, say))


def decides_words(findings: Findings, say: Words = ENGLISH) -> str:
    """That an interval decides; empty where nothing can be decided yet."""
    open_ = all(effect.decision.verdict == "not_assessable" for effect in findings.effects)
    return "" if open_ else say("screen.decides")


def _says_more(effect: EffectRow, findings: Findings) -> bool:
    """Whether a verdict says more than its thin interval shows."""
    lo, hi, evidence = effect.measured.lo_all, effect.measured.hi_all, findings.evidence
    if lo is None or hi is None:
        return effect.decision.verdict not in ("undecided", "not_assessable")
    match effect.decision.verdict:
        case "better" | "worse":
            return lo <= 0 <= hi
        case "same":
            return max(-lo, hi) >= (evidence.negligible or 0.0)
        case "no_worthwhile_gain":
            gain = hi if findings.study.metric.goal == "max" else -lo
            return gain >= (evidence.worthwhile or 0.0)
        case _:
            return False


def verdict_meanings(findings: Findings, say: Words = ENGLISH) -> Iterator[tuple[str, str]]:
    """Each verdict that is given, and what it means and does not mean."""
    metric, evidence = findings.study.metric, findings.evidence
    given = {effect.decision.verdict for effect in all_comparisons(findings)}
    sizes = {"same": evidence.negligible, "no_worthwhile_gain": evidence.worthwhile}
    for verdict in ("better", "worse", "same", "no_worthwhile_gain", "undecided", "not_assessable"):
        if verdict in given:
            size = size_words(sizes.get(verdict) or 0.0, metric, say)
            yield verdict, say(f"means.{verdict}", word=say(f"verdict.{verdict}"), size=size)


def rounding_words(findings: Findings, say: Words = ENGLISH) -> str:
    """That a difference is not that of the rounded numbers beside it, where one is not."""
    decimals = findings.study.metric.decimals
    for effect in all_comparisons(findings):
        a, b = findings.variant(effect.compared.variant), findings.variant(effect.compared.reference)
        found = effect.measured.difference
        if a is None or b is None or a.mean is None or b.mean is None or found is None:
            continue
        if round(round(a.mean, decimals) - round(b.mean, decimals), decimals) != round(found, decimals):
            return say("screen.rounded")
    return ""


def threshold_meanings(findings: Findings, say: Words = ENGLISH) -> Iterator[tuple[str, str]]:
    """What each band of the drawing is, as `none` or `small` with its size."""
    metric, evidence = findings.study.metric, findings.evidence
    for kind, size in (("none", evidence.negligible), ("small", evidence.worthwhile)):
        if size:
            yield kind, say(f"band.{kind}", size=size_words(size, metric, say))


def column_words(findings: Findings, say: Words = ENGLISH) -> str:
    """What n and the chance of the same word are."""
    parts = [say("screen.n")]
    if any(effect.repeat for effect in all_comparisons(findings)):
        parts.append(say("screen.again_means"))
    return say("join.sentence").join(parts)


def asked_of(findings: Findings, say: Words = ENGLISH) -> str:
    """How the levels and gains of a chain are to be read; empty where no line builds on another."""
    if not {"chain", "reverse chain"} & set(findings.families):
        return ""
    return say("screen.conditional", metric=metric_words(findings.study.metric))
