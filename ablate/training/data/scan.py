"""Decode every image once, exactly as torchvision's default loader and `Resize` would.

An image that cannot be decoded in full is never skipped here: it comes back with the reason.
"""

from __future__ import annotations

import hashlib
import os
import stat
import warnings
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import closing, contextmanager
from functools import partial
from io import BytesIO
from typing import TYPE_CHECKING, TypeVar

from ablate.training.config import DataConfig
from ablate.training.data.clips import hash_of_clip, look_at_clip, size_of_clip
from ablate.training.data.decode import MALFORMED, MEGAPIXELS, ScannedImage, decode
from ablate.training.data.depth import Kind, Kinds, frames_of, kind_of, kinds_among
from ablate.training.data.listing import ImageFile
from ablate.training.data.reader import read_image
from ablate.training.data.spreading import spread

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Pixels = NDArray[np.uint8]
    Content = str | Pixels | Callable[[], Pixels]

Result = TypeVar("Result")

Progress = Callable[[int, int], None]
"""Called with the images done and their total."""


def scan(
    images: Sequence[ImageFile],
    config: DataConfig,
    keep: Callable[[Pixels], None],
    *,
    progress: Progress | None = None,
) -> list[ScannedImage]:
    """Decode all images on all processors; `keep` is handed the readable ones' pixels in order.

    Returns what each held, without its pixels.
    """
    seen: list[ScannedImage] = []
    look = partial(_look_at, config=config)
    with _quiet_decoders(), closing(_spread(look, images, config.reader)) as found:
        for one in found:
            if one.pixels is not None:
                keep(one.pixels)
            seen.append(one._replace(pixels=None))
            if progress is not None:
                progress(len(seen), len(images))
    return seen


def inspect_image(content: Content, config: DataConfig) -> ScannedImage:
    """Decode one image: the path of a file, or uint8 pixels of shape (H, W) or (H, W, 3), or what returns them."""
    with _quiet_decoders():
        return _look_at(content, config)


def hashes_of(images: Sequence[ImageFile]) -> list[str]:
    """sha256 of each file's bytes, or of an array's; "" for a file that cannot be read."""
    return list(_spread(_hash_of, images))


def sizes_of(
    images: Sequence[ImageFile], reader: str | None = None, *, clips: bool = False
) -> list[tuple[tuple[int, int], str]]:
    """Width and height, and the file's format, of images, or clips, that are known to be readable.

    Pixels are not decoded, unless a reader alone knows the size.
    """
    with _quiet_decoders():
        return list(_spread(partial(_size_of, reader=reader, clips=clips), images, reader))


def sides_of(images: Sequence[ImageFile]) -> list[tuple[int, int]]:
    """Width and height of the image files whose header can be read; the others are passed over."""
    files = [image for image in images if isinstance(image.content, str)]
    with _quiet_decoders():
        return [size for size in _spread(_side_in, files) if size is not None]


def _side_in(path: Content) -> tuple[int, int] | None:
    from PIL import Image

    try:
        return _size_of(path)[0]
    except (Image.DecompressionBombError, *MALFORMED):
        return None


def _size_of(content: Content, reader: str | None = None, *, clips: bool = False) -> tuple[tuple[int, int], str]:
    from PIL import Image

    if isinstance(content, str) and reader is not None:
        read = read_image(content, reader)
        return (read.pixels.shape[1], read.pixels.shape[0]), read.kind
    if isinstance(content, str):
        if clips:
            return size_of_clip(content)
        with Image.open(content) as image:
            return image.size, image.format or "unknown"
    pixels = content() if callable(content) else content
    return (pixels.shape[1], pixels.shape[0]), "array"


def kinds_of(images: Sequence[ImageFile]) -> Kinds:
    """Modes, depths and frames of all image files, from their headers; files that cannot be read are passed over."""
    files = [image for image in images if isinstance(image.content, str)]
    with _quiet_decoders():
        found = _spread(_kind_in, files)
        return kinds_among((one.id, *kind) for one, kind in zip(files, found, strict=True) if kind is not None)


def _kind_in(path: Content) -> tuple[Kind, int] | None:
    from PIL import Image

    if not isinstance(path, str):
        return None
    try:
        if not stat.S_ISREG(os.stat(path).st_mode):
            return None
        with Image.open(path) as image:
            return kind_of(image), frames_of(image)
    except (Image.DecompressionBombError, *MALFORMED):
        return None


def _look_at(content: Content, config: DataConfig) -> ScannedImage:
    from PIL import Image, UnidentifiedImageError

    if isinstance(content, str) and config.clip is not None:
        return look_at_clip(content, config)
    if callable(content):
        content = content()
    if not isinstance(content, str):
        return decode(Image.fromarray(content), config)._replace(content=_hash_of(content))
    try:
        file = _read(content)
    except OSError as error:
        return ScannedImage(None, "", problem=error.strerror or str(error))
    digest = hashlib.sha256(file).hexdigest()
    if not file:
        return ScannedImage(None, digest, problem="the file is empty")
    try:
        if config.reader is not None:
            read = read_image(content, config.reader)
            return decode(Image.fromarray(read.pixels), config)._replace(content=digest, full=read.digest)
        with Image.open(BytesIO(file)) as image:
            return decode(image, config)._replace(content=digest)
    except UnidentifiedImageError:
        return ScannedImage(None, digest, problem="not an image, or one cut off in its header")
    except Image.DecompressionBombError:
        return ScannedImage(None, digest, problem=f"more than the limit of {MEGAPIXELS} megapixels")
    except MALFORMED as error:
        reason = str(error).partition("\n")[0] or type(error).__name__
        return ScannedImage(None, digest, problem=reason)


def _hash_of(content: Content) -> str:
    if callable(content):
        content = content()
    if not isinstance(content, str):
        return hashlib.sha256(f"{content.shape}:".encode() + content.tobytes()).hexdigest()
    try:
        return hash_of_clip(content) if os.path.isdir(content) else hashlib.sha256(_read(content)).hexdigest()
    except OSError:
        return ""


def _read(path: str) -> bytes:
    if not stat.S_ISREG(os.stat(path).st_mode):  # opening a pipe would wait for a writer
        raise OSError("not a file")
    with open(path, "rb") as stream:
        return stream.read()


@contextmanager
def _quiet_decoders() -> Iterator[None]:
    """Load all of Pillow's decoders, and let none of them warn.

    Loading them is not safe from several threads. What they warn about (sizes, metadata, palettes
    with transparency) is either a reason to refuse the image or does not touch its pixels.
    """
    from PIL import Image

    Image.preinit()
    Image.init()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def _spread(
    work: Callable[[Content], Result], images: Sequence[ImageFile], reader: str | None = None
) -> Generator[Result, None, None]:
    """Files alone go through processes: a reader, and what an array is read by, may hold files open."""
    contents = [image.content for image in images]
    return spread(work, contents, in_processes=reader is None and all(isinstance(one, str) for one in contents))
