"""Drawings for the HTML page, made of numbers alone: no text, hence nothing to escape.

Places are shares of the width and height, so that a drawing fits a telephone and a sheet of paper without
its strokes or the words beside it growing or shrinking. Colours come from the page's style.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from math import floor, isfinite, log10
from typing import NamedTuple

from markupsafe import Markup

from ablate.report.figures.answers import AnswerCurvesInfo, AnswerPanel, banded_parts
from ablate.report.figures.numbers import CurveLine, CurvesInfo, Panel, ParetoInfo, stack_dots
from ablate.report.tables.table import Band, Mark
from ablate.report.wording.numbers import Axis

MOST_DOTS = 60
"""Dots of single replicates in one row; more of them are a blot."""


class Tick(NamedTuple):
    """A labelled place on an axis; share: 0 at its left end or bottom, 100 at the other."""

    share: float
    label: str


def ticks(lo: float, hi: float, *, most: int = 5) -> tuple[Tick, ...]:
    """Round numbers within the axis, at most so many."""
    size = (hi - lo) / most
    power = 10.0 ** floor(log10(size))
    step = next(factor * power for factor in (1, 2, 2.5, 5, 10) if factor * power >= size * 0.999)
    first = -floor(-lo / step + 1e-9)
    found = []
    for i in range(first, floor(hi / step + 1e-9) + 1):
        value = i * step
        found.append(Tick(round(100 * (value - lo) / (hi - lo), 2), f"{value:.10g}"))
    return tuple(found)


HALF, DOT = 13, 4
"""Pixels: from the top of a drawing to its line, and from one dot to the next one stacked below it."""
APART = 3.0
"""Percent of an axis that two dots need to be told apart, on the narrowest drawing."""
HIGHEST = 6
"""Dots in one stack; with more of them they overlap."""


def draw_interval(mark: Mark, axis: Axis, bands: Sequence[Band] = ()) -> Markup:
    """One comparison on the common axis: dots, thin and thick interval, estimate; arrows where it goes on."""

    def place(value: float) -> float:
        return round(100 * min(1.0, max(0.0, (value - axis.lo) / (axis.hi - axis.lo))), 2)

    parts = []
    for band in bands:
        left, right = place(band.lo), place(band.hi)
        kind = "band" if band.kind == "none" else "band small"
        parts.append(f'<rect class="{kind}" x="{left}%" y="0" width="{right - left:.2f}%" height="100%"/>')
    if axis.lo <= 0 <= axis.hi:
        parts.append(f'<line class="zero" x1="{place(0)}%" x2="{place(0)}%" y1="0" y2="100%"/>')
    lowest = 0
    if mark.point is not None:
        thick = () if mark.diamond else ((mark.lo, mark.hi, "thick"),)
        for lo, hi, name in ((mark.lo_all, mark.hi_all, "thin"), *thick):
            parts.append(_span(axis.lo if lo is None else lo, axis.hi if hi is None else hi, name, place))
        for ends, beyond, turn in (((mark.lo, mark.lo_all), axis.lo, 1), ((mark.hi, mark.hi_all), axis.hi, -1)):
            if any(end is None or (end - beyond) * turn < 0 for end in ends):
                parts.append(f'<svg x="{place(beyond)}%" y="{HALF}"><path d="M0 0l{7 * turn} -5v10z"/></svg>')
        stacked = stack_dots([place(dot) for dot in mark.dots[:MOST_DOTS]], apart=APART)
        lowest = max((level for _, level in stacked), default=0)
        step = min(DOT, DOT * HIGHEST / max(1, lowest))
        parts += [f'<circle class="dot" cx="{x}%" cy="{HALF + 9 + step * level:g}" r="2"/>' for x, level in stacked]
        parts.append(
            _diamond(mark, axis, place)
            if mark.diamond
            else f'<circle class="point" cx="{place(mark.point)}%" cy="{HALF}" r="4.5"/>'
        )
    height = 2 * HALF + DOT * min(lowest, HIGHEST)
    tall = f' style="height:{height}px"' if height > 2 * HALF else ""
    drawn = (mark.lo, mark.hi, mark.lo_all, mark.hi_all)
    numbers = numbers_of(mark.point, *drawn, mark.dots[:MOST_DOTS], *axis, mark.diamond)
    return Markup(
        f'<svg class="interval v-{mark.verdict}" data-mark="{numbers}" aria-hidden="true" focusable="false"{tall}>'
        f"{''.join(parts)}</svg>"
    )


def _diamond(mark: Mark, axis: Axis, place: Callable[[float], float]) -> str:
    """As wide as the interval; a drawing of its own, since corners cannot be given as shares of the width."""
    left = place(axis.lo if mark.lo is None else mark.lo)
    right = place(axis.hi if mark.hi is None else mark.hi)
    middle = 100 * (place(mark.point or 0.0) - left) / (right - left) if right > left else 50.0
    return (
        f'<svg x="{left}%" y="15%" width="{max(right - left, 0.5):.2f}%" height="70%" viewBox="0 0 100 100" '
        f'preserveAspectRatio="none"><path d="M0 50L{middle:.2f} 0L100 50L{middle:.2f} 100z"/></svg>'
    )


def numbers_of(*numbers: float | tuple[float, ...] | None) -> str:
    """What a drawing shows, for the page's script: JSON without a quotation mark."""
    known = [None if isinstance(number, float) and not isfinite(number) else number for number in numbers]
    return json.dumps(known, separators=(",", ":"))


