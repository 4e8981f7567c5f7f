"""The place a figure is drawn for: its size, that of its letters, and a frame to match."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from matplotlib.axes import Axes


class Sheet(NamedTuple):
    """The place for a figure. width, height: inches, None for as high as it takes; size: of the letters, in points."""

    width: float
    height: float | None
    size: float

    @property
    def line(self) -> float:
        """The height of a line of text with its space, in inches."""
        return 1.9 * self.size / 72

    @property
    def gap(self) -> float:
        """A small space between two things, in inches."""
        return 0.9 * self.size / 72

    @property
    def stroke(self) -> float:
        """How strong a line is, beside one of a figure on a screen."""
        return self.size / 9

    def with_lines(self, lines: float) -> Sheet:
        """With letters so small that a number of lines fits."""
        if self.height is None:
            return self
        return self._replace(size=min(self.size, self.height * 72 / 1.9 / lines))


SHEETS: Mapping[str, Sheet] = {
    "column": Sheet(3.35, None, 7),
    "two-columns": Sheet(7.0, None, 8),
    "slide": Sheet(40 / 3, 7.5, 18),
}
"""Sizes by their name: 85 and 178 mm of a printed page, and 16:9 as PowerPoint has it."""


def bare_frame(axes: Axes, sheet: Sheet) -> None:
    """No lines above and to the right, which carry no numbers; strokes and letters of the sheet's size."""
    axes.spines[["top", "right"]].set_visible(False)
    for spine in axes.spines.values():
        spine.set_linewidth(0.8 * sheet.stroke)
    axes.tick_params(labelsize=sheet.size, width=0.8 * sheet.stroke, length=3 * sheet.stroke, pad=2 * sheet.stroke)
