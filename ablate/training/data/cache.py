"""Decoded images on disk, one copy for all runs, found by content.

A data set is decoded once for each way of decoding it. Where the images lie and when they were
written does not matter: the same images under another root open the same copy.
"""

from __future__ import annotations

import math
import os
import zlib
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from ablate.errors import DataError, together
from ablate.files import read_sealed, sha256_json, write_sealed
from ablate.settings import identity_of
from ablate.store.checked_copy import Cached, crc32_of, verified_copy
from ablate.training.config import DataConfig
from ablate.training.data.depth import Kinds, notes_on_kinds, refuse_deep
from ablate.training.data.digests import data_digest
from ablate.training.data.findings import (
    Contradiction,
    ScanReport,
    findings_of,
    labels_of,
    notes_on,
    refuse_contradictions,
    refuse_empty,
    refuse_unreadable,
)
from ablate.training.data.grouping import NEAR, merged_groups
from ablate.training.data.listing import Contents, FlawedListing, Listing
from ablate.training.data.near_groups import near_groups, near_note
from ablate.training.data.problems import Problems
from ablate.training.data.reader import digest_of_reader, files_of_reader
from ablate.training.data.scan import Progress, hashes_of, kinds_of, scan
from ablate.training.data.sources import list_images, listed_anyway, refuse_other_classes
from ablate.training.data.video import reader_version

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Pixels = NDArray[np.uint8]

LAYOUT = 3
"""Version of the files in a cache folder."""


class DecodedImages(NamedTuple):
    """A decoded data set; all sequences have one entry a readable image, by class, then id.

    pixels: memory-mapped, read-only, uint8, shape (N, S, S, C), or (N, H, W, C) of the images' own
    size with `resize: device`; of clips (N, frames * S, S, C), frames below each other. targets: class
    indices, int64, shape (N,), or with `multi_label` a column a class, 0 or 1, float32, shape (N, K).
    groups: for each image the index of the first one it must not be separated from, because of
    equal decoded pixels or one origin, shape (N,).
    digest: of the class names, ids, files and parts, whatever folder they lie in; unreadable ones do not count.
    copies: for each image the index of the first one with the same decoded pixels, shape (N,).
    unreadable: ids of the images left out. problems: the same with the reasons. notes: sentences for a report.
    watch: files and folders; a look at each one's time stamp tells whether anything changed.
    official_test: indices of the source's own test part; empty where it has none.
    listed: the digest with the unreadable ones, by which earlier versions knew the data.
    texts: what comes with each image, in the same order; empty where the source names no text.
    """

    pixels: Pixels
    ids: tuple[str, ...]
    targets: NDArray[np.int64] | NDArray[np.float32]
    classes: tuple[str, ...]
    groups: NDArray[np.int64]
    copies: NDArray[np.int64]
    digest: str
    unreadable: tuple[str, ...]
    problems: tuple[tuple[str, str], ...]
    notes: tuple[str, ...]
    watch: tuple[str, ...]
    official_test: frozenset[int]
    listed: str = ""
    texts: tuple[str, ...] = ()


def load_images(config: DataConfig, cached: Cached, *, progress: Progress | None = None) -> DecodedImages:
    """The configured images, decoded now or before.

    progress: called while images are decoded. Raises DataError where the source cannot be listed,
    images are unreadable (unless `data.on_bad_image` is skip), a class is left without images,
    or equal images have different classes: one error for all of it. A damaged copy is decoded again.
    """
    problems = Problems()
    images = open_images(config, cached, problems, progress=progress)
    problems.refuse()
    return images


