"""Means over runs with their standard deviation and number: all that Welch's test needs."""

from __future__ import annotations

from collections.abc import Sequence
from math import sqrt
from typing import NamedTuple

from ablate.errors import StudyError
from ablate.metrics import is_rate
from ablate.readers import columns
from ablate.readers.cells import (
    CellSource,
    FoundCells,
    ReadCells,
    entries_below,
    in_one_unit,
    read_entries,
    whole,
    without_result,
)
from ablate.readers.columns import first
from ablate.readers.numbers import numbers_of, quoted, read_cell
from ablate.readers.sheet import TableSheet
from ablate.readers.tested import TestedRun
from ablate.readers.units import Note, without_unit

MOST_RUNS = 1000
"""More than that in a column `n` are test images."""

_SMALLEST, _LARGEST = 0.0005, 0.1
"""Deviations of a rate between runs that are smaller or larger may be in another unit than the means."""

_REMEDY = (
    "Give one row per run with one number each; or a column each for the mean, the standard deviation over runs (std) "
    "and the number of runs (runs), one row per variant."
)


class Spread(NamedTuple):
    """Where the spread of a mean stands: in a column (deviation, or error), or behind a plus-minus (neither).

    runs: the column that says over how many runs. certain: whether its name says that these are runs.
    """

    deviation: int | None = None
    error: int | None = None
    runs: int | None = None
    certain: bool = False

    @property
    def columns(self) -> frozenset[int]:
        """Those that are read."""
        return frozenset(i for i in (self.deviation, self.error, self.runs) if i is not None)


def find_spread(sheet: TableSheet, value: int, metric: str, taken: Sequence[int | None]) -> Spread | None:
    """The columns beside a mean; None where nothing says that it is one."""
    deviation = first([i for i in columns.columns_of(sheet, columns.DEVIATION, metric) if i not in taken])
    error = first([i for i in columns.columns_of(sheet, columns.ERROR, metric) if i not in taken])
    inside = any((cell := read_cell(text, "")) is not None and cell.spread is not None for text in sheet.column(value))
    if deviation is None and error is None and not inside:
        return None
    named = first(columns.find(sheet, columns.RUNS, without=taken))
    other = [*columns.find(sheet, columns.NUMBER, without=taken), *columns.columns_of(sheet, ("count",), metric)]
    return Spread(
        deviation,
        None if deviation is not None else error,
        named if named is not None else first(other),
        named is not None,
    )


def check_single(sheet: TableSheet, runs: int | None) -> None:
    """Refuse means over several runs without their spread, which would pass as single runs."""
    for row in sheet.rows if runs is not None else ():
        cell = read_cell(row.cells[runs or 0], "")
        if cell is not None and cell.body != "1":
            raise StudyError(
                f"{sheet.where(row, runs)} {quoted(cell.text)}: the mean of several runs, without their spread",
                hint=_REMEDY,
            )


def read_summaries(source: CellSource, *, value: int, spread: Spread | None, metric: str) -> ReadCells:
    """One row per variant: mean, standard deviation over runs, number of runs."""
    sheet = source.sheet
    row = sheet.rows[0]
    if spread is None or (
        spread.deviation is None and spread.error is None and not columns.says_deviation(sheet.headings[value])
    ):
        raise StudyError(
            f"{sheet.where(row, value)} {quoted(row.cells[value])} is a mean over runs, and nothing says which spread "
            "they have (a standard deviation, a standard error, an interval)",
            hint=_REMEDY,
        )
    if spread.runs is None:
        raise StudyError(
            f"{sheet.where(row, value)} {quoted(row.cells[value])} is a mean over runs, and nothing says over how many",
            hint=_REMEDY,
        )
    means, lost = read_entries(sheet, entries_below(source, value), "rate" if is_rate(metric) else "plain")
    numbers, none = read_entries(sheet, [one.entry._replace(column=spread.runs) for one in means], "count")
    if none:
        raise StudyError(f"{sheet.where(sheet.rows[none[0].row], spread.runs)} is empty", hint=_REMEDY)
    done = in_one_unit(sheet, means, metric, source.ask.unit)
    _check_signs(means)
    counts = [whole(one) for one in numbers]
    deviations = _deviations(sheet, means, done.divisors, counts, spread)
    _check_runs(numbers, counts, done.values, deviations, certain=spread.certain, rate=is_rate(metric))
    if is_rate(metric) and source.ask.unit is None and _is_bare(sheet, spread):
        _check_unit(sheet, means, done.values, deviations, spread)
    runs = [
        (one.entry.row, TestedRun(*one.entry.key, mean, runs=n, deviation=deviation))
        for one, mean, n, deviation in zip(means, done.values, counts, deviations, strict=True)
    ]
    note = Note("judge.summaries" if spread.error is None else "judge.summaries_error")
    return ReadCells(runs, [note, *done.notes, *without_result(sheet, lost)])


