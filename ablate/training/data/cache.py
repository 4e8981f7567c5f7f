"""Decoded pictures on disk, one copy for all runs, found by content.

A data set is decoded once for each way of decoding it. Where the pictures lie and when they were
written does not matter: the same pictures under another root open the same copy.
"""

from __future__ import annotations

import json
import math
import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from ablate.errors import DataError
from ablate.files import read_json, sha256_json
from ablate.training.config import DataConfig
from ablate.training.data.findings import (
    Findings,
    findings_of,
    notes_on,
    refuse_contradictions,
    refuse_unreadable,
)
from ablate.training.data.scan import Progress, hashes_of, look_at, scan
from ablate.training.data.sources import Listing, Picture, list_pictures

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Pixels = NDArray[np.uint8]

LAYOUT = 1
"""Version of the files in a cache folder."""

Cached = Callable[[str, Callable[[Path], None]], Path]
"""(key, build) -> the path `key` below the cache folder, filled by `build` where it is missing."""


class Pictures(NamedTuple):
    """A decoded data set; all sequences have one entry a readable picture, by class, then id.

    pixels: memory-mapped, read-only, uint8, shape (N, S, S, C). targets: class indices, shape (N,).
    groups: for each picture the index of the first one with the same decoded pixels, shape (N,).
    digest: of the class names, ids and files, whatever folder they lie in, unreadable ones included.
    unreadable: ids of the pictures left out. notes: sentences for a report.
    watch: files and folders; a look at each one's time stamp tells whether anything changed.
    official_test: indices of the source's own test part; empty where it has none.
    """

    pixels: Pixels
    ids: tuple[str, ...]
    targets: NDArray[np.int64]
    classes: tuple[str, ...]
    groups: NDArray[np.int64]
    digest: str
    unreadable: tuple[str, ...]
    notes: tuple[str, ...]
    watch: tuple[str, ...]
    official_test: frozenset[int]


def load_pictures(config: DataConfig, cached: Cached, *, progress: Progress | None = None) -> Pictures:
    """The configured pictures, decoded now or before.

    progress: called while pictures are decoded. Raises DataError where the source cannot be listed,
    pictures are unreadable (unless `data.on_bad_image` is skip), a class is left without pictures,
    equal pictures have different classes, or the cached copy is damaged.
    """
    import numpy as np

    listing = list_pictures(config)
    digest = _digest_of(listing, cached)
    folder = cached(
        f"pictures/{_copy_key(config, digest)}",
        lambda path: _build(path, listing, config, digest=digest, progress=progress),
    )
    found = _findings_in(folder)
    refuse_unreadable(found, config)
    refuse_contradictions(found, listing.classes)
    test_ids = listing.official_test or frozenset()
    return Pictures(
        pixels=np.memmap(folder / "pixels.bin", dtype=np.uint8, mode="r", shape=found.shape),
        ids=found.ids,
        targets=np.array(found.targets, dtype=np.int64),
        classes=listing.classes,
        groups=np.array(found.groups, dtype=np.int64),
        digest=digest,
        unreadable=tuple(name for name, _ in found.unreadable),
        notes=tuple(notes_on(found, listing.ignored, config)),
        watch=listing.watch,
        official_test=frozenset(index for index, name in enumerate(found.ids) if name in test_ids),
    )


def decode_picture(path: Path, config: DataConfig) -> Pixels:
    """One file as the data set's pictures were decoded: uint8, shape (S, S, C).

    Raises DataError where it is unreadable.
    """
    seen = look_at(str(path), config)
    if seen.pixels is None:
        raise DataError(f"cannot read {path}: {seen.problem}", hint="Give a whole picture file.")
    return seen.pixels


# --- keys -------------------------------------------------------------------------------------


def _copy_key(config: DataConfig, digest: str) -> str:
    """Everything the decoded pixels depend on; another Pillow may bring another JPEG decoder."""
    from PIL import __version__ as pillow_version

    return sha256_json([LAYOUT, pillow_version, config.image_size, config.channels, config.exif, digest])


def _digest_of(listing: Listing, cached: Cached) -> str:
    """The data digest, remembered for as long as the listing does not change."""
    if not listing.version:
        return _hashed(listing)
    key = sha256_json([LAYOUT, listing.version])
    memo = read_json(cached(f"pictures/seen-{key}.json", lambda path: _write(path, {"digest": _hashed(listing)})))
    return memo["digest"] if isinstance(memo, dict) and "digest" in memo else _hashed(listing)


def _hashed(listing: Listing) -> str:
    pictures = listing.pictures()
    return _data_digest(listing.classes, pictures, hashes_of(pictures))


def _data_digest(classes: Sequence[str], pictures: Sequence[Picture], hashes: Sequence[str]) -> str:
    rows = [[one.id, classes[one.label], content] for one, content in zip(pictures, hashes, strict=True)]
    return sha256_json([list(classes), sorted(rows)])


# --- the stored copy --------------------------------------------------------------------------


def _build(folder: Path, listing: Listing, config: DataConfig, *, digest: str, progress: Progress | None) -> None:
    """Fill a new folder: the caller puts it in place when this returns."""
    pictures = listing.pictures()
    folder.mkdir()
    with (folder / "pixels.bin").open("wb") as stream:

        def keep(pixels: Pixels) -> None:
            stream.write(pixels.tobytes())

        seen = scan(pictures, config, keep, progress=progress)
        stream.flush()
        os.fsync(stream.fileno())
    if _data_digest(listing.classes, pictures, [one.content for one in seen]) != digest:
        raise DataError("pictures changed while they were being read", hint="Run the command again.")
    found = findings_of(pictures, seen, config)
    if not found.ids:
        refuse_unreadable(found, config)
    _write(folder / "pictures.json", found._asdict())


def _findings_in(folder: Path) -> Findings:
    """The stored result. Raises DataError where a file is missing, torn or cut."""
    content = read_json(folder / "pictures.json")
    if isinstance(content, dict) and set(content) == set(Findings._fields):
        found = Findings(**content)
        pixels = folder / "pixels.bin"
        is_whole = pixels.is_file() and pixels.stat().st_size == math.prod(found.shape)
        if is_whole and len(found.ids) == len(found.targets) == len(found.groups) == found.shape[0]:
            return found._replace(ids=tuple(found.ids), shape=tuple(found.shape))
    raise DataError(
        f"the decoded pictures in {folder} are damaged",
        hint="Delete that folder; the next run decodes the pictures again.",
    )


def _write(path: Path, content: Mapping[str, Any]) -> None:
    with path.open("w", encoding="utf-8") as stream:
        json.dump(content, stream, ensure_ascii=False)
        stream.flush()
        os.fsync(stream.fileno())
