"""The metrics the harness computes itself, by the names a study writes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache
from math import inf

import numpy as np

from ablate.metrics import OfClass, of_class
from ablate.scoring import counts, probabilities, ranking
from ablate.scoring.answers import Answers, Array
from ablate.scoring.metric import Metric, by_target, class_counts

NO_INTERVAL = "mean average precision has no interval for new images that would hold; it is reported and not judged"
BIASED = "the calibration error is biased upwards, the more the fewer images a bin has; it is described and not judged"

_WHOLE = {
    metric.name: metric
    for metric in (
        Metric(
            name="balanced_accuracy",
            goal="max",
            measure=counts.balanced_accuracy,
            pooled=True,
            strata=by_target,
            shares=counts.equal_shares,
            needs=class_counts,
            by_prob=False,
        ),
        Metric(
            name="macro_f1",
            goal="max",
            measure=counts.macro_f1,
            pooled=True,
            strata=by_target,
            needs=class_counts,
            by_prob=False,
        ),
        Metric(
            name="weighted_f1", goal="max", measure=counts.weighted_f1, pooled=True, strata=by_target, by_prob=False
        ),
        Metric(name="auroc", goal="max", measure=ranking.auroc, strata=by_target, needs=class_counts),
        Metric(name="auprc", goal="max", measure=ranking.auprc, strata=by_target, needs=class_counts),
        Metric(
            name="quadratic_kappa",
            goal="max",
            measure=counts.quadratic_kappa,
            pooled=True,
            bounds=(-1.0, 1.0),
            by_prob=False,
        ),
        Metric(name="log_loss", goal="min", measure=probabilities.log_loss, bounds=(0.0, inf)),
        Metric(name="brier", goal="min", measure=probabilities.brier, bounds=(0.0, 2.0)),
        Metric(name="mean_average_precision", goal="max", measure=ranking.mean_average_precision, reported=NO_INTERVAL),
        Metric(name="ece", goal="min", measure=probabilities.calibration_error, pooled=True, reported=BIASED),
    )
}


@cache
def find_metric(name: str) -> Metric | None:
    """The metric of that name; None where it is not one of the harness."""
    asked = of_class(name)
    return _WHOLE.get(name) if asked is None else _of_class(name, asked)


def _of_class(metric: str, asked: OfClass) -> Metric:
    name, strata = asked.name, counts.one_against_rest(asked.name)
    match asked.kind:
        case "sensitivity":
            at = asked.specificity
            measure = counts.sensitivity_of(name) if at is None else probabilities.sensitivity_at(name, at)
            return Metric(
                name=metric,
                goal="max",
                measure=measure,
                pooled=at is None,  # else each network has a threshold of its own
                strata=strata,
                shares=_all_on(1),
                needs=_only(name),
                by_prob=at is not None,
            )
        case "specificity":
            return Metric(
                name=metric,
                goal="max",
                measure=counts.specificity_of(name),
                pooled=True,
                strata=strata,
                shares=_all_on(0),
                needs=_others(name),
                by_prob=False,
            )
        case "f1":
            measure = counts.f1_of(name)
            return Metric(
                name=metric,
                goal="max",
                measure=measure,
                pooled=True,
                strata=strata,
                needs=_only(name),
                by_prob=False,
            )
    measure = ranking.auroc_of(name) if asked.kind == "auroc" else ranking.auprc_of(name)
    return Metric(name=metric, goal="max", measure=measure, strata=strata, needs=_both(name))


def _all_on(stratum: int) -> Callable[[Answers], Array]:
    def shares(_: Answers) -> Array:
        share: Array = np.eye(2)[stratum]
        return share

    return shares


def _only(name: str) -> Callable[[Answers], Mapping[str, int]]:
    return lambda answers: {name: int(counts.is_class(name, answers).sum())}


def _others(name: str) -> Callable[[Answers], Mapping[str, int]]:
    return lambda answers: {f"other than {name}": int((~counts.is_class(name, answers)).sum())}


def _both(name: str) -> Callable[[Answers], Mapping[str, int]]:
    return lambda answers: {**_only(name)(answers), **_others(name)(answers)}
