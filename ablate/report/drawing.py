"""Ink: figures from their numbers, by matplotlib's objects and without a display or shared state."""

from __future__ import annotations

import io
from collections.abc import Callable
from functools import lru_cache
from math import ceil
from typing import TYPE_CHECKING, Any, TypeVar

from ablate.report.escape import plain
from ablate.report.figures import CurvesInfo, ForestInfo, ForestRow, LevelsInfo, Panel
from ablate.report.numbers import shortened

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Info = TypeVar("Info")

DPI = 200
"""Twice what a screen shows, so that figures stay sharp."""
LABEL_WIDTH = 30
"""Characters of a name beside a figure."""

INK, FAINT, BAND = "#222222", "#8a8a8a", "#ececec"
COLOURS = {
    "better": "#0072b2",
    "worse": "#d55e00",
    "same": "#009e73",
    "no_worthwhile_gain": "#6b6b6b",
    "undecided": "#b07d00",
    "not_assessable": "#a0a0a0",
}
"""Okabe and Ito's palette, told apart by colour-blind eyes; every verdict stands there as a word, too."""
PARTS = {"training": "#e69f00", "validation": "#0072b2", "": "#0072b2"}

_FONT = "DejaVu Sans"
_FALLBACKS = (
    "Noto Sans CJK SC", "Noto Sans CJK JP", "Noto Sans SC", "Source Han Sans SC", "WenQuanYi Micro Hei",
    "Hiragino Sans", "PingFang SC", "Microsoft YaHei", "MS Gothic", "Malgun Gothic", "Arial Unicode MS",
)  # fmt: skip


def picture(draw: Callable[[Info], Figure], info: Info) -> bytes:
    """The figure as PNG, whatever fonts and TeX settings the user's own matplotlib has."""
    from matplotlib import rc_context

    stream = io.BytesIO()
    with rc_context({"text.usetex": False, "font.family": list(_families())}):
        draw(info).savefig(stream, format="png", dpi=DPI, metadata={"Software": None})
    return stream.getvalue()


def draw_forest(info: ForestInfo) -> Figure:
    """A line a comparison: dot, thick and thin interval, numbers and verdict at the right."""
    lines = sum(len(group.rows) + 1 for group in info.groups)
    figure = _figure(9.0, 0.9 + 0.34 * lines)
    axes: Axes = figure.add_axes((0.27, 0.62 / (0.9 + 0.34 * lines), 0.35, 1 - 0.7 / (0.9 + 0.34 * lines)))
    axes.axvspan(-info.negligible, info.negligible, color=BAND, zorder=0)
    axes.axvline(0, color=FAINT, linewidth=1, zorder=1)
    y = 0.0
    for group in info.groups:
        _write(axes, -0.74, y, group.title, weight="bold", size=9)
        for row in group.rows:
            y += 1
            _draw_forest_row(axes, row, y)
        y += 1
    axes.set_xlim(info.axis.lo, info.axis.hi)
    axes.set_ylim(y - 0.4, -0.6)
    axes.set_yticks([])
    axes.set_xlabel(info.label, fontsize=9, parse_math=False)
    _plain_frame(axes)
    return figure


def _draw_forest_row(axes: Axes, row: ForestRow, y: float) -> None:
    colour = COLOURS[row.verdict]
    _write(axes, -0.74, y, f"  {label(row.label)}", size=9)
    _write(axes, 1.04, y, row.numbers, size=9)
    _write(axes, 1.04 + 0.47, y, row.words, size=9, color=colour, weight="bold")
    if row.difference is None:
        return
    wide = (axes.get_xlim()[0] - 1e6, axes.get_xlim()[1] + 1e6)
    for lo, hi, width in ((row.lo_all, row.hi_all, 1.2), (row.lo, row.hi, 4.0)):
        ends = (wide[0] if lo is None else lo, wide[1] if hi is None else hi)
        axes.plot(ends, (y, y), color=colour, linewidth=width, solid_capstyle="butt", alpha=0.75, zorder=2)
    dots = row.by_replicate if len(row.by_replicate) > 1 else ()
    axes.plot(dots, [y + 0.3] * len(dots), "o", color=FAINT, markersize=2.5, zorder=3)
    axes.plot([row.difference], [y], "o", color=INK, markersize=6, zorder=4)


