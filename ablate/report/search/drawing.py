"""Ink for the figures of a search; what is drawn where is decided in `search_figures`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from ablate.report.figures.drawing import BAND, FAINT, INK, SIZE, label
from ablate.report.search.figures import (
    ContourInfo,
    FrontInfo,
    HistoryInfo,
    ImportanceInfo,
    ParallelInfo,
    SliceInfo,
    Ticks,
    TimelineInfo,
    TrialCurvesInfo,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

BLUE, ORANGE, GREEN = "#0072b2", "#d55e00", "#009e73"
STATES: Mapping[str, tuple[str, str]] = {
    "complete": (BLUE, "finished"),
    "pruned": ("#e69f00", "pruned"),
    "diverged": ("#cc79a7", "diverged"),
    "failed": (INK, "failed"),
    "refused": (FAINT, "refused"),
    "running": (FAINT, "not ended"),
}
"""State of a trial -> colour (Okabe and Ito's palette) and word."""
COLOURS = "viridis"
SCALE = 1.05
"""Inches at the right for a colour scale."""


def draw_history(info: HistoryInfo) -> Figure:
    """Every trial a dot, the best so far a line."""
    figure, axes = _axes(8.0, 3.4)
    axes.plot(info.numbers, info.values, "o", color=BLUE, alpha=0.55, markersize=4, label="a trial")
    if info.given_up:
        numbers, values = zip(*info.given_up, strict=True)
        axes.plot(numbers, values, "x", color=STATES["pruned"][0], markersize=4, label="pruned, at its last epoch")
    axes.step(info.numbers, info.best, where="post", color=INK, linewidth=1.6, label="best so far")
    if info.baseline is not None:
        axes.axhline(info.baseline, color=FAINT, linestyle="--", linewidth=1.2, label="baseline")
    _whole_numbers(axes)
    _finish(axes, "Trial", info.label)
    given_up = ([number for number, _ in info.given_up], [value for _, value in info.given_up])
    _cut(axes, [*info.numbers, *given_up[0]], [*info.values, *given_up[1]], info.edge)
    axes.legend(fontsize=SIZE, frameon=False, loc="best")
    return figure


def draw_slice(info: SliceInfo) -> Figure:
    """One parameter against the value; darker trials came later."""
    figure, axes = _axes(5.2, 3.4)
    axes.scatter(info.x, info.y, c=info.order, cmap="Blues", vmin=-0.4, vmax=1, edgecolors=FAINT, linewidths=0.4)
    axes.plot(*info.best, "o", color=ORANGE, markersize=9, fillstyle="none", markeredgewidth=1.8)
    _set_ticks(axes, info.ticks, "x", info.x)
    _finish(axes, info.ticks.label, info.label)
    _cut(axes, info.x, info.y, info.edge)
    return figure


def draw_contour(info: ContourInfo) -> Figure:
    """Two parameters: filled contours between trials where both are numbers, dots in colour everywhere."""
    figure, axes = _axes(5.9, 4.0, left=1.5 if info.up.words else 0.95, right=SCALE)
    _set_ticks(axes, info.across, "x", info.x)
    _set_ticks(axes, info.up, "y", info.y)
    if not info.across.words and not info.up.words and len(info.x) >= 8:
        _fill_contours(axes, info)
    # Of trials in one place the best is on top.
    order = sorted(range(len(info.z)), key=lambda i: info.z[i] if info.is_more_better else -info.z[i])
    x, y, z = ([values[i] for i in order] for values in (info.x, info.y, info.z))
    dots = axes.scatter(x, y, c=z, cmap=COLOURS, edgecolors="white", linewidths=0.6, s=34, zorder=3)
    axes.plot(*info.best, "o", color=ORANGE, markersize=11, fillstyle="none", markeredgewidth=1.8, zorder=4)
    _add_scale(figure, dots, info.label)
    _finish(axes, info.across.label, info.up.label)
    return figure


def _fill_contours(axes: Axes, info: ContourInfo) -> None:
    from math import log10

    from matplotlib.tri import Triangulation

    x, y = (
        [log10(value) if ticks.log else value for value in values]
        for values, ticks in ((info.x, info.across), (info.y, info.up))
    )
    try:
        mesh = Triangulation(x, y)
    except (ValueError, RuntimeError):
        return  # all on one line: there is no surface
    triangles = Triangulation(info.x, info.y, mesh.triangles)
    axes.tricontourf(triangles, info.z, levels=10, cmap=COLOURS, alpha=0.55, zorder=1)


def draw_parallel(info: ParallelInfo) -> Figure:
    """One line per trial; the best one thick, the good ones dark."""
    from matplotlib.colors import Normalize

    figure, axes = _axes(max(6.0, 1.5 * len(info.axes) + 2.0), 3.8, right=SCALE)
    values = [value for _, value in info.lines]
    colours = _colour_map("viridis" if info.is_more_better else "viridis_r")
    scale = Normalize(min(values), max(values))
    order = sorted(range(len(values)), key=lambda i: values[i] if info.is_more_better else -values[i])
    places = range(len(info.axes))
    for i in order:
        axes.plot(places, info.lines[i][0], color=colours(scale(values[i])), linewidth=0.9, alpha=0.75)
    axes.plot(places, info.lines[info.best][0], "o-", color=ORANGE, linewidth=2.4, markersize=4, label="best")
    for place, (low, high) in enumerate(info.ends):
        axes.axvline(place, color=FAINT, linewidth=0.8, zorder=0)
        for y, word, side in ((-0.05, low, "top"), (1.05, high, "bottom")):
            box = {"facecolor": "white", "edgecolor": "none", "pad": 1}
            text = label(word, 1.2)
            axes.text(place, y, text, size=SIZE - 1, ha="center", va=side, bbox=box, parse_math=False)
    axes.set_xticks(list(places), [label(ticks.label, 1.4) for ticks in info.axes], parse_math=False)
    axes.tick_params(axis="x", pad=6, length=0, labelsize=SIZE)
    axes.set_yticks([])
    axes.set_ylim(-0.12, 1.12)
    axes.spines[["top", "right", "left", "bottom"]].set_visible(False)
    from matplotlib.cm import ScalarMappable

    _add_scale(figure, ScalarMappable(scale, colours), info.label)
    return figure


def _colour_map(name: str) -> Any:
    from matplotlib import colormaps

    return colormaps[name]


def draw_timeline(info: TimelineInfo) -> Figure:
    """One line per worker, one bar per attempt."""
    figure, axes = _axes(8.0, 0.9 + 0.32 * max(2, info.workers))
    for state in dict.fromkeys(state for *_, state in info.bars):
        colour, word = STATES[state]
        mine = [(worker, start, end) for worker, start, end, found in info.bars if found == state]
        axes.barh(
            [worker for worker, *_ in mine],
            [max(end - start, 1e-3) for _, start, end in mine],
            left=[start for _, start, _ in mine],
            height=0.72, color=colour, edgecolor="white", linewidth=0.4, label=word,
        )  # fmt: skip
    axes.set_yticks(range(info.workers), [f"worker {i + 1}" for i in range(info.workers)])
    axes.set_ylim(info.workers - 0.4, -0.6)
    _finish(axes, "Seconds at work (pauses between calls are cut out)", "")
    axes.grid(visible=False, axis="y")
    axes.legend(fontsize=SIZE, frameon=False, loc="lower right", bbox_to_anchor=(1.0, 1.0), ncols=4)
    return figure


def draw_search_curves(info: TrialCurvesInfo) -> Figure:
    """Validation by epoch: finished trials, those given up, and the best on top."""
    figure, axes = _axes(8.0, 3.6)
    named: set[str] = set()
    for epochs, values, state in info.lines:
        colour, word = STATES[state]
        axes.plot(epochs, values, color=colour, alpha=0.45, linewidth=1.0, label=None if state in named else word)
        if state != "complete" and epochs:
            axes.plot(epochs[-1:], values[-1:], "x", color=colour, markersize=4)
        named.add(state)
    if info.best is not None:
        axes.plot(*info.best, color=INK, linewidth=2.0, label="the best", marker="." if len(info.best[0]) == 1 else "")
    _whole_numbers(axes)
    _finish(axes, "Epoch", info.label)
    axes.legend(fontsize=SIZE, frameon=False, loc="best")
    return figure


def draw_importance(info: ImportanceInfo) -> Figure:
    """Two bars a parameter."""
    figure, axes = _axes(6.4, 0.9 + 0.5 * len(info.names), left=2.2)
    rows = range(len(info.names))
    axes.barh([y - 0.19 for y in rows], [100 * v for v in info.fanova], height=0.36, color=BLUE, label="fANOVA")
    axes.barh([y + 0.19 for y in rows], [100 * v for v in info.ped_anova], height=0.36, color=GREEN, label="PED-ANOVA")
    axes.set_yticks(rows, [label(name, 2.0) for name in info.names], parse_math=False)
    axes.set_ylim(len(info.names) - 0.5, -0.5)
    _finish(axes, "Share of the importance (%)", "")
    axes.grid(visible=False, axis="y")
    axes.legend(fontsize=SIZE, frameon=False, loc="lower right", bbox_to_anchor=(1.0, 1.0), ncols=2)
    return figure


def draw_front(info: FrontInfo) -> Figure:
    """Two objectives; the front in order."""
    figure, axes = _axes(6.4, 3.8)
    axes.plot(info.x, info.y, "o", color=BLUE, alpha=0.5, markersize=4, label="a trial")
    if info.front:
        x, y, _ = zip(*info.front, strict=True)
        axes.step(x, y, where="post", color=ORANGE, linewidth=1.4)
        axes.plot(x, y, "o", color=ORANGE, markersize=6, label="no other is better in both")
    if info.baseline is not None:
        axes.plot(*info.baseline, "D", color=INK, fillstyle="none", markersize=7, label="baseline")
    axes.margins(x=0.08, y=0.12)
    _finish(axes, info.labels[0], info.labels[1])
    axes.xaxis.set_major_formatter(lambda value, _: f"{value:,.10g}")
    _cut(axes, info.x, info.y, info.edge)
    middle = sum(axes.get_xlim()) / 2
    for across, up, name in _apart(info.front):
        side, shift = ("right", -6) if across > middle else ("left", 6)
        axes.annotate(name, (across, up), (shift, 5), textcoords="offset points", size=SIZE - 1, color=ORANGE, ha=side)
    axes.legend(fontsize=SIZE, frameon=False, loc="lower right")
    return figure


def _apart(front: tuple[tuple[float, float, str], ...]) -> list[tuple[float, float, str]]:
    """The points with one name each: of several in one place the first, and how many there are."""
    names: dict[tuple[float, float], list[str]] = {}
    for x, y, name in front:
        names.setdefault((x, y), []).append(name)
    return [(x, y, found[0] + (f" and {len(found) - 1} more" if found[1:] else "")) for (x, y), found in names.items()]


def _cut(axes: Axes, x: Sequence[float], y: Sequence[float], edge: float | None) -> None:
    """End the axis of values at the edge, with a triangle on it for each trial beyond, and say so."""
    if edge is None:
        return
    is_floor = edge < max(y)
    beyond = [place for place, value in zip(x, y, strict=True) if (value < edge if is_floor else value > edge)]
    if is_floor:
        axes.set_ylim(edge, max(y) + 0.08 * (max(y) - edge))
    else:
        axes.set_ylim(min(y) - 0.08 * (edge - min(y)), edge)
    axes.plot(
        beyond, [edge] * len(beyond), "v" if is_floor else "^", color=FAINT, markersize=6, clip_on=False,
        label="beyond the axis",
    )  # fmt: skip


def _axes(width: float, height: float, *, left: float = 0.75, right: float = 0.15) -> tuple[Figure, Axes]:
    """One pair of axes; margins in inches, because matplotlib's layout engine draws everything to find them."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height))
    FigureCanvasAgg(figure)
    bottom, top = 0.55, 0.3
    box = (left / width, bottom / height, 1 - (left + right) / width, 1 - (bottom + top) / height)
    return figure, figure.add_axes(box)


def _add_scale(figure: Figure, colours: Any, words: str) -> None:
    """A colour scale in the right margin, which has to be `SCALE` inches wide."""
    width, height = figure.get_size_inches()
    axes = figure.add_axes((1 - (SCALE - 0.15) / width, 0.55 / height, 0.14 / width, 1 - 0.85 / height))
    bar = figure.colorbar(colours, cax=axes)
    bar.set_label(words, fontsize=SIZE, parse_math=False)
    axes.tick_params(labelsize=SIZE)


def _set_ticks(axes: Axes, ticks: Ticks, which: str, values: Sequence[float]) -> None:
    axis = axes.xaxis if which == "x" else axes.yaxis
    if ticks.words:
        axis.set_ticks(range(len(ticks.words)), [label(word, 1.0) for word in ticks.words], parse_math=False)
        set_limits = axes.set_xlim if which == "x" else axes.set_ylim
        set_limits(-0.5, len(ticks.words) - 0.5)
    elif ticks.log:
        set_scale = axes.set_xscale if which == "x" else axes.set_yscale
        set_scale("log")
    elif all(float(value).is_integer() for value in values):
        _whole_numbers(axes, which)


def _whole_numbers(axes: Axes, which: str = "x") -> None:
    from matplotlib.ticker import MaxNLocator

    axis = axes.xaxis if which == "x" else axes.yaxis
    axis.set_major_locator(MaxNLocator(nbins=8, integer=True, min_n_ticks=1))


def _finish(axes: Axes, across: str, up: str) -> None:
    axes.set_xlabel(across, fontsize=SIZE, parse_math=False)
    axes.set_ylabel(up, fontsize=SIZE, parse_math=False)
    axes.grid(color=BAND)
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)
    axes.tick_params(labelsize=SIZE)
