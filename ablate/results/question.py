"""The question a study puts to the statistics: its metric, its contrasts, its thresholds."""

from __future__ import annotations

from dataclasses import dataclass
from math import floor, log10
from typing import Literal

from ablate.metrics import Thresholds, is_rate
from ablate.scoring.unit import Unit
from ablate.stats.alpha_shares import look_shares
from ablate.stats.effects import Question
from ablate.stats.verdict import Goal
from ablate.study.plan import Plan
from ablate.study.study import Study


@dataclass(frozen=True, slots=True, kw_only=True)
class Metric:
    """What was measured. unit: `%` for a rate, else empty; scale: from the stored to the shown unit."""

    name: str
    goal: Goal
    unit: Literal["%", ""]
    scale: float
    decimals: int


__all__ = ["decimals_for", "is_rate", "metric_of", "question_of", "shown_scale", "thresholds_of"]


def shown_scale(name: str) -> float:
    """From a metric's stored to its shown unit."""
    return 100.0 if is_rate(name) else 1.0


def thresholds_of(study: Study) -> Thresholds:
    """What the study counts as none and as worth having, in shown units."""
    return study.evidence.thresholds


def decimals_for(name: str, thresholds: Thresholds) -> int:
    """Enough to tell a metric's negligible size from none."""
    least = thresholds.negligible or thresholds.worthwhile
    size = floor(log10(least)) if least is not None and least > 0 else 0
    return min(6, max(1 if is_rate(name) else 3, 1 - size))


def metric_of(study: Study) -> Metric:
    """The metric the study is judged by."""
    name = study.evidence.metric
    return Metric(
        name=name,
        goal=study.goal,
        unit="%" if is_rate(name) else "",
        scale=shown_scale(name),
        decimals=decimals_for(name, thresholds_of(study)),
    )


def question_of(study: Study, plan: Plan) -> Question:
    """What was fixed before the first run. The study's points become shares where the metric is a rate."""
    metric, (negligible, worthwhile, _, tolerable) = metric_of(study), thresholds_of(study)
    closed = plan.closed
    return Question(
        metric=metric.name,
        goal=metric.goal,
        negligible=None if negligible is None else negligible / metric.scale,
        worthwhile=None if worthwhile is None else worthwhile / metric.scale,
        tolerable=None if tolerable is None else tolerable / metric.scale,
        looks=plan.looks,
        shares=plan.shares,
        planned=None if closed is None else (closed.looks[-1], look_shares(closed.looks, closed.shares)[-1]),
        test=plan.protocol.test,
        unit=None if study.evidence.unit is None else Unit(study.evidence.unit.group, study.evidence.unit.by),
        own=study.own_metric,
    )
