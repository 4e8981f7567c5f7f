"""Metrics by the answers of a network, as `ablate.scoring` computes them from what is stored."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from ablate.metrics import measured_goal
from ablate.scoring.answers import Answers, NotMeasurable
from ablate.scoring.registry import find_metric
from ablate.training.evaluate import Scores


def with_measured(
    metrics: dict[str, float], wanted: str, scores: Scores, classes: Sequence[str], *, val: Scores | None = None
) -> dict[str, float]:
    """The metrics with the wanted one, where it is none of them and these answers have it.

    val: the answers to the validation images, where a threshold is set on them.
    """
    metric = None if wanted in metrics or measured_goal(wanted) is None else find_metric(wanted)
    if metric is None:
        return metrics
    answers = answers_by(scores, classes)
    answers = answers._replace(val=None if val is None else answers_by(val, classes))
    try:
        value = metric.measure(answers).value
    except NotMeasurable:
        return metrics
    return {**metrics, wanted: value}


def answers_by(scores: Scores, classes: Sequence[str]) -> Answers:
    """One answer an image, in full precision."""
    logits, targets = scores.logits.double(), scores.targets.numpy()
    if scores.several:
        predicted = (scores.logits > 0).long()
        return Answers((targets > 0.5).astype("int64"), predicted.numpy(), logits.sigmoid().numpy(), None, (*classes,))
    named = scores.logits.argmax(1)
    return Answers(targets, torch.as_tensor(named).numpy(), logits.softmax(1).numpy(), None, (*classes,))