def open_images(
    config: DataConfig, cached: Cached, problems: Problems, *, progress: Progress | None = None
) -> DecodedImages:
    """As `load_images`, but what is wrong with single images and classes is added to the problems.

    Raises all of them where nothing can be decoded.
    """
    import numpy as np

    try:
        listing = list_images(config)
    except FlawedListing as error:
        listing = error.listing
        problems.errors += error.errors
    look = _Look(listing)
    try:
        files = _digest_of(look, cached)
        digest = read_digest(config, files)
        folder, found = verified_copy(
            cached,
            f"pictures/{copy_key(config, digest)}",
            lambda path: _build(path, look.contents, config, digest=files, progress=progress),
            _findings_in,
        )
    except DataError as error:
        with problems.gathered():
            refuse_other_classes(look.contents.classes, config, listing.place)
        problems.errors.append(error)
        raise together(problems.errors) from error
    empty = bool(problems.errors)  # classes without an image, which the listing has told
    with problems.gathered():
        refuse_other_classes(found.classes, config, listing.place)
    with problems.gathered():
        refuse_unreadable(found, config)
    with problems.gathered():
        if not empty:
            refuse_empty(found, found.classes)
    with problems.gathered():
        refuse_contradictions(found)
    if not found.ids:  # no class folder holds an image
        raise together(problems.errors)
    pixels = np.memmap(folder / "pixels.bin", dtype=np.uint8, mode="r", shape=found.shape)
    groups: Sequence[int] = found.groups
    near: list[str] = []
    with problems.gathered():
        groups = merged_groups(found, config)
        if config.groups == NEAR:
            groups = near_groups(pixels, groups, copy_key(config, digest), cached)
            near = [near_note(found.ids, groups)]
    return DecodedImages(
        pixels=pixels,
        ids=found.ids,
        targets=_targets(found, config),
        classes=tuple(found.classes),
        groups=np.array(groups, dtype=np.int64),
        copies=np.array(found.groups, dtype=np.int64),
        digest=read_digest(config, _used_digest(look, files, found, cached)),
        unreadable=tuple(name for name, _ in found.unreadable),
        problems=tuple((name, reason) for name, reason in found.unreadable),
        notes=(*listing.notes, *notes_on(found, listing.ignored, config), *near),
        watch=(*listing.watch, *(() if config.reader is None else files_of_reader(config.reader))),
        official_test=frozenset(found.official_test or ()),
        listed=digest,
        texts=() if config.text_column is None else _texts(look.contents, found.ids),
    )


def load_kinds(config: DataConfig, cached: Cached) -> Kinds:
    """Modes, depths and frames of the configured image files; remembered for as long as they do not change.

    Empty where a reader reads them, and for clips. Raises DataError where data.depth does not say how deeper ones
    become 8 bits: to be asked before anything is decoded, and before labels are compared.
    """
    if config.reader is not None or config.clip is not None:
        return Kinds()
    from PIL import __version__ as pillow_version

    look = _Look(listed_anyway(config))
    key = sha256_json([LAYOUT, pillow_version, _digest_of(look, cached)])
    memo = verified_copy(
        cached,
        f"pictures/kinds-{key}.json",
        lambda path: write_sealed(path, kinds_of(look.contents.images).to_json()),
        read_sealed,
    )
    kinds = Kinds.from_json(memo)
    refuse_deep(kinds, config.depth)
    return kinds


def open_told(
    config: DataConfig, cached: Cached, problems: Problems, *, progress: Progress | None = None
) -> tuple[DecodedImages, Kinds]:
    """The configured images and their kinds, with what is wrong added to the problems.

    Raises them where data.depth does not say how deeper images become 8 bits: before anything is decoded, and
    before labels are compared. Where equal images contradict each other, it is told of bits that nobody read.
    """
    kinds = None
    with problems.gathered():
        kinds = load_kinds(config, cached)
    if kinds is None:
        with problems.gathered():
            list_images(config)
        with problems.gathered():
            listing = listed_anyway(config)
            refuse_other_classes(listing.read().classes, config, listing.place)
        raise together(problems.errors)
    images = open_images(config, cached, problems, progress=progress)
    halved = [note for note in notes_on_kinds(Kinds(kinds.counts, kinds.examples), None) if "upper 8" in note]
    for place, error in enumerate(problems.errors):
        if halved and isinstance(error, Contradiction):
            hint = f"Fix the depth first: {'; '.join(halved)}. {error.hint}"
            problems.errors[place] = DataError(error.message, hint=hint)
    return images, kinds


class _Look:
    """A source's contents, looked into once and only where something needs them."""

    def __init__(self, listing: Listing) -> None:
        self.listing = listing

    @cached_property
    def contents(self) -> Contents:
        """Classes and images, undecoded."""
        return self.listing.read()


