"""Where pictures come from: each source is listed the same way, cheaply, before anything is decoded.

A new source is a settings class in `config/data.py` and one case in `list_pictures`.
"""

from __future__ import annotations

import hashlib
import os
import time
import unicodedata
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, assert_never

from ablate.errors import DataError
from ablate.training.config import CsvTable, DataConfig, Digits, ImageFolder, LabelledFiles, Torchvision

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

EXTENSIONS = (".jpg", ".jpeg", ".png", ".ppm", ".bmp", ".pgm", ".tif", ".tiff", ".webp")
"""What torchvision's ImageFolder takes for a picture, in any case."""

FRESH_SECONDS = 2.0
"""A file changed this recently may change again without its time stamp showing it."""


class Picture(NamedTuple):
    """One labelled picture, not yet decoded.

    id: path below the root with `/`, NFC; for arrays `part:index`. label: class index.
    content: the path of its file, or its pixels: uint8, (H, W) or (H, W, 3).
    """

    id: str
    label: int
    content: str | NDArray[np.uint8]


class Listing(NamedTuple):
    """What a source holds, as far as can be told without reading it.

    classes: names, in the order of the labels.
    pictures: lists them by label, then id; called only where nothing is cached.
    version: changes whenever a picture may have; "" where that cannot be told yet.
    ignored: ids of files that are no pictures by their extension.
    watch: files and folders; a look at each one's time stamp tells whether anything changed.
    official_test: ids of the source's own labelled test part, None where it has none.
    """

    classes: tuple[str, ...]
    pictures: Callable[[], Sequence[Picture]]
    version: str
    ignored: tuple[str, ...] = ()
    watch: tuple[str, ...] = ()
    official_test: frozenset[str] | None = None


def list_pictures(config: DataConfig) -> Listing:
    """List the configured source.

    Raises DataError where it cannot be listed or does not have `data.classes` classes.
    """
    match config.source:
        case ImageFolder(root=root):
            listing, place = _list_folder(root), str(_resolved(root))
        case Digits():
            listing, place = _list_digits(), "digits"
        case Torchvision() | LabelledFiles() | CsvTable():
            raise DataError(f"base.data.source: {config.source.name} cannot be read yet", hint="Use image_folder.")
        case other:
            assert_never(other)
    if config.groups is not None or config.multi_label or config.resize != "pil":
        raise DataError("base.data: groups, multi_label and resize: device cannot be used yet", hint="Leave them out.")
    if len(listing.classes) != config.classes:
        raise DataError(
            f"base.data.classes is {config.classes}, but {place} has {len(listing.classes)} classes: "
            f"{', '.join(listing.classes)}",
            hint=f"Set base.data.classes to {len(listing.classes)}, or mend the folder.",
        )
    return listing


# --- digits -----------------------------------------------------------------------------------


def _list_digits() -> Listing:
    return Listing(
        classes=tuple("0123456789"),
        pictures=_digits,
        version=f"digits of scikit-learn {version('scikit-learn')}",
    )


def _digits() -> list[Picture]:
    """All 1,797 scans, 8x8; the values 0 to 16 become 0 to 255."""
    import numpy as np
    from sklearn.datasets import load_digits

    data = load_digits()
    scans = np.round(data.images * 255 / 16).astype(np.uint8)
    pictures = [
        Picture(f"digits:{index:04}", int(label), scan)
        for index, (label, scan) in enumerate(zip(data.target, scans, strict=True))
    ]
    return sorted(pictures, key=lambda picture: (picture.label, picture.id))


# --- a folder a class -------------------------------------------------------------------------


class _File(NamedTuple):
    """A file below the root: path below it as it is on disk, absolute path, label."""

    name: str
    path: str
    label: int


def _list_folder(root: str) -> Listing:
    folder = _resolved(root)
    _refuse_missing(folder, root)
    files: list[_File] = []
    folders = [str(folder)]
    top = _entries(str(folder))
    class_folders = _class_folders([entry for entry in top if entry.is_dir()], folder)
    ignored = [entry.name for entry in top if not (entry.is_dir() or entry.name.startswith("."))]
    for label, entry in enumerate(class_folders.values()):
        folders.append(entry.path)
        before = len(files)
        for name, below in _walk(entry.path, entry.name, (_place(str(folder)), _place(entry.path))):
            if below.is_dir():
                folders.append(below.path)
            elif below.name.lower().endswith(EXTENSIONS):
                files.append(_File(name, below.path, label))
            elif not below.name.startswith("."):
                ignored.append(name)
        if len(files) == before:
            raise DataError(
                f"class folder {entry.path} holds no picture",
                hint=f"Remove it, or add pictures ({', '.join(EXTENSIONS)}).",
            )
    return Listing(
        classes=tuple(class_folders),
        pictures=partial(_pictures, files),
        version=_version(str(folder), files),
        ignored=tuple(_nfc(name) for name in ignored),
        watch=(*folders, *(file.path for file in files)),
    )


