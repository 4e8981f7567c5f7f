"""Folders of small images of every kind a data set may hold, sound and broken."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable, Mapping, Sequence
from io import BytesIO
from pathlib import Path

import numpy as np
from PIL import ExifTags, Image
from PIL.PngImagePlugin import PngInfo

Pixels = np.ndarray
SIZE = (24, 18)
"""Width and height of most images."""


def write_image_folder(
    root: Path,
    *,
    classes: Sequence[str] = ("cat", "dog"),
    per_class: int = 4,
    kinds: Sequence[str] = ("rgb_jpg", "rgb_png"),
    seed: int = 0,
) -> Path:
    """Write `root/<class>/<number>-<kind>.*`, the kinds taken in turn; no two images are equal.

    Each class has its own shade, so that a small network can learn to tell them apart.
    """
    for label, name in enumerate(classes):
        (root / name).mkdir(parents=True, exist_ok=True)
        for index in range(per_class):
            write_image(
                root / name / f"{index:03}",
                kinds[index % len(kinds)],
                seed=(seed, label, index),
                shade=label / len(classes),
            )
    return root


def write_image(
    stem: Path, kind: str, *, seed: int | tuple[int, ...] = 0, shade: float = 0.5, size: tuple[int, int] = SIZE
) -> Path:
    """Write one image of a sound kind to `<stem>-<kind><extension>`; returns its path."""
    extension, encode = GOOD_KINDS[kind]
    path = stem.with_name(f"{stem.name}-{kind}{extension}")
    path.write_bytes(encode(rgb_pixels(np.random.default_rng(seed), shade=shade, size=size)))
    return path


def write_bad_images(folder: Path) -> dict[str, str]:
    """Write one file of every broken kind; returns file name -> words its reason must contain."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, (content, _) in BAD_FILES.items():
        (folder / name).write_bytes(content())
    return {name: words for name, (_, words) in BAD_FILES.items()}


def rgb_pixels(rng: np.random.Generator, *, shade: float = 0.5, size: tuple[int, int] = SIZE) -> Pixels:
    """A slanted gradient with noise: uint8, shape (height, width, 3)."""
    width, height = size
    slope = np.linspace(0, 60, height)[:, None, None] + np.linspace(0, 40, width)[None, :, None]
    noise = rng.integers(0, 60, size=(height, width, 3))
    return (slope + noise + 90 * shade).clip(0, 255).astype(np.uint8)


# --- sound kinds ------------------------------------------------------------------------------


def _encoded(image: Image.Image, format: str, **options: object) -> bytes:
    stream = BytesIO()
    image.save(stream, format, **options)
    return stream.getvalue()


def _converted(mode: str, format: str, **options: object) -> Callable[[Pixels], bytes]:
    return lambda pixels: _encoded(Image.fromarray(pixels).convert(mode), format, **options)


def _with_alpha(mode: str, format: str, **options: object) -> Callable[[Pixels], bytes]:
    def encode(pixels: Pixels) -> bytes:
        image = Image.fromarray(pixels).convert(mode)
        image.putalpha(Image.fromarray(pixels[:, :, 0]))
        return _encoded(image, format, **options)

    return encode


def _grey_16_bit(format: str) -> Callable[[Pixels], bytes]:
    return lambda pixels: _encoded(Image.fromarray(pixels[:, :, 0].astype(np.uint16) * 7), format)


def _float_tiff(pixels: Pixels) -> bytes:
    return _encoded(Image.fromarray(pixels[:, :, 0].astype(np.float32) * 1.7 - 20), "TIFF")


def _palette_with_transparency(pixels: Pixels) -> bytes:
    image = Image.fromarray(pixels).quantize(32)
    return _encoded(image, "PNG", transparency=bytes(range(0, 256, 8)))


def _animated(format: str) -> Callable[[Pixels], bytes]:
    def encode(pixels: Pixels) -> bytes:
        frames = [Image.fromarray(np.roll(pixels, shift, axis=1)) for shift in range(0, 9, 3)]
        return _encoded(frames[0], format, save_all=True, append_images=frames[1:], duration=100)

    return encode


def _turned(format: str, orientation: int) -> Callable[[Pixels], bytes]:
    def encode(pixels: Pixels) -> bytes:
        exif = Image.Exif()
        exif[ExifTags.Base.Orientation] = orientation
        return _encoded(Image.fromarray(pixels), format, exif=exif)

    return encode


def _malformed_exif(pixels: Pixels) -> bytes:
    return _encoded(Image.fromarray(pixels), "JPEG", exif=b"Exif\0\0MM\0*\0\0\0\x08\xff\xff" + b"\x01" * 40)


