"""Decoded pictures on disk, one copy for all runs, found by content.

A data set is decoded once for each way of decoding it. Where the pictures lie and when they were
written does not matter: the same pictures under another root open the same copy.
"""

from __future__ import annotations

import math
import os
import zlib
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from ablate.copies import Cached, crc32_of, sound_copy
from ablate.errors import DataError
from ablate.files import read_sealed, sha256_json, write_sealed
from ablate.settings import identity_of
from ablate.training.config import DataConfig
from ablate.training.data.depth import Kinds, notes_on_kinds, refuse_deep
from ablate.training.data.findings import (
    Contradiction,
    Findings,
    findings_of,
    labels_of,
    notes_on,
    refuse_contradictions,
    refuse_unreadable,
)
from ablate.training.data.grouping import merged_groups
from ablate.training.data.listing import Contents, Listing, Picture
from ablate.training.data.reader import digest_of_reader, files_of_reader
from ablate.training.data.scan import Progress, hashes_of, kinds_of, scan
from ablate.training.data.sources import list_pictures, refuse_other_classes

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Pixels = NDArray[np.uint8]

LAYOUT = 3
"""Version of the files in a cache folder."""


class Pictures(NamedTuple):
    """A decoded data set; all sequences have one entry a readable picture, by class, then id.

    pixels: memory-mapped, read-only, uint8, shape (N, S, S, C), or (N, H, W, C) of the pictures' own
    size with `resize: device`. targets: class indices, int64, shape (N,), or with `multi_label` a
    column a class, 0 or 1, float32, shape (N, K).
    groups: for each picture the index of the first one it must not be separated from, because of
    equal decoded pixels or one origin, shape (N,).
    digest: of the class names, ids, files and parts, whatever folder they lie in, unreadable ones included.
    copies: for each picture the index of the first one with the same decoded pixels, shape (N,).
    unreadable: ids of the pictures left out. problems: the same with the reasons. notes: sentences for a report.
    watch: files and folders; a look at each one's time stamp tells whether anything changed.
    official_test: indices of the source's own test part; empty where it has none.
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


def load_pictures(config: DataConfig, cached: Cached, *, progress: Progress | None = None) -> Pictures:
    """The configured pictures, decoded now or before.

    progress: called while pictures are decoded. Raises DataError where the source cannot be listed,
    pictures are unreadable (unless `data.on_bad_image` is skip), a class is left without pictures,
    or equal pictures have different classes. A damaged copy is decoded again.
    """
    import numpy as np

    listing = list_pictures(config)
    look = _Look(listing, config)
    files = _digest_of(look, cached)
    digest = files if config.reader is None else sha256_json([files, digest_of_reader(config.reader)])
    folder, found = sound_copy(
        cached,
        f"pictures/{_copy_key(config, digest)}",
        lambda path: _build(path, look.contents, config, digest=files, progress=progress),
        _findings_in,
    )
    refuse_other_classes(found.classes, config, listing.place)
    refuse_unreadable(found, config)
    refuse_contradictions(found, found.classes)
    return Pictures(
        pixels=np.memmap(folder / "pixels.bin", dtype=np.uint8, mode="r", shape=found.shape),
        ids=found.ids,
        targets=_targets(found, config),
        classes=tuple(found.classes),
        groups=np.array(merged_groups(found, config), dtype=np.int64),
        copies=np.array(found.groups, dtype=np.int64),
        digest=digest,
        unreadable=tuple(name for name, _ in found.unreadable),
        problems=tuple((name, reason) for name, reason in found.unreadable),
        notes=(*listing.notes, *notes_on(found, listing.ignored, config)),
        watch=(*listing.watch, *(() if config.reader is None else files_of_reader(config.reader))),
        official_test=frozenset(found.official_test or ()),
    )


def load_kinds(config: DataConfig, cached: Cached) -> Kinds:
    """Modes, depths and frames of the configured image files; remembered for as long as they do not change.

    Empty where a reader reads them. Raises DataError where data.depth does not say how deeper ones become 8 bits:
    to be asked before anything is decoded, and before labels are compared.
    """
    if config.reader is not None:
        return Kinds()
    from PIL import __version__ as pillow_version

    look = _Look(list_pictures(config), config)
    key = sha256_json([LAYOUT, pillow_version, _digest_of(look, cached)])
    memo = sound_copy(
        cached,
        f"pictures/kinds-{key}.json",
        lambda path: write_sealed(path, kinds_of(look.contents.pictures).to_json()),
        read_sealed,
    )
    kinds = Kinds.from_json(memo)
    refuse_deep(kinds, config.depth)
    return kinds


def load_told(config: DataConfig, cached: Cached, kinds: Kinds) -> Pictures:
    """The configured images; where equal ones contradict each other, an error that tells of bits nobody read."""
    try:
        return load_pictures(config, cached)
    except Contradiction as error:
        halved = [note for note in notes_on_kinds(Kinds(kinds.counts, kinds.examples), None) if "upper 8" in note]
        if not halved:
            raise
        raise DataError(error.message, hint=f"Look at the depth first: {'; '.join(halved)}. {error.hint}") from error


class _Look:
    """A source's contents, looked into once and only where something needs them."""

    def __init__(self, listing: Listing, config: DataConfig) -> None:
        self.listing = listing
        self._config = config

    @cached_property
    def contents(self) -> Contents:
        """Raises DataError where the classes are not as many as the study says."""
        contents = self.listing.read()
        refuse_other_classes(contents.classes, self._config, self.listing.place)
        return contents


