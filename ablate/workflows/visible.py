"""What the test images of a study are worth for its metric, before any run: the rare classes decide."""

from __future__ import annotations

from collections.abc import Mapping

from ablate.metrics import is_own, measured_goal, of_class

FEWEST_IMAGES = 10
"""Of a class, for a verdict: see `stats.measured`."""

ALL_CLASSES_ALIKE = ("balanced_accuracy", "macro_f1")
LIKE_ACCURACY = ("weighted_f1",)


def is_assumable(metric: str) -> bool:
    """Whether how often two variants differ in their answers says how far apart they can be in this metric."""
    asked = of_class(metric)
    if asked is not None:
        return asked.kind in ("sensitivity", "specificity", "f1")
    if measured_goal(metric) is not None:
        return metric in ALL_CLASSES_ALIKE + LIKE_ACCURACY
    return "accuracy" in metric and not is_own(metric)


def images_worth(metric: str, tested: int, counts: Mapping[str, int]) -> float:
    """As many images of one accuracy tell as much: those of a class, or the harmonic mean over the classes.

    counts: test images of each class.
    """
    asked = of_class(metric)
    if asked is not None:
        own = counts.get(asked.name, 0)
        return float(tested - own if asked.kind == "specificity" else own)
    if metric in ALL_CLASSES_ALIKE:
        return len(counts) ** 2 / sum(1 / number for number in counts.values())
    return float(tested)


def why_unknown(metric: str, counts: Mapping[str, int], *, with_folds: bool) -> str:
    """Why the smallest step cannot be told before there are runs; empty where it can, or nothing can be told yet.

    counts: test images of each class that the planned replicates see.
    """
    asked = of_class(metric)
    if (measured_goal(metric) is None and not is_own(metric)) or metric in LIKE_ACCURACY:
        return ""
    needed = {asked.name: counts.get(asked.name, 0)} if asked is not None else dict(counts)
    if asked is not None and asked.kind == "specificity":
        needed = {f"other than {asked.name}": sum(counts.values()) - counts.get(asked.name, 0)}
    if counts and is_by_class(metric):
        rarest = min(needed, key=lambda name: needed[name])
        if (number := needed[rarest]) < FEWEST_IMAGES:
            images = "is 1 test image" if number == 1 else f"are {number} test images"
            where = " in all folds" if with_folds else ""
            return f"there {images} of {rarest}{where}, and {FEWEST_IMAGES} are needed for a verdict"
    if not is_assumable(metric):
        return f"nothing is known of how far variants differ in {metric} before two replicates of them have finished"
    return "" if counts else "the test images of each class have not been counted yet"


def is_by_class(metric: str) -> bool:
    """Whether a rare class decides what can be seen."""
    return of_class(metric) is not None or metric in (*ALL_CLASSES_ALIKE, "auroc", "auprc")