def _span(lo: float, hi: float, name: str, place: object) -> str:
    assert callable(place)
    return f'<line class="{name}" x1="{place(lo)}%" x2="{place(hi)}%" y1="{HALF}" y2="{HALF}"/>'


def level(row: Sequence[float | None], limits: tuple[float, float]) -> Markup:
    """A variant's level with its interval and, as a diamond, a published figure. row: mean, lo, hi, published."""
    mean, lo, hi, published = row

    def place(value: float) -> float:
        return round(100 * (value - limits[0]) / (limits[1] - limits[0]), 2)

    parts = []
    if published is not None:
        parts.append(f'<svg x="{place(published)}%" y="50%"><path class="diamond" d="M0 -6l6 6l-6 6l-6 -6z"/></svg>')
    if mean is not None:
        if lo is not None and hi is not None:
            parts.append(_span(lo, hi, "thick", place))
        parts.append(f'<circle class="point" cx="{place(mean)}%" cy="50%" r="4.5"/>')
    numbers = numbers_of(mean, lo, hi, published, None, None, *limits)
    return Markup(
        f'<svg class="interval v-better" data-mark="{numbers}" aria-hidden="true" focusable="false">'
        f"{''.join(parts)}</svg>"
    )


def panel(info: CurvesInfo, found: Panel) -> Markup:
    """One variant's curves: bands from the least to the most replicate, means, dashed what it is built on."""
    parts = [
        f'<line class="grid" x1="0" x2="100" y1="{100 - tick.share:.2f}" y2="{100 - tick.share:.2f}"/>'
        for tick in curve_ticks(info)
    ]
    if found.before is not None:
        parts.append(_path(info, found.before, found.before.mean, "before"))
    for line in found.lines:
        name = line.part or "training"
        upper = [_point(info, epoch, value) for epoch, value in zip(line.epochs, line.hi, strict=True)]
        lower = [_point(info, epoch, value) for epoch, value in zip(line.epochs, line.lo, strict=True)]
        points = " ".join([*upper, *reversed(lower)])
        parts.append(f'<polygon class="{name}" points="{points}"/>')
        parts.append(_path(info, line, line.mean, name))
    return Markup(
        '<svg class="curve" viewBox="0 0 100 100" preserveAspectRatio="none" aria-hidden="true" '
        f'focusable="false">{"".join(parts)}</svg>'
    )


def _path(info: CurvesInfo, line: CurveLine, values: Sequence[float], name: str) -> str:
    points = [_point(info, epoch, value) for epoch, value in zip(line.epochs, values, strict=True)]
    if len(points) == 1:  # a line of one point has no length
        x, y = points[0].split(",")
        points = [f"{float(x) - 2:.2f},{y}", f"{float(x) + 2:.2f},{y}"]
    return f'<polyline class="{name}" points="{" ".join(points)}"/>'


def _point(info: CurvesInfo, epoch: int, value: float) -> str:
    first, last = info.epochs
    x = 50.0 if first == last else 100 * (epoch - first) / (last - first)
    return f"{x:.2f},{100 - _height(info, value):.2f}"


