"""From the stored probabilities of runs to curves by variant."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from ablate.records import Cell, Finished
from ablate.report.facts.curves import AnswerCurves, Ranked, VariantCurves

if TYPE_CHECKING:
    from ablate.scoring.answers import Answers
    from ablate.scoring.unit import Unit
    from ablate.stats.curves import Calibration, Ranking

MOST_VARIANTS = 12
"""Variants whose curves are drawn: the first and the last."""

MOST_RANKED = 40
"""Classes above which none is ranked against the rest: each is a pass over all answers of a run."""


class _Kind(NamedTuple):
    """What is ranked, of how many classes; the positive one's name and number, where there is one."""

    ranked: Ranked
    classes: int
    positive: str = ""
    number: int = 1


@dataclass(slots=True)
class _Runs:
    """What the runs of one variant say."""

    rankings: list[Ranking] = field(default_factory=list)
    calibrations: list[Calibration] = field(default_factory=list)


def answer_curves(
    cells: Sequence[Cell],
    references: Mapping[str, str | None],
    labels: Sequence[str],
    *,
    unit: Unit | None = None,
    asked: str = "",
) -> AnswerCurves | None:
    """Curves of the variants whose runs stored probabilities; without rows where answers were stored, and none has any.

    None where no run has stored answers at all. references: variant -> what it is built on, in the order of the plan.
    labels: the classes' names, empty where they are not known. unit: what is scored where it is not the image. asked:
    the class that the study's metric is of; it is the positive one.
    """
    from ablate.stats.measured import probable_answers

    stored = [cell for cell in cells if isinstance(cell.result, Finished) and cell.result.images is not None]
    if not stored:
        return None
    there = {cell.variant for cell in stored}
    names = [name for name in references if name in there]
    shown = names if len(names) <= MOST_VARIANTS else [names[0], *names[1 - MOST_VARIANTS :]]
    runs: dict[str, _Runs] = {}
    kinds: list[_Kind] = []
    for cell in stored:
        found = probable_answers(cell, unit) if cell.variant in shown else None
        if found is not None:
            kinds.append(_kind(found, labels, asked))
            _add(runs.setdefault(cell.variant, _Runs()), found, kinds[0])
    if not runs or len(set(kinds)) > 1:  # runs of different questions have no common curve
        return AnswerCurves("none", ())
    rankings = [one for known in runs.values() for one in known.rankings]
    return AnswerCurves(
        kinds[0].ranked if rankings else "none",
        tuple(_row(name, references, runs) for name in shown if name in runs),
        positive=kinds[0].positive,
        classes=max((one.classes for one in rankings), default=kinds[0].classes),
        share=sum(one.share for one in rankings) / len(rankings) if rankings else 0.0,
        left_out=len(names) - len(shown),
    )


def _kind(found: Answers, labels: Sequence[str], asked: str) -> _Kind:
    """By the second of two classes, or the class that is asked for; else by all of them."""
    classes = found.n_classes
    names = found.classes or (tuple(labels) if len(labels) == classes else tuple(map(str, range(classes))))
    if found.several:
        return _Kind("labels" if classes <= MOST_RANKED else "none", classes)
    if asked in names or classes == 2:
        number = names.index(asked) if asked in names else 1
        return _Kind("positive", 1, names[number], number)
    return _Kind("classes" if classes <= MOST_RANKED else "none", classes)


def _add(runs: _Runs, found: Answers, kind: _Kind) -> None:
    import numpy as np

    from ablate.stats.curves import calibrate, rank_answers

    target, prob = found.target, found.prob
    assert prob is not None
    truth = target > 0 if found.several else target[:, None] == np.arange(prob.shape[1])
    if kind.ranked != "none":
        columns = slice(kind.number, kind.number + 1) if kind.ranked == "positive" else slice(None)
        ranking = rank_answers(truth[:, columns], prob[:, columns])
        runs.rankings += [] if ranking is None else [ranking]
    if found.several:
        runs.calibrations.append(calibrate(prob.ravel(), truth.ravel()))
    elif kind.ranked == "positive":
        runs.calibrations.append(calibrate(prob[:, kind.number], truth[:, kind.number]))
    else:
        said = prob.argmax(axis=1)
        runs.calibrations.append(calibrate(prob[np.arange(len(prob)), said], said == target))


def _row(name: str, references: Mapping[str, str | None], runs: Mapping[str, _Runs]) -> VariantCurves:
    import numpy as np

    from ablate.stats.curves import band_of, bins_of

    known = runs[name]
    rankings, reference = known.rankings, references[name]
    return VariantCurves(
        variant=name,
        reference=reference if reference in runs else None,
        n=len(known.calibrations),
        roc=band_of([one.sensitivity for one in rankings]) if rankings else None,
        precision=band_of([one.precision for one in rankings]) if rankings else None,
        bins=bins_of(known.calibrations),
        area=band_of([np.array([one.area]) for one in rankings]) if rankings else None,
        average_precision=band_of([np.array([one.average_precision]) for one in rankings]) if rankings else None,
        calibration_error=band_of([np.array([one.error]) for one in known.calibrations]),
    )
