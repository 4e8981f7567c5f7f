"""What a source of images holds, as far as can be told before anything is decoded."""

from __future__ import annotations

import hashlib
import os
import time
import unicodedata
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from ablate.errors import DataError, together
from ablate.readers.image_folders import EXTENSIONS as EXTENSIONS

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Pixels = NDArray[np.uint8]

FRESH_SECONDS = 2.0
"""A file changed this recently may change again without its time stamp showing it."""

NAMED = 5
"""How many wrong files or rows an error names before it counts the others."""


class ImageFile(NamedTuple):
    """One labelled image, not yet decoded.

    id: path below the root with `/`, NFC; for arrays `part:index`. label: class index, or those of
    all its labels where the data set has several an image. content: the path of its file, its
    pixels (uint8, (H, W) or (H, W, 3)), or what returns them. origin: what the source says it was
    made from, "" where it says nothing; images of one origin stay together. text: what comes with
    the image, "" where the source names no text.
    """

    id: str
    label: int | tuple[int, ...]
    content: str | Pixels | Callable[[], Pixels]
    origin: str = ""
    text: str = ""


class Contents(NamedTuple):
    """What a look into a source found.

    classes: names, in the order of the labels. images: by label, then id. official_test: ids of
    the source's own labelled test part, None where it has none.
    """

    classes: tuple[str, ...]
    images: Sequence[ImageFile]
    official_test: frozenset[str] | None = None


class Listing(NamedTuple):
    """A source before it is looked into, which may be costly.

    place: what an error calls it. version: changes whenever an image may have; "" where that
    cannot be told yet. watch: files and folders; a look at each one's time stamp tells whether
    anything changed. read: looks into it. ignored: ids of files that are no images by their extension.
    notes: sentences on what is passed over, and on what may be meant otherwise.
    """

    place: str
    version: str
    watch: tuple[str, ...]
    read: Callable[[], Contents]
    ignored: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


class FlawedListing(DataError):
    """A source that is listed, but cannot be trained on: all that is wrong with it, and what was found."""

    def __init__(self, errors: Sequence[DataError], listing: Listing) -> None:
        whole = together(errors)
        super().__init__(whole.message, hint=whole.hint)
        self.errors = tuple(errors)
        self.listing = listing


def by_label(images: Iterable[ImageFile]) -> list[ImageFile]:
    """In the order of label, then id."""
    return sorted(images, key=lambda one: (one.label if isinstance(one.label, tuple) else (one.label,), one.id))


def resolved(path: str) -> Path:
    """The absolute path; a relative one starts at the current folder, `~` is the home folder."""
    return Path(path).expanduser().resolve()


def nfc(name: str) -> str:
    """The composed form, the same whether a Mac or a PC wrote the name."""
    try:
        name.encode()
    except UnicodeEncodeError as error:
        raise DataError(f"the file name {name!a} is not valid Unicode", hint="Rename the file.") from error
    return unicodedata.normalize("NFC", name)


def version_of(root: str, files: Iterable[tuple[str, str]]) -> str:
    """Changes with every file's name, size and time stamps; "" while one of them is fresh.

    files: name and path of each.
    """
    digest = hashlib.sha256(os.fsencode(root))
    newest = 0
    for name, path in files:
        try:
            status = os.stat(path)
        except OSError:  # a dangling link; scanning it says so
            digest.update(os.fsencode(name) + b"\0absent\0")
            continue
        newest = max(newest, status.st_mtime_ns, status.st_ctime_ns)
        stamps = f"\0{status.st_size} {status.st_mtime_ns} {status.st_ctime_ns}\0"
        digest.update(os.fsencode(name) + stamps.encode())
    is_fresh = abs(time.time() - newest / 1e9) < FRESH_SECONDS
    return "" if is_fresh else digest.hexdigest()


def first_of(items: Sequence[str], joint: str = ", ") -> str:
    """The first few, and how many more there are."""
    more = [f"and {len(items) - NAMED} more"] if len(items) > NAMED else []
    return joint.join([*items[:NAMED], *more])


def class_names(labels: Iterable[str]) -> tuple[str, ...]:
    """Labels found in data as class names: numbers by size, else by codepoint."""
    found = set(labels)
    if all(label.isascii() and label.isdigit() for label in found):
        return tuple(sorted(found, key=lambda label: (int(label), label)))
    return tuple(sorted(found))
