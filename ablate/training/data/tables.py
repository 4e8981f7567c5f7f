"""A table of paths and labels, one picture a row."""

from __future__ import annotations

import csv
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from ablate.errors import DataError, DataMissing, near_match
from ablate.training.config import CsvTable
from ablate.training.data.listing import (
    Contents,
    Listing,
    Picture,
    by_label,
    class_names,
    first_of,
    nfc,
    resolved,
    version_of,
)

JOINT = "|"
"""Between the labels of one picture."""


class Row(NamedTuple):
    """One picture of the table: its id, the path of its file, its labels, its origin, its part."""

    id: str
    path: str
    labels: tuple[str, ...]
    origin: str
    is_test: bool


def find_table(source: CsvTable) -> Path:
    """Where it is. Raises DataMissing."""
    table = resolved(source.file)
    if not table.is_file():
        raise DataMissing(
            f"base.data.source.file ({source.file}): there is no file {table}",
            hint="It must be a table of paths and labels with the columns' names in the first row; a relative path "
            f"starts at the current folder, {Path.cwd()}.",
        )
    return table


def list_table(source: CsvTable, *, multi_label: bool) -> Listing:
    """The pictures of a table, in which the labels' texts are the classes' names."""
    table = find_table(source)
    root = resolved(source.root) if source.root is not None else table.parent
    rows = _read_rows(table, root, source, multi_label=multi_label)

    def read() -> Contents:
        classes = class_names(label for row in rows for label in row.labels)
        places = {name: index for index, name in enumerate(classes)}
        pictures = []
        for row in rows:
            labels = tuple(sorted(places[label] for label in row.labels))
            pictures.append(Picture(row.id, labels if multi_label else labels[0], row.path, row.origin))
        test = frozenset(row.id for row in rows if row.is_test) if source.split is not None else None
        return Contents(tuple(nfc(name) for name in classes), by_label(pictures), official_test=test)

    files = [(row.id, row.path) for row in rows]
    settings = source.model_dump_json(exclude={"file", "root"})
    version = version_of(f"{table}\0{root}\0{settings}", [("", str(table)), *files])
    return Listing(str(table), version, (str(table), *(path for _, path in files)), read)


def _read_rows(table: Path, root: Path, source: CsvTable, *, multi_label: bool) -> list[Row]:
    try:
        with table.open(encoding="utf-8-sig", newline="") as stream:
            reader = csv.DictReader(stream, delimiter="\t" if table.suffix.lower() == ".tsv" else ",", strict=True)
            _refuse_unknown_columns(table, source, [name for name in reader.fieldnames or () if name])
            cells = [(reader.line_num, row) for row in reader]
    except (UnicodeDecodeError, csv.Error) as error:
        raise DataError(f"cannot read {table}: {error}", hint="It must be a CSV table in UTF-8.") from error
    wrong: list[str] = []
    rows: dict[str, Row] = {}
    for line, cell in cells:
        part = _part(cell, source)
        if part == "out":
            continue
        problem, row = _row(cell, root, source, multi_label=multi_label)
        if row is not None and row.id in rows:
            problem = f"{row.id} is there twice"
        if part == "unknown":
            problem = (
                f"{source.split.column if source.split else ''} is {cell[source.split.column]!r}"
                if source.split
                else ""
            )
        if problem or row is None:
            wrong.append(f"line {line}: {problem}")
        else:
            rows[row.id] = row._replace(is_test=part == "test")
    if wrong:
        raise DataError(f"{table} has {len(wrong)} rows that cannot be used: {first_of(wrong, '; ')}", hint=_HINT)
    if not rows:
        raise DataError(f"{table} has no rows", hint="One row a picture, below the columns' names.")
    return list(rows.values())


_HINT = (
    "Mend the table, or the settings of base.data.source: path, label and group name columns, split.train, "
    f"split.test and split.leave_out hold the values of the split column; several labels are joined by {JOINT!r} "
    "and need base.data.multi_label: true."
)


def _refuse_unknown_columns(table: Path, source: CsvTable, columns: Sequence[str]) -> None:
    asked = {"path": source.path, "label": source.label, "group": source.group}
    if source.split is not None:
        asked["split.column"] = source.split.column
    for key, column in asked.items():
        if column is not None and column not in columns:
            raise DataError(
                f"base.data.source.{key}: {table} has no column {column!r}",
                hint=f"{near_match(column, columns)}Its columns: {', '.join(columns)}.",
            )


def _part(cell: Mapping[str, str | None], source: CsvTable) -> str:
    """train, test, out (not read) or unknown."""
    if source.split is None:
        return "train"
    value = (cell[source.split.column] or "").strip()
    for name, values in (("train", source.split.train), ("test", source.split.test), ("out", source.split.leave_out)):
        if value in values:
            return name
    return "unknown"


def _row(cell: Mapping[str, str | None], root: Path, source: CsvTable, *, multi_label: bool) -> tuple[str, Row | None]:
    """What is wrong with a row, or the row."""
    path = (cell[source.path] or "").strip()
    if not path:
        return f"no {source.path}", None
    text = (cell[source.label] or "").strip()
    labels = tuple(sorted({label.strip() for label in text.split(JOINT) if label.strip()}))
    if not multi_label and len(labels) != 1:
        return (f"several labels, {text!r}" if labels else f"no {source.label}"), None
    if "\0" in path:
        return f"{path!r} is no path", None
    # Not resolved: a link inside the folder may lead wherever its owner wants, a table from elsewhere may not.
    file = Path(os.path.normpath(root / path))
    if not file.is_relative_to(root):
        return f"{path} leads out of {root} (source.root may be a folder above)", None
    origin = (cell[source.group] or "").strip() if source.group is not None else ""
    if source.group is not None and not origin:
        return f"no {source.group}", None
    return "", Row(nfc(file.relative_to(root).as_posix()), str(file), labels, origin, is_test=False)
