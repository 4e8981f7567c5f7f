"""The figures as numbers: what is drawn where, before any ink."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from ablate.report.facts.findings import Findings, VariantRow
from ablate.report.facts.summaries import EpochMean, epoch_means
from ablate.report.tables.costs import front
from ablate.report.tables.details import epoch_metric_words
from ablate.report.tables.table import level_words, with_unit
from ablate.report.wording.language import ENGLISH, Words
from ablate.report.wording.numbers import compact, duration
from ablate.report.wording.sentences import metric_title
from ablate.results.question import is_rate

MOST_ROWS = 60
MOST_PANELS = 24


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


class CurveLine(NamedTuple):
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
    lines: tuple[CurveLine, ...]
    before: CurveLine | None


class CurvesInfo(NamedTuple):
    """One metric, a panel a variant, on shared axes. epochs: the first and the last.

    log: whether the values span more than a factor of 100. legend: part -> word, `before` among them. none_kept:
    no image was kept for validation, as far as anybody can know.
    """

    metric: str
    label: str
    panels: tuple[Panel, ...]
    epochs: tuple[int, int]
    limits: tuple[float, float]
    log: bool
    left_out: int
    legend: Mapping[str, str]
    epoch_label: str
    none_kept: bool = True


class ParetoPoint(NamedTuple):
    """One variant: its cost and its level. best: no other beats it in both."""

    name: str
    cost: float
    mean: float
    lo: float | None
    hi: float | None
    best: bool
    words: str


class ParetoInfo(NamedTuple):
    """The variants' levels against one cost."""

    title: str
    points: tuple[ParetoPoint, ...]
    costs: tuple[float, float]
    levels: tuple[float, float]
    cost_label: str
    level_label: str
    caption: str
    ends: tuple[str, str]


def levels_info(findings: Findings) -> LevelsInfo | None:
    """Every variant's level; None before the first result."""
    rows = [
        LevelRow(row.name, row.mean, row.lo, row.hi, row.n, row.published.value if row.published else None)
        for row in findings.variants[:MOST_ROWS]
    ]
    known = [value for row in rows for value in (row.mean, row.lo, row.hi, row.published) if value is not None]
    if not any(row.mean is not None for row in rows):
        return None
    return LevelsInfo(
        rows=tuple(rows),
        limits=_padded(min(known), max(known)),
        label=with_unit(metric_title(findings.study.metric), findings.study.metric.unit),
        left_out=len(findings.variants) - len(rows),
    )


def levels_caption(info: LevelsInfo, say: Words = ENGLISH) -> str:
    """How to read the levels."""
    parts = [say("note.levels")]
    if any(row.published is not None for row in info.rows):
        parts.append(say("note.diamonds"))
    parts.append(say("note.levels_end"))
    return with_left_out(say("join.sentence").join(parts), info.left_out, "what.variants", say)


def curves_info(findings: Findings, metric: str, say: Words = ENGLISH) -> CurvesInfo | None:
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
        label=epoch_metric_words(metric, say),
        panels=tuple(panels[:MOST_PANELS]),
        epochs=(min(epochs), max(epochs)),
        limits=(min(values) / 1.5, max(values) * 1.5) if log else _padded(min(values), max(values)),
        log=log,
        left_out=len(panels[MOST_PANELS:]),
        legend={part: say(f"what.{part}") for part in ("training", "validation", "before")},
        epoch_label=say("figure.epoch"),
        none_kept=findings.evidence.val is None and findings.evidence.parts_known,
    )


def _lines(findings: Findings, variant: str, metric: str) -> tuple[CurveLine, ...]:
    named = (("training", "train/"), ("validation", "val/"), ("", ""))
    lines = [_line(part, epoch_means(findings.runs.histories, variant, f"{prefix}{metric}")) for part, prefix in named]
    return tuple(line for line in lines if line.epochs)


def _panel(findings: Findings, row: VariantRow, lines: Mapping[str, tuple[CurveLine, ...]]) -> Panel:
    n = sum(history.variant == row.name and bool(history.epochs) for history in findings.runs.histories)
    before = lines[row.reference] if row.reference is not None else ()
    return Panel(row.name, n, lines[row.name], before[-1] if before else None)


def _line(part: str, means: Sequence[EpochMean]) -> CurveLine:
    return CurveLine(
        part,
        tuple(found.epoch for found in means),
        tuple(found.mean for found in means),
        tuple(found.lo for found in means),
        tuple(found.hi for found in means),
    )


def curves_caption(info: CurvesInfo, say: Words = ENGLISH) -> str:
    """How to read the curves."""
    counts = sorted({panel.n for panel in info.panels})
    parts = [say("note.curves_single")]
    if counts != [1]:
        parts = [say("note.curves", n=say("what.or").join(map(say.in_words, counts)))]
    if any(panel.before is not None for panel in info.panels):
        parts.append(say("note.dashed"))
    if not any(line.part == "validation" for panel in info.panels for line in panel.lines):
        parts.append(say("note.no_validation" if info.none_kept else "note.no_validation_curve"))
    if info.log:
        parts.append(say("note.log"))
    return with_left_out(say("join.sentence").join(parts), info.left_out, "what.variants", say)


def pareto_infos(findings: Findings, say: Words = ENGLISH) -> tuple[ParetoInfo, ...]:
    """Levels against parameters and against time, each where it is known and differs between variants."""
    costs = {"parameters": say("what.parameters"), "seconds": say("what.time")}
    return tuple(info for cost, words in costs.items() if (info := _pareto_info(findings, cost, words, say)))


def _pareto_info(findings: Findings, cost: str, words: str, say: Words) -> ParetoInfo | None:
    best = front(findings, cost)
    if not best:
        return None
    shown = compact if cost == "parameters" else duration
    rows = [(row, getattr(row, cost)) for row in findings.variants if row.mean is not None]
    points = tuple(
        ParetoPoint(
            row.name, price, row.mean or 0.0, row.lo, row.hi, row.name in best,
            f"{level_words(row, findings)}, {shown(price)}",
        )
        for row, price in rows[:MOST_ROWS]
        if price is not None
    )  # fmt: skip
    ends = [value for point in points for value in (point.mean, point.lo, point.hi) if value is not None]
    prices = [point.cost for point in points]
    metric = with_unit(metric_title(findings.study.metric), findings.study.metric.unit)
    return ParetoInfo(
        title=say("figure.pareto", metric=metric, cost=words),
        points=points,
        costs=_padded(min(prices), max(prices)),
        levels=_padded(min(ends), max(ends)),
        cost_label=words,
        level_label=metric,
        caption=say("note.pareto", metric=metric_title(findings.study.metric), cost=words),
        ends=(shown(min(prices)), shown(max(prices))),
    )


def with_left_out(caption: str, left_out: int, what: str, say: Words) -> str:
    """A caption with how many rows the figure leaves to the tables."""
    if not left_out:
        return caption
    return caption + say("join.sentence") + say("note.left_out", n=left_out, what=say(what))


def _padded(lo: float, hi: float) -> tuple[float, float]:
    margin = 0.05 * (hi - lo) or max(1.0, abs(hi)) * 0.05
    return lo - margin, hi + margin


def stack_dots(places: Sequence[float], *, apart: float) -> list[tuple[float, int]]:
    """Each dot with its level, 0 or below: as many dots are seen as there are, however close they lie."""
    found: list[tuple[float, int]] = []
    for x in sorted(places):
        taken = {level for other, level in found if x - other < apart}
        found.append((x, next(level for level in range(len(places)) if level not in taken)))
    return found
