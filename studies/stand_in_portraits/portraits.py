"""1,800 drawn portraits of 17 invented people: what stands in for photographs that cannot be handed out."""

from __future__ import annotations

import os
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from io import BytesIO
from pathlib import Path

import numpy as np

from stand_in_portraits.faces import portrait
from stand_in_portraits.people import aged, draw_moment, draw_person

SEED = 17
"""Everything is drawn from this, the class's place and the image's number."""

IMAGES: Mapping[str, int] = {
    "Angelina Jolie": 118,
    "Brad Pitt": 96,
    "Denzel Washington": 104,
    "Hugh Jackman": 112,
    "Jennifer Lawrence": 88,
    "Johnny Depp": 124,
    "Kate Winslet": 92,
    "Leonardo DiCaprio": 110,
    "Megan Fox": 84,
    "Natalie Portman": 100,
    "Nicole Kidman": 116,
    "Robert Downey Jr": 98,
    "Sandra Bullock": 94,
    "Scarlett Johansson": 120,
    "Tom Cruise": 128,
    "Tom Hanks": 130,
    "Will Smith": 86,
}
"""Class -> how many images of it; 1,800 in all."""

NOTICE = """\
SYNTHETIC. These images are drawings made by a program (`ablate data portraits`), not photographs.

They stand in for 1,800 photographs of 17 actors that may not be handed out. The folders carry those 17 names only so
that a study finds the classes it asks for: the figures are invented, and none is meant to look like the person.
Whom a figure shows is in its geometry and colours; pose, expression, light, background, clothes, what covers the
face, and noise are chance. What is measured on them says nothing about photographs.
"""


def write_portraits(folder: Path) -> None:
    """Fill an empty folder: one sub-folder per class, JPEGs of varying size, and SYNTHETIC.txt.

    The same images every time, byte for byte with the same Pillow and numpy.
    """
    jobs = [(place, name, number) for place, (name, count) in enumerate(IMAGES.items()) for number in range(count)]
    for name in IMAGES:
        (folder / name).mkdir(parents=True, exist_ok=True)
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        list(pool.map(partial(_write, folder), jobs))
    (folder / "SYNTHETIC.txt").write_text(NOTICE, encoding="utf-8")


def _write(folder: Path, job: tuple[int, str, int]) -> None:
    place, name, number = job
    (folder / name / f"{number:03}.jpg").write_bytes(encoded_portrait(place, number))


def encoded_portrait(place: int, number: int) -> bytes:
    """One JPEG: image `number` of the class at `place`."""
    rng = np.random.default_rng((SEED, place, number))
    person = draw_person(np.random.default_rng((SEED, place)))
    image = portrait(aged(person, rng), draw_moment(rng), rng)
    stream = BytesIO()
    image.save(stream, "JPEG", quality=int(rng.integers(62, 96)))
    return stream.getvalue()