def _targets(found: Findings, config: DataConfig) -> NDArray[np.int64] | NDArray[np.float32]:
    import numpy as np

    if not config.multi_label:
        return np.array(found.targets, dtype=np.int64)
    targets = np.zeros((len(found.ids), len(found.classes)), dtype=np.float32)
    for row, labels in zip(targets, found.targets, strict=True):
        row[list(labels_of(labels))] = 1
    return targets


# --- keys -------------------------------------------------------------------------------------


def _copy_key(config: DataConfig, digest: str) -> str:
    """Everything the decoded pixels depend on; another Pillow may bring another JPEG decoder."""
    from PIL import __version__ as pillow_version

    size = config.image_size if config.resize == "pil" else "own"
    depth = [] if config.depth is None else [identity_of(config)["depth"]]
    return sha256_json([LAYOUT, pillow_version, size, config.channels, config.exif, digest, *depth])


def _digest_of(look: _Look, cached: Cached) -> str:
    """The data digest, remembered for as long as the listing does not change."""
    if not look.listing.version:
        return _hashed(look.contents)
    key = sha256_json([LAYOUT, look.listing.version])
    memo = sound_copy(
        cached,
        f"pictures/seen-{key}.json",
        lambda path: write_sealed(path, {"digest": _hashed(look.contents)}),
        read_sealed,
    )
    return str(memo["digest"])


def _hashed(contents: Contents) -> str:
    return _data_digest(contents, hashes_of(contents.pictures))


def _data_digest(contents: Contents, hashes: Sequence[str]) -> str:
    """Of names, pictures and labels; of parts and origins where the source has any."""
    rows = [[one.id, _class_of(one, contents), content] for one, content in zip(contents.pictures, hashes, strict=True)]
    whole: list[Any] = [list(contents.classes), sorted(rows)]
    origins = sorted([one.id, one.origin] for one in contents.pictures if one.origin)
    if contents.official_test is not None or origins:
        whole.append({"test": sorted(contents.official_test or ()), "origins": origins})
    return sha256_json(whole)


def _class_of(picture: Picture, contents: Contents) -> Any:
    if isinstance(picture.label, int):
        return contents.classes[picture.label]
    return [contents.classes[label] for label in picture.label]


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

        seen = scan(contents.pictures, config, keep, progress=progress)
        stream.flush()
        os.fsync(stream.fileno())
    if _data_digest(contents, [one.content for one in seen]) != digest:
        raise DataError("pictures changed while they were being read", hint="Run the command again.")
    found = findings_of(contents, seen, config)
    if not found.ids:
        refuse_unreadable(found, config)
    write_sealed(folder / "pictures.json", {"found": found._asdict(), "pixels": check})


def _findings_in(folder: Path) -> tuple[Path, Findings] | None:
    """The folder and the stored result; None where a file is missing, cut, or a bit of it has changed."""
    content = read_sealed(folder / "pictures.json")
    pixels = folder / "pixels.bin"
    if content is None or not pixels.is_file():
        return None
    found = Findings(**content["found"])
    # Each run asks: a bit may change between two of them, and reading brings in the pages it needs anyway.
    if pixels.stat().st_size != math.prod(found.shape) or crc32_of(pixels) != content["pixels"]:
        return None
    return folder, found._replace(ids=tuple(found.ids), shape=tuple(found.shape))