def _height(info: CurvesInfo, value: float) -> float:
    lo, hi = info.limits
    if info.log:
        lo, hi, value = log10(lo), log10(hi), log10(value)
    return 100 * (value - lo) / (hi - lo)


def curve_ticks(info: CurvesInfo) -> tuple[Tick, ...]:
    """The numbers at the left of the curves; powers of ten on a logarithmic axis."""
    if not info.log:
        return ticks(*info.limits, most=4)
    lo, hi = info.limits
    powers = range(-floor(-log10(lo)), floor(log10(hi)) + 1)
    return tuple(Tick(round(_height(info, 10.0**power), 2), f"{10.0**power:g}") for power in powers)


def pareto(info: ParetoInfo) -> Markup:
    """Every variant's level over its cost, numbered; ringed where no other beats it in both."""

    def x(value: float) -> float:
        return round(100 * (value - info.costs[0]) / (info.costs[1] - info.costs[0]), 2)

    def y(value: float) -> float:
        return round(100 - 100 * (value - info.levels[0]) / (info.levels[1] - info.levels[0]), 2)

    parts = [
        f'<line class="grid" x1="0" x2="100%" y1="{100 - tick.share:.2f}%" y2="{100 - tick.share:.2f}%"/>'
        for tick in ticks(*info.levels, most=4)
    ]
    placed: list[tuple[float, float]] = []
    for key, point in enumerate(info.points, start=1):
        at, height = x(point.cost), y(point.mean)
        # Numbers of points that nearly coincide stand side by side instead of on each other.
        crowd = sum(abs(at - left) < 4 and abs(height - top) < 6 for left, top in placed)
        placed.append((at, height))
        if point.lo is not None and point.hi is not None:
            parts.append(f'<line class="thin" x1="{at}%" x2="{at}%" y1="{y(point.lo)}%" y2="{y(point.hi)}%"/>')
        if point.best:
            parts.append(f'<circle class="ring" cx="{at}%" cy="{height}%" r="8"/>')
        parts.append(f'<circle class="point" cx="{at}%" cy="{height}%" r="4"/>')
        parts.append(f'<text x="{at}%" y="{height}%" dx="{9 + 12 * crowd}" dy="-6">{key}</text>')
    return Markup(f'<svg class="pareto" aria-hidden="true" focusable="false">{"".join(parts)}</svg>')


def answer_panel(info: AnswerCurvesInfo, found: AnswerPanel) -> Markup:
    """One variant's curve of probabilities: bars, the dotted line, dashed what it is built on, band, mean."""
    parts = [f'<line class="grid" x1="0" x2="100" y1="{y}" y2="{y}"/>' for y in (0, 25, 50, 75)]
    width = 100 / max(1, len(found.bars))
    parts += [
        f'<rect class="band" x="{i * width:.2f}" y="{100 - 100 * share:.2f}" width="{width:.2f}" '
        f'height="{100 * share:.2f}"/>'
        for i, share in enumerate(found.bars)
    ]
    first, second = (f"{100 - 100 * y:.2f}" for y in info.dotted)
    parts.append(f'<polyline class="dotted" points="0,{first} 100,{second}"/>')
    if found.before is not None:
        parts.append(f'<polyline class="before" points="{_places(found.before.x, found.before.mean)}"/>')
    for x, lo, hi in banded_parts(found.line):
        upper, lower = _places(x, hi), _places(x[::-1], lo[::-1])
        parts.append(f'<polygon class="validation" points="{upper} {lower}"/>')
    parts.append(f'<polyline class="validation" points="{_places(found.line.x, found.line.mean)}"/>')
    if info.dots:
        for place in _places(found.line.x, found.line.mean).split():
            parts.append(f'<polyline class="validation mark" points="{place} {place}"/>')
    return Markup(
        '<svg class="curve" viewBox="0 0 100 100" preserveAspectRatio="none" aria-hidden="true" '
        f'focusable="false">{"".join(parts)}</svg>'
    )


def _places(x: Sequence[float], y: Sequence[float]) -> str:
    return " ".join(f"{100 * left:.2f},{100 - 100 * height:.2f}" for left, height in zip(x, y, strict=True))
