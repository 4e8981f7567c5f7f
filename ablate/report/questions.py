"""From a study to the question put to the statistics, and the unit its answers are shown in."""

from __future__ import annotations

from math import floor, log10

from ablate.rates import is_rate
from ablate.report.facts import Metric
from ablate.stats.effects import Question
from ablate.study.load import Study
from ablate.study.plan import Plan

__all__ = ["is_rate", "metric_of", "question_of", "shown_scale"]


def shown_scale(name: str) -> float:
    """From a metric's stored to its shown unit."""
    return 100.0 if is_rate(name) else 1.0


def metric_of(study: Study) -> Metric:
    """The metric the study is judged by. decimals: enough to tell the study's negligible size from none."""
    name = study.evidence.metric
    rate = is_rate(name)
    size = floor(log10(study.evidence.negligible))
    return Metric(
        name=name,
        goal=study.trainer.metrics[name],
        unit="%" if rate else "",
        scale=shown_scale(name),
        decimals=min(6, max(1 if rate else 3, 1 - size)),
    )


def question_of(study: Study, plan: Plan) -> Question:
    """What was fixed before the first run. The study's points become shares where the metric is a rate."""
    metric = metric_of(study)
    return Question(
        metric=metric.name,
        goal=metric.goal,
        negligible=study.evidence.negligible / metric.scale,
        worthwhile=study.evidence.worthwhile / metric.scale,
        looks=plan.looks,
        shares=plan.shares,
        test=plan.protocol.test,
    )
