"""A metric at another prevalence: the same answers, each class as frequent as elsewhere."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from ablate.metrics import of_class
from ablate.scoring.answers import Answers, NotMeasurable, taken
from ablate.scoring.metric import Metric
from ablate.scoring.registry import find_metric

REPEATED, FEWEST, MOST = 20, 2_000, 400_000
"""Times as many answers as there are, and how many at least and at most: a share is met up to one of them."""


def depends_on_prevalence(metric: str, classes: int) -> bool:
    """Whether a metric of the same networks changes where classes are rarer; false where it looks within classes."""
    asked = of_class(metric)
    if asked is not None:
        # The others are one class where there are two; of more, their mixture changes.
        return asked.kind != "sensitivity" and (asked.kind not in ("specificity", "auroc") or classes > 2)
    return metric != "balanced_accuracy" and (metric != "auroc" or classes > 2)


def class_shares(answers: Answers) -> dict[str, float]:
    """The share of each class that occurs, by its name."""
    counts = np.bincount(answers.target)
    return {answers.name_of(number): count / len(answers.target) for number, count in enumerate(counts) if count}


def at_shares(answers: Answers, shares: Mapping[str, float]) -> Answers:
    """The answers, those to a class repeated or thinned until it has its share of all.

    Shares of classes that do not occur are divided among the others in proportion. Raises NotMeasurable where none of
    the shares is of a class that occurs.
    """
    places = {answers.name_of(number): np.flatnonzero(answers.target == number) for number in np.unique(answers.target)}
    known = {name: shares.get(name, 0.0) for name in places}
    total = sum(known.values())
    if not total:
        raise NotMeasurable("no class of these images occurs elsewhere")
    size = min(max(REPEATED * len(answers.target), FEWEST), MOST)
    chosen = [np.resize(places[name], round(size * share / total)) for name, share in known.items()]
    return taken(answers, np.concatenate(chosen))


def value_of(answers: Answers, metric: str, own: Metric | None = None) -> float:
    """The metric of some answers. own: where it is a function of the user's. Raises NotMeasurable."""
    if metric == "accuracy":
        return float((answers.predicted == answers.target).mean())
    if metric == "loss":
        metric = "log_loss"
    found = own or find_metric(metric)
    if found is None:
        raise NotMeasurable(f"{metric} is not computed from answers")
    return float(found.measure(answers).value)
