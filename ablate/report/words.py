"""The sentences of a report: plain text, which whoever prints it has to escape."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from ablate.report.facts import EffectRow, Findings, Metric
from ablate.report.numbers import counted, in_words, listed, number, with_interval

VERDICTS = {
    "better": "better",
    "worse": "worse",
    "same": "same",
    "no_worthwhile_gain": "no worthwhile gain",
    "undecided": "undecided",
    "not_assessable": "not assessable",
}


_REASONS = {
    "single run": "there is a single run of each variant",
    "no replicate in which all its runs finished": "no replicate has all the runs it takes",
    "runs of this look are still missing": "its runs are not all made yet",
}


class Refused(NamedTuple):
    """A sentence the evidence does not carry, and why."""

    sentence: str
    why: str


def metric_words(metric: Metric) -> str:
    """`balanced accuracy`."""
    return metric.name.replace("_", " ")


def unit_words(metric: Metric) -> str:
    """What a difference is counted in: ` points`, or nothing for a metric without a unit."""
    return " points" if metric.unit == "%" else ""


def size_words(value: float, metric: Metric) -> str:
    """`1 point`, `3.0 points`, `0.050`: a threshold or a difference without its sign."""
    return f"{number(abs(value), metric.decimals)}{unit_words(metric)}"


def verdict_words(effect: EffectRow, *, with_reason: bool = True) -> str:
    """The verdict as people read it, with what limits it."""
    word = VERDICTS[effect.verdict]
    if effect.verdict == "not_assessable" and with_reason:
        return f"{word}: {effect.reason}"
    if effect.supplement == "negligible":
        return f"{word}, but negligible"
    if effect.needed is not None and effect.needed.unit == "images" and with_reason:
        return f"{word}: test set too small"
    return word


def first_sentence(findings: Findings) -> str:
    """What a reader takes home: how many changes help, by how much, and what of the rest is known."""
    return " ".join(filter(None, [_answer(findings), _shortfall(findings)]))


def _answer(findings: Findings) -> str:
    runs, finished = len(findings.runs), sum(row.n for row in findings.variants)
    if not finished and findings.failed and not findings.missing:
        return f"{'The only run' if runs == 1 else f'All {runs} runs'} failed: there is nothing to compare."
    if not finished:
        return f"Nothing has finished yet: {counted(runs - len(findings.failed), 'run')} to be made."
    if not findings.effects:
        row = findings.variants[0]
        level = with_interval(row.mean, row.lo, row.hi, findings.metric.decimals)
        level = level.replace(" ", f"{findings.metric.unit} ", 1)
        text = f"There is nothing to compare {row.name} with: {metric_words(findings.metric)} {level}"
        return f"{text}, {counted(row.n, 'replicate')}."
    family, effects = next(iter(findings.families.items()))
    clauses = _clauses(effects, findings.metric)
    if len(effects) == 1:
        return f"{clauses[0]}."
    if all(effect.verdict == "not_assessable" for effect in effects):
        return f"{_none_of(len(effects))} can be judged yet: {_reasons(effects)}."
    opening = f"{_opening(effects)}: {'; '.join(clauses)}."
    if family == "main effects":
        opening = f"On average over the other changes, {opening[0].lower()}{opening[1:]}"
    return opening


def _opening(effects: Sequence[EffectRow]) -> str:
    helpful = sum(_helps(effect) for effect in effects)
    total = in_words(len(effects))
    if helpful == len(effects):
        return f"{'Both' if helpful == 2 else f'All {total}'} changes help"
    if not helpful:
        return f"{_none_of(len(effects))} is shown to help"
    return f"{in_words(helpful).capitalize()} of {total} changes {'helps' if helpful == 1 else 'help'}"


def _none_of(number: int) -> str:
    return "Neither of two changes" if number == 2 else f"None of {in_words(number)} changes"


def _helps(effect: EffectRow) -> bool:
    return effect.verdict == "better" and effect.supplement != "negligible"


def _clauses(effects: Sequence[EffectRow], metric: Metric) -> list[str]:
    """One clause a kind of answer, the largest differences first."""
    ranked = sorted(effects, key=lambda effect: -abs(effect.difference or 0.0))
    clauses = [
        _changes([effect for effect in ranked if _helps(effect)], metric),
        _changes([e for e in ranked if e.verdict == "better" and not _helps(e)], metric, end=", which is negligible"),
        _changes([effect for effect in ranked if effect.verdict == "worse"], metric),
        _named(effects, "same", "makes no difference that matters", "make no difference that matters"),
        _named(effects, "no_worthwhile_gain", "brings no worthwhile gain", "bring no worthwhile gain"),
        _named(effects, "undecided", "is undecided", "are undecided"),
        _not_assessed([effect for effect in effects if effect.verdict == "not_assessable"]),
    ]
    return [clause for clause in clauses if clause]


def _changes(effects: Sequence[EffectRow], metric: Metric, *, end: str = "") -> str:
    """`GAP head gains 10.2 points, Dropout 4.1`."""
    if not effects:
        return ""
    first, *others = effects
    parts = [f"{first.name} {verb_phrase(first, metric)}"]
    parts += [f"{effect.name} {number(abs(effect.difference or 0.0), metric.decimals)}" for effect in others[:3]]
    if len(others) > 3:
        parts.append(f"{in_words(len(others) - 3)} others less")
    return ", ".join(parts) + end


def verb_phrase(effect: EffectRow, metric: Metric) -> str:
    """`gains 5.6 points`; for a metric that is not a rate to be raised, `lowers loss by 0.050`."""
    difference = effect.difference or 0.0
    if metric.unit == "%" and metric.goal == "max":
        return f"{'gains' if difference > 0 else 'loses'} {size_words(difference, metric)}"
    return f"{'raises' if difference > 0 else 'lowers'} {metric_words(metric)} by {size_words(difference, metric)}"


def _named(effects: Sequence[EffectRow], verdict: str, one: str, several: str) -> str:
    names = [effect.name for effect in effects if effect.verdict == verdict]
    return f"{listed(names)} {one if len(names) == 1 else several}" if names else ""


def _not_assessed(effects: Sequence[EffectRow]) -> str:
    return f"{listed([effect.name for effect in effects])} cannot be assessed ({_reasons(effects)})" if effects else ""


def _reasons(effects: Sequence[EffectRow]) -> str:
    return listed(list(dict.fromkeys(_REASONS.get(effect.reason, effect.reason) for effect in effects)))


def _shortfall(findings: Findings) -> str:
    runs, failed, missing = len(findings.runs), len(findings.failed), len(findings.missing)
    if failed == runs or missing == runs:
        return ""
    parts = []
    if failed:
        parts.append(f"{failed} of {counted(runs, 'run')} failed")
    if missing:
        parts.append(f"{missing} of {counted(runs, 'run')} {'has' if missing == 1 else 'have'} not been made yet")
    return f"({'; '.join(parts)}.)" if parts else ""


def may_write(findings: Findings) -> str:
    """A sentence the evidence carries: the largest decided difference, else the firmest negative answer."""
    metric = findings.metric
    by_verdict = {
        verdict: max(
            (effect for effect in findings.effects if effect.verdict == verdict),
            key=lambda effect: abs(effect.difference or 0.0),
            default=None,
        )
        for verdict in VERDICTS
    }
    decided = by_verdict["better"] or by_verdict["worse"]
    if decided is not None:
        return _decided_sentence(decided, metric)
    if (same := by_verdict["same"]) is not None:
        limit = size_words(findings.evidence.negligible, metric)
        return f"{_setting(same)}, {same.name} changed {metric_words(metric)} by less than {limit}{_against(same)}."
    if (no_gain := by_verdict["no_worthwhile_gain"]) is not None:
        limit = size_words(findings.evidence.worthwhile, metric)
        return f"{_setting(no_gain)}, a gain of {limit} or more from {no_gain.name} is ruled out{_against(no_gain)}."
    if (undecided := by_verdict["undecided"]) is not None:
        return f"{_setting(undecided)}, we could not tell whether {undecided.name} changes {metric_words(metric)}."
    return ""


def _decided_sentence(effect: EffectRow, metric: Metric) -> str:
    raised = (effect.difference or 0.0) > 0
    ends = sorted(abs(end) for end in (effect.lo, effect.hi) if end is not None)
    sizes = " to ".join(number(end, metric.decimals) for end in ends)
    return (
        f"{_setting(effect)}, {effect.name} {'raised' if raised else 'lowered'} {metric_words(metric)} "
        f"by {size_words(effect.difference or 0.0, metric)}{_against(effect)} "
        f"(95% interval {sizes}{_adjusted(effect)})."
    )


def _setting(effect: EffectRow) -> str:
    images = f" and {counted(effect.images, 'test image')}" if effect.images is not None else ""
    return f"With {counted(effect.n, 'replicate')}{images}"


def _against(effect: EffectRow) -> str:
    if effect.family == "interactions":
        return " beyond the sum of the two alone"
    if effect.family == "leave one out":
        return " with all the others in place"
    reference = "the baseline" if effect.reference == "baseline" else effect.reference
    return f" against {reference}" if effect.is_pair else " on average over the other changes"


def _adjusted(effect: EffectRow) -> str:
    return f"; shown after adjusting for {in_words(effect.family_size)} comparisons" if effect.family_size > 1 else ""


def may_not_write(findings: Findings) -> Refused | None:
    """A tempting sentence that the evidence does not carry; None before there is anything to misread."""
    metric = findings.metric
    known = [effect for effect in findings.effects if effect.difference is not None]
    tempting = [effect for effect in known if effect.verdict not in ("better", "worse") and effect.difference]
    if tempting:
        sign = 1 if metric.goal == "max" else -1
        effect = max(tempting, key=lambda effect: sign * (effect.difference or 0.0))
        return Refused(f"{effect.name} {verb_phrase(effect, metric)}.", _why_not(effect, metric))
    better = [effect for effect in known if effect.verdict == "better"]
    if len(better) > 1:
        most, least = max(better, key=_size), min(better, key=_size)
        return Refused(
            f"{most.name} matters more than {least.name}.",
            "The steps were not compared with each other, and what a change gains depends on what came before it.",
        )
    if known:
        return Refused(
            f"{known[0].name} does this on other data, too.",
            "All runs are on one data set; another may answer differently.",
        )
    return None


def _size(effect: EffectRow) -> float:
    return abs(effect.difference or 0.0)


def _why_not(effect: EffectRow, metric: Metric) -> str:
    if effect.verdict == "not_assessable":
        return f"The comparison is not assessable: {effect.reason}."
    if effect.lo is None or effect.hi is None:
        return "There is no interval, so nobody knows how much of it is luck."
    lo, hi = number(effect.lo, metric.decimals), number(effect.hi, metric.decimals)
    if effect.lo <= 0 <= effect.hi:
        return f"Its interval runs from {lo} to {hi}: the true difference may as well have the other sign."
    return f"Its interval runs from {lo} to {hi}, but among {effect.family_size} comparisons that may be chance."