def _targets(found: ScanReport, config: DataConfig) -> NDArray[np.int64] | NDArray[np.float32]:
    import numpy as np

    if not config.multi_label:
        return np.array(found.targets, dtype=np.int64)
    targets = np.zeros((len(found.ids), len(found.classes)), dtype=np.float32)
    for row, labels in zip(targets, found.targets, strict=True):
        row[list(labels_of(labels))] = 1
    return targets


def _texts(contents: Contents, ids: Sequence[str]) -> tuple[str, ...]:
    known = {image.id: image.text for image in contents.images}
    return tuple(known[name] for name in ids)


# --- keys -------------------------------------------------------------------------------------


def copy_key(config: DataConfig, digest: str) -> str:
    """Everything the decoded pixels depend on; another Pillow may bring another JPEG decoder."""
    from PIL import __version__ as pillow_version

    size = config.image_size if config.resize == "pil" else "own"
    depth = [] if config.depth is None else [identity_of(config)["depth"]]
    clip = [] if config.clip is None else [identity_of(config.clip), reader_version(), "all frames"]
    return sha256_json([LAYOUT, pillow_version, size, config.channels, config.exif, digest, *depth, *clip])


def read_digest(config: DataConfig, files: str) -> str:
    """The digest of files as they are read: by the reader of the study, where it names one."""
    return files if config.reader is None else sha256_json([files, digest_of_reader(config.reader)])


def _digest_of(look: _Look, cached: Cached) -> str:
    """The data digest, remembered for as long as the listing does not change."""
    if not look.listing.version:
        return _hashed(look.contents)
    key = sha256_json([LAYOUT, look.listing.version])
    memo = verified_copy(
        cached,
        f"pictures/seen-{key}.json",
        lambda path: write_sealed(path, {"digest": _hashed(look.contents)}),
        read_sealed,
    )
    return str(memo["digest"])


def _hashed(contents: Contents) -> str:
    return data_digest(contents, hashes_of(contents.images))


def _used_digest(look: _Look, listed: str, found: ScanReport, cached: Cached) -> str:
    """The digest of what is used: without the images that cannot be read."""
    if not found.unreadable:
        return listed
    unused = sorted(name for name, _ in found.unreadable)

    def build(path: Path) -> None:
        hashes = hashes_of(look.contents.images)
        if data_digest(look.contents, hashes) != listed:
            raise _changed()
        write_sealed(path, {"digest": data_digest(look.contents, hashes, frozenset(unused))})

    memo = verified_copy(cached, f"pictures/used-{sha256_json([LAYOUT, listed, unused])}.json", build, read_sealed)
    return str(memo["digest"])


def _changed() -> DataError:
    return DataError("images changed while they were being read", hint="Run the command again.")


# --- the stored copy --------------------------------------------------------------------------


def _build(folder: Path, contents: Contents, config: DataConfig, *, digest: str, progress: Progress | None) -> None:
    """Fill a new folder: the caller puts it in place when this returns."""
    folder.mkdir()
    check = 0
    with (folder / "pixels.bin").open("wb") as stream:

        def keep(pixels: Pixels) -> None:
            nonlocal check
            content = pixels.tobytes()
            check = zlib.crc32(content, check)
            stream.write(content)

        seen = scan(contents.images, config, keep, progress=progress)
        stream.flush()
        os.fsync(stream.fileno())
    if data_digest(contents, [one.content for one in seen]) != digest:
        raise _changed()
    found = findings_of(contents, seen, config)
    if not found.ids:
        refuse_unreadable(found, config)
    write_sealed(folder / "pictures.json", {"found": found.to_json(), "pixels": check})


def _findings_in(folder: Path) -> tuple[Path, ScanReport] | None:
    """The folder and the stored result; None where a file is missing, cut, or a bit of it has changed."""
    content = read_sealed(folder / "pictures.json")
    pixels = folder / "pixels.bin"
    if content is None or not pixels.is_file():
        return None
    found = ScanReport(**content["found"])
    # Each run asks: a bit may change between two of them, and reading brings in the pages it needs anyway.
    if pixels.stat().st_size != math.prod(found.shape) or crc32_of(pixels) != content["pixels"]:
        return None
    return folder, found._replace(ids=tuple(found.ids), shape=tuple(found.shape))
