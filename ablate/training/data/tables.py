"""A table of paths and labels, one image per row."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path, PureWindowsPath
from typing import NamedTuple

from ablate.errors import DataError, DataMissing
from ablate.readers.image_folders import EXTENSIONS
from ablate.training.config.data import CsvTable
from ablate.training.data.cells import read_cells
from ablate.training.data.listing import (
    Contents,
    ImageFile,
    Listing,
    by_label,
    class_names,
    first_of,
    nfc,
    resolved,
    version_of,
)

JOINT = "|"
"""Between the labels of one image."""


class ImageRow(NamedTuple):
    """One image of the table: its id, the path of its file, its labels, its origin, its part, its text."""

    id: str
    path: str
    labels: tuple[str, ...]
    origin: str
    is_test: bool
    text: str = ""


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
    """The images of a table, in which the labels' texts are the classes' names."""
    table = find_table(source)
    root = _Root(resolved(source.root) if source.root is not None else table.parent)
    rows = _read_rows(table, root, source, multi_label=multi_label)

    def read() -> Contents:
        classes = class_names(label for row in rows for label in row.labels)
        places = {name: index for index, name in enumerate(classes)}
        images = []
        for row in rows:
            labels = tuple(sorted(places[label] for label in row.labels))
            images.append(ImageFile(row.id, labels if multi_label else labels[0], row.path, row.origin, row.text))
        test = frozenset(row.id for row in rows if row.is_test) if source.split is not None else None
        return Contents(tuple(nfc(name) for name in classes), by_label(images), official_test=test)

    files = [(row.id, row.path) for row in rows]
    unset = {key for key in ("suffix", "text") if getattr(source, key) is None}
    settings = source.model_dump_json(exclude={"file", "root"} | unset)
    version = version_of(f"{table}\0{root.folder}\0{settings}", [("", str(table)), *files])
    return Listing(str(table), version, (str(table), *(path for _, path in files)), read)


class _Root:
    """The folder the paths start at, by whatever name: its own, or one that leads to it through links."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._is_root = {str(folder): True}

    def below(self, path: str) -> str | None:
        """A file's path below the root; None where it leads out of it.

        A link inside the folder may lead wherever its owner wants, a table from elsewhere may not: of links only
        those are followed that lead to the folder itself.
        """
        whole = os.path.normpath(self.folder / path)
        if Path(whole).is_relative_to(self.folder):
            return os.path.relpath(whole, self.folder)
        above = os.path.dirname(whole)
        while os.path.isabs(path) and above != os.path.dirname(above):
            if above not in self._is_root:
                self._is_root[above] = os.path.realpath(above) == str(self.folder)
            if self._is_root[above]:
                return os.path.relpath(whole, above)
            above = os.path.dirname(above)
        return None


def _read_rows(table: Path, root: _Root, source: CsvTable, *, multi_label: bool) -> list[ImageRow]:
    asked = {"path": source.path, "label": source.label, "group": source.group, "text": source.text}
    if source.split is not None:
        asked["split.column"] = source.split.column
    cells = read_cells(table, {key: column for key, column in asked.items() if column is not None})
    wrong: list[str] = []
    rows: dict[str, ImageRow] = {}
    lines: dict[str, int] = {}
    for line, cell in cells:
        part = _part(cell, source)
        if part == "out":
            continue
        problem, row = _row(cell, root, source, multi_label=multi_label)
        if row is not None and row.id in rows:
            problem = f"{row.id} appears twice, first in line {lines[row.id]}"
        if part == "unknown":
            problem = f"{source.split.column} is {cell[source.split.column]!r}" if source.split else ""
        if problem or row is None:
            wrong.append(f"line {line}: {problem}")
        else:
            rows[row.id] = row._replace(is_test=part == "test")
            lines[row.id] = line
    if wrong:
        count = "1 row" if len(wrong) == 1 else f"{len(wrong)} rows"
        raise DataError(f"{table} has {count} that cannot be used: {first_of(wrong, '; ')}", hint=_HINT)
    if not rows:
        raise DataError(f"{table} has no rows", hint="One row per image, below the columns' names.")
    return list(rows.values())


_HINT = (
    "Fix the table, or the settings of base.data.source: path, label, group and text name columns, split.train, "
    f"split.test and split.leave_out hold the values of the split column; several labels are joined by {JOINT!r} "
    "and need base.data.multi_label: true."
)


def _part(cell: Mapping[str, str], source: CsvTable) -> str:
    """train, test, out (not read) or unknown."""
    if source.split is None:
        return "train"
    value = cell[source.split.column]
    for name, values in (("train", source.split.train), ("test", source.split.test), ("out", source.split.leave_out)):
        if value in values:
            return name
    return "unknown"


def _row(cell: Mapping[str, str], root: _Root, source: CsvTable, *, multi_label: bool) -> tuple[str, ImageRow | None]:
    """What is wrong with a row, or the row."""
    path, text = cell[source.path], cell[source.label]
    if not path:
        return f"no {source.path}", None
    labels = tuple(sorted({label.strip() for label in text.split(JOINT) if label.strip()}))
    if not multi_label and len(labels) != 1:
        return (f"several labels, {text!r}" if labels else f"no {source.label}"), None
    if "\0" in path:
        return f"{path!r} is not a path", None
    problem, name = _name(path, root, source.suffix)
    if name is None:
        return problem, None
    origin = cell[source.group] if source.group is not None else ""
    if source.group is not None and not origin:
        return f"no {source.group}", None
    text = cell[source.text] if source.text is not None else ""
    if source.text is not None and not text:
        return f"no {source.text}", None
    return "", ImageRow(nfc(Path(name).as_posix()), str(root.folder / name), labels, origin, is_test=False, text=text)


def _name(path: str, root: _Root, suffix: str | None) -> tuple[str, str | None]:
    """What is wrong with a path, or the file's path below the root."""
    if suffix is not None and not path.lower().endswith((suffix.lower(), *EXTENSIONS)):
        path += suffix
    name = root.below(path)
    if os.sep != "\\" and "\\" in path and (name is None or not os.path.lexists(root.folder / name)):
        windows = PureWindowsPath(path)
        if windows.drive or windows.root:
            return f"{path} is an absolute path of another machine (write it from source.root on)", None
        name = root.below(windows.as_posix())
    if name is None:
        return f"{path} leads out of {root.folder} (source.root may be a folder above)", None
    file = root.folder / name
    if not name.lower().endswith(EXTENSIONS) and not os.path.lexists(file):
        found = [ending for ending in EXTENSIONS if os.path.exists(f"{file}{ending}")]
        if found:
            return f"there is no file {path}, but {path}{found[0]} (set source.suffix: {found[0]})", None
    return "", name
