"""What a reader takes home in a sentence: plain text, which whoever prints it has to escape."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from ablate.report.facts.effect import EffectRow
from ablate.report.facts.findings import Findings
from ablate.report.wording.language import ENGLISH, Words
from ablate.report.wording.no_worse import no_worse_sentence
from ablate.report.wording.numbers import number, with_interval
from ablate.report.wording.sentences import change_clause, metric_words, step_words
from ablate.report.wording.verdicts import VERDICTS
from ablate.results.question import Metric
from ablate.study.factors import FAMILIES

CONFIRMATION = "confirmation"
"""The family of a search's best settings against the baseline."""


Named = Callable[[str], str]


def _of_changes(name: str) -> str:
    return f"opening.{name}"


def _of_settings(name: str) -> str:
    return f"opening_settings.{name}"


def first_sentence(findings: Findings, say: Words = ENGLISH) -> str:
    """What a reader takes home: how many changes help, by how much, and what of the rest is known."""
    asked = _asked(findings)[1] if findings.effects else ()
    parts = [_answer(findings, say), no_worse_sentence(findings, asked, say), _shortfall(findings, say)]
    return say("join.sentence").join(filter(None, parts))


def _answer(findings: Findings, say: Words) -> str:
    runs, finished = len(findings.runs.rows), sum(row.n for row in findings.variants)
    if not finished and findings.runs.failed and not findings.runs.missing:
        return say("answer.only_run_failed") if runs == 1 else say("answer.all_failed", n=runs)
    if not finished:
        return say("answer.nothing_finished", runs=say.count(runs - len(findings.runs.failed), "run"))
    if not findings.effects:
        row = findings.variants[0]
        level = with_interval(row.mean, row.lo, row.hi, findings.study.metric.decimals)
        return say(
            "answer.nothing_to_compare",
            name=row.name,
            metric=metric_words(findings.study.metric),
            level=level.replace(" ", f"{findings.study.metric.unit} ", 1),
            replicates=say.count(row.n, "replicate"),
        )
    family, effects = _asked(findings)
    clauses = _clauses(effects, findings.study.metric, say)
    if _are_settings(effects):
        return _confirmed(findings, effects, clauses, say)
    if len(effects) == 1:
        return say("answer.single", clause=clauses[0])
    if all(effect.decision.verdict == "not_assessable" for effect in effects):
        return say("answer.none_judged", none=_none_of(len(effects), say), reasons=_reasons(effects, say))
    opening = say("answer.clauses", opening=_opening(effects, say), clauses=say("join.clause").join(clauses))
    if family == "main effects":
        opening = say("answer.on_average", text=f"{opening[0].lower()}{opening[1:]}")
    return opening


def _are_settings(effects: Sequence[EffectRow]) -> bool:
    """Whether these are a search's trials against the baseline, and no changes of a study."""
    return all(
        effect.compared.family == CONFIRMATION and effect.compared.variant.startswith("trial ") for effect in effects
    )


def _confirmed(findings: Findings, effects: Sequence[EffectRow], clauses: Sequence[str], say: Words) -> str:
    """How many of a search's best settings are better than the baseline; then what the winner's changes do alone."""
    if len(effects) == 1:
        text = say("answer.single", clause=clauses[0])
    else:
        opening = _opening(effects, say, of=_of_settings)
        text = say("answer.clauses", opening=opening, clauses=say("join.clause").join(clauses))
    alone = [effect for effect in findings.effects if effect.compared.family != CONFIRMATION]
    if not alone:
        return text
    parts = say("join.clause").join(_clauses(alone, findings.study.metric, say))
    return say("join.sentence").join([text, say("answer.of_winner", name=alone[0].compared.variant, clauses=parts)])


