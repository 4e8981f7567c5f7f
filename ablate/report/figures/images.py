"""Ink for single images: grids of them, what a layer makes of one, where a network looks, what it finds alike."""

from __future__ import annotations

from collections.abc import Sequence
from math import ceil
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from ablate.inspection import Examination
from ablate.report.figures.drawing import BAND, FAINT, INK, SIZE, label, new_figure, plain_frame, png_of
from ablate.report.wording.numbers import columns

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


STRIP = 2
"""An image this many times as wide as high is one of several frames, and drawn twice as large."""


DPI = 110
"""Photographs need no more."""


RIGHT, WRONG = "#009e73", "#d55e00"


PALETTE = ("#0072b2", "#e69f00", "#009e73", "#d55e00", "#cc79a7", "#56b4e9", "#a6761d", "#6a3d9a", "#999999", "#222222")


MARKERS = "osD^vPX*<>"
"""A class has a colour and a mark of its own: a hundred of them can be told apart."""


MOST_NAMED = 40
"""Classes above which a figure shows no names."""


class Tile(NamedTuple):
    """One image in a grid. pixels: uint8 (H, W, 3) or (H, W, 1), or numbers (h, w), drawn as grey.

    lines: what stands above it. is_right: True and False frame it green and red; None leaves it plain.
    heat: numbers (H, W) in [0, 1] laid over it.
    """

    pixels: Any
    lines: tuple[str, ...] = ()
    is_right: bool | None = None
    heat: Any = None


class TilesInfo(NamedTuple):
    """Images in rows of so many columns. inches: the side of one."""

    tiles: tuple[Tile, ...]
    columns: int
    inches: float = 1.25


class MatrixInfo(NamedTuple):
    """A confusion matrix: counts (K, K), one row per class, one column per answer."""

    counts: Any
    names: tuple[str, ...]


class BarsInfo(NamedTuple):
    """How often each class is right, and how often it is said: two arrays (K,)."""

    true: Any
    said: Any
    names: tuple[str, ...]


class PlaneInfo(NamedTuple):
    """Points (n, 2) with their classes (n,)."""

    points: Any
    targets: Any
    names: tuple[str, ...]


def draw_tiles(info: TilesInfo) -> Figure:
    """The images, each below its lines; a wrong answer also by a cross."""
    columns, inches = min(info.columns, len(info.tiles)), info.inches
    tall = 1.0
    if all(tile.pixels.shape[1] >= STRIP * tile.pixels.shape[0] for tile in info.tiles):
        columns, inches = ceil(columns / 2), 2 * inches
        tall = max(tile.pixels.shape[0] / tile.pixels.shape[1] for tile in info.tiles)
    rows = ceil(len(info.tiles) / columns)
    above = 0.15 * max(len(tile.lines) for tile in info.tiles) + 0.1
    down = inches * tall + above
    width, height = columns * (inches + 0.1) + 0.1, rows * down + 0.1
    figure = new_figure(width, height)
    # All on one pair of axes, in inches: an axes an image takes six times as long.
    axes: Axes = figure.add_axes((0, 0, 1, 1))
    axes.set_axis_off()
    for i, tile in enumerate(info.tiles):
        row, column = divmod(i, columns)
        left, bottom = 0.1 + column * (inches + 0.1), height - (row + 1) * down
        _draw_tile(axes, tile, (left, bottom), inches)
    axes.set_xlim(0, width)
    axes.set_ylim(0, height)
    axes.set_aspect("auto")
    return figure


