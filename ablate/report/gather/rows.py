"""The rows of a report: a variant, a run, a comparison, each in the unit it is shown in."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import isfinite, sqrt
from pathlib import Path
from typing import Literal

from ablate.metrics import is_rate
from ablate.readers.published import PublishedFigure
from ablate.records import Cell, Contrast, Failed, Finished, Prepared, Variant
from ablate.report.facts.effect import Compared, Course, Decision, EffectRow, ExtraCost, Measured
from ablate.report.facts.findings import Published, VariantRow
from ablate.report.facts.runs import RunRow
from ablate.report.gather.no_worse import SEVERAL, no_worse_claim
from ablate.report.wording.numbers import counted, duration
from ablate.results.question import Metric, shown_scale
from ablate.stats.accuracy import Accuracy
from ablate.stats.effects import Effect, is_to_come
from ablate.stats.looks import WAITING
from ablate.stats.verdict import NextLook, verdict_text


def variant_row(
    variant: Variant,
    cells: Sequence[Cell],
    level: Accuracy | None,
    prepared: Prepared | None,
    published: Mapping[str, PublishedFigure],
    metric: Metric,
) -> VariantRow:
    """One variant over its finished runs. published: variant -> figure, of this study's metric."""
    runs = [cell.result for cell in cells if cell.variant == variant.name and isinstance(cell.result, Finished)]
    values = [run.metrics[metric.name] * metric.scale for run in runs if metric.name in run.metrics]
    costs = [run.cost for run in runs]
    mean, lo, hi = (level.mean, level.lo, level.hi) if level else (None, None, None)
    return VariantRow(
        name=variant.name,
        reference=variant.reference,
        changes=variant.changes,
        n=len(values),
        mean=_scaled(mean, metric),
        lo=_scaled(lo, metric),
        hi=_scaled(hi, metric),
        spread=deviation(values),
        parameters=next((cost.parameters for cost in costs if cost.parameters is not None), None),
        flops=next((cost.flops for cost in costs if cost.flops is not None), None),
        steps=_mean([cost.steps for cost in costs]),
        images_seen=_mean([cost.images_seen for cost in costs]),
        peak_bytes=max((cost.peak_bytes for cost in costs if cost.peak_bytes is not None), default=None),
        seconds=_mean([run.seconds for run in runs]),
        counts=prepared.counts if prepared else {},
        published=_published(published[variant.name], metric) if variant.name in published else None,
        step_seconds=_mean([cost.train_seconds / cost.steps for cost in costs if cost.train_seconds and cost.steps]),
        factors=variant.factors,
        alias=variant.alias,
        run_seconds={
            cell.replicate.index: cell.result.seconds
            for cell in cells
            if cell.variant == variant.name and isinstance(cell.result, Finished)
        },
    )


def _published(figure: PublishedFigure, metric: Metric) -> Published:
    return Published(value=figure.value * metric.scale, images=figure.images)


def run_row(cell: Cell, work: Path, *, is_open: bool) -> RunRow:
    """One run; an interrupted one counts as not made yet, because the next command makes it.

    is_open: a comparison of its variant is undecided, so that a run which was not made is missing.
    """
    run = cell.result
    metrics = run.metrics if isinstance(run, Finished) else {}
    return RunRow(
        variant=cell.variant,
        replicate=cell.replicate.index,
        status=_status(cell, is_open=is_open),
        reason=run.reason if isinstance(run, Failed) else "",
        message=run.message if isinstance(run, Failed) else "not run yet" if run is None else "",
        metrics={name: value * shown_scale(name) for name, value in metrics.items()},
        epoch=run.epoch if isinstance(run, Finished) else None,
        seconds=run.seconds if isinstance(run, Finished) else None,
        folder=_below(run.folder, work) if run is not None else "",
        traceback=run.traceback if isinstance(run, Failed) else "",
    )


