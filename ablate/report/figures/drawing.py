"""Ink: figures from their numbers, by matplotlib's objects and without a display or shared state."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from math import ceil
from typing import TYPE_CHECKING, Any, Literal, TypeVar

from ablate.report.figures.answers import AnswerCurvesInfo, AnswerPanel, banded_parts
from ablate.report.figures.fonts import font_files
from ablate.report.figures.forest import ForestInfo, ForestRow
from ablate.report.figures.numbers import CurveLine, CurvesInfo, LevelsInfo, Panel, ParetoInfo, stack_dots
from ablate.report.figures.saving import saved_as
from ablate.report.wording.escape import plain
from ablate.report.wording.numbers import shortened
from ablate.report.wording.verdicts import VERDICTS

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Info = TypeVar("Info")
Stroke = Literal["-", "--", ":"]

DPI = 200
"""Twice what a screen shows, so that figures stay sharp."""

SIZE = 9
"""Points."""

INK, FAINT, BAND = "#222222", "#8a8a8a", "#ececec"
DOT = 0.012
"""The width of a replicate's dot, as a share of the axis."""
FAINTER = "#f6f6f6"
"""The band of gains too small to be worth having, under the other one."""
PARTS = {"training": "#e69f00", "validation": "#0072b2", "": "#0072b2"}
ANSWER_LINES: Mapping[str, tuple[str, Stroke]] = {
    "validation": ("#0072b2", "-"),
    "before": (FAINT, "--"),
    "dotted": (FAINT, ":"),
}
"""Colour and stroke of the mean, of what it is built on, of guessing."""


def png_of(draw: Callable[[Info], Figure], info: Info, *, dpi: int = DPI) -> bytes:
    """The figure as PNG. dpi: dots an inch."""
    return saved_as(draw, info, {"png": {"dpi": dpi}})["png"]


def draw(info: ForestInfo | LevelsInfo | CurvesInfo | ParetoInfo | AnswerCurvesInfo) -> bytes:
    """The figure of some numbers as PNG."""
    match info:
        case ForestInfo():
            return png_of(draw_forest, info)
        case LevelsInfo():
            return png_of(draw_levels, info)
        case CurvesInfo():
            return png_of(draw_curves, info)
        case AnswerCurvesInfo():
            return png_of(draw_answer_curves, info)
        case ParetoInfo():
            raise ValueError("accuracy against cost is drawn in the page alone")


def draw_forest(info: ForestInfo) -> Figure:
    """A line a comparison: dot, thick and thin interval, numbers and verdict at the right."""
    lines = sum(len(group.rows) + 1 for group in info.groups)
    below = 0.75 if info.thin else 0.55
    height = 0.25 + below + 0.32 * lines
    figure = new_figure(10.0, height)
    axes: Axes = figure.add_axes((0.3, below / height, 0.35, 1 - (below + 0.05) / height))
    axes.set_xlim(info.axis.lo, info.axis.hi)
    axes.set_ylim(lines - 0.4, -0.6)
    y = 0
    for group in info.groups:
        _write(axes, -0.84, y, group.title, weight="bold")
        span = (y + 0.5, y + len(group.rows) + 0.5)
        for band in info.bands:
            colour = BAND if band.kind == "none" else FAINTER
            axes.fill_betweenx(span, band.lo, band.hi, color=colour, linewidth=0, zorder=0)
        axes.plot((0, 0), span, color=FAINT, linewidth=1, zorder=1)
        for row in group.rows:
            y += 1
            _draw_forest_row(axes, row, y)
        y += 1
    axes.set_yticks([])
    axes.set_xlabel("\n".join(filter(None, [info.label, info.thin])), fontsize=SIZE, parse_math=False)
    plain_frame(axes)
    axes.spines["left"].set_visible(False)
    return figure


def _draw_forest_row(axes: Axes, row: ForestRow, y: float) -> None:
    colour = VERDICTS[row.verdict].colour
    _write(axes, -0.82, y, label(row.label, 2.7))
    _write(axes, 1.04, y, row.numbers)
    _write(axes, 1.5, y, row.words, color=colour, weight="bold")
    if row.difference is None:
        return
    least, most = axes.get_xlim()
    thick = () if row.diamond else ((row.lo, row.hi, 4.5),)
    for lo, hi, width in ((row.lo_all, row.hi_all, 1.2), *thick):
        ends = (least if lo is None else lo, most if hi is None else hi)
        axes.plot(ends, (y, y), color=colour, linewidth=width, solid_capstyle="butt", zorder=2)
    dots = stack_dots(row.by_replicate if len(row.by_replicate) > 1 else (), apart=DOT * (most - least))
    step = min(0.11, 0.4 / max(1, *(level for _, level in dots), 1))
    at = [y + 0.26 + step * level for _, level in dots]
    axes.plot([x for x, _ in dots], at, "o", color=FAINT, markersize=2.5, zorder=3, clip_on=False)
    if row.diamond:
        middle, left, right = row.difference, row.lo or row.difference, row.hi or row.difference
        axes.fill((left, middle, right, middle), (y, y - 0.3, y, y + 0.3), color=colour, zorder=4)
        return
    axes.plot([row.difference], [y], "o", color=INK, markersize=6, zorder=4, clip_on=False)