def _draw_tile(axes: Axes, tile: Tile, corner: tuple[float, float], side: float) -> None:
    from matplotlib.patches import Rectangle

    left, bottom = corner
    is_grey = tile.pixels.ndim == 2 or tile.pixels.shape[-1] == 1
    values = tile.pixels if tile.pixels.ndim == 2 or not is_grey else tile.pixels[..., 0]
    least, most = (0, 255) if tile.pixels.ndim == 3 else (None, None)  # numbers are stretched over all greys
    tall, wide = values.shape[0] / max(values.shape[:2]), values.shape[1] / max(values.shape[:2])
    extent = (left, left + side * wide, bottom, bottom + side * tall)
    grey = "gray" if is_grey else None
    axes.imshow(values, cmap=grey, interpolation="nearest", vmin=least, vmax=most, extent=extent)
    if tile.heat is not None:
        axes.imshow(tile.heat, cmap="inferno", alpha=0.5, vmin=0, vmax=1, extent=extent, interpolation="bilinear")
    colour = INK if tile.is_right is None else RIGHT if tile.is_right else WRONG
    thick = 0.5 if tile.is_right is None else 1.2 if tile.is_right else 3.0
    edge = FAINT if tile.is_right is None else colour
    axes.add_patch(Rectangle(corner, side * wide, side * tall, fill=False, edgecolor=edge, linewidth=thick))
    mark = "✗ " if tile.is_right is False else ""
    shown = [label(line, side - (0.15 if mark else 0)) for line in tile.lines if line]
    if shown:
        shown[-1] = mark + shown[-1]
    x, y = left + side * wide / 2, bottom + side * tall + 0.05
    for up, line in enumerate(reversed(shown)):
        axes.text(x, y + 0.15 * up, line, size=SIZE - 1, color=colour, ha="center", va="bottom", parse_math=False)


def draw_matrix(info: MatrixInfo) -> Figure:
    """Each row in shares of its class, with counts where they fit."""
    import numpy as np

    size = len(info.counts)
    side = max(3.0, min(0.42 * size, 11.0))
    margin = 1.6
    figure = new_figure(side + margin + 0.2, side + margin + 0.2)
    whole = side + margin + 0.2
    axes: Axes = figure.add_axes((margin / whole, margin / whole, side / whole, side / whole))
    shares = info.counts / np.maximum(info.counts.sum(axis=1, keepdims=True), 1)
    axes.imshow(shares, cmap="Blues", vmin=0, vmax=1, interpolation="nearest")
    if size <= 25:
        for row, column in np.argwhere(info.counts):
            colour = "white" if shares[row, column] > 0.6 else INK
            text = f"{info.counts[row, column]}"
            axes.text(column, row, text, ha="center", va="center", size=SIZE - 1, color=colour)
    _name_classes(axes, info.names, both=True)
    axes.set_xlabel("Answer", fontsize=SIZE)
    axes.set_ylabel("Truth", fontsize=SIZE)
    axes.tick_params(labelsize=SIZE - 1, length=0)
    return figure


def _name_classes(axes: Axes, names: Sequence[str], *, both: bool) -> None:
    shown = [label(name, 1.1) for name in names] if len(names) <= MOST_NAMED else []
    axes.set_xticks(range(len(shown)), shown, rotation=60, ha="right", rotation_mode="anchor", parse_math=False)
    if both:
        axes.set_yticks(range(len(shown)), shown, parse_math=False)


def draw_bars(info: BarsInfo) -> Figure:
    """Two bars a class: how many images of it there are, how many answers name it."""
    import numpy as np

    places = np.arange(len(info.names))
    width = max(4.0, min(0.45 * len(info.names) + 1.2, 14.0))
    figure = new_figure(width, 3.6)
    axes: Axes = figure.add_axes((0.7 / width, 0.34, 1 - 0.85 / width, 0.55))
    axes.bar(places - 0.2, info.true, 0.4, color="#bdbdbd", label="images")
    axes.bar(places + 0.2, info.said, 0.4, color=PALETTE[0], label="answers")
    _name_classes(axes, info.names, both=False)
    axes.set_ylabel("Test images", fontsize=SIZE)
    axes.legend(frameon=False, fontsize=SIZE - 1, ncols=2, loc="lower right", bbox_to_anchor=(1, 1), borderaxespad=0.2)
    axes.grid(axis="y", color=BAND)
    axes.set_axisbelow(True)
    plain_frame(axes)
    return figure


