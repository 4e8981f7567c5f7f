"""Every claim of a report as data for other programs: what was asked, what came out, what may be said."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import isfinite
from typing import Any

from ablate.records import Contrast
from ablate.report.facts.effect import EffectRow
from ablate.report.facts.findings import Findings
from ablate.report.share.answers import ScoredRuns
from ablate.stats.alpha_shares import look_shares
from ablate.stats.effects import Question
from ablate.stats.method import METHOD

LEFT_OUT = {
    "groups": "The test images come in groups, which recompute.py knows nothing of: it computes the differences alone, "
    "no interval and no verdict.",
    "strata": "This metric is no mean over images: each column holds what an image adds to it. recompute.py computes "
    "the differences alone, no interval and no verdict, and it cannot compute the metric itself.",
    "own": "The metric is the study's own: each column holds what an image adds to it. recompute.py computes the "
    "differences alone, no interval and no verdict, and it cannot compute the metric itself.",
    "unit": "What is scored is one answer for each group of images; recompute.py cannot see those of single images.",
}
"""What stands in the way of computing a report again from its table of answers alone."""


def left_out(runs: ScoredRuns, question: Question) -> str:
    """What `recompute.py` cannot do with these answers, in a sentence; empty where it does everything."""
    if question.own is not None:
        return LEFT_OUT["own"]
    if runs.cells.strata is not None:
        return LEFT_OUT["strata"]
    if runs.cells.units:
        return LEFT_OUT["groups"]
    return ""


def claims_json(
    findings: Findings, contrasts: Sequence[Contrast], question: Question, runs: ScoredRuns | None
) -> dict[str, Any]:
    """The comparisons as plain data; rates in percent, differences in points, null for what is not known.

    contrasts: those of the plan, in the order of the findings' effects. runs: None where there are no scores of single
    images; `asked` then says nothing of them.
    """
    evidence, metric = findings.evidence, findings.study.metric
    asked = {
        "metric": metric.name,
        "goal": metric.goal,
        "unit": metric.unit,
        "scale": metric.scale,
        "alpha": evidence.alpha,
        "negligible": question.negligible,
        "worthwhile": question.worthwhile,
        "looks": list(question.looks[: evidence.look]),
        "shares": list(look_shares(question.looks, question.shares)[: evidence.look]),
    }
    if runs is not None:
        asked |= {
            "test": runs.cells.form,
            "right_or_wrong": runs.cells.is_binary,
            "variants": list(runs.variants),
            "left_out": left_out(runs, question),
        }
    pairs = list(zip(findings.effects, (one.weights for one in contrasts), strict=True))
    if findings.total is not None:
        total = findings.total
        pairs.append((total, {total.compared.variant: 1.0, total.compared.reference: -1.0}))
    groups = findings.provenance.groups
    return {
        "study": findings.study.name,
        "question": findings.study.question,
        "method": METHOD,
        "asked": asked,
        "claims": [_claim(effect, weights) for effect, weights in pairs],
        "levels": [
            {"name": row.name, "n": row.n}
            | {name: _finite(getattr(row, name)) for name in ("mean", "spread", "lo", "hi")}
            for row in findings.variants
        ],
        "code": sorted({one.stamp.source_digest for one in groups if one.stamp.source_digest}),
        "data": sorted({one.stamp.data_digest for one in groups if one.stamp.data_digest}),
        "commits": sorted({one.stamp.git_commit for one in groups if one.stamp.git_commit}),
    }


def _claim(effect: EffectRow, weights: Mapping[str, float]) -> dict[str, Any]:
    compared, measured, decision = effect.compared, effect.measured, effect.decision
    numbers = {name: _finite(getattr(measured, name)) for name in ("difference", "lo", "hi", "lo_all", "hi_all")}
    return {
        "name": compared.name,
        "variant": compared.variant,
        "reference": compared.reference,
        "family": compared.family,
        "family_size": compared.family_size,
        "weights": {name: weight for name, weight in weights.items() if weight},
        **numbers,
        "n": measured.n,
        "images": measured.images,
        "p": _finite(decision.p),
        "p_adjusted": _finite(decision.p_adjusted),
        "verdict": decision.verdict,
        "verdict_text": decision.verdict_text,
        "reason": decision.reason,
        "look": effect.course.look,
    }


def _finite(value: float | None) -> float | None:
    return value if value is not None and isfinite(value) else None