def _asked(findings: Findings) -> tuple[str, tuple[EffectRow, ...]]:
    """The family the study is about; where a study names several of its own, all of them."""
    families = findings.families
    first = next(iter(families))
    if _are_settings(families[first]):
        return first, families[first]
    named = [name for name in families if name == "one at a time" or name not in FAMILIES]
    if first not in named:
        return first, families[first]
    return first, tuple(effect for effect in findings.effects if effect.compared.family in named)


def _opening(effects: Sequence[EffectRow], say: Words, *, of: Named = _of_changes) -> str:
    """of: the keys of the words: of changes, or of a search's settings."""
    helpful = sum(_helps(effect) for effect in effects)
    total = say.in_words(len(effects))
    if helpful == len(effects):
        return say(of("both_help")) if helpful == 2 else say(of("all_help"), n=total)
    if not helpful:
        return say(of("none_helps"), none=_none_of(len(effects), say, of=of))
    return say.form(of("some_help"), helpful, Some=say.in_words(helpful).capitalize(), n=total)


def _none_of(number_of: int, say: Words, *, of: Named = _of_changes) -> str:
    return say(of("neither")) if number_of == 2 else say(of("none"), n=say.in_words(number_of))


def _helps(effect: EffectRow) -> bool:
    return effect.decision.verdict == "better" and effect.decision.supplement != "negligible"


def _clauses(effects: Sequence[EffectRow], metric: Metric, say: Words) -> list[str]:
    """One clause a kind of answer, the largest differences first."""
    ranked = sorted(effects, key=lambda effect: -abs(effect.measured.difference or 0.0))
    negligible = _changes([e for e in ranked if e.decision.verdict == "better" and not _helps(e)], metric, say)
    clauses = [
        _changes([effect for effect in ranked if _helps(effect)], metric, say),
        say("clause.negligible", text=negligible) if negligible else "",
        _changes([effect for effect in ranked if effect.decision.verdict == "worse"], metric, say),
        *(_named(effects, verdict, say) for verdict, shown in VERDICTS.items() if shown.sentence),
        _not_assessed([effect for effect in effects if effect.decision.verdict == "not_assessable"], say),
    ]
    return [clause for clause in clauses if clause]


def _changes(effects: Sequence[EffectRow], metric: Metric, say: Words) -> str:
    """`GAP head gains 10.2 points, Dropout 4.1`."""
    if not effects:
        return ""
    first, *others = effects
    parts = [change_clause(first, metric, say)]
    parts += [
        say(
            "clause.next",
            name=step_words(effect.compared, say),
            n=number(abs(effect.measured.difference or 0.0), metric.decimals),
        )
        for effect in others[:3]
    ]
    if len(others) > 3:
        parts.append(say("clause.others_less", n=say.in_words(len(others) - 3)))
    return say("join.comma").join(parts)


def _named(effects: Sequence[EffectRow], verdict: str, say: Words) -> str:
    names = [step_words(effect.compared, say) for effect in effects if effect.decision.verdict == verdict]
    return say.form(f"clause.{verdict}", len(names), names=say.listed(names)) if names else ""


def _not_assessed(effects: Sequence[EffectRow], say: Words) -> str:
    if not effects:
        return ""
    names = say.listed([step_words(effect.compared, say) for effect in effects])
    return say("clause.not_assessed", names=names, reasons=_reasons(effects, say))


def _reasons(effects: Sequence[EffectRow], say: Words) -> str:
    return say.listed(list(dict.fromkeys(say.by("reason", effect.decision.reason) for effect in effects)))


def _shortfall(findings: Findings, say: Words) -> str:
    runs, failed, missing = len(findings.runs.rows), len(findings.runs.failed), len(findings.runs.missing)
    if failed == runs or missing == runs:
        return ""
    parts = []
    if failed:
        parts.append(say("answer.failed", n=failed, runs=say.count(runs, "run")))
    if missing:
        key = "answer.missing" if findings.evidence.closed is None else "answer.unfinished"
        parts.append(say.form(key, missing, n=missing, runs=say.count(runs, "run")))
    return say("answer.shortfall", parts=say("join.clause").join(parts)) if parts else ""
