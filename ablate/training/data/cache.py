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
from ablate.training.data.scan import Progress, Seen, hashes_of, look_at, scan
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


class _Found(NamedTuple):
    """A scan's result beside the pixels, as it is stored: one entry a readable picture.

    unreadable: id and reason. turned: how many carry an EXIF orientation.
    """

    shape: tuple[int, ...]
    ids: tuple[str, ...]
    targets: Sequence[int]
    groups: Sequence[int]
    unreadable: Sequence[tuple[str, str]]
    turned: int


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
    found = _found_in(folder)
    pixels = np.memmap(folder / "pixels.bin", dtype=np.uint8, mode="r", shape=found.shape)
    _refuse_unreadable(found, config)
    _refuse_contradictions(found, listing.classes)
    test_ids = listing.official_test or frozenset()
    return Pictures(
        pixels=pixels,
        ids=found.ids,
        targets=np.array(found.targets, dtype=np.int64),
        classes=listing.classes,
        groups=np.array(found.groups, dtype=np.int64),
        digest=digest,
        unreadable=tuple(name for name, _ in found.unreadable),
        notes=tuple(_notes(found, listing, config)),
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
    found = _found(pictures, seen, config)
    if not found.ids:
        raise DataError(_list_unreadable(found.unreadable), hint="None of the pictures can be read.")
    _write(folder / "pictures.json", found._asdict())


def _found(pictures: Sequence[Picture], seen: Sequence[Seen], config: DataConfig) -> _Found:
    good = [(picture, one) for picture, one in zip(pictures, seen, strict=True) if not one.problem]
    first: dict[str, int] = {}
    return _Found(
        shape=(len(good), config.image_size, config.image_size, config.channels),
        ids=tuple(picture.id for picture, _ in good),
        targets=[picture.label for picture, _ in good],
        groups=[first.setdefault(one.full, index) for index, (_, one) in enumerate(good)],
        unreadable=[(picture.id, one.problem) for picture, one in zip(pictures, seen, strict=True) if one.problem],
        turned=sum(one.is_turned for _, one in good),
    )


def _found_in(folder: Path) -> _Found:
    """The stored result. Raises DataError where a file is missing, torn or cut."""
    content = read_json(folder / "pictures.json")
    if isinstance(content, dict) and set(content) == set(_Found._fields):
        found = _Found(**content)
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


# --- what is refused, what is said ------------------------------------------------------------


def _refuse_unreadable(found: _Found, config: DataConfig) -> None:
    if found.unreadable and config.on_bad_image == "error":
        raise DataError(
            _list_unreadable(found.unreadable),
            hint="Mend or remove them, or leave them out with data.on_bad_image: skip.",
        )


def _list_unreadable(unreadable: Sequence[tuple[str, str]]) -> str:
    lines = [f"  {name}: {reason}" for name, reason in unreadable]
    return f"{_pictures(len(unreadable))} cannot be read:\n" + _first(lines, 20, "\n") + "\n"


def _refuse_contradictions(found: _Found, classes: Sequence[str]) -> None:
    filled = set(found.targets)
    empty = [name for label, name in enumerate(classes) if label not in filled]
    if empty:
        raise DataError(
            f"no picture can be read of class {', '.join(empty)}", hint="Mend the files or remove the class."
        )
    pairs = [
        f"  {found.ids[first]} = {name}"
        for name, label, first in zip(found.ids, found.targets, found.groups, strict=True)
        if label != found.targets[first]
    ]
    if pairs:
        raise DataError(
            f"{_pictures(len(pairs))} equal one of another class, pixel by pixel:\n" + _first(pairs, 20, "\n") + "\n",
            hint="Remove the wrongly labelled one of each pair.",
        )


def _notes(found: _Found, listing: Listing, config: DataConfig) -> list[str]:
    notes = []
    if found.unreadable:
        names = _first([f"{name} ({reason})" for name, reason in found.unreadable], 5, ", ")
        notes.append(f"{_pictures(len(found.unreadable))} left out as unreadable: {names}")
    if found.turned:
        done = "applied" if config.exif == "transpose" else "ignored (data.exif: transpose applies it)"
        notes.append(f"{_pictures(found.turned)} with an EXIF orientation, {done}")
    if listing.ignored:
        count = len(listing.ignored)
        files = "1 file" if count == 1 else f"{count} files"
        notes.append(f"{files} ImageFolder would drop: {_first(listing.ignored, 5, ', ')}")
    repeated = {first for index, first in enumerate(found.groups) if first != index}
    if repeated:
        copies = sum(first in repeated for first in found.groups)
        groups = "1 group" if len(repeated) == 1 else f"{len(repeated)} groups"
        notes.append(f"{copies} duplicate pictures in {groups}, each group kept in one part of a split")
    return notes


def _first(items: Sequence[str], count: int, joint: str) -> str:
    more = [f"and {len(items) - count} more"] if len(items) > count else []
    return joint.join([*items[:count], *more])


def _pictures(count: int) -> str:
    return "1 picture" if count == 1 else f"{count} pictures"
