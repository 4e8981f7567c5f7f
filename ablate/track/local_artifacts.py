"""A run's files where its artifacts lie in a folder of this machine: linked or copied, without MLflow's help.

MLflow reads a run's whole record from the database before it copies a file; asked for each of a thousand
runs that is a third of the time.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from functools import partial
from pathlib import Path
from urllib.parse import urlsplit
from urllib.request import url2pathname

from ablate.track.entities import Update


def local_folder(place: str) -> Path | None:
    """The folder an artifact URI means; None where it is not on this machine."""
    parts = urlsplit(place)
    if parts.scheme == "file":
        return Path(url2pathname(parts.path))
    return Path(place) if len(parts.scheme) < 2 else None  # one letter: a drive of Windows


def write_locally(update: Update, folder: Path) -> None:
    """Put the update's files below `folder`, each in one step."""
    for name, content in update.texts.items():
        _place(folder / name, partial(_write, content))
    for name, source in update.files.items():
        if source.is_file():  # a clean-up may have been there before a late `ablate sync`
            _place(folder / name, partial(link_or_copy, source))
    if update.folder is not None and update.folder.is_dir():
        for source in update.folder.rglob("*"):
            if source.is_file():
                _place(folder / "report" / source.relative_to(update.folder), partial(_copy, source))


def link_or_copy(source: Path, target: Path) -> None:
    """Without a second copy on disk, where the disk allows that."""
    try:
        os.link(source, target)
    except OSError:
        _copy(source, target)


def _write(content: bytes, target: Path) -> None:
    target.write_bytes(content)


def _copy(source: Path, target: Path) -> None:
    shutil.copyfile(source, target)


def _place(target: Path, fill: Callable[[Path], None]) -> None:
    # Not made safe on the disk: after a power cut `ablate sync` can write it again from the journals.
    target.parent.mkdir(parents=True, exist_ok=True)
    aside = target.with_name(f".{target.name}.tmp-{os.getpid()}")
    aside.unlink(missing_ok=True)
    fill(aside)
    os.replace(aside, target)
