"""A folder of JPEGs in ten classes that cost what photographs cost: their spectrum, their edges, their size on disk."""

from __future__ import annotations

import os
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFilter

CLASSES = 10
SIDE = 300
TEST_SHARE = 0.1


class Order(NamedTuple):
    """One file to write."""

    path: Path
    label: int
    seed: int


def write_photographs(root: Path, images: int) -> None:
    """`root/train/<class>/*.jpg` and a tenth of them in `root/test`: 300x300, quality 85 to 95, the same every time."""
    orders = list(_orders(root, images))
    for folder in {order.path.parent for order in orders}:
        folder.mkdir(parents=True, exist_ok=True)
    with ProcessPoolExecutor(os.cpu_count()) as pool:
        for _ in pool.map(_write, orders, chunksize=16):
            pass


def _orders(root: Path, images: int) -> Iterator[Order]:
    tested = round(images * TEST_SHARE)
    for number in range(images):
        part = "test" if number < tested else "train"
        label = number % CLASSES
        yield Order(root / part / f"class{label}" / f"{number:05}.jpg", label, number)


def _write(order: Order) -> None:
    rng = np.random.default_rng(order.seed)
    scene = Image.fromarray(_clouds(rng))
    _draw_things(scene, rng)
    _draw_subject(scene, order.label, rng)
    scene = scene.filter(ImageFilter.GaussianBlur(float(rng.uniform(0.3, 0.8))))  # no lens is sharper
    grained = np.asarray(scene, dtype=np.float32) + rng.normal(0, 3, (SIDE, SIDE, 1))
    pixels = np.clip(grained, 0, 255).astype(np.uint8)
    Image.fromarray(pixels).save(order.path, "JPEG", quality=int(rng.integers(85, 96)))


def _clouds(rng: np.random.Generator) -> NDArray[np.uint8]:
    """Noise whose amplitude falls as one over the frequency, as it does in photographs; brightness more than colour."""
    rows, columns = np.fft.fftfreq(SIDE)[:, None], np.fft.rfftfreq(SIDE)[None, :]
    frequency = np.maximum(np.hypot(rows, columns), 1 / SIDE)
    planes = []
    for _ in range(3):
        spectrum = np.fft.rfft2(rng.normal(size=(SIDE, SIDE))) / frequency
        plane = np.fft.irfft2(spectrum, s=(SIDE, SIDE))
        planes.append(plane / plane.std())
    light, red, blue = planes
    channels = np.stack([light + 0.4 * red, light - 0.2 * red - 0.2 * blue, light + 0.4 * blue], axis=-1)
    return np.clip(rng.uniform(90, 160) + 45 * channels, 0, 255).astype(np.uint8)


def _draw_things(scene: Image.Image, rng: np.random.Generator) -> None:
    """Opaque shapes of all sizes, one before the other: edges as in a room."""
    draw = ImageDraw.Draw(scene)
    for _ in range(int(rng.integers(8, 16))):
        radius = float(min(8 / rng.uniform(0.08, 1), 80))  # few large ones, many small ones
        x, y = rng.uniform(0, SIDE, 2)
        colour = tuple(int(value) for value in rng.integers(20, 236, 3))
        box = (x - radius, y - radius * rng.uniform(0.4, 1), x + radius, y + radius * rng.uniform(0.4, 1))
        (draw.ellipse if rng.random() < 0.5 else draw.rectangle)(box, fill=colour)


def _draw_subject(scene: Image.Image, label: int, rng: np.random.Generator) -> None:
    """What the class is told by: stripes in one of five directions, bright or dark, somewhere in the image."""
    angle = np.pi * (label % 5) / 5 + rng.normal(0, 0.06)
    tone = 215 if label < 5 else 40
    shade = tuple(int(tone + value) for value in rng.integers(-30, 31, 3))
    draw = ImageDraw.Draw(scene)
    middle = rng.uniform(0.35 * SIDE, 0.65 * SIDE, 2)
    along, across = np.array([np.cos(angle), np.sin(angle)]), np.array([-np.sin(angle), np.cos(angle)])
    gap = rng.uniform(22, 30)
    for place in range(-4, 5):
        centre = middle + place * gap * across
        ends = [tuple(centre + side * rng.uniform(80, 120) * along) for side in (-1, 1)]
        draw.line([*ends[0], *ends[1]], fill=shade, width=10)
