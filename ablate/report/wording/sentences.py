"""The sentences of a report: plain text, which whoever prints it has to escape."""

from __future__ import annotations

import re
from typing import NamedTuple

from ablate.metrics import is_own, of_class
from ablate.records import BASELINE
from ablate.report.facts.effect import EffectRow
from ablate.report.facts.findings import Findings
from ablate.report.wording.language import ENGLISH, Words
from ablate.report.wording.numbers import number, shortened
from ablate.report.wording.verdicts import VERDICTS
from ablate.results.question import Metric


class Refused(NamedTuple):
    """A sentence the evidence does not carry, and why."""

    sentence: str
    why: str


def metric_words(metric: Metric) -> str:
    """`balanced accuracy`; of one class `sensitivity (melanoma)`; a function by its path."""
    asked = of_class(metric.name)
    if asked is None:
        return metric.name if is_own(metric.name) else re.sub(r"\bf1\b", "F1", metric.name.replace("_", " "))
    at = "" if asked.specificity is None else f" at specificity {asked.specificity:g}"
    return f"{asked.kind.replace('f1', 'F1')} ({asked.name}){at}"


def metric_title(metric: Metric) -> str:
    """The same at the head of a column; names of classes and of functions as they are."""
    words = metric_words(metric)
    if is_own(metric.name):
        return words
    return f"{words[:1].upper()}{words[1:]}"


def unit_words(metric: Metric, say: Words = ENGLISH) -> str:
    """What a difference is counted in: `points`, or the metric itself where it has no other unit."""
    return say("unit.points") if metric.unit == "%" else shortened(metric_words(metric), 13)


def size_words(value: float, metric: Metric, say: Words = ENGLISH) -> str:
    """`3.0 points`, `0.050`: a threshold or a difference without its sign."""
    size = number(abs(value), metric.decimals)
    return say("unit.size", n=size) if metric.unit == "%" else size


def threshold_words(value: float | None, metric: Metric, say: Words = ENGLISH) -> str:
    """A threshold with its unit: `3.0 points`, `0.050 in kappa`; a dash where nobody has stated one."""
    if value is None:
        return "-"
    size = size_words(value, metric, say)
    return size if metric.unit == "%" else say("unit.own", n=size, metric=metric_words(metric))


def verdict_words(effect: EffectRow, say: Words = ENGLISH, *, with_reason: bool = True) -> str:
    """The verdict as people read it, with what limits it."""
    word = say(f"verdict.{effect.decision.verdict}")
    if effect.decision.verdict == "not_assessable" and with_reason:
        return say("verdict.with_reason", word=word, reason=say.by("short_reason", effect.decision.reason))
    if effect.decision.supplement == "negligible":
        return say("verdict.negligible", word=word)
    if effect.course.needed is not None and effect.course.needed.unit == "images" and with_reason:
        return say("verdict.too_small", word=word)
    return word


def change_clause(effect: EffectRow, metric: Metric, say: Words = ENGLISH) -> str:
    """`BN gains 5.6 points`; for a metric that is not a rate to be raised, `BN lowers loss by 0.050`."""
    difference = effect.measured.difference or 0.0
    gain = metric.unit == "%" and metric.goal == "max"
    verb = ("gains" if gain else "raises") if difference > 0 else ("loses" if gain else "lowers")
    size = size_words(difference, metric, say)
    return say(f"clause.{verb}", name=effect.compared.name, size=size, metric=metric_words(metric))


def may_write(findings: Findings, say: Words = ENGLISH) -> str:
    """A sentence the evidence carries: the largest decided difference, else the firmest negative answer."""
    metric = findings.study.metric

    def largest(verdict: str) -> EffectRow | None:
        effects = [effect for effect in findings.effects if effect.decision.verdict == verdict]
        return max(effects, key=_size, default=None)

    decided = largest("better") or largest("worse")
    if decided is not None:
        return _decided_sentence(decided, metric, say)
    for verdict, shown in VERDICTS.items():
        if shown.sentence and (effect := largest(verdict)) is not None:
            limit = getattr(findings.evidence, shown.threshold) if shown.threshold else 0.0
            return say(
                shown.sentence,
                setting=_setting(effect, say),
                name=effect.compared.name,
                metric=metric_words(metric),
                limit=size_words(limit or 0.0, metric, say),
                against=_against(effect, say),
            )
    return ""


