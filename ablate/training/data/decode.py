"""One decoded image as a network is to see it: 8 bits, grey or RGB, turned and resized as the study says."""

from __future__ import annotations

import hashlib
import struct
import zlib
from typing import TYPE_CHECKING, NamedTuple

from ablate.training.config import DataConfig
from ablate.training.data.depth import in_8_bits, kind_of, values_of

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from PIL import Image

    Pixels = NDArray[np.uint8]

MEGAPIXELS = 64
"""Larger images are refused before they are decoded: a 12 kB file can ask for gigabytes."""

MALFORMED = (
    ArithmeticError,
    AttributeError,
    BufferError,
    EOFError,
    LookupError,
    MemoryError,
    OSError,
    RuntimeError,
    SyntaxError,
    TypeError,
    ValueError,
    struct.error,
    zlib.error,
)
"""What Pillow's decoders raise on malformed files."""


class ScannedImage(NamedTuple):
    """What one image held.

    pixels: (S, S, C), or (H, W, C) of its own size with `resize: device`; None where the image is
    unreadable. problem: why it is, else "". content: sha256 of the file's bytes. full: sha256 of the
    size and RGB pixels before resizing, whatever the settings; of the values themselves where they have more
    than 8 bits, or come from a reader; of all frames of a clip, whichever are kept. is_turned: its EXIF
    orientation asks for turning it. shape: of the pixels. remarks: what is to be said of a clip, see `clips.SENTENCES`.
    """

    pixels: Pixels | None
    content: str
    full: str = ""
    is_turned: bool = False
    problem: str = ""
    shape: tuple[int, ...] = ()
    remarks: tuple[str, ...] = ()


def decode(image: Image.Image, config: DataConfig) -> ScannedImage:
    """The pixels of an opened image. Raises ValueError, or one of MALFORMED, where they cannot be had."""
    import numpy as np
    from PIL.Image import Resampling, Transpose, fromarray

    megapixels = image.width * image.height / 1e6
    if megapixels > MEGAPIXELS:
        raise ValueError(f"{megapixels:.0f} megapixels, the limit is {MEGAPIXELS}")
    if image.format == "EPS":
        raise ValueError("an EPS file: decoding it would run an outside program")
    kind, file = kind_of(image), image
    if kind.is_deep:
        values = values_of(image)
        full = hashlib.sha256(f"{values.shape}:{values.dtype.kind}:".encode() + values.tobytes())
        image = fromarray(in_8_bits(values, kind, config.depth))
    rgb = image.convert("RGB")
    if not kind.is_deep:
        full = hashlib.sha256(f"{rgb.width}x{rgb.height}:".encode())
        full.update(rgb.tobytes())
    turns = {
        2: Transpose.FLIP_LEFT_RIGHT,
        3: Transpose.ROTATE_180,
        4: Transpose.FLIP_TOP_BOTTOM,
        5: Transpose.TRANSPOSE,
        6: Transpose.ROTATE_270,
        7: Transpose.TRANSVERSE,
        8: Transpose.ROTATE_90,
    }
    turn = turns.get(_orientation(file))
    decoded = rgb if config.channels == 3 else image.convert("L")
    if turn is not None and config.exif == "transpose":
        decoded = decoded.transpose(turn)
    if config.resize == "pil":
        decoded = decoded.resize((config.image_size, config.image_size), Resampling.BILINEAR)
    pixels = np.array(decoded).reshape(decoded.height, decoded.width, config.channels)
    return ScannedImage(pixels, "", full.hexdigest(), turn is not None, shape=pixels.shape)


def _orientation(image: Image.Image) -> int:
    """The EXIF orientation, read once the image is decoded; 1 where the EXIF data are malformed.

    torchvision's loader never reads them, so they cannot make an image unreadable.
    """
    try:
        value = image.getexif().get(0x0112)
    except MALFORMED:
        return 1
    return value if isinstance(value, int) else 1