def _deviations(
    sheet: TableSheet, means: Sequence[FoundCells], divisors: Sequence[float], counts: Sequence[int], spread: Spread
) -> list[float | None]:
    """Standard deviations in the unit of the means; None where a variant has one run."""
    column = spread.deviation if spread.deviation is not None else spread.error
    heading = None if column is None else without_unit(sheet.headings[column])[1]
    found: list[float | None] = []
    for one, divisor, n in zip(means, divisors, counts, strict=True):
        if column is None:
            cell = one.cell if one.cell.spread is not None else None
            text = one.cell.spread or ""
        else:
            row = sheet.rows[one.entry.row]
            cell = read_cell(row.cells[column], sheet.where(row, column))
            text = "" if cell is None else cell.body
        if cell is None or (n == 1 and column is None):
            if n > 1:
                raise StudyError(f"{one.cell.where} {quoted(one.cell.text)} has no standard deviation", hint=_REMEDY)
            found.append(None)
            continue
        (value,) = numbers_of([cell], ["plain"], [text])
        if value < 0:
            raise StudyError(f"{cell.where} {quoted(cell.text)} is a spread below 0", hint=_REMEDY)
        unit = divisor
        if column is not None:
            unit = 100.0 if cell.percent else {"percent": 100.0, "fraction": 1.0}.get(heading or "", divisor)
        found.append(None if n == 1 else value / unit * (sqrt(n) if spread.error is not None else 1.0))
    return found


def _is_bare(sheet: TableSheet, spread: Spread) -> bool:
    """Whether nothing says in which unit a column of deviations is."""
    column = spread.deviation if spread.deviation is not None else spread.error
    if column is None or without_unit(sheet.headings[column])[1] is not None:
        return False
    return not any((cell := read_cell(text, "")) is not None and cell.percent for text in sheet.column(column))


def _check_signs(means: Sequence[FoundCells]) -> None:
    """Refuse `0.912 ± 0.3%`, of which the sign may be the spread's alone."""
    for one in means:
        if one.cell.percent and one.cell.behind and one.value <= 1:
            raise StudyError(
                f"{one.cell.where} {quoted(one.cell.text)}: the mean may be a fraction or a percentage",
                hint="Write the sign after both, or after neither.",
            )


def _check_unit(
    sheet: TableSheet,
    means: Sequence[FoundCells],
    values: Sequence[float],
    deviations: Sequence[float | None],
    spread: Spread,
) -> None:
    """Refuse deviations that would fit the means a hundred times larger or smaller, and not as they stand."""
    known = [sd for sd in deviations if sd is not None]
    in_percent = any(one.value > 1 for one in means)
    largest = max(known, default=0.0)
    if not (0 < largest < _SMALLEST if in_percent else largest > _LARGEST and max(values) <= 1):
        return
    place = deviations.index(largest)
    column = spread.deviation if spread.deviation is not None else spread.error
    row = sheet.rows[means[place].entry.row]
    raise StudyError(
        f"{means[place].cell.where} {quoted(means[place].cell.text)} and {sheet.where(row, column)} "
        f"{quoted(row.cells[column or 0])} may be in two units, a fraction and a percentage",
        hint="Name the unit in both headings, as in 'accuracy (%)' and 'std (%)'; or, if they are in one: --unit.",
    )


def _check_runs(
    numbers: Sequence[FoundCells],
    counts: Sequence[int],
    means: Sequence[float],
    deviations: Sequence[float | None],
    *,
    certain: bool,
    rate: bool,
) -> None:
    """Refuse numbers of images that pass as numbers of runs."""
    known = [(mean, sd) for mean, sd in zip(means, deviations, strict=True) if sd is not None]
    over_images = rate and known and all(abs(sd - sqrt(max(0.0, m * (1 - m)))) < 0.02 * sd for m, sd in known)
    for one, count in zip(numbers, counts, strict=True):
        if count < 1:
            raise StudyError(f"{one.cell.where} {quoted(one.cell.text)}: a mean over no runs", hint=_REMEDY)
        if not certain and (count > MOST_RUNS or over_images):
            why = "the deviations are those of right and wrong answers" if over_images else "that is a lot of runs"
            raise StudyError(
                f"{one.cell.where} {quoted(one.cell.text)} may be the number of test images, not of runs: {why}",
                hint="Call the column runs if it is the number of runs. " + _REMEDY,
            )