def _resolved(root: str) -> Path:
    return Path(root).expanduser().resolve()


def _refuse_missing(folder: Path, root: str) -> None:
    if folder.is_dir():
        return
    found = "is not a folder" if folder.exists() else "does not exist"
    raise DataError(
        f"base.data.source.root ({root}): {folder} {found}",
        hint="It must hold one sub-folder a class, root/<class>/*.jpg; a relative path starts at the "
        f"current folder, {Path.cwd()}.",
    )


def _class_folders(entries: Sequence[os.DirEntry[str]], root: Path) -> dict[str, os.DirEntry[str]]:
    """Class name (NFC) -> its folder, by codepoint. Raises DataError below two classes."""
    named: dict[str, os.DirEntry[str]] = {}
    for entry in entries:
        name = _nfc(entry.name)
        if name in named:
            raise DataError(
                f"{root} has two class folders that both read {name!r}: {named[name].name!a}, {entry.name!a}",
                hint="They differ in Unicode normalisation only; merge them.",
            )
        named[name] = entry
    if len(named) < 2:
        inner = [entry.path for entry in entries if any(item.is_dir() for item in _entries(entry.path))]
        guess = f" Did you mean {inner[0]}?" if inner else ""
        raise DataError(
            f"base.data.source.root: {root} has {len(named)} class folder{'s' * (len(named) != 1)}, two or "
            "more are needed",
            hint=f"It must hold one sub-folder a class, root/<class>/*.jpg.{guess}",
        )
    return dict(sorted(named.items()))


def _walk(folder: str, prefix: str, above: tuple[tuple[int, int], ...]) -> Iterator[tuple[str, os.DirEntry[str]]]:
    """Every file and folder below, links followed, each with its path below the root."""
    for entry in _entries(folder):
        name = f"{prefix}/{entry.name}"
        yield name, entry
        if entry.is_dir():
            place = _place(entry.path)
            if place in above:
                raise DataError(f"{entry.path} links to a folder it lies in", hint="Remove the link.")
            yield from _walk(entry.path, name, (*above, place))


def _entries(folder: str) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as entries:
            return sorted(entries, key=lambda entry: entry.name)
    except OSError as error:
        raise DataError(f"cannot list {folder}: {error.strerror}", hint="Check that you may read it.") from error


def _place(folder: str) -> tuple[int, int]:
    status = os.stat(folder)
    return status.st_dev, status.st_ino


def _pictures(files: Sequence[_File]) -> list[Picture]:
    pictures: dict[str, Picture] = {}
    for file in files:
        picture = Picture(_nfc(file.name), file.label, file.path)
        if picture.id in pictures:
            raise DataError(
                f"two files read {picture.id!r}: {pictures[picture.id].content!a} and {file.path!a}",
                hint="They differ in Unicode normalisation only; rename or remove one.",
            )
        pictures[picture.id] = picture
    return sorted(pictures.values(), key=lambda picture: (picture.label, picture.id))


def _version(root: str, files: Sequence[_File]) -> str:
    """Changes with every file's name, size and time stamps; "" while one of them is fresh."""
    digest = hashlib.sha256(os.fsencode(root))
    newest = 0
    for file in files:
        try:
            status = os.stat(file.path)
        except OSError:  # a dangling link; scanning it says so
            digest.update(os.fsencode(file.name) + b"\0absent\0")
            continue
        newest = max(newest, status.st_mtime_ns, status.st_ctime_ns)
        stamps = f"\0{status.st_size} {status.st_mtime_ns} {status.st_ctime_ns}\0"
        digest.update(os.fsencode(file.name) + stamps.encode())
    is_fresh = abs(time.time() - newest / 1e9) < FRESH_SECONDS
    return "" if is_fresh else digest.hexdigest()


def _nfc(name: str) -> str:
    try:
        name.encode()
    except UnicodeEncodeError as error:
        raise DataError(f"the file name {name!a} is not valid Unicode", hint="Rename the file.") from error
    return unicodedata.normalize("NFC", name)
