"""Numbers and names as people read them: with unit, interval and the right plural. ASCII minus throughout."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from itertools import accumulate
from math import floor, log10
from typing import NamedTuple

_WORDS = ("no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve")


def counted(number: int, noun: str, plural: str = "") -> str:
    """`1 replicate`, `3 replicates`, `1,797 images`."""
    return f"{number:,} {noun if number == 1 else plural or noun + 's'}"


def in_words(number: int) -> str:
    """`two`, up to twelve; digits beyond."""
    return _WORDS[number] if 0 <= number < len(_WORDS) else f"{number:,}"


def listed(names: Sequence[str], *, at_most: int = 4) -> str:
    """`a, b and c`; a long list ends in `and 5 others`."""
    shown = list(names)
    if len(names) > at_most + 1:
        shown = [*names[:at_most], f"{len(names) - at_most} others"]
    if len(shown) < 2:
        return "".join(shown)
    return f"{', '.join(shown[:-1])} and {shown[-1]}"


def shortened(name: str, width: int) -> str:
    """The name in at most `width` columns of a terminal, cut in the middle so that both ends stay."""
    if columns(name) <= width:
        return name
    tail = (width - 1) // 3
    head = _cut(name, width - 1 - tail).rstrip()
    return f"{head}…{_cut(name[::-1], tail)[::-1].lstrip()}"


def on_one_line(name: str, width: int) -> str:
    """The name whole, with a space for each of its breaks; a word longer than `width` columns is cut as above."""
    return " ".join(shortened(word, width) for word in name.split())


def columns(text: str) -> int:
    """The columns a terminal needs: two for an East Asian character or an emoji, none for a combining mark."""
    return sum(map(_width, text))


def _width(character: str) -> int:
    if unicodedata.combining(character) or character == "\u200d":
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1


def _cut(text: str, width: int) -> str:
    taken = accumulate(map(_width, text))
    return "".join(character for character, total in zip(text, taken, strict=True) if total <= width)


def number(value: float | None, decimals: int, *, sign: str = "") -> str:
    """A fixed number of decimals, never `-0.0`; `-` where the value is not known. sign: `+` to show it."""
    return "-" if value is None else f"{value:{sign}z,.{decimals}f}"


def interval(lo: float | None, hi: float | None, decimals: int) -> str:
    """`[4.1, 7.0]`; empty where there is none."""
    return "" if lo is None or hi is None else f"[{number(lo, decimals)}, {number(hi, decimals)}]"


def with_interval(value: float | None, lo: float | None, hi: float | None, decimals: int, *, sign: str = "") -> str:
    """`+5.6 [4.1, 7.0]`; a number without interval says so."""
    if value is None:
        return "-"
    return f"{number(value, decimals, sign=sign)} {interval(lo, hi, decimals) or '(no interval)'}"


def compact(value: float | None, *, sign: str = "") -> str:
    """A count in three digits: `512`, `24.2 k`, `138 M`, `15.5 G`."""
    if value is None:
        return "-"
    size, unit = abs(value), ""
    for unit in ("", "k", "M", "G", "T"):
        if size < 999.5 or unit == "T":
            break
        size /= 1000
    digits = f"{size:,.0f}" if not unit and size == round(size) else f"{size:,.{max(0, 2 - _magnitude(size))}f}"
    prefix = "-" if value < 0 else sign
    return f"{prefix}{digits}{' ' if unit else ''}{unit}"


def _magnitude(size: float) -> int:
    return floor(log10(size)) if size >= 1 else 0


def duration(seconds: float | None, *, sign: str = "") -> str:
    """`4.7 s`, `28 s`, `3.2 min`, `2.1 h`."""
    if seconds is None:
        return "-"
    size, unit = next((s, u) for s, u in ((3600, "h"), (60, "min"), (1, "s")) if abs(seconds) >= 2 * s or s == 1)
    value = seconds / size
    return f"{value:{sign}z,.{1 if abs(value) < 9.95 else 0}f} {unit}"


def change(value: float | None, shown: str, same: str = "same") -> str:
    """A cost's change, with a word instead of a zero."""
    return same if value == 0 else shown


class Axis(NamedTuple):
    """A common axis with round ends; intervals that leave it end in an arrow."""

    lo: float
    hi: float


def common_axis(points: Sequence[float], ends: Sequence[float]) -> Axis:
    """An axis that shows zero, every point, and every interval that is not far wider than the rest.

    ends: the finite ends of the intervals. One interval from two runs may be a hundred times as wide as the
    others; drawn whole it would leave them as dots.
    """
    sizes = sorted(abs(value) for value in ends)
    largest = max((abs(value) for value in points), default=0.0)
    limit = max(2 * largest, 4 * sizes[len(sizes) // 2]) if sizes else 2 * largest
    shown = [0.0, *points, *(min(limit, max(-limit, value)) for value in ends)]
    lo, hi = min(shown), max(shown)
    if hi - lo < 1e-9:
        return Axis(-1.0, 1.0)
    step = _round_step((hi - lo) / 10)
    return Axis(floor(lo / step + 1e-9) * step, -floor(-hi / step + 1e-9) * step)


def _round_step(size: float) -> float:
    power: float = 10.0 ** floor(log10(size))
    return next(factor * power for factor in (1, 2, 5, 10) if factor * power >= size * 0.999)


def bar(point: float | None, lo: float | None, hi: float | None, axis: Axis, *, width: int = 25) -> str:
    """An interval drawn in `width` characters: `····┊·├──●──┤···`; blank dots where nothing is known.

    ┊ is no change (┼ within the interval), ● the estimate, ◂ and ▸ an interval that goes on.
    """

    def column(value: float) -> int:
        share = (value - axis.lo) / (axis.hi - axis.lo)
        return min(width - 1, max(0, round(share * (width - 1))))

    cells = ["·"] * width
    cells[column(0.0)] = "┊"
    if point is None:
        return "".join(cells)
    left = column(axis.lo if lo is None else lo)
    right = column(axis.hi if hi is None else hi)
    for i in range(left, right + 1):
        cells[i] = "┼" if cells[i] == "┊" else "─"
    if right > left:
        cells[left] = "◂" if lo is None or lo < axis.lo else "├"
        cells[right] = "▸" if hi is None or hi > axis.hi else "┤"
    cells[column(point)] = "●"
    return "".join(cells)
