"""What a table says about single images: its columns by the images' ids."""

from __future__ import annotations

import posixpath
import unicodedata
from collections.abc import Callable, Collection, Mapping, Sequence

from ablate.errors import StudyError
from ablate.readers.sheet import TableSheet

Columns = Mapping[str, Mapping[str, str]]
"""Heading -> image id -> cell."""


ImageColumns = Callable[[Sequence[str]], Columns]
"""What is known about images with these ids."""


def columns_about(sheet: TableSheet, ids: Collection[str], *, without: Collection[str] = ()) -> Columns:
    """The columns of a table with one row per image. ids: of the images asked about; other rows are passed over.

    The column that holds most of the ids names the images. without: headings that are left out.
    Raises StudyError where no column holds an id, and where an image has two rows that differ.
    """
    if not sheet.rows:
        raise StudyError(f"{sheet.path} has no rows", hint="One row per image, below the columns' names.")
    known = set(ids)
    matches = [sum(cell in known for cell in sheet.column(place)) for place in range(len(sheet.headings))]
    key = matches.index(max(matches))
    if not matches[key]:
        shown = ", ".join(sorted(known)[:2])
        raise StudyError(
            f"{sheet.path}: no column holds ids of the test images, such as {shown}",
            hint="One row per image; one column holds the images' ids as the report shows them, mostly "
            "their paths below the folder of the images.",
        )
    return _by_image(sheet, [row.cells[key] for row in sheet.rows], known, {sheet.headings[key], *without})


def columns_by_path(
    sheet: TableSheet, path: str, ids: Collection[str], *, root: str, suffix: str, without: Collection[str] = ()
) -> Columns:
    """The same of a table whose column `path` names the images' files. root: the folder the paths start at.

    Empty where it has no such column. suffix: added to paths that do not end in it.
    """
    if path not in sheet.headings:
        return {}
    known = set(ids)
    cells = sheet.column(sheet.headings.index(path))
    names = [_id_of(cell, known, root, suffix) for cell in cells]
    return _by_image(sheet, names, known, {path, *without})


def _id_of(cell: str, known: Collection[str], root: str, suffix: str) -> str:
    for whole in (cell, cell + suffix):
        for slashed in (whole, whole.replace("\\", "/")):
            name = posixpath.normpath(slashed)
            name = posixpath.relpath(name, root) if posixpath.isabs(name) else name
            name = unicodedata.normalize("NFC", name)
            if name in known:
                return name
    return ""


def _by_image(sheet: TableSheet, names: Sequence[str], known: Collection[str], without: Collection[str]) -> Columns:
    rows: dict[str, int] = {}
    for place, name in enumerate(names):
        if name not in known:
            continue
        before = rows.setdefault(name, place)
        if sheet.rows[before].cells != sheet.rows[place].cells:
            raise StudyError(
                f"{sheet.where(sheet.rows[place])}: {name} appears twice, first in line {sheet.rows[before].line}",
                hint="One row per image.",
            )
    return {
        heading: {name: sheet.rows[place].cells[at] for name, place in rows.items()}
        for at, heading in enumerate(sheet.headings)
        if heading and heading not in without and sheet.headings.index(heading) == at
    }