def draw_plane(info: PlaneInfo) -> Figure:
    """One point per image, a colour and a mark a class, the class's name beside the figure."""
    import numpy as np
    from matplotlib.patheffects import withStroke

    halo = [withStroke(linewidth=2.5, foreground="white")]
    names = info.names if len(info.names) <= MOST_NAMED else ()
    figure = new_figure(7.6 if names else 6.0, 5.6)
    axes: Axes = figure.add_axes((0.02, 0.03, 0.72 if names else 0.96, 0.94))
    handles = []
    for number in range(len(info.names)):
        chosen = info.targets == number
        (points,) = axes.plot(
            info.points[chosen, 0],
            info.points[chosen, 1],
            color=PALETTE[number % len(PALETTE)],
            marker=MARKERS[number // len(PALETTE) % len(MARKERS)],
            linestyle="",
            markersize=4,
            alpha=0.8,
        )
        handles.append(points)
        if names and chosen.any():
            x, y = np.median(info.points[chosen], axis=0)
            axes.text(
                x, y, label(info.names[number], 1.2), size=SIZE, weight="bold", color=INK, ha="center", va="center",
                parse_math=False, path_effects=halo,
            )  # fmt: skip
    axes.set_xticks([])
    axes.set_yticks([])
    axes.spines[:].set_color(BAND)
    if names:
        columns = 1 if len(names) <= 25 else 2
        legend = figure.legend(
            handles, [str(i) for i in range(len(names))], loc="center left", bbox_to_anchor=(0.75, 0.5), frameon=False,
            fontsize=SIZE - 1, ncols=columns, handletextpad=0.3, columnspacing=0.6,
        )  # fmt: skip
        for text, name in zip(legend.get_texts(), names, strict=True):
            text.set_parse_math(False)  # a legend would leave out names that begin with an underscore
            text.set_text(label(name, 1.5 / columns))
    return figure


TILE = 0.9
"""Inches an image."""


NAME_INCHES = 2.0
"""Room for a class's name at most."""


GAP = 0.04
"""Between images, as a share of one."""


MOST_CLASSES = 100
"""Whose samples are drawn: a sheet of 1,000 rows takes two gigabytes, and nobody reads it."""


def samples_png(found: Examination) -> bytes:
    """PNG of the samples of every class."""
    return png_of(draw_samples, found)


def draw_samples(found: Examination) -> Figure:
    """One row per class, in the order of the classes; of more than MOST_CLASSES some, evenly, and how many are not."""
    from matplotlib.figure import Figure

    every = list(found.samples)
    count = min(len(every), MOST_CLASSES)
    names = [every[round(place)] for place in np.linspace(0, len(every) - 1, count)]
    rows = len(names) + (len(names) < len(every))
    most = max((len(several) for several in found.samples.values()), default=1)
    left = 0.3 + 0.09 * max(columns(label(name, NAME_INCHES)) for name in names)
    height, width, _ = found.sample_shape
    column = TILE * width / height if width >= STRIP * height else TILE
    row = column * height / width
    figure = Figure(figsize=(left + most * column, max(1, rows) * row))
    axes = figure.add_axes((left / figure.get_figwidth(), 0, most * column / figure.get_figwidth(), 1))
    axes.set_xlim(0, most)
    axes.set_ylim(rows, 0)
    axes.axis("off")
    for place, name in enumerate(names):
        axes.text(-0.1, place + 0.5, label(name, NAME_INCHES), ha="right", va="center", fontsize=SIZE, parse_math=False)
        for number, content in enumerate(found.samples[name]):
            pixels = np.frombuffer(content, dtype=np.uint8).reshape(found.sample_shape)
            shown = pixels.repeat(3, axis=2) if pixels.shape[2] == 1 else pixels
            box = (number + GAP, number + 1 - GAP, place + 1 - GAP, place + GAP)
            axes.imshow(shown, extent=box, aspect="auto", interpolation="nearest")
    if rows > len(names):
        text = f"{len(every) - len(names):,} further classes are not drawn"
        axes.text(0, rows - 0.5, text, ha="left", va="center", fontsize=SIZE, parse_math=False)
    axes.set_xlim(0, most)
    axes.set_ylim(rows, 0)
    return figure
