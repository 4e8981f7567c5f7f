"""From the stored probabilities of runs to curves by variant."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from ablate.records import Cell, Finished
from ablate.report.facts.curves import AnswerCurves, Ranked, VariantCurves
from ablate.store.outcome_columns import read_columns

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from ablate.stats.curves import Calibration, Ranking

MOST_VARIANTS = 12
"""Variants whose curves are drawn: the first and the last."""

MOST_RANKED = 40
"""Classes above which none is ranked against the rest: each is a pass over all answers of a run."""


class _Probabilities(NamedTuple):
    """One run. target: (n,) classes, or (n, labels) of true and false; prob: (n, classes)."""

    target: NDArray[np.int64]
    prob: NDArray[np.float64]


@dataclass(slots=True)
class _Runs:
    """What the runs of one variant say."""

    rankings: list[Ranking] = field(default_factory=list)
    calibrations: list[Calibration] = field(default_factory=list)


def answer_curves(
    cells: Sequence[Cell], references: Mapping[str, str | None], labels: Sequence[str]
) -> AnswerCurves | None:
    """Curves of the variants whose runs stored probabilities; without rows where answers were stored, and none has any.

    None where no run has stored answers at all. references: variant -> what it is built on, in the order of the plan.
    labels: the classes' names, empty where they are not known.
    """
    stored = [cell for cell in cells if isinstance(cell.result, Finished) and cell.result.images is not None]
    if not stored:
        return None
    there = {cell.variant for cell in stored}
    names = [name for name in references if name in there]
    shown = names if len(names) <= MOST_VARIANTS else [names[0], *names[1 - MOST_VARIANTS :]]
    runs: dict[str, _Runs] = {}
    kinds: list[tuple[Ranked, int]] = []
    for cell in stored:
        found = _read(cell.result) if cell.variant in shown and isinstance(cell.result, Finished) else None
        if found is not None:
            kinds.append(_kind(found))
            _add(runs.setdefault(cell.variant, _Runs()), found, kinds[0][0])
    if not runs or len(set(kinds)) > 1:  # runs of different questions have no common curve
        return AnswerCurves("none", ())
    ranked, classes = kinds[0]
    rankings = [one for known in runs.values() for one in known.rankings]
    return AnswerCurves(
        ranked if rankings else "none",
        tuple(_row(name, references, runs) for name in shown if name in runs),
        positive=(labels[1] if len(labels) == 2 else "1") if ranked == "positive" else "",
        classes=max((one.classes for one in rankings), default=classes),
        share=sum(one.share for one in rankings) / len(rankings) if rankings else 0.0,
        left_out=len(names) - len(shown),
    )


def _read(run: Finished) -> _Probabilities | None:
    """The probabilities of a run; None where it has none, or they cannot be what they are called.

    What cannot be read at all is told where the answers are counted.
    """
    import numpy as np

    try:
        columns = read_columns(run.folder / str(run.images), "target", "prob")
        target, prob = columns["target"], columns["prob"].astype(np.float64)
    except (OSError, ValueError, KeyError, TypeError):
        return None
    if prob.ndim == 1:  # of the positive class alone
        prob = np.stack([1 - prob, prob], axis=1)
    if prob.ndim != 2 or prob.shape[1] < 2 or len(prob) != len(target) or not len(prob):
        return None
    if not np.isfinite(prob).all() or prob.min() < 0 or prob.max() > 1 + 1e-3:
        return None
    if target.shape == prob.shape:
        return _Probabilities(target.astype(np.int64), prob)
    whole = target.ndim == 1 and target.dtype.kind in "iu" and target.min() >= 0 and target.max() < prob.shape[1]
    return _Probabilities(target.astype(np.int64), prob) if whole else None


def _kind(found: _Probabilities) -> tuple[Ranked, int]:
    classes = found.prob.shape[1]
    if classes > MOST_RANKED:
        return "none", classes
    if found.target.ndim == 2:
        return "labels", classes
    return ("positive", 1) if classes == 2 else ("classes", classes)


def _add(runs: _Runs, found: _Probabilities, ranked: Ranked) -> None:
    import numpy as np

    from ablate.stats.curves import calibrate, rank_answers

    target, prob = found
    several = target.ndim == 2
    truth = target > 0 if several else target[:, None] == np.arange(prob.shape[1])
    if ranked != "none":
        columns = slice(1, 2) if ranked == "positive" else slice(None)
        ranking = rank_answers(truth[:, columns], prob[:, columns])
        runs.rankings += [] if ranking is None else [ranking]
    if several:
        runs.calibrations.append(calibrate(prob.ravel(), truth.ravel()))
    elif ranked == "positive":
        runs.calibrations.append(calibrate(prob[:, 1], truth[:, 1]))
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