def _commented(pixels: Pixels) -> bytes:
    info = PngInfo()
    info.add_text("Comment", "nothing to see", zip=True)
    return _encoded(Image.fromarray(pixels), "PNG", pnginfo=info)


GOOD_KINDS: Mapping[str, tuple[str, Callable[[Pixels], bytes]]] = {
    "rgb_jpg": (".jpg", _converted("RGB", "JPEG", quality=90)),
    "progressive_jpg": (".JPEG", _converted("RGB", "JPEG", progressive=True)),
    "grey_jpg": (".jpg", _converted("L", "JPEG")),
    "cmyk_jpg": (".jpg", _converted("CMYK", "JPEG")),
    "turned_jpg": (".jpg", _turned("JPEG", 6)),
    "malformed_exif_jpg": (".jpg", _malformed_exif),
    "rgb_png": (".png", _converted("RGB", "PNG")),
    "commented_png": (".png", _commented),
    "png_named_jpg": (".jpg", _converted("RGB", "PNG")),
    "grey_png": (".png", _converted("L", "PNG")),
    "one_bit_png": (".png", _converted("1", "PNG")),
    "palette_png": (".png", _converted("P", "PNG")),
    "transparent_palette_png": (".png", _palette_with_transparency),
    "rgba_png": (".png", _with_alpha("RGB", "PNG")),
    "la_png": (".png", _with_alpha("L", "PNG")),
    "grey_16_bit_png": (".png", _grey_16_bit("PNG")),
    "turned_png": (".png", _turned("PNG", 8)),
    "animated_png": (".png", _animated("PNG")),
    "gif_named_png": (".png", _animated("GIF")),
    "animated_webp": (".webp", _animated("WEBP")),
    "lossy_webp": (".webp", _converted("RGB", "WEBP")),
    "bmp": (".bmp", _converted("RGB", "BMP")),
    "ppm": (".ppm", _converted("RGB", "PPM")),
    "pgm": (".pgm", _converted("L", "PPM")),
    "lzw_tif": (".tif", _converted("RGB", "TIFF", compression="tiff_lzw")),
    "grey_16_bit_tif": (".tiff", _grey_16_bit("TIFF")),
    "float_tif": (".tif", _float_tiff),
    "turned_tif": (".tif", _turned("TIFF", 6)),
}
"""Kind -> extension and encoder. Two are not what their extension says."""

FAITHFUL_KINDS = ("rgb_png", "bmp", "ppm", "lzw_tif")
"""Kinds that keep every pixel: the same image in two of them is a duplicate."""


# --- broken kinds -----------------------------------------------------------------------------


def _sound(kind: str) -> bytes:
    return GOOD_KINDS[kind][1](rgb_pixels(np.random.default_rng(7), size=(64, 48)))


def _png_of_size(width: int, height: int) -> bytes:
    """A PNG that claims this size and holds next to nothing."""
    chunks = (
        (b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)),
        (b"IDAT", zlib.compress(b"")),
        (b"IEND", b""),
    )
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data)) for kind, data in chunks
    )


def _broken_checksum() -> bytes:
    content = bytearray(_sound("rgb_png"))
    content[content.index(b"IDAT") + 8] ^= 0xFF
    return bytes(content)


BAD_FILES: Mapping[str, tuple[Callable[[], bytes], str]] = {
    "empty.jpg": (lambda: b"", "empty"),
    "text.jpg": (lambda: b"<!DOCTYPE html><title>404 Not Found</title>", "not an image"),
    "noise.png": (lambda: np.random.default_rng(3).bytes(500), "not an image"),
    "header_only.jpg": (lambda: _sound("rgb_jpg")[:12], "runcated"),
    "cut.jpg": (lambda: _sound("rgb_jpg")[:-400], "truncated"),
    "cut_by_two_bytes.jpg": (lambda: _sound("rgb_jpg")[:-2], "truncated"),
    "cut.png": (lambda: _sound("rgb_png")[:-600], "truncated"),
    "cut.bmp": (lambda: _sound("bmp")[:-600], "truncated"),
    "cut.tif": (lambda: _sound("lzw_tif")[:-600], ""),
    "cut.webp": (lambda: _sound("lossy_webp")[:-200], ""),
    "flipped_bit.png": (_broken_checksum, ""),
    "bomb_100_megapixels.png": (lambda: _png_of_size(10_000, 10_000), "megapixels"),
    "bomb_400_megapixels.png": (lambda: _png_of_size(20_000, 20_000), "megapixels"),
    "postscript.jpg": (lambda: b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 10 10\n%%EndComments\n", "EPS"),
}
"""File name -> its content and words of the reason it must be refused with."""