def _decided_sentence(effect: EffectRow, metric: Metric, say: Words) -> str:
    ends = sorted(abs(end) for end in (effect.measured.lo, effect.measured.hi) if end is not None)
    adjusted = (
        say("may.adjusted", n=say.in_words(effect.compared.family_size)) if effect.compared.family_size > 1 else ""
    )
    if effect.course.early:
        adjusted += say("may.early")
    return say(
        "may.raised" if (effect.measured.difference or 0.0) > 0 else "may.lowered",
        setting=_setting(effect, say),
        name=effect.compared.name,
        metric=metric_words(metric),
        size=size_words(effect.measured.difference or 0.0, metric, say),
        against=_against(effect, say),
        sizes=say("may.to").join(number(end, metric.decimals) for end in ends),
        adjusted=adjusted,
    )


def _setting(effect: EffectRow, say: Words) -> str:
    replicates = say.count(effect.measured.n, "replicate")
    if effect.measured.images is None:
        return say("may.setting", replicates=replicates)
    return say("may.setting_images", replicates=replicates, images=say.count(effect.measured.images, "test_image"))


def _against(effect: EffectRow, say: Words) -> str:
    if effect.compared.family == "interactions":
        return say("may.against_sum")
    if effect.compared.family == "leave one out":
        return say("may.against_others")
    if not effect.compared.is_pair:
        return say("may.against_average")
    return (
        say("may.against_baseline")
        if effect.compared.reference == BASELINE
        else say("may.against", name=effect.compared.reference)
    )


def may_not_write(findings: Findings, say: Words = ENGLISH) -> Refused | None:
    """A tempting sentence that the evidence does not carry; None before there is anything to misread."""
    metric = findings.study.metric
    known = [effect for effect in findings.effects if effect.measured.difference is not None]
    tempting = [
        effect for effect in known if effect.decision.verdict not in ("better", "worse") and effect.measured.difference
    ]
    if tempting:
        sign = 1 if metric.goal == "max" else -1
        effect = max(tempting, key=lambda effect: sign * (effect.measured.difference or 0.0))
        sentence = say("answer.single", clause=change_clause(effect, metric, say))
        return Refused(sentence, _why_not(effect, metric, say))
    better = [effect for effect in known if effect.decision.verdict == "better"]
    if len(better) > 1:
        most, least = max(better, key=_size), min(better, key=_size)
        sentence = say("may_not.matters_more", most=most.compared.name, least=least.compared.name)
        return Refused(sentence, say("may_not.matters_more_why"))
    if known:
        return Refused(say("may_not.other_data", name=known[0].compared.name), say("may_not.other_data_why"))
    return None


def _size(effect: EffectRow) -> float:
    return abs(effect.measured.difference or 0.0)


def _why_not(effect: EffectRow, metric: Metric, say: Words) -> str:
    if effect.decision.verdict == "not_assessable":
        return say("may_not.not_assessable", reason=say.by("short_reason", effect.decision.reason))
    if effect.measured.lo is None or effect.measured.hi is None:
        return say("may_not.no_interval")
    if effect.measured.lo == effect.measured.hi:
        return say("may_not.no_width", n=effect.measured.n)
    lo, hi = number(effect.measured.lo, metric.decimals), number(effect.measured.hi, metric.decimals)
    if effect.measured.lo <= 0 <= effect.measured.hi:
        return say("may_not.other_sign", lo=lo, hi=hi)
    return say("may_not.chance", lo=lo, hi=hi, n=effect.compared.family_size)


def p_words(p: float | None) -> str:
    """Three decimals, and `<0.001` below them."""
    if p is None:
        return "-"
    return "<0.001" if p < 0.001 else f"{p:.3f}"
