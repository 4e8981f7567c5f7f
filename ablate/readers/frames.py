"""A data frame as the table it would be in a file: of pandas, of polars, a mapping of columns, a list of rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ablate.errors import StudyError
from ablate.readers.numbers import quoted
from ablate.readers.sheet import SheetRow, TableSheet

NAME = Path("frame")
"""What stands for the file in messages; rows are counted from 1."""

_FORMS = "Give a pandas or polars data frame, a mapping of columns, or a list of rows as mappings."


def sheet_of(frame: object) -> TableSheet:
    """The table in a data frame, cell by cell as text; what is missing in it is empty.

    Raises StudyError for what is no table, and for a column that appears twice.
    """
    columns = _columns(frame)
    if len({len(cells) for _, cells in columns}) > 1:
        raise StudyError("the columns have different lengths", hint=_FORMS)
    headings = tuple(name for name, _ in columns)
    texts = [[_text(cell) for cell in cells] for _, cells in columns]
    rows = tuple(SheetRow(i, cells) for i, cells in enumerate(zip(*texts, strict=True), start=1) if any(cells))
    return TableSheet(NAME, headings, rows, heading_line=0)


def _columns(frame: Any) -> list[tuple[str, list[Any]]]:
    if isinstance(frame, Mapping):
        return [(str(name), list(cells)) for name, cells in frame.items()]
    if isinstance(frame, Sequence) and not isinstance(frame, str) and all(isinstance(row, Mapping) for row in frame):
        found = dict.fromkeys(name for row in frame for name in row)
        return [(str(name), [row.get(name) for row in frame]) for name in found]
    if not hasattr(frame, "columns"):
        raise StudyError(f"{type(frame).__name__} is no table", hint=_FORMS)
    if any(name is not None for name in getattr(getattr(frame, "index", None), "names", ())):
        frame = frame.reset_index()  # pandas keeps there what was grouped by
    names = list(frame.columns)
    for name in names:
        if names.count(name) > 1:
            raise StudyError(f"the column {quoted(str(name))} appears twice", hint="Give the two different names.")
    return [(_heading(name), list(frame[name])) for name in names]


def _heading(name: object) -> str:
    """Levels of headings, as of a pivot table, on one line."""
    return " ".join(str(part) for part in name if str(part)) if isinstance(name, tuple) else str(name)


def _text(cell: Any) -> str:
    if cell is None or (isinstance(cell, float) and cell != cell):
        return ""
    plain = cell.item() if hasattr(cell, "item") and getattr(cell, "ndim", 0) == 0 else cell  # NumPy's own numbers
    if isinstance(plain, bool):
        return str(int(plain))
    if isinstance(plain, float):
        return "" if plain != plain else repr(plain)
    text = str(plain).strip()
    return "" if text in ("<NA>", "NaT") else text  # pandas' missing values
