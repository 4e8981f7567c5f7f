"""Small images for a report, from the decoded copies that runs have used; nothing is decoded for it."""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from ablate.errors import DataError
from ablate.training.config import Config

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

SIZE = 72
"""Pixels of the longer side; of a clip's strip twice as many."""


def thumbnails_of(config: Config, ids: Sequence[str], kept: Callable[[str], Path]) -> Mapping[str, bytes]:
    """Image id -> PNG or JPEG of those that can be read.

    kept: the path a key has in the cache, whether it exists or not. Empty where the decoded images are not
    kept any more, or the data have changed since.
    """
    from ablate.training.data.cache import load_images
    from ablate.training.data.frames import strip_of

    def cached(key: str, build: Callable[[Path], None]) -> Path:
        path = kept(key)
        if not path.exists():
            raise FileNotFoundError(path)
        return path

    try:
        images = load_images(config.data, cached)
    except (OSError, DataError):
        return {}
    place = {name: index for index, name in enumerate(images.ids)}
    frames = config.data.frames
    size = SIZE if frames == 1 else 2 * SIZE
    return {name: _encoded(strip_of(images.pixels[place[name]], frames), size) for name in ids if name in place}


def _encoded(pixels: NDArray[np.uint8], most: int) -> bytes:
    from PIL import Image

    whole = Image.fromarray(pixels[:, :, 0] if pixels.shape[2] == 1 else pixels)
    longest = max(whole.size)
    size = (max(1, round(whole.width * most / longest)), max(1, round(whole.height * most / longest)))
    tiny = longest <= most
    image = whole.resize(size, Image.Resampling.NEAREST if tiny else Image.Resampling.LANCZOS)
    stream = io.BytesIO()
    if tiny:
        image.save(stream, format="PNG", optimize=True)
    else:
        image.save(stream, format="JPEG", quality=80)
    return stream.getvalue()
