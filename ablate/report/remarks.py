"""Sentences on the evidence as a whole: plain text, which whoever prints it has to escape."""

from __future__ import annotations

from collections.abc import Sequence

from ablate.report.attribution import contribution_rows
from ablate.report.extra_facts import OptimismRow, SelfTestRow, VisibleStep
from ablate.report.facts import EffectRow, Metric
from ablate.report.numbers import counted, listed, number, with_interval
from ablate.report.words import size_words


def visible_remark(visible: Sequence[VisibleStep], metric: Metric) -> list[str]:
    """What each look can see."""
    known = [step for step in visible if step.difference is not None]
    if not known:
        return []
    looks = listed([f"{size_words(step.difference or 0.0, metric)} after {step.replicates}" for step in known])
    return [
        f"By the noise of the comparisons made so far, the smallest true difference a look shows in four studies of "
        f"five is {looks} replicates."
    ]


def self_test_remarks(found: SelfTestRow | None, metric: Metric) -> list[str]:
    """What the baseline against itself says of the noise and of the verdicts."""
    if found is None:
        return []
    lines = [
        f"The baseline against itself: {found.false_verdicts} of {counted(found.judged, 'comparison')} called better "
        "or worse, each of which is a mistake; at most one such study in twenty should have any.",
        f"Runs differ by luck alone by {size_words(found.spread, metric)} (standard deviation), of which "
        f"{size_words(found.kappa, metric)} is the runs' own, beyond the noise of the test images (kappa).",
    ]
    if found.correlation is not None:
        lines.append(
            f"Two runs answer the same images alike: their scores correlate by {number(found.correlation, 2)}."
        )
    return lines


def optimism_remarks(rows: Sequence[OptimismRow], metric: Metric) -> list[str]:
    """What the source's way of picking an epoch claims, beside what is left of it on other images."""
    lines = []
    for row in rows:
        gap = with_interval(row.optimism, row.lo, row.hi, metric.decimals, sign="+")
        lines.append(
            f"{row.variant} as the source does it, the best of {row.n_epochs} epochs by the test images: "
            f"{number(row.as_source, metric.decimals)}; picked without the images it is scored on: "
            f"{number(row.honest, metric.decimals)}. The difference, {gap} in "
            f"{counted(row.n_replicates, 'replicate')}, is the price of looking; no verdict uses these numbers."
        )
    return lines


def attribution_remarks(effects: Sequence[EffectRow], metric: Metric) -> list[str]:
    """Each factor's order-free contribution, and which depend on their place or on each other."""
    rows = contribution_rows(effects)
    lines = []
    for row in rows:
        if row.forward is None or row.backward is None:
            continue
        parts = [
            f"{name} {with_interval(e.difference, e.lo, e.hi, metric.decimals, sign='+')}"
            for name, e in (
                ("in its place", row.forward),
                ("from the other end", row.backward),
                ("on average", row.overall),
            )
        ]
        depends = "; what it is worth depends on its place" if row.depends else ""
        lines.append(f"{row.factor}: {', '.join(parts)}{depends}.")
    pairs = {frozenset((row.factor, name)) for row in rows for name in row.interacts_with}
    if pairs:
        named = listed(sorted(" and ".join(sorted(pair)) for pair in pairs))
        lines.append(f"These do more or less together than the sum of the two: {named}.")
    if any(effect.family == "beyond pairs" and effect.verdict in ("better", "worse") for effect in effects):
        lines.append(
            "All factors together differ from the sum of their contributions: some act in threes or more, and no "
            "contribution of single factors tells the whole."
        )
    return lines
