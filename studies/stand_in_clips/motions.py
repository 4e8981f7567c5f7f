"""Drawn shapes that move: the class of a clip is the direction, which no single frame shows."""

from __future__ import annotations

import os
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

SEED = 23
"""Everything is drawn from this, the number of the scene and the motion."""

SCENES = 60
"""Recordings: each has a background and a shape of its own, and one clip of every motion."""

FRAMES, SIDE, RATE = 10, 32, 10
"""Of a clip: frames, pixels of a side, frames a second."""

MOTIONS: Mapping[str, tuple[int, int]] = {"left": (-1, 0), "right": (1, 0), "up": (0, -1), "down": (0, 1)}
"""Class -> steps to the right and down."""

NOTICE = """\
SYNTHETIC. These clips are drawings made by a program (studies/stand_in_clips), not recordings.

The folders carry the names of the four directions in which a shape moves. Where it starts is drawn evenly over the
image, and what leaves it on one side comes back on the other, so that a single frame says nothing of the direction.
Clips of one scene (scene07_left.avi, scene07_up.avi, ...) share a background and a shape, as clips of one recording
do. What is measured on them says nothing about recordings of real motion.
"""


def write_motions(folder: Path) -> None:
    """Fill an empty folder: one sub-folder per direction, an AVI for each scene, and SYNTHETIC.txt.

    The same clips every time, byte for byte with the same PyAV and numpy.
    """
    jobs = [(scene, motion) for scene in range(SCENES) for motion in MOTIONS]
    folder.mkdir(exist_ok=True)
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        list(pool.map(partial(write_clip, folder), jobs))
    (folder / "SYNTHETIC.txt").write_text(NOTICE, encoding="utf-8")


def draw_clip(scene: int, motion: str) -> NDArray[np.uint8]:
    """(FRAMES, SIDE, SIDE, 3): a scene's shape on its way across its background.

    The motion enters through the sign of the steps alone: start, speed and noise are drawn without it.
    """
    look = np.random.default_rng((SEED, scene))
    background, colour, shape = _background(look), look.integers(140, 256, 3), _shape(look)
    rng = np.random.default_rng((SEED, scene, list(MOTIONS).index(motion)))
    start, speed = rng.uniform(0, SIDE, 2), rng.uniform(1.5, 2.5)
    steps = speed * np.array(MOTIONS[motion])
    frames = []
    for number in range(FRAMES):
        x, y = np.rint(start + number * steps).astype(int)
        inside = np.roll(shape, (y, x), axis=(0, 1))[:, :, None]
        noise = rng.normal(0, 4, (SIDE, SIDE, 3))
        frames.append(np.clip(np.where(inside, colour, background) + noise, 0, 255))
    return np.array(frames).astype(np.uint8)


def _background(rng: np.random.Generator) -> NDArray[np.float64]:
    """Waves of two colours, dark enough for a shape to be seen."""
    rows, columns = np.mgrid[:SIDE, :SIDE] * (2 * np.pi / SIDE)
    across, down = rng.integers(1, 4, 2)
    waves = (np.sin(across * columns + rng.uniform(0, 6.28)) + np.sin(down * rows + rng.uniform(0, 6.28)) + 2) / 4
    first, second = rng.uniform(0, 110, (2, 3))
    mixed: NDArray[np.float64] = first + waves[:, :, None] * (second - first)
    return mixed


def _shape(rng: np.random.Generator) -> NDArray[np.bool_]:
    """A disc, a square or a cross around the upper left corner, which the sides of the image cut in four."""
    distance = np.minimum(np.arange(SIDE), SIDE - np.arange(SIDE))
    rows, columns, size = distance[:, None], distance[None, :], int(rng.integers(4, 7))
    match rng.integers(3):
        case 0:
            return rows**2 + columns**2 < size**2
        case 1:
            return np.maximum(rows, columns) < size - 1
        case _:
            return (np.minimum(rows, columns) < size / 3) & (np.maximum(rows, columns) < size)


def write_clip(folder: Path, job: tuple[int, str]) -> None:
    """The clip of a scene and a motion, below a folder: an AVI of JPEG frames.

    Each frame is encoded by itself, so that none carries a trace of the one before it.
    """
    import av

    scene, motion = job
    (folder / motion).mkdir(exist_ok=True)
    with av.open(str(folder / motion / f"scene{scene:02}_{motion}.avi"), "w") as container:
        stream = container.add_stream("mjpeg", rate=RATE, options={"qmin": "2", "qmax": "2"})
        stream.width, stream.height, stream.pix_fmt = SIDE, SIDE, "yuvj444p"
        stream.codec_context.thread_count = 1
        for pixels in draw_clip(scene, motion):
            container.mux(stream.encode(av.VideoFrame.from_ndarray(pixels, format="rgb24")))
        container.mux(stream.encode())
