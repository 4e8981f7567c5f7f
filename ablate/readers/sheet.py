"""A CSV file as text: headings and rows, with commas, semicolons or tabs. Never hangs, never cuts in silence."""

from __future__ import annotations

import csv
import io
import os
import re
import stat
from pathlib import Path
from typing import NamedTuple

from ablate.errors import StudyError
from ablate.readers.numbers import quoted

LARGEST_BYTES = 1 << 29
_CSV = "Give a CSV file, or a study file."


class SheetRow(NamedTuple):
    """One row. line: where it ends in the file. cells: without the space around them, one a heading."""

    line: int
    cells: tuple[str, ...]


class TableSheet(NamedTuple):
    """A table as it stands in the file."""

    path: Path
    headings: tuple[str, ...]
    rows: tuple[SheetRow, ...]
    heading_line: int = 1

    def where(self, row: SheetRow, column: int | None = None) -> str:
        """`results.csv:3`, or `results.csv:3: accuracy`."""
        place = f"{self.path}:{row.line}"
        return place if column is None else f"{place}: {self.heading(column)}"

    def heading(self, column: int) -> str:
        """A column's name, for people: short, and never empty."""
        name = " ".join(self.headings[column].split())  # one line, whatever a spreadsheet's cell held
        return (name if len(name) <= 60 else f"{name[:57]}...") or f"column {column + 1}"

    def column(self, column: int) -> list[str]:
        """The cells below one heading."""
        return [row.cells[column] for row in self.rows]


def read_sheet(path: Path) -> TableSheet:
    """The table in a file.

    Raises StudyError, naming file and line, for what is no file or no text, and for rows that do not fit.
    """
    text = re.sub(r"\Asep=.\r?\n", "", _text(path))  # Excel's own first line
    first = next((line for line in text.splitlines() if line.strip()), "")
    delimiter = max(",;\t", key=first.count)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    headings: tuple[str, ...] | None = None
    rows, begin = [], 1
    try:
        for line in reader:
            cells = tuple(cell.strip() for cell in line)
            if not any(cells):
                continue
            if headings is None:
                headings, begin = _trimmed(cells), reader.line_num
            else:
                rows.append(SheetRow(reader.line_num, _fitted(cells, headings, f"{path}:{reader.line_num}", delimiter)))
    except csv.Error as error:
        raise StudyError(
            f"{path}:{reader.line_num + 1}: {error}",
            hint="Is a quote open that is never closed? A cell holds a name or a number, not a file.",
        ) from None
    return TableSheet(path, headings or (), tuple(rows), begin)


def _text(path: Path) -> str:
    try:
        # Without O_NONBLOCK the opening of a pipe waits for somebody to write into it.
        descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        raise StudyError(f"{_named(path)}: cannot be read: {reason}", hint=_CSV) from None
    try:
        content = _content(descriptor, path)
    finally:
        os.close(descriptor)
    encoding = "utf-16" if content[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig"
    try:
        text = content.decode(encoding)
    except UnicodeDecodeError:
        raise StudyError(f"{path}: is not UTF-8 text", hint="Save the table as CSV in UTF-8.") from None
    if "\0" in text:
        raise StudyError(f"{path}: is not text", hint="Save the table as CSV in UTF-8.")
    return text


def _content(descriptor: int, path: Path) -> bytes:
    found = os.fstat(descriptor)
    if not stat.S_ISREG(found.st_mode):
        raise StudyError(
            f"{_named(path)}: is a folder, a pipe or a device, not a file",
            hint="Save the table to a file first, and give that.",
        )
    if found.st_size > LARGEST_BYTES:
        raise StudyError(
            f"{_named(path)}: has {found.st_size >> 20:,} MB; at most {LARGEST_BYTES >> 20} are read",
            hint="Give one row per run with its counts (correct, n) instead of one row per image.",
        )
    with os.fdopen(descriptor, "rb", closefd=False) as stream:
        return stream.read(LARGEST_BYTES + 1)


def _named(path: Path) -> str:
    text = str(path)
    return text if len(text) <= 200 else f"{text[:197]}..."


def _trimmed(cells: tuple[str, ...]) -> tuple[str, ...]:
    """The headings without the empty ones behind the last."""
    last = max(i for i, cell in enumerate(cells) if cell)
    return cells[: last + 1]


def _fitted(cells: tuple[str, ...], headings: tuple[str, ...], where: str, delimiter: str) -> tuple[str, ...]:
    """As many cells as headings; empty ones behind the last do no harm, anything else would be a cut."""
    size = len(headings)
    if len(cells) >= size and not any(cells[size:]):
        return cells[:size]
    hint = "Put a name that holds the separator in double quotes."
    if delimiter == "," and len(cells) > size:
        hint = "Is a comma before decimals, or in a number or name? Put such a cell in double quotes."
    elif len(cells) < size:
        hint = "Fill the row up, with empty cells where there is nothing."
    if size == 1:
        hint = "The first line must hold the headings, one per column. Remove titles and remarks above them."
    raise StudyError(f"{where}: {len(cells)} cells under {size} heading{'s' * (size > 1)}", hint=hint)


def check_name(text: str, where: str) -> str:
    """A name on one line. Raises StudyError for one that is empty or longer than anybody would read."""
    name = " ".join(text.split())
    if not name:
        raise StudyError(f"{where}: no variant is named", hint="Give every row the name of what was trained.")
    if len(name) > 200:
        raise StudyError(
            f"{where}: a name of {len(name):,} characters, {quoted(name)}", hint="A name has at most 200 characters."
        )
    return name
