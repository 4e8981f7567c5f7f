"""Small multiples and clouds of points in vectors, at the sizes of print and of a slide."""

from __future__ import annotations

from collections.abc import Mapping
from math import ceil
from typing import TYPE_CHECKING, Any

from ablate.report.figures.answers import AnswerCurvesInfo, AnswerPanel, banded_parts
from ablate.report.figures.drawing import ANSWER_LINES, BAND, FAINT, INK, PARTS, Stroke, inches_of, label, new_figure
from ablate.report.figures.numbers import CurvesInfo, Panel, ParetoInfo
from ablate.report.figures.sheet import Sheet, bare_frame
from ablate.report.wording.numbers import compact, duration

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Lines = Mapping[str, tuple[str, str, Stroke]]
"""What a legend names: part -> its word, colour and stroke."""


def draw_curves(info: CurvesInfo, sheet: Sheet) -> Figure:
    """Small multiples on shared axes: a panel a variant, mean and band of training and validation."""
    drawn = dict.fromkeys(line.part for panel in info.panels for line in panel.lines if line.part)
    lines: dict[str, tuple[str, str, Stroke]] = {part: (info.legend[part], PARTS[part], "-") for part in drawn}
    if lines and any(panel.before is not None for panel in info.panels):
        lines["before"] = (info.legend["before"], FAINT, "--")
    figure, cells, sheet = _grid(sheet, len(info.panels), (info.epoch_label, info.label), lines, tall=0.72)
    if info.log:
        _set_log(cells[0])
    cells[0].set_ylim(*info.limits)
    if info.epochs[0] == info.epochs[1]:
        cells[0].set_xlim(info.epochs[0] - 0.5, info.epochs[1] + 0.5)
    for axes, panel in zip(cells, info.panels, strict=False):
        _draw_curves(axes, panel, sheet)
    return figure


def _draw_curves(axes: Axes, panel: Panel, sheet: Sheet) -> None:
    from matplotlib.ticker import MaxNLocator

    _entitle(axes, panel.title, panel.n, sheet)
    if panel.before is not None:
        mark = "." if len(panel.before.epochs) == 1 else ""
        axes.plot(panel.before.epochs, panel.before.mean, mark + "--", color=FAINT, linewidth=1.1 * sheet.stroke)
    for line in panel.lines:
        mark = "." if len(line.epochs) == 1 else ""
        axes.plot(line.epochs, line.mean, mark + "-", color=PARTS[line.part], linewidth=1.4 * sheet.stroke)
        axes.fill_between(line.epochs, line.lo, line.hi, color=PARTS[line.part], alpha=0.22, linewidth=0)
    axes.xaxis.set_major_locator(MaxNLocator(nbins=4, integer=True, min_n_ticks=1))


def _set_log(axes: Axes) -> None:
    from matplotlib.ticker import FuncFormatter, NullLocator

    axes.set_yscale("log")
    axes.yaxis.set_minor_locator(NullLocator())
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))


def draw_answers(info: AnswerCurvesInfo, sheet: Sheet) -> Figure:
    """Square panels on axes from 0 to 1: band and mean of each variant, dashed what it is built on."""
    lines: Lines = {part: (word, *ANSWER_LINES[part]) for part, word in info.legend.items()}
    figure, cells, sheet = _grid(sheet, len(info.panels), (info.x_label, info.y_label), lines, tall=1.0)
    for axes, panel in zip(cells, info.panels, strict=False):
        _draw_answers(axes, info, panel, sheet)
    return figure


def _draw_answers(axes: Axes, info: AnswerCurvesInfo, panel: AnswerPanel, sheet: Sheet) -> None:
    _entitle(axes, panel.title, panel.n, sheet)
    size = 1 / max(1, len(panel.bars))
    axes.bar([i * size for i in range(len(panel.bars))], panel.bars, size, align="edge", color=BAND, zorder=0)
    colour, style = ANSWER_LINES["dotted"]
    axes.plot((0, 1), info.dotted, style, color=colour, linewidth=sheet.stroke)
    if panel.before is not None:
        colour, style = ANSWER_LINES["before"]
        axes.plot(panel.before.x, panel.before.mean, style, color=colour, linewidth=1.1 * sheet.stroke)
    colour, style = ANSWER_LINES["validation"]
    for x, lo, hi in banded_parts(panel.line):
        axes.fill_between(x, lo, hi, color=colour, alpha=0.22, linewidth=0)
    mark = "o" if info.dots else ""
    axes.plot(
        panel.line.x,
        panel.line.mean,
        mark + style,
        color=colour,
        markersize=3 * sheet.stroke,
        linewidth=1.4 * sheet.stroke,
    )
    axes.set(xlim=(-0.02, 1.02), ylim=(-0.02, 1.02))
    axes.set_xticks((0, 0.5, 1), ("0", "0.5", "1"))
    axes.set_yticks((0, 0.5, 1), ("0", "0.5", "1"))


