"""Files of a folder that others may write to: opened only where they are plain files, and really lie there.

A link, a pipe or a name like `../../secrets` in a record would have a command read, or send away, what its user can
read and whoever made the record cannot.
"""

from __future__ import annotations

import errno
import os
import stat
import zipfile
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import BinaryIO

_NO_LINK = getattr(os, "O_NOFOLLOW", 0)
_NO_WAIT = getattr(os, "O_NONBLOCK", 0)
_FOLDER = getattr(os, "O_DIRECTORY", 0)
_BINARY = getattr(os, "O_BINARY", 0)
_STEPWISE = os.open in os.supports_dir_fd


class NotPlain(OSError):
    """What lies there is a link, a pipe, a folder or too large, and is not read."""


def is_inside(name: str) -> bool:
    """Whether a file's name stays in the folder it is put in, on every system."""
    if not isinstance(name, str) or not name or "\\" in name or "\0" in name or PureWindowsPath(name).drive:
        return False
    path = PurePosixPath(name)
    return bool(path.parts) and not path.is_absolute() and ".." not in path.parts and path.as_posix() == name


def open_plain(path: Path, *, at_most: int | None = None) -> BinaryIO:
    """A file to be read, where its path ends in a plain file. at_most: bytes it may have.

    Raises FileNotFoundError, NotPlain and other OSErrors.
    """
    return _checked(_opened(path, os.O_RDONLY), path, at_most)


def open_inside(folder: Path, name: str) -> BinaryIO:
    """A file by its name in a record; no part of the name may be a link. folder itself may lie behind links.

    Raises FileNotFoundError, NotPlain and other OSErrors.
    """
    if not is_inside(name):
        raise NotPlain(errno.EINVAL, "it would lie outside the run's folder", f"{folder}/{name[:200]}")
    *above, last = PurePosixPath(name).parts
    path = folder / name
    if not _STEPWISE:  # Windows
        if any(part.is_symlink() for part in (path, *path.parents[: len(above)])):
            raise NotPlain(errno.ELOOP, "it is a link", str(path))
        return open_plain(path)
    with ExitStack() as stack:
        here = os.open(folder, os.O_RDONLY | _FOLDER | _NO_LINK)
        stack.callback(os.close, here)
        for part in above:
            here = _opened(Path(part), os.O_RDONLY | _FOLDER, within=here, shown=path)
            stack.callback(os.close, here)
        found = _opened(Path(last), os.O_RDONLY, within=here, shown=path)
    return _checked(found, path, None)


def open_own(path: Path, flags: int) -> int:
    """A descriptor of a file of ours to be written to, such as a lock: never what a link points at."""
    descriptor = _opened(path, flags)
    try:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise NotPlain(errno.EINVAL, "it is not a regular file", str(path))
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor


def open_for_appending(path: Path) -> BinaryIO:
    """A log of ours, to be added to: never what a link points at."""
    return os.fdopen(open_own(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT), "ab")


def read_plain(path: Path, *, at_most: int) -> str:
    """The text of a small file, where its path ends in a plain one. Raises OSErrors."""
    with open_plain(path, at_most=at_most) as stream:
        return stream.read().decode(errors="replace")


def is_plain(folder: Path, name: str) -> bool:
    """Whether a record's file can be opened."""
    try:
        open_inside(folder, name).close()
    except OSError:
        return False
    return True


def plain_files(folder: Path) -> Iterator[Path]:
    """Every plain file below a folder; links, to files and to folders, are passed over."""
    for place, folders, names in os.walk(folder, followlinks=False):
        folders.sort()
        for name in sorted(names):
            path = Path(place, name)
            if stat.S_ISREG(path.lstat().st_mode):
                yield path


def refuse_inflated(path: Path) -> None:
    """Raise ValueError where an archive says that it holds more than it has: torch stores tensors as they are."""
    if not zipfile.is_zipfile(path):
        return
    try:
        with zipfile.ZipFile(path) as archive:
            total = sum(member.file_size for member in archive.infolist())
    except zipfile.BadZipFile as error:
        raise ValueError(f"it is damaged: {error}") from error
    size = path.stat().st_size
    if total > size:
        raise ValueError(f"its {size} bytes would become {total}")


def _opened(path: Path, flags: int, *, within: int | None = None, shown: Path | None = None) -> int:
    try:
        return os.open(path, flags | _NO_LINK | _NO_WAIT | _BINARY, 0o666, dir_fd=within)
    except OSError as error:
        if error.errno == errno.ELOOP or (within is not None and error.errno == errno.ENOTDIR):
            raise NotPlain(error.errno, "it is a link, and links are not followed", str(shown or path)) from None
        raise


def _checked(descriptor: int, path: Path, at_most: int | None) -> BinaryIO:
    try:
        found = os.fstat(descriptor)
        if not stat.S_ISREG(found.st_mode):
            raise NotPlain(errno.EINVAL, "it is not a regular file", str(path))
        if at_most is not None and found.st_size > at_most:
            raise NotPlain(errno.EFBIG, f"it has {found.st_size} bytes, and {at_most} at most are read", str(path))
        return os.fdopen(descriptor, "rb")
    except BaseException:
        os.close(descriptor)
        raise