def draw_levels(info: LevelsInfo) -> Figure:
    """One line per variant: its level with its interval, beside the published figure."""
    height = 0.9 + 0.3 * len(info.rows)
    figure = new_figure(8.0, height)
    axes: Axes = figure.add_axes((0.3, 0.6 / height, 0.66, 1 - 0.75 / height))
    for y, row in enumerate(info.rows):
        if row.published is not None:
            axes.plot([row.published], [y], "D", color="#d55e00", markersize=6, fillstyle="none", zorder=2)
        if row.mean is not None:
            if row.lo is not None and row.hi is not None:
                axes.plot((row.lo, row.hi), (y, y), color=VERDICTS["better"].colour, linewidth=3, solid_capstyle="butt")
            axes.plot([row.mean], [y], "o", color=INK, markersize=6, zorder=3)
    axes.set_yticks(
        range(len(info.rows)), [f"{label(row.label, 1.75)}  (n={row.n})" for row in info.rows], parse_math=False
    )
    axes.set_ylim(len(info.rows) - 0.5, -0.5)
    axes.set_xlim(*info.limits)
    axes.grid(axis="x", color=BAND, zorder=0)
    axes.set_axisbelow(True)
    axes.set_xlabel(info.label, fontsize=SIZE, parse_math=False)
    plain_frame(axes)
    return figure


def draw_curves(info: CurvesInfo) -> Figure:
    """Small multiples on shared axes: a panel a variant, mean and band of training and validation."""
    columns = min(3, len(info.panels))
    rows = ceil(len(info.panels) / columns)
    width, height = 3.1 * columns + 0.8, 2.2 * rows + 0.9
    figure = new_figure(width, height)
    # Margins in inches; matplotlib's own layout engine draws everything several times to find them.
    figure.subplots_adjust(
        left=0.7 / width, right=1 - 0.1 / width, top=1 - 0.6 / height, bottom=0.5 / height, wspace=0.08, hspace=0.28
    )
    grid = figure.subplots(rows, columns, sharex=True, sharey=True, squeeze=False)
    cells: list[Axes] = list(grid.flat)
    if info.log:
        _set_log(cells[0])
    cells[0].set_ylim(*info.limits)
    if info.epochs[0] == info.epochs[1]:
        cells[0].set_xlim(info.epochs[0] - 0.5, info.epochs[1] + 0.5)
    for axes, panel in zip(cells, info.panels, strict=False):
        _draw_panel(axes, panel)
    _label_outer(grid, len(info.panels), info.epoch_label, info.label)
    _add_legend(figure, info)
    return figure


def _label_outer(grid: Any, panels: int, x_label: str, y_label: str) -> None:
    """Name the axes where a column or a row begins, and hide the places that no panel fills."""
    cells: list[Axes] = list(grid.flat)
    for unused in cells[panels:]:
        unused.set_visible(False)
    for axes in cells[max(0, panels - len(grid[0])) : panels]:
        axes.set_xlabel(x_label, fontsize=SIZE, parse_math=False)
        axes.tick_params(labelbottom=True)
    for row in grid:
        row[0].set_ylabel(y_label, fontsize=SIZE, parse_math=False)


def _set_log(axes: Axes) -> None:
    from matplotlib.ticker import FuncFormatter, NullLocator

    axes.set_yscale("log")
    axes.yaxis.set_minor_locator(NullLocator())
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))


def _draw_panel(axes: Axes, panel: Panel) -> None:
    from matplotlib.ticker import MaxNLocator

    axes.set_title(f"{label(panel.title, 2.2)}  (n={panel.n})", fontsize=SIZE, loc="left", parse_math=False)
    if panel.before is not None:
        axes.plot(panel.before.epochs, panel.before.mean, _marker(panel.before) + "--", color=FAINT, linewidth=1.2)
    for line in panel.lines:
        colour = PARTS[line.part]
        axes.plot(line.epochs, line.mean, _marker(line) + "-", color=colour, linewidth=1.6, label=line.part)
        axes.fill_between(line.epochs, line.lo, line.hi, color=colour, alpha=0.22, linewidth=0)
    axes.xaxis.set_major_locator(MaxNLocator(nbins=5, integer=True, min_n_ticks=1))
    axes.grid(color=BAND)
    axes.set_axisbelow(True)
    plain_frame(axes)


def _marker(line: CurveLine) -> str:
    return "." if len(line.epochs) == 1 else ""


