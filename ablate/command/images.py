"""The images that {split} divides: a table of them, or a folder of class folders."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from typing import NamedTuple

from ablate.command.numbers import QUOTES
from ablate.errors import DataError, DataMissing
from ablate.readers.image_folders import is_image, refuse_no_classes, top_of
from ablate.safety.plain_files import plain_files

LARGEST_BYTES = 500_000_000
TEST = "test"
"""What the column `part` says of the source's own test images."""


class Images(NamedTuple):
    """One entry an image. groups: None where nothing is said of them. official: places of the source's own test."""

    ids: list[str]
    targets: list[str]
    groups: list[str] | None
    official: list[int]


def read_images(path: Path) -> Images:
    """All images of a study. Raises DataError, naming file and line, for what cannot be read."""
    if path.is_dir():
        return _of_folders(path)
    if not path.is_file():
        raise DataMissing(f"there is no {path}", hint="`images:` names a CSV file or a folder of class folders.")
    if path.stat().st_size > LARGEST_BYTES:
        raise DataError(f"{path} is larger than {LARGEST_BYTES:,} bytes", hint="It is a table with one row per image.")
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError:
        raise DataError(f"{path} is not UTF-8 text", hint="`images:` is a CSV file in UTF-8.") from None
    reader = csv.DictReader(io.StringIO(text, newline=""))
    try:
        header = reader.fieldnames or []
        rows = list(reader)
    except csv.Error as error:
        raise DataError(f"{path}:{reader.line_num}: {error}", hint=QUOTES) from None
    for column in ("id", "target"):
        if column not in header:
            raise DataError(
                f"{path}:1: there is no column {column!r}, only {', '.join(header)[:200] or 'none'}",
                hint="The header is id,target[,group,part], one row per image.",
            )
    short = next((number for number, row in enumerate(rows, start=2) if None in row.values() or None in row), None)
    if short is not None:
        raise DataError(f"{path}:{short}: the row has another number of cells than the header", hint="Complete it.")
    return Images(
        ids=[row["id"].strip() for row in rows],
        targets=[row["target"].strip() for row in rows],
        groups=[row["group"].strip() or f"\0{place}" for place, row in enumerate(rows)] if "group" in header else None,
        official=[place for place, row in enumerate(rows) if row.get("part", "").strip() == TEST],
    )


def _of_folders(root: Path) -> Images:
    names = [entry.name for entry in top_of(root).folders]
    refuse_no_classes(root, names, what=f"images: {root}")
    found = Images([], [], None, [])
    for name in names:
        for path in plain_files(root / name):
            if is_image(path.name):
                found.ids.append(path.relative_to(root).as_posix())
                found.targets.append(name)
    return found


def split_text(images: Images, fit: list[int], val: list[int], test: list[int]) -> str:
    """The file that {split} names: ids by part; no test images while a search runs."""
    parts = {"fit": fit, "val": val, "test": test}
    return json.dumps({part: [images.ids[place] for place in places] for part, places in parts.items()}) + "\n"