def _status(cell: Cell, *, is_open: bool) -> Literal["finished", "failed", "missing", "spared"]:
    if is_to_come(cell):
        return "missing" if is_open else "spared"
    return "finished" if isinstance(cell.result, Finished) else "failed"


def _below(folder: Path, work: Path) -> str:
    try:
        return folder.resolve().relative_to(work.resolve()).as_posix()
    except ValueError:
        return "/".join(folder.parts[-2:])


def effect_rows(
    effects: Sequence[Effect], variants: Sequence[VariantRow], metric: Metric, looks: Sequence[int]
) -> tuple[EffectRow, ...]:
    """Every comparison, in the order of the plan. looks: planned numbers of replicates."""
    rows = {row.name: row for row in variants}
    families = [effect.contrast.family for effect in effects]
    keys = [key_of(family, families[:i].count(family)) for i, family in enumerate(families)]
    return tuple(
        _effect_row(effect, rows, metric, families.count(effect.contrast.family), looks, key=key)
        for effect, key in zip(effects, keys, strict=True)
    )


def key_of(family: str, position: int) -> str:
    """By what a page knows a comparison: names may be anything."""
    return f"{family} {position}"


def _effect_row(
    effect: Effect, rows: Mapping[str, VariantRow], metric: Metric, family_size: int, looks: Sequence[int], *, key: str
) -> EffectRow:
    next_look = _next_look(effect, rows, looks)
    return EffectRow(
        compared=_compared(effect.contrast, rows, family_size, key),
        measured=_measured(effect, rows, metric, looks),
        decision=_decision(effect, metric, _outlook(effect, next_look, looks)),
        course=_course(effect, metric, next_look, looks),
        extra=_extra(effect.contrast, rows),
        no_worse=no_worse_claim(effect, rows, metric),
    )


def _compared(contrast: Contrast, rows: Mapping[str, VariantRow], family_size: int, key: str) -> Compared:
    return Compared(
        name=contrast.name,
        variant=contrast.variant,
        reference=contrast.reference,
        family=contrast.family,
        family_size=family_size,
        is_pair=_is_pair(contrast, rows),
        factors=contrast.factors,
        key=key,
    )


def _measured(effect: Effect, rows: Mapping[str, VariantRow], metric: Metric, looks: Sequence[int]) -> Measured:
    contrast, judged, found = effect.contrast, effect.judged, effect.estimate
    return Measured(
        difference=_scaled(found.difference if found else None, metric),
        lo=_bound(found.lo if found else None, contrast, metric),
        hi=_bound(found.hi if found else None, contrast, metric),
        lo_all=_bound(judged.lo_all, contrast, metric),
        hi_all=_bound(judged.hi_all, contrast, metric),
        n=found.n_replicates if found else 0,
        n_planned=looks[effect.look - 1],
        images=found.n_images if found else None,
        by_replicate=tuple(value * metric.scale for value in found.by_replicate) if found else (),
        wins=_wins(found.by_replicate, metric) if found else None,
        relative=_relative(effect, rows, metric),
    )


def _decision(effect: Effect, metric: Metric, outlook: str) -> Decision:
    judged, found = effect.judged, effect.estimate
    return Decision(
        verdict=judged.verdict,
        verdict_text=verdict_text(
            judged,
            scale=metric.scale,
            decimals=metric.decimals,
            outlook=outlook,
            unit="points" if metric.unit == "%" else "",
        ),
        supplement=judged.supplement,
        reason=judged.reason,
        p=found.p if found else None,
        p_adjusted=judged.p_adjusted if judged.verdict != "not_assessable" else None,
    )


def _course(effect: Effect, metric: Metric, next_look: NextLook | None, looks: Sequence[int]) -> Course:
    judged = effect.judged
    return Course(
        look=effect.look,
        share=effect.share,
        early=judged.verdict not in ("undecided", "not_assessable") and effect.look < len(looks),
        stopped=effect.stopped,
        chance=effect.chance,
        next_look=next_look,
        visible=_scaled(judged.visible, metric),
        needed=judged.needed,
        images_dominate=effect.estimate is not None and effect.estimate.images_dominate,
    )