def draw_levels(info: LevelsInfo) -> Figure:
    """A line a variant: its level with its interval, beside the published figure."""
    height = 0.9 + 0.3 * len(info.rows)
    figure = _figure(8.0, height)
    axes: Axes = figure.add_axes((0.3, 0.6 / height, 0.66, 1 - 0.75 / height))
    for y, row in enumerate(info.rows):
        if row.published is not None:
            axes.plot([row.published], [y], "D", color="#d55e00", markersize=6, fillstyle="none", zorder=2)
        if row.mean is not None:
            if row.lo is not None and row.hi is not None:
                axes.plot((row.lo, row.hi), (y, y), color=COLOURS["better"], linewidth=3, solid_capstyle="butt")
            axes.plot([row.mean], [y], "o", color=INK, markersize=6, zorder=3)
    axes.set_yticks(range(len(info.rows)), [f"{label(row.label)}  (n={row.n})" for row in info.rows], parse_math=False)
    axes.set_ylim(len(info.rows) - 0.5, -0.5)
    axes.set_xlim(*info.limits)
    axes.grid(axis="x", color=BAND, zorder=0)
    axes.set_axisbelow(True)
    axes.set_xlabel(info.label, fontsize=9, parse_math=False)
    _plain_frame(axes)
    return figure


def draw_curves(info: CurvesInfo) -> Figure:
    """Small multiples on shared axes: a panel a variant, mean and band of training and validation."""
    columns = min(3, len(info.panels))
    rows = ceil(len(info.panels) / columns)
    figure = _figure(3.1 * columns + 0.4, 2.3 * rows + 0.5, layout="constrained")
    grid = figure.subplots(rows, columns, sharex=True, sharey=True, squeeze=False)
    cells: list[Axes] = list(grid.flat)
    for axes, panel in zip(cells, info.panels, strict=False):
        _draw_panel(axes, panel)
    for unused in cells[len(info.panels) :]:
        unused.set_visible(False)
    cells[0].set_ylim(*info.limits)
    if info.log:
        cells[0].set_yscale("log")
    for i, axes in enumerate(cells[: len(info.panels)]):
        if i + columns >= len(info.panels):
            axes.set_xlabel("Epoch", fontsize=9)
            axes.tick_params(labelbottom=True)
    for row in grid:
        row[0].set_ylabel(info.label, fontsize=9, parse_math=False)
    _add_legend(figure, info)
    return figure


def _draw_panel(axes: Axes, panel: Panel) -> None:
    from matplotlib.ticker import MaxNLocator

    axes.set_title(f"{label(panel.title)}  (n={panel.n})", fontsize=9, loc="left", parse_math=False)
    for line in panel.lines:
        colour = PARTS[line.part]
        marker = "o" if len(line.epochs) == 1 else ""
        axes.plot(line.epochs, line.mean, color=colour, linewidth=1.6, marker=marker, markersize=3, label=line.part)
        axes.fill_between(line.epochs, line.lo, line.hi, color=colour, alpha=0.22, linewidth=0)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True, nbins=5))
    axes.grid(color=BAND)
    axes.set_axisbelow(True)
    _plain_frame(axes)


def _add_legend(figure: Figure, info: CurvesInfo) -> None:
    handles = {line.part: None for panel in info.panels for line in panel.lines if line.part}
    if handles:
        from matplotlib.lines import Line2D

        marks = [Line2D([], [], color=PARTS[part], linewidth=1.6, label=part) for part in handles]
        figure.legend(handles=marks, loc="outside upper right", ncols=len(marks), frameon=False, fontsize=9)


def _figure(width: float, height: float, **options: Any) -> Figure:
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), **options)
    FigureCanvasAgg(figure)
    return figure


def _plain_frame(axes: Axes) -> None:
    axes.spines[["top", "right"]].set_visible(False)
    axes.tick_params(labelsize=8.5)


def _write(axes: Axes, x: float, y: float, text: str, **style: Any) -> None:
    """Text at a share of the axes' width and a line's height; `$` stays a dollar."""
    place = axes.get_yaxis_transform()
    axes.text(x, y, drawable(text), transform=place, va="center", parse_math=False, clip_on=False, **style)


def label(name: str) -> str:
    """A name as it fits beside a figure, in characters that can be drawn here."""
    return drawable(shortened(plain(name), LABEL_WIDTH))


def drawable(text: str) -> str:
    """The text with □ for every character that no font here has."""
    known = _known_characters()
    return "".join(character if ord(character) in known else "□" for character in text)


@lru_cache(maxsize=1)
def _families() -> tuple[str, ...]:
    """The font that comes with matplotlib, then those here that know East Asian scripts."""
    from matplotlib.font_manager import fontManager

    here = set(fontManager.get_font_names())
    return (_FONT, *(name for name in _FALLBACKS if name in here))


@lru_cache(maxsize=1)
def _known_characters() -> frozenset[int]:
    from matplotlib.font_manager import FontProperties, findfont, get_font

    fonts = [get_font(findfont(FontProperties(family=name))) for name in _families()]
    return frozenset(code for font in fonts for code in font.get_charmap())
