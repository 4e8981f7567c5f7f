"""Shares and percentages: which of the two the numbers of one column are. The rules stand in docs/judge.md."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Literal, NamedTuple

from ablate.errors import StudyError
from ablate.metrics import better_direction, is_rate
from ablate.readers.numbers import quoted

Unit = Literal["percent", "fraction"]

OPTION = "Say which: --unit percent or --unit fraction; or write % into the cells that are percentages."
"""The remedy where a command reads the numbers."""
LOGGED = (
    "If they are in one unit, say which: --unit percent or --unit fraction. Otherwise log the metric once more in one "
    "unit, under a name of its own."
)
"""The remedy where the numbers are a tracker's."""
MARK = "Write % after the figures that are percentages, as in '93.5 %'."
"""The remedy where nobody can be told."""

_PERCENT = re.compile(
    r"\s*[(\[{]\s*(?:in\s+)?(?:%|pct|percent|percentage)\s*[)\]}]|\s*%|[ _.\-](?:pct|percent|percentage)$",
    re.IGNORECASE,
)
_FRACTION = re.compile(r"\s*[(\[{]\s*(?:in\s+)?(?:fractions?|shares?|0\s*(?:-|,|\.\.|to)\s*1)\s*[)\]}]", re.IGNORECASE)
_NO_SHARE = re.compile(r"loss|perplexity|nll|entropy|mse|mae|seconds|time|bytes|flops")
"""Metrics whose numbers have nothing to do with percentages, and may well lie on both sides of 1."""


class Reading(NamedTuple):
    """A number as it was written, before its unit is known. percent: whether it has its own mark."""

    where: str
    text: str
    value: float
    percent: bool = False


class Note(NamedTuple):
    """Something to be said of what was read: a key of the report's words, and what is put in.

    Texts stay as they are; a tuple of texts is listed; a whole number counts.
    """

    key: str
    values: Mapping[str, str | int | tuple[str, ...]] = {}


def without_any(named: Sequence[str], judged: Sequence[str]) -> list[Note]:
    """That variants are not compared because none of their runs has a result."""
    lost = tuple(name for name in dict.fromkeys(named) if name and name not in set(judged))
    return [Note("judge.without_any", {"names": lost})] if lost else []


class Scaled(NamedTuple):
    """Numbers as they are stored: shares from 0 to 1 where they are shares. divisors: what each was divided by."""

    values: list[float]
    divisors: list[float]
    notes: tuple[Note, ...]


def without_unit(heading: str) -> tuple[str, Unit | None]:
    """A heading without its unit, and that: `accuracy (%)`, `acc[%]`, `accuracy_pct`, `accuracy (fraction)`."""
    plain = heading.strip()
    units: tuple[tuple[re.Pattern[str], Unit], ...] = ((_PERCENT, "percent"), (_FRACTION, "fraction"))
    for pattern, unit in units:
        bare = pattern.sub("", plain).strip()
        if bare not in ("", plain):
            return bare, unit
    return plain, None


def in_shares(
    readings: Sequence[Reading],
    metric: str,
    *,
    heading: Unit | None = None,
    told: Unit | None = None,
    remedy: str = OPTION,
) -> Scaled:
    """The numbers of one column in one unit.

    A number with a percent sign is a percentage. The others share a unit: the one `told`, else that of the
    heading; else, for a rate, fractions where all are at most 1 and percentages where all are above. Zero is the
    same in both. Raises StudyError, naming two cells, where that leaves a doubt.
    """
    bare = [reading for reading in readings if not reading.percent and reading.value != 0]
    unit = told or heading
    if told is None and heading == "percent":
        small = [reading for reading in bare if reading.value <= 1]
        large = [reading for reading in bare if reading.value > 1]
        if _look_mixed(small, large):
            raise _mixed(small[0], large[0], remedy)
        if small and not large and is_rate(metric) and better_direction(metric) == "max":
            one = max(small, key=lambda reading: reading.value)
            raise StudyError(
                f"{one.where} {quoted(one.text)} is the best {metric}, under a name that says percent: less than 1 %, "
                "or fractions",
                hint=remedy if remedy == LOGGED else "Say which: --unit percent or --unit fraction.",
            )
    if unit is None:
        unit = _unit_of(bare, [reading for reading in readings if reading.percent], metric, remedy)
    divisors = [100.0 if reading.percent or unit == "percent" else 1.0 for reading in readings]
    values = [reading.value / divisor for reading, divisor in zip(readings, divisors, strict=True)]
    if is_rate(metric):
        for reading, value, divisor in zip(readings, values, divisors, strict=True):
            _check_range(reading, value, divisor, metric, remedy)
    return Scaled(
        values, divisors, tuple(_notes(readings, bare, metric, unit, "told" if told else "heading" if heading else ""))
    )


