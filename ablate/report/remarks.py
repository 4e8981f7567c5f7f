"""Sentences on the evidence as a whole: plain text, which whoever prints it has to escape."""

from __future__ import annotations

from collections.abc import Sequence

from ablate.report.facts.exploratory import OptimismRow, SelfTestRow, VisibleStep
from ablate.report.facts.findings import EffectRow
from ablate.report.facts.summaries import ContributionRow, contribution_rows
from ablate.report.language import ENGLISH, Words
from ablate.report.numbers import number, with_interval
from ablate.report.words import size_words
from ablate.results.question import Metric


def visible_remark(visible: Sequence[VisibleStep], metric: Metric, say: Words = ENGLISH) -> list[str]:
    """What each look can see."""
    known = [step for step in visible if step.difference is not None]
    if not known:
        return []
    looks = [
        say("remark.visible_at", size=size_words(step.difference or 0.0, metric, say), n=step.replicates)
        for step in known
    ]
    return [say("remark.visible", looks=say.listed(looks))]


def self_test_remarks(found: SelfTestRow | None, metric: Metric, say: Words = ENGLISH) -> list[str]:
    """What the baseline against itself says of the noise and of the verdicts."""
    if found is None:
        return []
    spread, kappa = (size_words(value, metric, say) for value in (found.spread, found.kappa))
    lines = [
        say("remark.self_test", wrong=found.false_verdicts, judged=say.count(found.judged, "comparison")),
        say("remark.kappa", spread=spread, kappa=kappa),
    ]
    if found.correlation is not None:
        lines.append(say("remark.correlation", value=number(found.correlation, 2)))
    return lines


def optimism_remarks(rows: Sequence[OptimismRow], metric: Metric, say: Words = ENGLISH) -> list[str]:
    """What the source's way of picking an epoch claims, beside what is left of it on other images."""
    return [
        say(
            "remark.optimism",
            variant=row.variant,
            epochs=row.n_epochs,
            as_source=number(row.as_source, metric.decimals),
            honest=number(row.honest, metric.decimals),
            gap=with_interval(row.optimism, row.lo, row.hi, metric.decimals, sign="+"),
            replicates=say.count(row.n_replicates, "replicate"),
        )
        for row in rows
    ]


def attribution_remarks(effects: Sequence[EffectRow], metric: Metric, say: Words = ENGLISH) -> list[str]:
    """Each factor's order-free contribution, and which depend on their place or on each other."""
    rows = contribution_rows(effects)
    lines = [_both_ways(row, metric, say) for row in rows if row.forward is not None and row.backward is not None]
    pairs = {frozenset((row.factor, name)) for row in rows for name in row.interacts_with}
    if pairs:
        named = sorted(say("join.and").join(sorted(pair)) for pair in pairs)
        lines.append(say("remark.interact", pairs=say.listed(named)))
    if any(effect.family == "beyond pairs" and effect.verdict in ("better", "worse") for effect in effects):
        lines.append(say("remark.beyond_pairs"))
    return lines


def _both_ways(row: ContributionRow, metric: Metric, say: Words) -> str:
    sizes = {
        name: with_interval(effect.difference, effect.lo, effect.hi, metric.decimals, sign="+")
        for name, effect in (("forward", row.forward), ("backward", row.backward), ("overall", row.overall))
        if effect is not None
    }
    return say("remark.depends" if row.depends else "remark.both_ways", factor=row.factor, **sizes)
