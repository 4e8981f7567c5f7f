"""What is said of changes that make something cheaper: whether a loss that nobody would accept is ruled out."""

from __future__ import annotations

from collections.abc import Sequence

from ablate.report.facts.effect import EffectRow, NoWorseClaim
from ablate.report.facts.findings import Findings
from ablate.report.wording.language import ENGLISH, Words
from ablate.report.wording.sentences import p_words, size_words
from ablate.results.question import Metric

MOST = 3
"""So many changes are named in the first sentence."""


def no_worse_words(claim: NoWorseClaim | None, say: Words = ENGLISH) -> str:
    """The word of the column; nothing where it is not asked."""
    if claim is None:
        return ""
    word = say(f"no_worse.{claim.word}")
    if claim.word != "not_assessable":
        return word
    return say("verdict.with_reason", word=word, reason=say.by("short_reason", claim.reason))


def costs_words(claim: NoWorseClaim, say: Words = ENGLISH) -> str:
    """`58% fewer parameters, 20% more time per run`, what gets cheaper first."""
    changes = sorted(claim.costs, key=lambda change: change.share > 0)
    return say("join.comma").join(
        say(f"no_worse.{'fewer' if change.share < 0 else 'more'}_{change.cost}", share=f"{abs(change.share):.0%}")
        for change in changes
    )


def no_worse_sentence(findings: Findings, effects: Sequence[EffectRow], say: Words = ENGLISH) -> str:
    """`GAP head: 58% fewer parameters, a loss of 3.0 points or more is ruled out.`; only where it is.

    effects: what the first sentence is about. A change that is better needs no such sentence.
    """
    shown = [
        (effect, claim)
        for effect in findings.effects
        if (claim := effect.no_worse) is not None
        and claim.word == "non_inferior"
        and effect.decision.verdict != "better"
        and (claim.asked or effect in effects)
    ]
    shown.sort(key=lambda pair: min((change.share for change in pair[1].costs), default=0.0))
    clauses = [_clause(effect, claim, findings.study.metric, say) for effect, claim in shown[:MOST]]
    return say("no_worse.sentence", clauses=say("join.clause").join(clauses)) if clauses else ""


def _clause(effect: EffectRow, claim: NoWorseClaim, metric: Metric, say: Words) -> str:
    size = size_words(claim.tolerable or 0.0, metric, say)
    ruled_out = say("no_worse.ruled_out", size=size)
    parts = [part for part in (costs_words(claim, say), ruled_out) if part]
    return say("no_worse.clause", name=effect.compared.name, text=say("join.comma").join(parts))


def no_worse_lines(findings: Findings, say: Words = ENGLISH) -> list[str]:
    """One line a comparison: what it saves, the word, its p."""
    metric = findings.study.metric
    lines = []
    for effect in findings.claims:
        claim = effect.no_worse
        assert claim is not None
        size = "-" if claim.tolerable is None else size_words(claim.tolerable, metric, say)
        word = no_worse_words(claim, say)
        p = claim.p_inferior if claim.word == "inferior" else claim.p
        costs = costs_words(claim, say) or say("no_worse.asked")
        values = {"name": effect.compared.name, "costs": costs, "size": size, "word": word}
        lines.append(
            say("no_worse.line", p=p_words(p), **values) if p is not None else say("no_worse.line_bare", **values)
        )
    return lines