def _add_legend(figure: Figure, info: CurvesInfo) -> None:
    drawn = dict.fromkeys(line.part for panel in info.panels for line in panel.lines if line.part)
    lines: dict[str, tuple[str, str, Stroke]] = {part: (info.legend[part], PARTS[part], "-") for part in drawn}
    if lines and any(panel.before is not None for panel in info.panels):
        lines["before"] = (info.legend["before"], FAINT, "--")
    _legend(figure, lines)


def _legend(figure: Figure, lines: Mapping[str, tuple[str, str, Stroke]]) -> None:
    """lines: part -> its word, colour and stroke."""
    from matplotlib.lines import Line2D

    marks = [
        Line2D([], [], color=colour, linewidth=1.2 if stroke == "--" else 1.6, linestyle=stroke, label=word)
        for word, colour, stroke in lines.values()
    ]
    if marks:
        figure.legend(handles=marks, loc="upper right", ncols=len(marks), frameon=False, fontsize=SIZE)


def new_figure(width: float, height: float) -> Figure:
    """An empty figure of that size in inches, drawn without a window."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height))
    FigureCanvasAgg(figure)
    return figure


def plain_frame(axes: Axes) -> None:
    """Take away the lines above and to the right, which carry no numbers."""
    axes.spines[["top", "right"]].set_visible(False)
    axes.tick_params(labelsize=SIZE)


def _write(axes: Axes, x: float, y: float, text: str, **style: Any) -> None:
    """Text at a share of the axes' width and a line's height; `$` stays a dollar."""
    place = axes.get_yaxis_transform()
    axes.text(x, y, text, transform=place, va="center", size=SIZE, parse_math=False, clip_on=False, **style)


def label(name: str, inches: float, size: float = SIZE) -> str:
    """A name that fits into some inches. size: of its letters, in points."""
    name = plain(name)
    texts = (shortened(name, width) for width in range(90, 2, -1))
    return next((text for text in texts if inches_of(text, size) <= inches), shortened(name, 3))


def inches_of(text: str, size: float = SIZE) -> float:
    """How wide a text is in matplotlib's own font. size: of its letters, in points."""
    from matplotlib.font_manager import get_font

    font = get_font(font_files()[0])
    own = font.get_charmap()
    font.set_size(size, 72)
    font.set_text("".join(character if ord(character) in own else "W" for character in text))
    return float(font.get_width_height()[0]) / 64 / 72


def draw_answer_curves(info: AnswerCurvesInfo) -> Figure:
    """Square panels on axes from 0 to 1: band and mean of each variant, dashed what it is built on."""
    columns = min(4, len(info.panels))
    rows = ceil(len(info.panels) / columns)
    width, height = 2.45 * columns + 0.7, 2.75 * rows + 0.85
    figure = new_figure(width, height)
    figure.subplots_adjust(
        left=0.6 / width, right=1 - 0.15 / width, top=1 - 0.65 / height, bottom=0.5 / height, wspace=0.15, hspace=0.3
    )
    grid = figure.subplots(rows, columns, sharex=True, sharey=True, squeeze=False)
    cells: list[Axes] = list(grid.flat)
    for axes, panel in zip(cells, info.panels, strict=False):
        _draw_answer_panel(axes, info, panel)
    _label_outer(grid, len(info.panels), info.x_label, info.y_label)
    _legend(figure, {part: (word, *ANSWER_LINES[part]) for part, word in info.legend.items()})
    return figure


def _draw_answer_panel(axes: Axes, info: AnswerCurvesInfo, panel: AnswerPanel) -> None:
    axes.set_title(f"{label(panel.title, 1.6)}  (n={panel.n})", fontsize=SIZE, loc="left", parse_math=False)
    size = 1 / max(1, len(panel.bars))
    axes.bar([i * size for i in range(len(panel.bars))], panel.bars, size, align="edge", color=BAND, zorder=0)
    colour, style = ANSWER_LINES["dotted"]
    axes.plot((0, 1), info.dotted, style, color=colour, linewidth=1)
    if panel.before is not None:
        colour, style = ANSWER_LINES["before"]
        axes.plot(panel.before.x, panel.before.mean, style, color=colour, linewidth=1.2)
    colour, style = ANSWER_LINES["validation"]
    for x, lo, hi in banded_parts(panel.line):
        axes.fill_between(x, lo, hi, color=colour, alpha=0.22, linewidth=0)
    axes.plot(panel.line.x, panel.line.mean, ("o" if info.dots else "") + style, color=colour, markersize=4)
    axes.set_xlim(-0.02, 1.02)
    axes.set_ylim(-0.02, 1.02)
    axes.set_xticks((0, 0.5, 1), ("0", "0.5", "1"))
    axes.set_yticks((0, 0.5, 1), ("0", "0.5", "1"))
    axes.grid(color=BAND)
    axes.set_axisbelow(True)
    plain_frame(axes)