def _extra(contrast: Contrast, rows: Mapping[str, VariantRow]) -> ExtraCost:
    # What two changes cost together beyond the sum of the two says nothing to anybody.
    if contrast.family in SEVERAL:
        return ExtraCost()
    return ExtraCost(**{cost: _weighted(contrast.weights, rows, cost) for cost in COSTS})


COSTS = ("parameters", "steps", "seconds", "flops", "images_seen", "step_seconds")


def _weighted(weights: Mapping[str, float], rows: Mapping[str, VariantRow], cost: str) -> float | None:
    """The difference of what runs take, weighted like the contrast."""
    values = {name: getattr(rows[name], cost) for name in weights}
    if any(value is None for value in values.values()):
        return None
    return float(sum(weight * values[name] for name, weight in weights.items()))


def _next_look(effect: Effect, rows: Mapping[str, VariantRow], looks: Sequence[int]) -> NextLook | None:
    if not effect.is_open or effect.look >= len(looks) or effect.judged.reason == WAITING:
        return None
    replicates, further = looks[effect.look], looks[effect.look] - looks[effect.look - 1]
    seconds = [rows[name].seconds for name in effect.contrast.weights]
    known = [value for value in seconds if value is not None]
    mean = sum(known) / len(known) if known else None
    price = None if mean is None else further * sum(mean if value is None else value for value in seconds)
    return NextLook(replicates, further * len(seconds), price)


def _outlook(effect: Effect, next_look: NextLook | None, looks: Sequence[int]) -> str:
    """What becomes of an undecided comparison."""
    if effect.stopped and effect.chance is not None:
        return f"stopped for futility: a chance of {max(1, round(100 * effect.chance))}% that the looks left show more"
    if next_look is not None:
        price = "" if next_look.seconds is None else f", about {duration(next_look.seconds)}"
        runs = counted(next_look.runs, "further run")
        return f"next look: {counted(next_look.replicates, 'replicate')}, {runs}{price}"
    return "no planned look is left" if effect.look == len(looks) else ""


def _wins(by_replicate: Sequence[float], metric: Metric) -> float | None:
    sign = 1 if metric.goal == "max" else -1
    return sum(sign * value > 0 for value in by_replicate) / len(by_replicate) if by_replicate else None


def _relative(effect: Effect, rows: Mapping[str, VariantRow], metric: Metric) -> float | None:
    """The share of the reference's errors that are gone, for a rate of what is right."""
    found = effect.estimate
    if found is None or metric.unit != "%" or metric.goal != "max" or not _is_pair(effect.contrast, rows):
        return None
    level = rows[effect.contrast.reference].mean
    return found.difference / (1 - level / 100) if level is not None and level < 100 else None


def _is_pair(contrast: Contrast, rows: Mapping[str, VariantRow]) -> bool:
    return contrast.variant in rows and contrast.reference in rows


def deviation(values: Sequence[float]) -> float | None:
    """The standard deviation of a sample; None below two values."""
    if len(values) < 2:
        return None
    mean = sum(values) / len(values)
    return sqrt(sum((value - mean) ** 2 for value in values) / (len(values) - 1))


def _mean(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return sum(known) / len(known) if known else None


def _bound(value: float | None, contrast: Contrast, metric: Metric) -> float | None:
    """The end of an interval; two rates cannot differ by more than a contrast of 0 and 1 does."""
    if value is not None and isfinite(value) and is_rate(metric.name):
        most = sum(abs(weight) for weight in contrast.weights.values()) / 2
        value = max(-most, min(most, value))
    return _scaled(value, metric)


def _scaled(value: float | None, metric: Metric) -> float | None:
    return value * metric.scale if value is not None and isfinite(value) else None
