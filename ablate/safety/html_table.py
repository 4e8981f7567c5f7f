"""Records as HTML for a notebook: tables whose texts are all escaped, with intervals drawn in their cells.

A notebook has its own style and may show a light or a dark page, and a saved one keeps no style sheet: so colours are
those of the text around or readable on both, and everything stands in the elements themselves.
"""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from math import isfinite
from typing import NamedTuple

from ablate.safety.plain_text import plain

WIDTH, HEIGHT = 180, 18
COLOURS = {"better": "#2f81c7", "worse": "#d9622b", "same": "#1f9d76", "undecided": "#b8860b"}
"""Of verdicts, readable on white and on black; others are drawn in the colour of the text."""


class Interval(NamedTuple):
    """An estimate with its interval, drawn in a cell; an end that is None or infinite goes on for ever."""

    point: float | None
    lo: float | None
    hi: float | None
    verdict: str = ""


Cell = str | Interval


def html_text(text: str) -> str:
    """A text as itself within HTML, on one line."""
    return escape(plain(text), quote=True)


def html_table(
    columns: Sequence[str], rows: Sequence[Sequence[Cell]], *, title: str = "", lines: Sequence[str] = ()
) -> str:
    """A heading, sentences below it, and a table; all intervals of a column are drawn on one axis around 0."""
    parts = [f"<p><strong>{html_text(title)}</strong></p>"] if title else []
    parts += [f"<p>{html_text(line)}</p>" for line in lines]
    if rows:
        axes = [_axis([row[i] for row in rows]) for i in range(len(columns))]
        head = "".join(f'<th style="text-align:left">{html_text(column)}</th>' for column in columns)
        body = "".join(
            "<tr>" + "".join(f"<td{_LEFT}>{_cell(cell, axis)}</td>" for cell, axis in zip(row, axes, strict=True))
            + "</tr>"
            for row in rows
        )  # fmt: skip
        parts.append(f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>")
    return f'<div class="ablate">{"".join(parts)}</div>'


_LEFT = ' style="text-align:left"'


def _cell(cell: Cell, axis: float) -> str:
    return html_text(cell) if isinstance(cell, str) else _drawn(cell, axis)


def _axis(cells: Sequence[Cell]) -> float:
    """How far the axis reaches to both sides of 0."""
    drawn = [cell for cell in cells if isinstance(cell, Interval)]
    ends = [abs(end) for cell in drawn for end in cell[:3] if end is not None and isfinite(end)]
    return 1.05 * max(ends, default=0.0) or 1.0


def _is_known(end: float | None) -> bool:
    return end is not None and isfinite(end)


def _drawn(found: Interval, axis: float) -> str:
    """The interval as a drawing of numbers alone."""
    if not _is_known(found.point):
        return ""
    middle = HEIGHT / 2
    lo, hi = (end if _is_known(end) else side for end, side in ((found.lo, -axis), (found.hi, axis)))
    left, point, right, zero = (_place(value, axis) for value in (lo, found.point, hi, 0.0))
    colour = COLOURS.get(found.verdict, "currentColor")
    return (
        f'<svg width="{WIDTH}" height="{HEIGHT}" viewBox="0 0 {WIDTH} {HEIGHT}" aria-hidden="true">'
        f'<line x1="{zero}" x2="{zero}" y1="0" y2="{HEIGHT}" stroke="currentColor" stroke-dasharray="2 2" '
        'stroke-opacity="0.6"/>'
        f'<line x1="{left}" x2="{right}" y1="{middle}" y2="{middle}" stroke="{colour}" stroke-width="3"/>'
        f'<circle cx="{point}" cy="{middle}" r="4" fill="{colour}"/></svg>'
    )


def _place(value: float | None, axis: float) -> float:
    assert value is not None
    return round(WIDTH * (value + axis) / (2 * axis), 1)
