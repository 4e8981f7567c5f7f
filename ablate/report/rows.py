"""The rows of a report: a variant, a run, a comparison, each in the unit it is shown in."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import isfinite, sqrt
from pathlib import Path
from typing import Literal

from ablate.records import Cell, Contrast, Failed, Finished, Prepared, Variant
from ablate.report.facts import EffectRow, Metric, Published, RunRow, VariantRow
from ablate.report.questions import shown_scale
from ablate.stats.accuracy import Accuracy
from ablate.stats.effects import Effect, is_to_come
from ablate.stats.verdict import verdict_text
from ablate.study.plan import published_fraction


def variant_row(
    variant: Variant,
    cells: Sequence[Cell],
    level: Accuracy | None,
    prepared: Prepared | None,
    published: Mapping[str, object],
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
        published=_published(published[variant.name]) if variant.name in published else None,
    )


def _published(figure: object) -> Published:
    fraction, images = published_fraction(figure)
    return Published(value=fraction * 100, images=images)  # a figure without a count is stored as a hundredth


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


@dataclass(frozen=True, slots=True)
class _Extra:
    """Differences of what runs take, weighted like the contrast."""

    weights: Mapping[str, float]
    rows: Mapping[str, VariantRow]

    def of(self, what: str) -> float | None:
        values = {name: getattr(self.rows[name], what) for name in self.weights}
        if any(value is None for value in values.values()):
            return None
        return float(sum(weight * values[name] for name, weight in self.weights.items()))


def effect_rows(effects: Sequence[Effect], variants: Sequence[VariantRow], metric: Metric) -> tuple[EffectRow, ...]:
    """Every comparison, in the order of the plan."""
    rows = {row.name: row for row in variants}
    families = [effect.contrast.family for effect in effects]
    return tuple(_effect_row(effect, rows, metric, families.count(effect.contrast.family)) for effect in effects)


def _effect_row(effect: Effect, rows: Mapping[str, VariantRow], metric: Metric, family_size: int) -> EffectRow:
    contrast, judged, found = effect.contrast, effect.judged, effect.estimate
    # What two changes cost together beyond the sum of the two says nothing to anybody.
    extra = _Extra({} if contrast.family == "interactions" else contrast.weights, rows)
    return EffectRow(
        name=contrast.name,
        variant=contrast.variant,
        reference=contrast.reference,
        family=contrast.family,
        look=effect.look,
        family_size=family_size,
        is_pair=_is_pair(contrast, rows),
        difference=_scaled(found.difference if found else None, metric),
        lo=_scaled(found.lo if found else None, metric),
        hi=_scaled(found.hi if found else None, metric),
        lo_all=_scaled(judged.lo_all, metric),
        hi_all=_scaled(judged.hi_all, metric),
        p=found.p if found else None,
        p_adjusted=judged.p_adjusted if judged.verdict != "not_assessable" else None,
        n=found.n_replicates if found else 0,
        images=found.n_images if found else None,
        verdict=judged.verdict,
        verdict_text=verdict_text(judged, scale=metric.scale, decimals=metric.decimals),
        supplement=judged.supplement,
        reason=judged.reason,
        visible=_scaled(judged.visible, metric),
        needed=judged.needed,
        by_replicate=tuple(value * metric.scale for value in found.by_replicate) if found else (),
        extra_parameters=extra.of("parameters") if extra.weights else None,
        extra_steps=extra.of("steps") if extra.weights else None,
        extra_seconds=extra.of("seconds") if extra.weights else None,
    )


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


def _scaled(value: float | None, metric: Metric) -> float | None:
    return value * metric.scale if value is not None and isfinite(value) else None
