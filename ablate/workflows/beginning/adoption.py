"""Somebody else's study over your own images: its text with another source, and without what is of its own data."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from ablate.errors import StudyError
from ablate.study.flow_style import flow
from ablate.study.reader import Document, read_document
from ablate.workflows.beginning.folder import Folder
from ablate.workflows.study_schema import MODELINE

OWN = ("published", "stand_in", "small", "about_data", "tracking")
"""Blocks about the data of the original."""


def adopted_text(path: Path, folder: Folder, name: str) -> tuple[str, list[str]]:
    """The study in a file over the images of a folder, and what was changed beside the source.

    Raises StudyError for a file that is no study of the built-in trainer's.
    """
    document = read_document(path)
    data = _data_of(document, path)
    lines = path.read_text(encoding="utf-8-sig").splitlines()
    notes = []
    left_out = [key for key in OWN if key in document.data]
    for key in left_out:
        lines = _without(lines, key)
    changes_train = "data.train" in "\n".join(line.split("#")[0] for line in lines)
    lines = _replaced(lines, ("base", "data", "source"), flow(dict(folder.source)))
    lines = _replaced(lines, ("base", "data", "classes"), str(len(folder.classes)))
    if changes_train:
        notes.append("data.train is one of the changes and stays as it is: compare it with the number of your images")
    elif "train" in data:
        lines = _replaced(lines, ("base", "data", "train"), "all")
        notes.append("data.train is all: every image that is not tested on")
    evidence = document.data.get("evidence")
    is_official = isinstance(evidence, dict) and evidence.get("test") == "official"
    if folder.has_test:
        lines = _replaced(lines, ("evidence", "test"), "official")
    elif is_official:
        lines = _replaced(lines, ("evidence", "test"), "{folds: 5}")
        lines = _without(lines, "derive")
        notes.append("evidence.test is {folds: 5}, since your folder has no test part; rows under derive: are left out")
    lines = _replaced(lines, ("study",), name)
    lines = _replaced(lines, ("question",), flow(f"What do the changes of {path.name} do on my own images?"))
    if left_out:
        notes.append(f"left out, since it is about the original's data: {', '.join(left_out)}")
    head = f"# {path.name} over your own images. What comments say of data and published figures is of the original."
    return "\n".join([MODELINE, head, "#", *(line for line in lines if line != MODELINE)]) + "\n", notes


def _data_of(document: Document, path: Path) -> dict[str, object]:
    base = document.data.get("base") if isinstance(document.data, dict) else None
    data = base.get("data") if isinstance(base, dict) else None
    if not isinstance(data, dict) or "source" not in data or "classes" not in data:
        raise StudyError(
            f"{path} has no base.data with a source and a number of classes, and another source cannot be put in",
            hint="Studies of the built-in trainer have one, such as studies/hollywood.yaml.",
        )
    if isinstance(data["source"], dict) and data["source"].get("text"):
        raise StudyError(
            f"{path} is about images with texts, and a folder of images has none",
            hint="Copy the file, and give base.data.source your own table of paths, labels and texts; "
            "docs/image_text.md shows one.",
        )
    return data


def _replaced(lines: Sequence[str], path: tuple[str, ...], value: str) -> list[str]:
    """The lines with another value at a path of plain block keys."""
    place = _find(lines, path)
    if place is None:
        where = ".".join(path)
        raise StudyError(
            f"{where} does not stand on a line of its own, and cannot be replaced",
            hint="Write the blocks above it over several lines, `key:` and below it what it holds.",
        )
    first, last = place
    indent = re.match(r" *", lines[first])
    assert indent is not None
    return [*lines[:first], f"{indent[0]}{path[-1]}: {value}", *lines[last:]]


def _without(lines: Sequence[str], key: str) -> list[str]:
    """The lines without a block at the top."""
    place = _find(lines, (key,))
    return list(lines) if place is None else [*lines[: place[0]], *lines[place[1] :]]


def _find(lines: Sequence[str], path: tuple[str, ...]) -> tuple[int, int] | None:
    """The first line of a key, and the one behind all that belongs to it."""
    first, last, depth = 0, len(lines), -1
    for key in path:
        inside = [number for number in range(first, last) if _indent(lines[number]) is not None]
        depths = [indent for number in inside if (indent := _indent(lines[number])) is not None and indent > depth]
        if not depths:
            return None
        depth = depths[0]
        found = next(
            (n for n in inside if _indent(lines[n]) == depth and re.match(rf" *{re.escape(key)} *:", lines[n])), None
        )
        if found is None:
            return None
        first = found + 1
        last = next(
            (n for n in range(first, last) if (indent := _indent(lines[n])) is not None and indent <= depth), last
        )
    while last > first and _indent(lines[last - 1]) is None:  # comments before the next block are about that
        last -= 1
    return first - 1, last


def _indent(line: str) -> int | None:
    """Of a line that says something; None of blank ones and comments."""
    stripped = line.strip()
    return None if not stripped or stripped.startswith("#") else len(line) - len(line.lstrip(" "))
