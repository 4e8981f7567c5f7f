"""Files below a folder, links followed, and what a system keeps there for itself left out."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from ablate.errors import DataError, DataMissing
from ablate.readers.image_folders import is_image, top_of


class File(NamedTuple):
    """A file below a root: path below it as it is on disk, absolute path."""

    name: str
    path: str


Takes = Callable[[str], bool]
"""Whether a file counts as an image, by its name."""


class FoundImages(NamedTuple):
    """What lies below a folder: images by their extension, other files' ids, every folder, what belongs to nobody."""

    images: list[File]
    ignored: list[str]
    folders: list[str]
    nobodys: list[str]


def refuse_missing(folder: Path, key: str, holds: str) -> None:
    """Raise DataMissing where there is no such folder."""
    if folder.is_dir():
        return
    raise DataMissing(
        f"{key}: {folder} is not a folder" if folder.exists() else f"{key}: {folder} does not exist",
        hint=f"It must hold {holds}; a relative path starts at the current folder, {Path.cwd()}.",
    )


def files_below(
    folder: str, prefix: str, above: tuple[tuple[int, int], ...] = (), takes: Takes = is_image
) -> FoundImages:
    """Everything below a folder, links followed; names begin with `prefix`. What is nobody's is not entered."""
    found = FoundImages([], [], [folder], [])
    _walk(folder, prefix, (*above, place_of(folder)), found, takes)
    return found


def _walk(folder: str, prefix: str, above: tuple[tuple[int, int], ...], found: FoundImages, takes: Takes) -> None:
    """Add every file and folder below, links followed, each under its path below the root."""
    top = top_of(folder)
    found.nobodys.extend(f"{prefix}/{name}" for name in top.nobodys)
    for entry in sorted([*top.folders, *top.files], key=lambda one: one.name):
        name = f"{prefix}/{entry.name}"
        if entry.is_dir():
            found.folders.append(entry.path)
            place = place_of(entry.path)
            if place in above:
                raise DataError(f"{entry.path} links to a folder it lies in", hint="Remove the link.")
            _walk(entry.path, name, (*above, place), found, takes)
        elif takes(entry.name):
            found.images.append(File(name, entry.path))
        else:
            found.ignored.append(name)


def place_of(folder: str) -> tuple[int, int]:
    """Device and inode of a folder: the same by whatever path it is reached."""
    status = os.stat(folder)
    return status.st_dev, status.st_ino
