"""The image around a figure: what stands behind it, and what light and camera make of it."""

from __future__ import annotations

import math

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

from stand_in_portraits.ink import muted


def background(size: tuple[int, int], rng: np.random.Generator) -> Image.Image:
    """A gradient with soft shapes in it: a wall, a street, a stage."""
    width, height = size
    first, second = muted(rng), muted(rng)
    angle = rng.uniform(0, 2 * math.pi)
    rows, columns = np.mgrid[:8, :8] / 7.0
    along = np.clip(0.5 + (columns - 0.5) * math.cos(angle) + (rows - 0.5) * math.sin(angle), 0, 1)[..., None]
    small = (first * (1 - along) + second * along).astype(np.uint8)
    image = Image.fromarray(small).resize(size, Image.Resampling.BILINEAR)
    ink = ImageDraw.Draw(image)
    for _ in range(int(rng.integers(0, 9))):
        x, y, r = rng.uniform(0, width), rng.uniform(0, height), rng.uniform(0.04, 0.3) * width
        colour = tuple(int(value) for value in muted(rng))
        if rng.random() < 0.5:
            ink.ellipse([x - r, y - r, x + r, y + r], fill=colour)
        else:
            ink.rectangle([x - r * 0.4, y - r * 2, x + r * 0.4, y + r * 2], fill=colour)
    return image.filter(ImageFilter.BoxBlur(width * rng.uniform(0.004, 0.03)))


def developed(image: Image.Image, rng: np.random.Generator) -> Image.Image:
    """Light from one side, its colour, exposure, contrast, grain; now and then black and white."""
    pixels = np.asarray(image).astype(np.float32) / 255
    height, width, _ = pixels.shape
    angle, strength = rng.uniform(0, 2 * math.pi), rng.uniform(0, 0.55)
    rows, columns = np.mgrid[:height, :width].astype(np.float32)
    slope = (columns / width - 0.5) * math.cos(angle) + (rows / height - 0.5) * math.sin(angle)
    light = (1 + strength * slope)[..., None] * (1 + rng.normal(0, 0.06, 3)) * rng.uniform(0.66, 1.2)
    pixels = np.clip(pixels * light, 0, 1) ** rng.uniform(0.8, 1.3)
    if rng.random() < 0.1:
        pixels = np.repeat(pixels @ np.array([[0.299], [0.587], [0.114]], dtype=np.float64), 3, axis=2)
    pixels = pixels + rng.normal(0, rng.uniform(0.004, 0.035), (height, width, 1))
    developed = Image.fromarray((np.clip(pixels, 0, 1) * 255).round().astype(np.uint8))
    if rng.random() < 0.15:
        developed = developed.filter(ImageFilter.GaussianBlur(min(width, height) * rng.uniform(0.003, 0.012)))
    return developed
