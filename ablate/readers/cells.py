"""The cells of a table that hold results, read as numbers in one unit."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from ablate.errors import StudyError
from ablate.metrics import is_rate
from ablate.readers.numbers import Kind, TableCell, numbers_of, quoted, read_cell
from ablate.readers.sheet import TableSheet
from ablate.readers.tested import Ask, TestedRun
from ablate.readers.units import Note, Reading, Scaled, Unit, in_shares, without_unit


class Key(NamedTuple):
    """Whose result it is."""

    variant: str
    replicate: int


class CellSource(NamedTuple):
    """A table with the variant and replicate of each row."""

    sheet: TableSheet
    ask: Ask
    keys: Sequence[Key]


class Entry(NamedTuple):
    """Where a result stands, and whose it is."""

    row: int
    column: int
    key: Key


class ReadCells(NamedTuple):
    """Runs, each with the row it stands in, and what is to be said of the reading."""

    runs: list[tuple[int, TestedRun]]
    notes: list[Note]


class FoundCells(NamedTuple):
    """A cell with a result."""

    entry: Entry
    cell: TableCell
    value: float


def entries_below(source: CellSource, column: int) -> list[Entry]:
    """The cells of one column, a row each."""
    return [Entry(i, column, key) for i, key in enumerate(source.keys)]


def read_entries(sheet: TableSheet, entries: Sequence[Entry], kind: Kind) -> tuple[list[FoundCells], list[Entry]]:
    """The cells that hold a number, and those that say that there is none."""
    found, lost = [], []
    for entry in entries:
        row = sheet.rows[entry.row]
        cell = read_cell(row.cells[entry.column], sheet.where(row, entry.column))
        if cell is None:
            lost.append(entry)
        else:
            found.append((entry, cell))
    plain = [cell for _, cell in found if cell.of is None]
    values = iter(numbers_of(plain, [kind] * len(plain)))
    numbers = [next(values) if cell.of is None else _share(cell) for _, cell in found]
    return [FoundCells(entry, cell, value) for (entry, cell), value in zip(found, numbers, strict=True)], lost


def _share(cell: TableCell) -> float:
    assert cell.of is not None
    right, images = cell.of
    if not right <= images > 0:
        raise StudyError(f"{cell.where} {quoted(cell.text)} is not a share", hint="Write right/images, as in 149/360.")
    return right / images


def in_one_unit(sheet: TableSheet, found: Sequence[FoundCells], metric: str, told: Unit | None) -> Scaled:
    """The values of cells in one unit; one that is written as a count, 149/360, is a share by itself."""
    headings = {without_unit(sheet.headings[one.entry.column])[1] for one in found}
    heading = headings.pop() if len(headings) == 1 else None
    plain = [one for one in found if one.cell.of is None]
    readings = [Reading(one.cell.where, one.cell.text, one.value, one.cell.percent) for one in plain]
    done = in_shares(readings, metric, heading=heading, told=told)
    values, divisors = iter(done.values), iter(done.divisors)
    return Scaled(
        [next(values) if one.cell.of is None else one.value for one in found],
        [next(divisors) if one.cell.of is None else 1.0 for one in found],
        done.notes,
    )


def read_values(source: CellSource, entries: Sequence[Entry], metric: str, images: int | None = None) -> ReadCells:
    """One number per run. images: a column with the number of test images."""
    sheet = source.sheet
    found, lost = read_entries(sheet, entries, "rate" if is_rate(metric) else "plain")
    for one in found:
        if one.cell.spread is not None:
            raise StudyError(
                f"{one.cell.where} {quoted(one.cell.text)} is a mean with a spread, not the result of a run",
                hint="Give one row per run with one number each; or a column each for the mean, its standard deviation "
                "(std) and the number of runs (runs), one row per variant.",
            )
    sizes = _sizes(sheet, found, images)
    done = in_one_unit(sheet, found, metric, source.ask.unit)
    runs = [
        (one.entry.row, with_counts(one.entry.key, value, one.cell.of, size, one.cell.body, divisor))
        for one, value, divisor, size in zip(found, done.values, done.divisors, sizes, strict=True)
    ]
    return ReadCells(runs, [*done.notes, *without_result(sheet, lost)])


def _sizes(sheet: TableSheet, found: Sequence[FoundCells], images: int | None) -> list[int | None]:
    if images is None:
        return [None] * len(found)
    numbers, lost = read_entries(sheet, [one.entry._replace(column=images) for one in found], "count")
    if lost:
        raise StudyError(
            f"{sheet.where(sheet.rows[lost[0].row], images)} is empty", hint="Fill in the number of images."
        )
    return [whole(one) for one in numbers]


def with_counts(
    key: Key, value: float, of: tuple[int, int] | None, size: int | None, body: str, divisor: float
) -> TestedRun:
    """A run with its counts, where a count was written, or where the share is of so many images as it is written."""
    if of is not None:
        return TestedRun(*key, value, *of)
    if size is None:
        return TestedRun(*key, value)
    right = round(value * size)
    decimals = len(body.replace(",", ".").partition(".")[2])
    # A share that was rounded when it was written still tells the count, or it is of something else than images.
    fits = abs(value * size - right) <= size * 0.5 * 10.0**-decimals / divisor + 1e-6 * size
    return TestedRun(*key, value, right if fits else None, size if fits else None)


def whole(one: FoundCells) -> int:
    """A count. Raises StudyError for one that is none."""
    if one.cell.percent or one.cell.spread is not None or one.cell.of is not None or one.value != round(one.value):
        raise StudyError(
            f"{one.cell.where} {quoted(one.cell.text)} is not a whole number",
            hint="A count is a whole number. Shares and percentages belong in a column named after the metric.",
        )
    if not 0 <= one.value <= 1e15:
        raise StudyError(f"{one.cell.where} {quoted(one.cell.text)} is not a count", hint="A count is 0 or more.")
    return int(one.value)


def without_result(sheet: TableSheet, lost: Sequence[Entry]) -> list[Note]:
    """That so many runs have none."""
    if not lost:
        return []
    entry = lost[0]
    row = sheet.rows[entry.row]
    text = row.cells[entry.column]
    return [
        Note(
            "judge.no_result",
            {
                "runs": len(lost),
                "where": f"{sheet.path.name}:{row.line}: {sheet.heading(entry.column)}",
                "text": quoted(text),
            },
        )
    ]
