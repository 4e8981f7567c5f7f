"""The cells of a table under their headings: comma, semicolon or tab between them, every row as wide as the first."""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from ablate.errors import DataError, near_match
from ablate.readers.image_folders import EXTENSIONS
from ablate.training.data.listing import first_of

SEPARATORS = {",": "comma", ";": "semicolon", "\t": "tab"}
"""Between cells; the one that gives the columns asked for is taken."""


class TableLine(NamedTuple):
    """A row of cells, and the line of the file it ends in."""

    number: int
    cells: list[str]


def read_cells(table: Path, asked: Mapping[str, str]) -> list[tuple[int, Mapping[str, str]]]:
    """Line number, and heading -> cell without blanks around it, for every row that is not empty.

    asked: key of the settings -> heading of the column it names. Raises DataError where a column is missing or
    appears twice, and where a row has more cells than there are headings: nothing is cut.
    """
    lines = _lines(table, list(asked.values()))
    if not lines:
        raise DataError(f"{table} is empty", hint="It must hold the columns' names in its first row.")
    headings = lines[0].cells
    _refuse_missing(table, asked, headings)
    _refuse_repeated(table, asked, lines[0])
    _refuse_surplus(table, headings, lines[1:])
    places = {heading: headings.index(heading) for heading in asked.values()}
    return [
        (number, {heading: cells[at] if at < len(cells) else "" for heading, at in places.items()})
        for number, cells in lines[1:]
    ]


def _lines(table: Path, asked: Sequence[str]) -> list[TableLine]:
    """The rows that hold anything, the headings first."""
    try:
        with table.open(encoding="utf-8-sig", newline="") as stream:
            text = stream.read()
    except UnicodeDecodeError as error:
        raise DataError(
            f"cannot read {table}: {error}",
            hint="It must be a CSV table in UTF-8; a spreadsheet saves one as `CSV UTF-8`.",
        ) from error
    first = text.partition("\n")[0].strip()
    if first.lower().startswith("sep=") and len(first) == 5:  # a spreadsheet's word on the separator
        return _parsed(table, text, first[4], skipped=1)
    usual = "\t" if table.suffix.lower() == ".tsv" else ","
    found = {one: _headings(text, one) for one in dict.fromkeys([usual, *SEPARATORS])}
    separator = max(found, key=lambda one: (sum(name in found[one] for name in asked), one == usual, len(found[one])))
    if not any(name in found[separator] for name in asked):
        separator = max(found, key=lambda one: len(found[one]))
    return _parsed(table, text, separator, skipped=0)


def _headings(text: str, separator: str) -> list[str]:
    try:
        for row in csv.reader(io.StringIO(text, newline=""), delimiter=separator):
            if any(cell.strip() for cell in row):
                return [cell.strip() for cell in row]
    except csv.Error:
        pass  # told when the rows are read
    return []


def _parsed(table: Path, text: str, separator: str, *, skipped: int) -> list[TableLine]:
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True)
    lines = []
    try:
        for row in reader:
            cells = [cell.strip() for cell in row]
            if reader.line_num > skipped and any(cells):
                lines.append(TableLine(reader.line_num, cells))
    except csv.Error as error:
        raise DataError(
            f"cannot read {table}, line {reader.line_num}: {error}",
            hint='A quotation mark inside a quoted cell is written twice, "".',
        ) from error
    return lines


def _refuse_missing(table: Path, asked: Mapping[str, str], headings: Sequence[str]) -> None:
    for key, column in asked.items():
        if column not in headings:
            bare = any(cell.lower().endswith(EXTENSIONS) for cell in headings)
            first = "The first row must hold the columns' names; it looks like one of an image. " if bare else ""
            raise DataError(
                f"base.data.source.{key}: {table} has no column {column!r}",
                hint=f"{first}{near_match(column, headings)}Its columns: {', '.join(filter(None, headings))}.",
            )


def _refuse_repeated(table: Path, asked: Mapping[str, str], headings: TableLine) -> None:
    counts = Counter(headings.cells)
    for key, column in asked.items():
        if counts[column] > 1:
            places = [str(place) for place, name in enumerate(headings.cells, start=1) if name == column]
            raise DataError(
                f"{table}, line {headings.number}: the heading {column!r} appears {counts[column]} times, in columns "
                f"{' and '.join(places)}",
                hint=f"Rename all but one of them, or name another column under base.data.source.{key}.",
            )


def _refuse_surplus(table: Path, headings: Sequence[str], lines: Sequence[TableLine]) -> None:
    """More cells than headings, where those beyond hold anything: a label with a comma in it, mostly."""
    wide = [line for line in lines if any(line.cells[len(headings) :])]
    if not wide:
        return
    shown = [f"line {line.number}: {' | '.join(line.cells)}" for line in wide]
    rows = "1 row has" if len(wide) == 1 else f"{len(wide)} rows have"
    all_of_them = len(wide) == len(lines) and all(len(line.cells) == len(headings) + 1 for line in wide)
    numbered = " Where each row begins with a number or a name of its own, give that column a heading, too."
    raise DataError(
        f"{table}: {rows} more cells than the {len(headings)} headings ({', '.join(headings)}): "
        f"{first_of(shown, '; ')}",
        hint="Put quotation marks around a cell that holds the separator, or give every column a heading."
        + numbered * all_of_them,
    )