def _unit_of(bare: Sequence[Reading], marked: Sequence[Reading], metric: str, remedy: str) -> Unit | None:
    """The unit of numbers without a mark: None for one of their own."""
    small = [reading for reading in bare if reading.value <= 1]
    large = [reading for reading in bare if reading.value > 1]
    if is_rate(metric):
        small = [reading for reading in small if reading.value > 0]  # those below are refused in any unit
        if small and large:
            raise _mixed(small[0], large[0], remedy)
        _check_neighbours(small, marked, remedy)
        return "percent" if large else "fraction"
    if marked and large:
        raise _mixed(marked[0], large[0], remedy)
    if marked:
        _check_neighbours(small, marked, remedy)
    elif _look_mixed(small, large) and _NO_SHARE.search(metric.lower()) is None:
        raise _mixed(max(small, key=lambda one: one.value), min(large, key=lambda one: one.value), remedy)
    return None


def _look_mixed(small: Sequence[Reading], large: Sequence[Reading]) -> bool:
    """Whether numbers of an unknown metric fall into shares and percentages with nothing in between."""
    if not small or not large or min(one.value for one in small) < 0 or max(one.value for one in large) > 100:
        return False
    return min(one.value for one in large) > 10 * max(one.value for one in small)


def _check_neighbours(small: Sequence[Reading], marked: Sequence[Reading], remedy: str) -> None:
    """Numbers up to 1 are shares, unless the percentages beside them say that they may have lost their sign."""
    for reading in small:
        for other in marked:
            if 0 < other.value < 10 * reading.value:  # nearer to it, as a ratio, than to a hundred times it
                raise _mixed(reading, other, remedy)


def _mixed(one: Reading, other: Reading, remedy: str) -> StudyError:
    return StudyError(
        f"{one.where} {quoted(one.text)} and {other.where} {quoted(other.text)} may be in two units, "
        "a fraction and a percentage",
        hint=remedy,
    )


def _check_range(reading: Reading, value: float, divisor: float, metric: str, remedy: str) -> None:
    if 0 <= value <= 1:
        return
    bounds = "from 0 to 100 %" if divisor > 1 else "from 0 to 1"
    raise StudyError(
        f"{reading.where} {quoted(reading.text)} is not a value of {metric}, which lies {bounds}",
        hint=remedy if divisor == 1 and 1 < reading.value <= 100 else "Correct it, or leave the cell empty.",
    )


def _notes(
    readings: Sequence[Reading], bare: Sequence[Reading], metric: str, unit: Unit | None, source: str
) -> list[Note]:
    marked = [reading for reading in readings if reading.percent]
    found = []
    if marked and len(marked) < len(readings):
        found.append(Note("judge.marked", {"numbers": len(marked), "all": len(readings)}))
    if bare and (unit == "percent" or (unit == "fraction" and is_rate(metric))):
        example = bare[0]
        share = example.value if unit == "percent" else 100 * example.value
        key = f"judge.{unit}_{source}" if source else f"judge.{unit}"
        found.append(Note(key, {"metric": metric, "text": example.text, "share": f"{share:.6g}"}))
    return found
