"""Cached copies of what can be made again: opened where they are sound, else made anew.

A bit that has changed on the disk must not change a result, and is no reason to stop: nothing is lost.
"""

from __future__ import annotations

import contextlib
import logging
import os
import shutil
import tempfile
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from ablate.errors import Damaged
from ablate.files import locked

Cached = Callable[[str, Callable[[Path], None]], Path]
"""(key, build) -> the path `key` below the cache folder, filled by `build` where it is missing."""

Content = TypeVar("Content")
PIECE = 1 << 20

logger = logging.getLogger(__name__)


def verified_copy(
    cached: Cached, key: str, build: Callable[[Path], None], read: Callable[[Path], Content | None]
) -> Content:
    """What `read` makes of a cached file or folder; where it finds it damaged (None), the copy is made anew.

    Raises Damaged where that is damaged as well.
    """
    for _ in range(2):
        path = cached(key, build)
        version = _version(path)
        found = read(path)
        if found is not None:
            return found
        logger.warning("the copy %s was damaged; it is rebuilt", path)
        _discard(path, version)
    raise Damaged(
        f"{path} is damaged as soon as it is written",
        hint="The disk or the memory of this machine is not to be trusted.",
    )


def crc32_of(path: Path) -> int:
    """The checksum of a file's bytes; 2 GB or more a second, so that it can be asked at each opening."""
    check = 0
    with path.open("rb", buffering=0) as stream:
        while piece := stream.read(PIECE):
            check = zlib.crc32(piece, check)
    return check


def _version(path: Path) -> tuple[int, int] | None:
    try:
        seen = path.stat()
    except OSError:
        return None
    return seen.st_ino, seen.st_mtime_ns


def _discard(path: Path, version: tuple[int, int] | None) -> None:
    """Take the copy away, unless another process has put a new one there by now."""
    with locked(path.with_name(f"{path.name}.lock"), wait=True):
        if _version(path) != version:
            return
        aside = Path(tempfile.mkdtemp(prefix=f".{path.name}.", dir=path.parent))
        with contextlib.suppress(FileNotFoundError):
            os.replace(path, aside / "damaged")
        shutil.rmtree(aside, ignore_errors=True)
