"""The sentences of a report: plain text, which whoever prints it has to escape."""

from __future__ import annotations

import re
from typing import NamedTuple

from ablate.metrics import is_own, of_class
from ablate.records import BASELINE
from ablate.report.facts.effect import Compared, EffectRow
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
    needed = effect.course.needed
    if needed is not None and needed.unit == "images" and effect.course.images_dominate and with_reason:
        return say("verdict.too_small", word=word)
    return word


_MORE_IMAGES = re.compile(r"from ([\d.]+)% to ([\d.]+)% of the images")


def step_words(compared: Compared, say: Words = ENGLISH) -> str:
    """A comparison's name within a sentence: `going from 25% to 50% of the images`, where no study has named it."""
    found = _MORE_IMAGES.fullmatch(compared.name) if compared.family == "data" else None
    return say("clause.more_images", less=found[1], more=found[2]) if found else compared.name


def change_clause(effect: EffectRow, metric: Metric, say: Words = ENGLISH) -> str:
    """`BN gains 5.6 points`; for a metric that is not a rate to be raised, `BN lowers loss by 0.050`."""
    difference = effect.measured.difference or 0.0
    gain = metric.unit == "%" and metric.goal == "max"
    verb = ("gains" if gain else "raises") if difference > 0 else ("loses" if gain else "lowers")
    size = size_words(difference, metric, say)
    return say(f"clause.{verb}", name=step_words(effect.compared, say), size=size, metric=metric_words(metric))


def may_write(findings: Findings, say: Words = ENGLISH) -> str:
    """A sentence the evidence carries: the largest decided difference, else the firmest negative answer."""
    effect = firmest(findings)
    return "" if effect is None else cited_sentence(effect, findings, say)


def citations(findings: Findings, say: Words = ENGLISH) -> list[str]:
    """A sentence for every comparison that has an answer, the one to take home first."""
    first = firmest(findings)
    if first is None:
        return []
    effects = [*findings.effects, *([findings.total] if findings.total else [])]
    others = [effect for effect in effects if effect is not first]
    return [text for effect in (first, *others) if (text := cited_sentence(effect, findings, say))]


def firmest(findings: Findings) -> EffectRow | None:
    """The comparison to cite first: the largest decided difference, else the firmest negative answer."""

    def largest(verdict: str) -> EffectRow | None:
        effects = [effect for effect in findings.effects if effect.decision.verdict == verdict]
        return max(effects, key=_size, default=None)

    decided = largest("better") or largest("worse")
    negative = (largest(verdict) for verdict, shown in VERDICTS.items() if shown.sentence)
    return decided or next(filter(None, negative), None)


def cited_sentence(effect: EffectRow, findings: Findings, say: Words = ENGLISH) -> str:
    """What a paper may say of one comparison, with n, both intervals and what it was adjusted for."""
    metric, verdict = findings.study.metric, effect.decision.verdict
    values = {
        "setting": setting_words(effect, say),
        "name": say("may.together") if effect is findings.total else step_words(effect.compared, say),
        "metric": metric_words(metric),
        "against": against_words(effect, say),
    }
    if verdict in ("better", "worse"):
        raised = (effect.measured.difference or 0.0) > 0
        size = size_words(effect.measured.difference or 0.0, metric, say)
        intervals = _intervals(effect, findings, say, sign=1 if raised else -1)
        return say("may.raised" if raised else "may.lowered", **values, size=size, intervals=intervals)
    shown = VERDICTS[verdict]
    if not shown.sentence:
        return ""
    limit = getattr(findings.evidence, shown.threshold) if shown.threshold else 0.0
    difference = number(effect.measured.difference, metric.decimals, sign="+")
    intervals = say("may.measured", difference=difference, intervals=_intervals(effect, findings, say))
    return say(shown.sentence, **values, limit=size_words(limit or 0.0, metric, say), intervals=intervals)


def _intervals(effect: EffectRow, findings: Findings, say: Words, *, sign: int = 1) -> str:
    """`95% interval 4.1 to 6.8; 3.5 to 7.4 allowing for all five comparisons; ...`; sign: -1 for the size of a loss."""
    found, size, metric = effect.measured, effect.compared.family_size, findings.study.metric
    looks = say("may.and_looks") if len(findings.evidence.looks) > 1 else ""

    def ends(lo: float | None, hi: float | None) -> str:
        if lo is None or hi is None:
            return ""
        least, most = sorted((sign * lo, sign * hi))
        return say("may.to").join(number(end, metric.decimals) for end in (least, most))

    parts = [say("may.interval", sizes=ends(found.lo, found.hi)) if found.lo is not None else say("may.no_interval")]
    if (found.lo_all, found.hi_all) != (found.lo, found.hi) and (both := ends(found.lo_all, found.hi_all)):
        key = "may.adjusted" if size > 1 else "may.adjusted_looks"
        if not _carries(effect, findings):
            key = "may.holm" if size > 1 else "may.holm_looks"
        parts.append(say(key, sizes=both, n=say.in_words(size), looks=looks))
    if effect.course.early and effect.decision.verdict in ("better", "worse"):
        parts.append(say("may.early"))
    return say("join.clause").join(parts)


def _carries(effect: EffectRow, findings: Findings) -> bool:
    """Whether the interval for the whole family says what the verdict says; Holm's method may show more."""
    lo, hi = effect.measured.lo_all, effect.measured.hi_all
    if lo is None or hi is None:
        return False
    low, high = (lo, hi) if findings.study.metric.goal == "max" else (-hi, -lo)
    match effect.decision.verdict:
        case "better":
            return low > 0
        case "worse":
            return high < 0
        case "same":
            return max(-low, high) < (findings.evidence.negligible or 0.0)
        case "no_worthwhile_gain":
            return high < (findings.evidence.worthwhile or 0.0)
    return True


def setting_words(effect: EffectRow, say: Words) -> str:
    """`With 5 replicates and 1,797 test images`."""
    replicates = say.count(effect.measured.n, "replicate")
    if effect.measured.images is None:
        return say("may.setting", replicates=replicates)
    return say("may.setting_images", replicates=replicates, images=say.count(effect.measured.images, "test_image"))


def against_words(effect: EffectRow, say: Words) -> str:
    """`against the baseline`, or what else the comparison is with."""
    if effect.compared.family == "interactions":
        return say("may.against_sum")
    if effect.compared.family == "leave one out":
        return say("may.against_others")
    if not effect.compared.is_pair:
        return say("may.against_average")
    if effect.compared.reference == BASELINE:
        return say("may.against_baseline")
    key = "may.on_top" if effect.compared.family in ("chain", "reverse chain") else "may.against"
    return say(key, name=effect.compared.reference)


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
