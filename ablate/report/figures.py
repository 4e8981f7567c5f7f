"""The figures as numbers: what is drawn where, before any ink."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from ablate.report.details import epoch_metric_words
from ablate.report.facts import EffectRow, Findings, VariantRow
from ablate.report.history import EpochMean, epoch_means
from ablate.report.numbers import Axis, common_axis, in_words, number, with_interval
from ablate.report.questions import is_rate
from ablate.report.tables import FAMILIES
from ablate.report.words import metric_words, unit_words, verdict_words
from ablate.stats.verdict import Verdict

MOST_ROWS = 60
MOST_PANELS = 24
BEFORE = "before the change"


class ForestRow(NamedTuple):
    """One comparison. lo, hi: the plain interval; lo_all, hi_all: the one for the whole family; None: unbounded."""

    label: str
    difference: float | None
    lo: float | None
    hi: float | None
    lo_all: float | None
    hi_all: float | None
    by_replicate: tuple[float, ...]
    verdict: Verdict
    numbers: str
    words: str


class ForestGroup(NamedTuple):
    """The comparisons of one family, judged together."""

    title: str
    rows: tuple[ForestRow, ...]


class ForestInfo(NamedTuple):
    """Every comparison on one axis. negligible: half the width of the band around no difference."""

    groups: tuple[ForestGroup, ...]
    axis: Axis
    label: str
    negligible: float
    better_is: str
    left_out: int


class LevelRow(NamedTuple):
    """One variant's level; published: a source's figure."""

    label: str
    mean: float | None
    lo: float | None
    hi: float | None
    n: int
    published: float | None


class LevelsInfo(NamedTuple):
    """The variants' levels in the order of the plan."""

    rows: tuple[LevelRow, ...]
    limits: tuple[float, float]
    label: str
    left_out: int


class Line(NamedTuple):
    """One metric of one variant over the epochs: mean, least and most over the replicates."""

    part: str
    epochs: tuple[int, ...]
    mean: tuple[float, ...]
    lo: tuple[float, ...]
    hi: tuple[float, ...]


class Panel(NamedTuple):
    """One variant's curves; n: the replicates behind them; before: the last line of what it is built on."""

    title: str
    n: int
    lines: tuple[Line, ...]
    before: Line | None


class CurvesInfo(NamedTuple):
    """One metric, a panel a variant, on shared axes. epochs: the first and the last.

    log: whether the values span more than a factor of 100.
    """

    metric: str
    label: str
    panels: tuple[Panel, ...]
    epochs: tuple[int, int]
    limits: tuple[float, float]
    log: bool
    left_out: int


def forest_info(findings: Findings) -> ForestInfo | None:
    """Every comparison of every family; None where there is none to draw."""
    metric = findings.metric
    rows = findings.effects[:MOST_ROWS]
    known = [row for row in rows if row.difference is not None]
    if not known:
        return None
    ends = [end for row in known for end in (row.lo, row.hi, row.lo_all, row.hi_all) if end is not None]
    points = [value for row in known for value in (row.difference or 0.0, *row.by_replicate)]
    unit = unit_words(metric).strip()
    families = {name: [row for row in effects if row in rows] for name, effects in findings.families.items()}
    return ForestInfo(
        groups=tuple(
            ForestGroup(FAMILIES.get(name, name.capitalize()), tuple(_forest_row(row, findings) for row in effects))
            for name, effects in families.items()
            if effects
        ),
        axis=common_axis([*points, findings.evidence.negligible, -findings.evidence.negligible], ends),
        label=f"Difference in {metric_words(metric)}{f' ({unit})' if unit else ''}",
        negligible=findings.evidence.negligible,
        better_is="right" if metric.goal == "max" else "left",
        left_out=len(findings.effects) - len(rows),
    )


def _forest_row(effect: EffectRow, findings: Findings) -> ForestRow:
    return ForestRow(
        label=f"{effect.name}, against {effect.reference}" if effect.family == "compare" else effect.name,
        difference=effect.difference,
        lo=effect.lo,
        hi=effect.hi,
        lo_all=effect.lo_all,
        hi_all=effect.hi_all,
        by_replicate=effect.by_replicate,
        verdict=effect.verdict,
        numbers=with_interval(effect.difference, effect.lo, effect.hi, findings.metric.decimals, sign="+"),
        words=verdict_words(effect, with_reason=False),
    )


