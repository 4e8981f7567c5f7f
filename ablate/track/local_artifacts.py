"""A run's files where its artifacts lie in a folder of this machine: linked or copied, without MLflow's help.

MLflow reads a run's whole record from the database before it copies a file; asked for each of a thousand
runs that is a third of the time.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path, PurePosixPath
from urllib.parse import urlsplit
from urllib.request import url2pathname

from ablate.safety.plain_files import is_plain, open_plain, plain_files
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
        if is_artifact(name, source):
            _place(folder / name, partial(link_or_copy, source))
    if update.folder is not None and update.folder.is_dir():
        add_locally(update.folder, folder / "report")


def add_locally(source: Path, folder: Path) -> None:
    """Copy the plain files below `source` to the same places below `folder`, each in one step."""
    for one in plain_files(source):
        _place(folder / one.relative_to(source), partial(copy_plain, one))


def is_artifact(name: str, source: Path) -> bool:
    """Whether the file is there, and no part of its name in the run's folder is a link.

    A clean-up may have been there before a late `ablate sync`.
    """
    parts = PurePosixPath(name).parts
    if source.parts[-len(parts) :] != parts:
        return is_plain(source.parent, source.name)
    return is_plain(source.parents[len(parts) - 1], name)


def link_or_copy(source: Path, target: Path) -> None:
    """Without a second copy on disk, where the disk allows that."""
    try:
        os.link(source, target)  # of a link that was put there meanwhile: the link itself
    except OSError:
        copy_plain(source, target)


@contextlib.contextmanager
def plain_copy(folder: Path) -> Iterator[str]:
    """A copy of the plain files below a folder, to be sent away: links among them would lead elsewhere."""
    with tempfile.TemporaryDirectory(prefix="ablate-") as copy:
        for source in plain_files(folder):
            target = Path(copy, source.relative_to(folder))
            target.parent.mkdir(parents=True, exist_ok=True)
            copy_plain(source, target)
        yield copy


def _write(content: bytes, target: Path) -> None:
    with target.open("xb") as stream:
        stream.write(content)


def copy_plain(source: Path, target: Path) -> None:
    """Copy what is no link; the target must be new."""
    with open_plain(source) as stream, target.open("xb") as copy:
        shutil.copyfileobj(stream, copy, 1 << 20)


def _place(target: Path, fill: Callable[[Path], None]) -> None:
    # Not made safe on the disk: after a power cut `ablate sync` can write it again from the journals.
    target.parent.mkdir(parents=True, exist_ok=True)
    aside = target.with_name(f".{target.name}.tmp-{os.getpid()}")
    aside.unlink(missing_ok=True)
    fill(aside)
    os.replace(aside, target)
