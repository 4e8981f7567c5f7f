"""A source's figures of one metric, as they stand under `published:` of a study file."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from math import isfinite
from typing import Any, NamedTuple

from ablate.errors import StudyError
from ablate.metrics import is_rate
from ablate.readers.numbers import numbers_of, quoted, read_cell
from ablate.readers.units import MARK, Reading, in_shares, without_unit


class PublishedFigure(NamedTuple):
    """A figure as stored, a share where the metric is a rate; of so many right answers and images where it says so."""

    value: float
    correct: int | None = None
    images: int | None = None


def read_figures(metric: str, figures: Mapping[str, Any], where: Callable[[str], str]) -> dict[str, PublishedFigure]:
    """The figures by variant, in one unit.

    `149/360` is a count, `93.5 %` a percentage; the numbers share a unit by the rules for columns. Raises
    StudyError, naming file and line, for what is none of these and where the unit is in doubt.
    """
    found: dict[str, PublishedFigure] = {}
    readings: dict[str, Reading] = {}
    for name, figure in figures.items():
        read = _figure(figure, where(name), metric)
        if isinstance(read, PublishedFigure):
            found[name] = read
        else:
            readings[name] = read
    heading = without_unit(metric)[1]
    scaled = in_shares(list(readings.values()), metric, heading=heading, remedy=MARK)
    found |= {name: PublishedFigure(value) for name, value in zip(readings, scaled.values, strict=True)}
    return {name: found[name] for name in figures}


def _figure(figure: Any, where: str, metric: str) -> PublishedFigure | Reading:
    place = f"{where}:"
    if isinstance(figure, (int, float)) and not isinstance(figure, bool):
        top = 100 if is_rate(metric) else 1e100
        bottom = 0 if is_rate(metric) else -1e100
        if isfinite(figure) and bottom <= figure <= top:
            return Reading(place, str(figure), float(figure))
    cell = read_cell(figure, place) if isinstance(figure, str) else None
    if cell is not None and cell.of is not None and cell.of[0] <= cell.of[1] > 0:
        return PublishedFigure(cell.of[0] / cell.of[1], *cell.of)
    if cell is not None and cell.of is None and cell.spread is None:
        try:
            (value,) = numbers_of([cell], ["rate" if is_rate(metric) else "plain"])
        except StudyError:
            value = float("nan")
        if isfinite(value) and (not is_rate(metric) or 0 <= value <= 100):
            return Reading(place, cell.text, value, cell.percent)
    raise StudyError(
        f"{where}: {_shown(figure)} is not a published figure", hint="Write a count, 149/360, or a percentage, 41.4 %."
    )


def _shown(figure: Any) -> str:
    if figure is None or isinstance(figure, bool):
        return {None: "null", True: "true", False: "false"}[figure]
    return quoted(figure) if isinstance(figure, str) else f"{figure!r}"[:60]