def forest_caption(info: ForestInfo, findings: Findings) -> str:
    """How to read the forest plot."""
    caption = (
        "Differences with 95% intervals (thick) and with intervals that hold for all comparisons of a family at once "
        "(thin); small dots are single replicates. The grey band is what counts as no difference "
        f"(±{number(info.negligible, findings.metric.decimals)}); better lies to the {info.better_is}."
    )
    return _with_left_out(caption, info.left_out, "comparisons")


def levels_info(findings: Findings) -> LevelsInfo | None:
    """Every variant's level; None before the first result."""
    rows = [
        LevelRow(row.name, row.mean, row.lo, row.hi, row.n, row.published.value if row.published else None)
        for row in findings.variants[:MOST_ROWS]
    ]
    known = [value for row in rows for value in (row.mean, row.lo, row.hi, row.published) if value is not None]
    if not any(row.mean is not None for row in rows):
        return None
    unit = f" ({findings.metric.unit})" if findings.metric.unit else ""
    return LevelsInfo(
        rows=tuple(rows),
        limits=_padded(min(known), max(known)),
        label=f"{metric_words(findings.metric).capitalize()}{unit}",
        left_out=len(findings.variants) - len(rows),
    )


def levels_caption(info: LevelsInfo) -> str:
    """How to read the levels."""
    caption = "Each variant with its 95% interval."
    if any(row.published is not None for row in info.rows):
        caption += " Diamonds are the published figures."
    caption += " Intervals of levels say little about differences: the variants share their test images."
    return _with_left_out(caption, info.left_out, "variants")


def curves_info(findings: Findings, metric: str) -> CurvesInfo | None:
    """Training and validation curves of one metric; None where no trainer reported it."""
    lines = {row.name: _lines(findings, row.name, metric) for row in findings.variants}
    panels = [_panel(findings, row, lines) for row in findings.variants]
    panels = [panel for panel in panels if panel.lines]
    if not panels:
        return None
    values = [value for panel in panels for line in panel.lines for value in (*line.lo, *line.hi)]
    epochs = [epoch for panel in panels for line in panel.lines for epoch in line.epochs]
    log = not is_rate(metric) and min(values) > 0 and max(values) > 100 * min(values)
    return CurvesInfo(
        metric=metric,
        label=epoch_metric_words(metric),
        panels=tuple(panels[:MOST_PANELS]),
        epochs=(min(epochs), max(epochs)),
        limits=(min(values) / 1.5, max(values) * 1.5) if log else _padded(min(values), max(values)),
        log=log,
        left_out=len(panels[MOST_PANELS:]),
    )


def _lines(findings: Findings, variant: str, metric: str) -> tuple[Line, ...]:
    named = (("training", "train/"), ("validation", "val/"), ("", ""))
    lines = [_line(part, epoch_means(findings.histories, variant, f"{prefix}{metric}")) for part, prefix in named]
    return tuple(line for line in lines if line.epochs)


def _panel(findings: Findings, row: VariantRow, lines: Mapping[str, tuple[Line, ...]]) -> Panel:
    n = sum(history.variant == row.name and bool(history.epochs) for history in findings.histories)
    before = lines[row.reference] if row.reference is not None else ()
    return Panel(row.name, n, lines[row.name], before[-1] if before else None)


def _line(part: str, means: Sequence[EpochMean]) -> Line:
    return Line(
        part,
        tuple(found.epoch for found in means),
        tuple(found.mean for found in means),
        tuple(found.lo for found in means),
        tuple(found.hi for found in means),
    )


def curves_caption(info: CurvesInfo) -> str:
    """How to read the curves."""
    counts = sorted({panel.n for panel in info.panels})
    caption = "Lines are single runs."
    if counts != [1]:
        many = " or ".join(map(in_words, counts))
        caption = f"Lines are means over {many} replicates, bands reach from the least to the most of them."
    if any(panel.before is not None for panel in info.panels):
        caption += " Dashed is the variant that each is built on (validation where there is any)."
    if not any(line.part == "validation" for panel in info.panels for line in panel.lines):
        caption += " No images were kept for validation."
    if info.log:
        caption += " The axis is logarithmic."
    return _with_left_out(caption, info.left_out, "variants")


def _with_left_out(caption: str, left_out: int, what: str) -> str:
    return f"{caption} {left_out} further {what} are in the tables only." if left_out else caption


def _padded(lo: float, hi: float) -> tuple[float, float]:
    margin = 0.05 * (hi - lo) or max(1.0, abs(hi)) * 0.05
    return lo - margin, hi + margin
