"""Whether two states of a folder hold the same images, whatever lies beside them that cannot be read."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from ablate.files import read_sealed
from ablate.store.checked_copy import Cached
from ablate.training.config import DataConfig
from ablate.training.data.cache import DecodedImages, copy_key, read_digest


def former_digests(images: DecodedImages, config: DataConfig, cached: Cached) -> tuple[str, ...]:
    """Other digests that finished runs may carry of just these images: those with unreadable ones beside them.

    That of the present folder, and those of earlier states of it whose decoded copies are kept.
    """
    folder = cached(f"pictures/{copy_key(config, images.listed)}", _is_there)
    mine = _used_in(folder)
    found = {images.listed}
    for memo in folder.parent.glob("seen-*.json"):
        seen = (read_sealed(memo) or {}).get("digest")
        digest = read_digest(config, seen) if isinstance(seen, str) else images.listed
        if digest in found:
            continue
        other = _used_in(folder.parent / copy_key(config, digest))
        # Without unreadable images on either side the rule was the present one: their files differ.
        if mine and other and mine.used == other.used and (mine.unreadable or other.unreadable):
            found.add(digest)
    return tuple(sorted(found - {images.digest}))


def is_of(digest: str, images: DecodedImages, config: DataConfig, cached: Cached) -> bool:
    """Whether a run with this data digest saw just these images."""
    return digest == images.digest or digest in former_digests(images, config, cached)


def _is_there(path: Path) -> None:
    raise FileNotFoundError(path)


class _Used(NamedTuple):
    """A decoded copy: what it holds of the images that could be read, and those that could not."""

    used: dict[str, Any]
    unreadable: Sequence[Any]


def _used_in(folder: Path) -> _Used | None:
    """None where there is no sound copy."""
    content = read_sealed(folder / "pictures.json")
    if content is None:
        return None
    found = dict(content["found"])
    unreadable = found.pop("unreadable")
    return _Used({"pixels": content["pixels"], **found}, unreadable)
