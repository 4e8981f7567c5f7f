"""What a trainer returned, as numbers: each metric by its name, or what is wrong with it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from ablate.errors import Diverged, TrainerError, near_match
from ablate.metrics import is_loss, is_own, is_share, measured_goal, no_fraction
from ablate.records import Outcome, RunSpec
from ablate.splits.rules import Folds, Protocol


def check_metrics(returned: Mapping[str, Any], spec: RunSpec) -> dict[str, float]:
    """The metrics of a run; one that is undefined on its test images (None, NaN) is left out.

    Raises TrainerError for the metric the study judges by where it is absent, undefined or no fraction, and for
    any metric that is not a number; Diverged for what is infinite, and for a loss that is NaN.
    """
    judged = spec.protocol.metric
    measured = measured_goal(judged) is not None or is_own(judged)
    found: dict[str, float] = {}
    for name, value in returned.items():
        number = number_of(name, value)
        if math.isinf(number) or (math.isnan(number) and (is_loss(name) or (name == judged and is_share(name)))):
            raise Diverged(f"the trainer returned {name} = {number} on {replicate_words(spec)}")
        if math.isnan(number) and name == judged and not measured:
            raise TrainerError(
                f"the trainer returned {name} = {None if value is None else number} on {replicate_words(spec)}",
                hint="It is undefined there: a class may be missing among the test images of this part.",
            )
        if not math.isnan(number):
            found[str(name)] = number
    if judged not in found:
        if measured and found and not spec.protocol.sealed:  # why it cannot be had, the report says
            return found
        raise TrainerError(
            f"the trainer returned no {judged!r}, only {', '.join(map(str, returned)) or 'nothing'} "
            f"on {replicate_words(spec)}",
            hint=f"{near_match(judged, list(map(str, returned)))}The study is judged by {judged!r} (evidence.metric).",
        )
    if no_fraction(judged, found[judged]):
        raise TrainerError(
            f"the trainer returned {judged} = {found[judged]:g}, which is not a fraction",
            hint="Return a rate as a fraction from 0 to 1, not in percent: 0.853 for 85.3 %.",
        )
    return found


def told_by_answers(outcome: Outcome, protocol: Protocol) -> dict[str, float]:
    """The metric of the study as the trainer's stored answers have it; empty where they do not, or it is another."""
    if measured_goal(protocol.metric) is None or outcome.images is None:
        return {}
    from ablate.scoring.answers import NotMeasurable, answers_of
    from ablate.scoring.registry import find_metric
    from ablate.store.outcome_columns import read_columns

    metric = find_metric(protocol.metric)
    assert metric is not None
    try:
        return {metric.name: metric.measure(answers_of(read_columns(outcome.images))).value}
    except (NotMeasurable, OSError, ValueError):
        return {}


def replicate_words(spec: RunSpec) -> str:
    """`replicate 4 (fold 1)`."""
    index, test = spec.replicate.index, spec.protocol.test
    return f"replicate {index} (fold {index % test.count})" if isinstance(test, Folds) else f"replicate {index}"


def number_of(name: object, value: Any) -> float:
    """The value of a metric; NaN for None. Raises TrainerError, naming the metric, for what is not a number."""
    try:
        return math.nan if value is None else float(value)
    except (TypeError, ValueError, OverflowError):
        shown = repr(value)
        raise TrainerError(
            f"the trainer returned {name} = {shown if len(shown) <= 60 else f'{shown[:59]}…'}, "
            f"which is not a number ({type(value).__name__})",
            hint="Return one number for each metric, such as 0.87; None where it is undefined on these images.",
        ) from None