def draw_pareto(info: ParetoInfo, sheet: Sheet) -> Figure:
    """Every variant's level over its cost, numbered; ringed where no other beats it in both; the key below."""
    from matplotlib.ticker import FuncFormatter, MaxNLocator

    keys = _wrapped([f"{i} {point.name}" for i, point in enumerate(info.points, start=1)], sheet)
    below = (2.2 + len(keys)) * sheet.line
    height = min(3.2, 0.62 * sheet.width) + below if sheet.height is None else sheet.height
    figure = new_figure(sheet.width, height)
    left = 5 * sheet.line / 1.9
    inside = (
        left / sheet.width,
        below / height,
        1 - (left + sheet.gap) / sheet.width,
        1 - (below + sheet.gap) / height,
    )
    axes: Axes = figure.add_axes(inside)
    for i, point in enumerate(info.points, start=1):
        if point.lo is not None and point.hi is not None:
            axes.plot((point.cost,) * 2, (point.lo, point.hi), color=FAINT, linewidth=sheet.stroke, zorder=1)
        if point.best:
            axes.plot([point.cost], [point.mean], "o", color=INK, fillstyle="none", markersize=10 * sheet.stroke)
        axes.plot([point.cost], [point.mean], "o", color=INK, markersize=4.5 * sheet.stroke, zorder=3)
        crowd = sum(_is_near(info, point.cost, point.mean, other.cost, other.mean) for other in info.points[: i - 1])
        offset = ((0.8 + 1.1 * crowd) * sheet.size, 0.4 * sheet.size)
        axes.annotate(str(i), (point.cost, point.mean), xytext=offset, textcoords="offset points", fontsize=sheet.size)
    axes.set_xlim(*info.costs)
    axes.set_ylim(*info.levels)
    _finish(axes, sheet)
    shown = duration if info.ends[0].rpartition(" ")[2] in ("s", "min", "h") else compact
    axes.xaxis.set_major_locator(MaxNLocator(nbins=5))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: shown(value)))
    axes.set_ylabel(info.level_label, fontsize=sheet.size, parse_math=False)
    axes.set_xlabel("\n".join([info.cost_label, *keys]), fontsize=sheet.size, parse_math=False)
    return figure


def _is_near(info: ParetoInfo, x: float, y: float, other_x: float, other_y: float) -> bool:
    return abs(x - other_x) < 0.04 * (info.costs[1] - info.costs[0]) and abs(y - other_y) < 0.06 * (
        info.levels[1] - info.levels[0]
    )


def _wrapped(parts: list[str], sheet: Sheet) -> list[str]:
    """The parts in as many lines as they need."""
    lines = [""]
    for part in parts:
        longer = f"{lines[-1]}   {part}".strip()
        if lines[-1] and inches_of(longer, sheet.size) > 0.75 * sheet.width:
            lines.append(part)
        else:
            lines[-1] = longer
    return lines


def _grid(
    sheet: Sheet, panels: int, labels: tuple[str, str], lines: Lines, *, tall: float
) -> tuple[Figure, list[Axes], Sheet]:
    """Axes for so many panels. labels: of x and y; tall: a panel's height over its width; the sheet as it is used."""
    columns, rows = _columns(sheet, panels, tall)
    head, foot, left, right = 1.2 * sheet.line, 2.2 * sheet.line, 4.6 * sheet.size / 72 + sheet.gap, 1.2 * sheet.gap
    over = 1.1 * sheet.line if lines else 0.0
    width = (sheet.width - left - right) / columns
    height = rows * (tall * width + head) + foot + over if sheet.height is None else sheet.height
    if sheet.height is not None:
        sheet = sheet._replace(size=min(sheet.size, 0.11 * 72 * (height - foot - over) / rows))
    figure = new_figure(sheet.width, height)
    each = (height - foot - over) / rows
    figure.subplots_adjust(
        left=left / sheet.width, right=1 - right / sheet.width, bottom=foot / height,
        top=1 - (over + head) / height, wspace=0.1, hspace=head / max(0.1, each - head) + 0.03,
    )  # fmt: skip
    grid: Any = figure.subplots(rows, columns, sharex=True, sharey=True, squeeze=False)
    cells: list[Axes] = list(grid.flat)
    for unused in cells[panels:]:
        unused.set_visible(False)
    for axes in cells[:panels]:
        _finish(axes, sheet)
    for axes in cells[max(0, panels - columns) : panels]:
        axes.set_xlabel(labels[0], fontsize=sheet.size, parse_math=False)
        axes.tick_params(labelbottom=True)
    for row in grid:
        row[0].set_ylabel(labels[1], fontsize=sheet.size, parse_math=False)
    _add_legend(figure, lines, sheet)
    return figure, cells, sheet


def _columns(sheet: Sheet, panels: int, tall: float) -> tuple[int, int]:
    """How many columns and rows: two in a column of print, three or four across the page, as a slide is wide."""
    high = sheet.height
    if high is None:
        columns = min(panels, 2 if sheet.width < 5 else 4 if tall >= 1 else 3)
    else:
        columns = min(range(1, panels + 1), key=lambda c: abs(sheet.width / c * tall - high / ceil(panels / c)))
    return columns, ceil(panels / columns)


def _entitle(axes: Axes, name: str, n: int, sheet: Sheet) -> None:
    own = axes.get_position().width * sheet.width
    told = f"  (n={n})"
    name = label(name, own - inches_of(told, sheet.size), sheet.size)
    axes.set_title(name + told, fontsize=sheet.size, loc="left", pad=0.35 * sheet.size, parse_math=False)


def _finish(axes: Axes, sheet: Sheet) -> None:
    axes.grid(color=BAND, linewidth=0.8 * sheet.stroke)
    axes.set_axisbelow(True)
    bare_frame(axes, sheet)


def _add_legend(figure: Figure, lines: Lines, sheet: Sheet) -> None:
    from matplotlib.lines import Line2D

    marks = [
        Line2D([], [], color=colour, linewidth=1.4 * sheet.stroke, linestyle=stroke, label=word)
        for word, colour, stroke in lines.values()
    ]
    if marks:
        wide = sum(inches_of(word, sheet.size) + 3.4 * sheet.size / 72 for word, _, _ in lines.values())
        size = sheet.size * min(1.0, sheet.width / wide)
        figure.legend(
            handles=marks, loc="upper right", ncols=len(marks), frameon=False, fontsize=size,
            borderaxespad=0.1, columnspacing=1.2, handlelength=1.6,
        )  # fmt: skip
