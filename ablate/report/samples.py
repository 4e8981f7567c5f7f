"""A picture of samples: a row of pictures a class, its name at the left."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ablate.inspection import Examination
from ablate.report.drawing import SIZE, label, picture
from ablate.report.numbers import columns

if TYPE_CHECKING:
    from matplotlib.figure import Figure

TILE = 0.9
"""Inches a picture."""

NAME_INCHES = 2.0
"""Room for a class's name at most."""

GAP = 0.04
"""Between pictures, as a share of one."""


def samples_picture(found: Examination) -> bytes:
    """PNG of the samples of every class."""
    return picture(draw_samples, found)


def draw_samples(found: Examination) -> Figure:
    """A row a class, in the order of the classes."""
    from matplotlib.figure import Figure

    names = list(found.samples)
    most = max((len(several) for several in found.samples.values()), default=1)
    left = 0.3 + 0.09 * max(columns(label(name, NAME_INCHES)) for name in names)
    height, width, _ = found.sample_shape
    row = TILE * height / width
    figure = Figure(figsize=(left + most * TILE, max(1, len(names)) * row))
    axes = figure.add_axes((left / figure.get_figwidth(), 0, most * TILE / figure.get_figwidth(), 1))
    axes.set_xlim(0, most)
    axes.set_ylim(len(names), 0)
    axes.axis("off")
    for place, name in enumerate(names):
        axes.text(-0.1, place + 0.5, label(name, NAME_INCHES), ha="right", va="center", fontsize=SIZE, parse_math=False)
        for number, content in enumerate(found.samples[name]):
            pixels = np.frombuffer(content, dtype=np.uint8).reshape(found.sample_shape)
            shown = pixels.repeat(3, axis=2) if pixels.shape[2] == 1 else pixels
            box = (number + GAP, number + 1 - GAP, place + 1 - GAP, place + GAP)
            axes.imshow(shown, extent=box, aspect="auto", interpolation="nearest")
    axes.set_xlim(0, most)
    axes.set_ylim(len(names), 0)
    return figure
