"""The learning curve of `--design data`: contrasts of all sizes together, put to the same engine as every verdict."""

from __future__ import annotations

from dataclasses import replace
from typing import Literal

from ablate.records import BASELINE, Contrast
from ablate.report.facts.learning import LearningCurve, LearningPoint
from ablate.report.gather.judged import Judged
from ablate.stats.effects import estimate_effects, is_to_come
from ablate.stats.learning import AT, EXPONENTS, FEWEST_SIZES, Extrapolation, extrapolate, gain_weights, misfit_weights
from ablate.study.designs.data_shares import SHARES

DESIGN = "data"


def learning_of(judged: Judged) -> LearningCurve | None:
    """The curve of a study with this design, after its last run; None for any other, and before."""
    if judged.study.design != DESIGN or any(map(is_to_come, judged.cells)):
        return None
    points = _points(judged)
    if len(points) < FEWEST_SIZES:
        return None
    gains = _gains(judged, points)
    worthwhile, sign = judged.study.evidence.thresholds.worthwhile, 1 if judged.metric.goal == "max" else -1
    return LearningCurve(
        points=points,
        n=min(row.n for row in judged.variants),
        gains=gains,
        equal_steps=bool(judged.study.control),
        worthwhile=worthwhile,
        answer=_answer(gains, worthwhile, sign),
    )


def _points(judged: Judged) -> tuple[LearningPoint, ...]:
    rows = [row for row in judged.variants if row.mean is not None]
    counts = {row.name: row.counts.get("train") for row in rows}
    most = counts.get(BASELINE)
    nominal = dict(zip([v.name for v in judged.variants], (1.0, *SHARES), strict=True))
    are_counted = most and all(counts.values())
    points = [
        LearningPoint(
            variant=row.name,
            size=(counts[row.name] or 0) / most if most and are_counted else nominal[row.name],
            images=counts[row.name] or None,
            steps=row.steps,
            mean=row.mean or 0.0,
            lo=row.lo,
            hi=row.hi,
        )
        for row in rows
    ]
    return tuple(sorted(points, key=lambda point: point.size))


def _gains(judged: Judged, points: tuple[LearningPoint, ...]) -> tuple[Extrapolation, ...]:
    """In shown units, at each of AT; empty where a contrast cannot be estimated or no curve fits."""
    sizes = [point.size for point in points]
    if len(set(sizes)) < len(sizes) or points[-1].variant != BASELINE:
        return ()
    rows = [gain_weights(sizes, exponent, at) for at in AT for exponent in EXPONENTS]
    rows += [misfit_weights(sizes, exponent) for exponent in EXPONENTS]
    contrasts = [
        Contrast(
            name=f"curve {number}",
            variant=BASELINE,
            reference=points[0].variant,
            weights={point.variant: float(weight) for point, weight in zip(points, row, strict=True)},
            family="learning curve",
        )
        for number, row in enumerate(rows)
    ]
    # Nothing is judged: one look at the runs there are, whatever was decided before.
    reached = max(cell.replicate.index for cell in judged.cells) + 1
    question = replace(judged.question, looks=(reached,), shares=(), planned=None)
    found = estimate_effects(judged.cells, contrasts, question, look=1, book=judged.book)
    known = [effect.estimate for effect in found if effect.estimate is not None and not effect.judged.reason]
    if len(known) < len(rows):
        return ()
    k, scale = len(EXPONENTS), judged.metric.scale
    told = [extrapolate(known[i * k : (i + 1) * k], known[-k:], at) for i, at in enumerate(AT)]
    return tuple(_shown(one, scale, _room(judged, points[-1])) for one in told if one is not None)


def _room(judged: Judged, last: LearningPoint) -> tuple[float, float]:
    """The most a rate can fall and rise."""
    if judged.metric.unit != "%":
        return (float("-inf"), float("inf"))
    return (-last.mean, judged.metric.scale - last.mean)


def _shown(found: Extrapolation, scale: float, room: tuple[float, float]) -> Extrapolation:
    least, most, lo, hi = (
        min(room[1], max(room[0], scale * value)) for value in (found.least, found.most, found.lo, found.hi)
    )
    return found._replace(least=least, most=most, lo=lo, hi=hi)


def _answer(
    gains: tuple[Extrapolation, ...], worthwhile: float | None, sign: int
) -> Literal["enough", "too_few", "open", "unknown"]:
    if not gains or worthwhile is None:
        return "unknown"
    least, most = sorted((sign * gains[-1].lo, sign * gains[-1].hi))
    return "enough" if least >= worthwhile else "too_few" if most < worthwhile else "open"
