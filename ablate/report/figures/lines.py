"""Lines of intervals in vectors, at the sizes of print and of a slide."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from ablate.report.figures.drawing import BAND, DOT, FAINT, FAINTER, INK, inches_of, label, new_figure
from ablate.report.figures.forest import ForestInfo, ForestRow
from ablate.report.figures.numbers import LevelsInfo, stack_dots
from ablate.report.figures.sheet import Sheet, bare_frame
from ablate.report.wording.verdicts import VERDICTS

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


def draw_forest(info: ForestInfo, sheet: Sheet) -> Figure:
    """A line a comparison: name, intervals, numbers, and its verdict by a sign; in words where there is room."""
    rows = [row for group in info.groups for row in group.rows]
    lines = len(rows) + len(info.groups)
    sheet, is_wide = sheet.with_lines(lines + 4), sheet.width > 5
    told = {row: f"{VERDICTS[row.verdict].glyph} {row.words if is_wide else ''}".strip() for row in rows}
    columns = [
        max(inches_of(text, sheet.size) for text in texts) for texts in ([r.numbers for r in rows], told.values())
    ]
    names = min(0.34 * sheet.width, max(inches_of(row.label, sheet.size) for row in rows))
    footer = [info.label, info.thin] if info.thin and is_wide else [info.label]
    margins = (names + 2 * sheet.gap, sum(columns) + 3 * sheet.gap)
    figure, axes = _lined(sheet, lines, margins, below=(1.1 + len(footer)) * sheet.line)
    width = sheet.width - sum(margins)
    write = partial(_write, axes, size=sheet.size)
    y = 0
    for group in info.groups:
        write(-(names + sheet.gap) / width, y, group.title, weight="bold")
        span = (y + 0.5, y + len(group.rows) + 0.5)
        for band in info.bands:
            colour = BAND if band.kind == "none" else FAINTER
            axes.fill_betweenx(span, band.lo, band.hi, color=colour, linewidth=0, zorder=0)
        axes.plot((0, 0), span, color=FAINT, linewidth=sheet.stroke, zorder=1)
        for row in group.rows:
            y += 1
            write(-(names + sheet.gap) / width, y, label(row.label, names, sheet.size))
            write(1 + sheet.gap / width, y, row.numbers)
            write(1 + (2 * sheet.gap + columns[0]) / width, y, told[row], color=VERDICTS[row.verdict].colour)
            _draw_comparison(axes, row, y, (info.axis.lo, info.axis.hi), sheet.stroke)
        y += 1
    axes.set_xlim(info.axis.lo, info.axis.hi)
    axes.set_xlabel("\n".join(footer), fontsize=sheet.size, parse_math=False)
    return figure


def _draw_comparison(axes: Axes, row: ForestRow, y: float, limits: tuple[float, float], stroke: float) -> None:
    if row.difference is None:
        return
    colour, (least, most) = VERDICTS[row.verdict].colour, limits
    thick = () if row.diamond else ((row.lo, row.hi, 3.5),)
    for lo, hi, width in ((row.lo_all, row.hi_all, 1.1), *thick):
        ends = (least if lo is None else max(least, lo), most if hi is None else min(most, hi))
        axes.plot(ends, (y, y), color=colour, linewidth=width * stroke, solid_capstyle="butt", zorder=2)
    dots = stack_dots(row.by_replicate if len(row.by_replicate) > 1 else (), apart=2 * DOT * (most - least))
    step = min(0.11, 0.3 / max(1, *(level for _, level in dots), 1))
    at = [y + 0.28 + step * level for _, level in dots]
    axes.plot([x for x, _ in dots], at, "o", color=FAINT, markersize=2 * stroke, zorder=3, clip_on=False)
    if row.diamond:
        middle, left, right = row.difference, row.lo or row.difference, row.hi or row.difference
        axes.fill((left, middle, right, middle), (y, y - 0.3, y, y + 0.3), color=colour, zorder=4)
        return
    axes.plot([row.difference], [y], "o", color=INK, markersize=5 * stroke, zorder=4, clip_on=False)


def draw_levels(info: LevelsInfo, sheet: Sheet) -> Figure:
    """One line per variant: its level with its interval, beside the published figure."""
    sheet = sheet.with_lines(len(info.rows) + 3)
    told = [f"  (n={row.n})" for row in info.rows]
    room = 0.34 * sheet.width
    names = [
        label(row.label, room - inches_of(n, sheet.size), sheet.size) + n
        for row, n in zip(info.rows, told, strict=True)
    ]
    left = max(inches_of(name, sheet.size) for name in names) + 2 * sheet.gap
    figure, axes = _lined(sheet, len(info.rows), (left, 2 * sheet.gap), below=2.1 * sheet.line)
    stroke = sheet.stroke
    for y, row in enumerate(info.rows):
        if row.published is not None:
            axes.plot([row.published], [y], "D", color="#d55e00", markersize=5 * stroke, fillstyle="none", zorder=2)
        if row.mean is not None:
            if row.lo is not None and row.hi is not None:
                ends = (row.lo, row.hi)
                axes.plot(ends, (y, y), color=VERDICTS["better"].colour, linewidth=3 * stroke, solid_capstyle="butt")
            axes.plot([row.mean], [y], "o", color=INK, markersize=5 * stroke, zorder=3)
        _write(axes, -(left - sheet.gap) / (sheet.width - left - 2 * sheet.gap), y, names[y], size=sheet.size)
    axes.set_xlim(*info.limits)
    axes.grid(axis="x", color=BAND, zorder=0)
    axes.set_axisbelow(True)
    axes.set_xlabel(info.label, fontsize=sheet.size, parse_math=False)
    return figure


def _lined(sheet: Sheet, lines: int, margins: tuple[float, float], *, below: float) -> tuple[Figure, Axes]:
    """An empty figure for so many lines of text. margins: left and right of the drawing, below: under it; inches."""
    height = lines * sheet.line + below + sheet.gap if sheet.height is None else sheet.height
    figure = new_figure(sheet.width, height)
    left, right = margins
    inside = (left / sheet.width, below / height, 1 - (left + right) / sheet.width, 1 - (below + sheet.gap) / height)
    axes: Axes = figure.add_axes(inside)
    axes.set_ylim(lines - 0.4, -0.6)
    axes.set_yticks([])
    bare_frame(axes, sheet)
    axes.spines["left"].set_visible(False)
    return figure, axes


def _write(axes: Axes, x: float, y: float, text: str, **style: Any) -> None:
    """Text at a share of the axes' width and a line's height; `$` stays a dollar."""
    place = axes.get_yaxis_transform()
    axes.text(x, y, text, transform=place, va="center", parse_math=False, clip_on=False, **style)
