"""Which of some image files finished runs were fitted or chosen on: told by decoded pixels, wherever a file lies."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ablate.protocols import Run
from ablate.records import RunSpec
from ablate.settings import settings_of_record
from ablate.training.config import Config
from ablate.training.data.cache import DecodedImages, load_images
from ablate.training.data.listing import ImageFile
from ablate.training.data.parts import split_images
from ablate.training.data.scan import scan

if TYPE_CHECKING:
    from ablate.training.data.scan import Pixels

Seen = tuple[str, tuple[int, ...]]
"""The id of an image, and the indices of the replicates that were fitted or chosen on it."""


def find_seen(runs: Sequence[tuple[RunSpec, Run]], images: Sequence[Path]) -> list[Seen | None]:
    """What each image file is of the fit and validation images of runs of one variant, donors of weights included.

    None for an image that no run has seen, and for one that cannot be read. Raises DataError where the data of the
    runs are not there.
    """
    known: dict[str, dict[str, set[int]]] = {}  # pixels -> id -> replicates
    opened: dict[str, _Opened] = {}
    for spec, run in runs:
        own: RunSpec | None = spec
        while own is not None:
            config = settings_of_record(Config, own.config)
            key = config.data.model_dump_json()
            if key not in opened:
                opened[key] = _Opened(load_images(config.data, run.cached))
            for digest, name in opened[key].seen_by(own, config):
                known.setdefault(digest, {}).setdefault(name, set()).add(spec.replicate.index)
            donor = None if config.weights is None or config.weights.run is None else run.earlier(config.weights.run)
            own = None if donor is None else donor[0]
    config = settings_of_record(Config, runs[0][0].config)
    return [_told(known.get(digest)) for digest in _pixels_of(images, config)]


@dataclass(slots=True)
class _Opened:
    """A decoded data set; the digest of each image is computed once for all replicates."""

    images: DecodedImages
    digests: dict[int, str] = field(default_factory=dict)

    def seen_by(self, spec: RunSpec, config: Config) -> Iterator[tuple[str, str]]:
        """Digest of the pixels and id of every fit and validation image of a run."""
        parts = split_images(config.data, spec, self.images)
        for i in (*parts.fit, *parts.val):
            if i not in self.digests:
                self.digests[i] = _digest(self.images.pixels[i])
            yield self.digests[i], self.images.ids[i]


def _told(found: Mapping[str, set[int]] | None) -> Seen | None:
    if not found:
        return None
    name = next(iter(found))
    return name, tuple(sorted(set().union(*found.values())))


def _digest(pixels: Pixels) -> str:
    return hashlib.sha256(np.ascontiguousarray(pixels).tobytes()).hexdigest()


def _pixels_of(images: Sequence[Path], config: Config) -> list[str]:
    """The digest of each file's pixels, decoded as the data were; empty for one that cannot be read."""
    digests: list[str] = []
    seen = scan(
        [ImageFile(str(path), 0, str(path)) for path in images], config.data, lambda one: digests.append(_digest(one))
    )
    readable = iter(digests)
    return ["" if one.problem else next(readable) for one in seen]
