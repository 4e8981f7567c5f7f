"""Small videos for tests: a grey square on the left that grows brighter, red above and black below on the right."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import av
import numpy as np
from numpy.typing import NDArray
from PIL import Image

CODECS = {
    ".mp4": ("libx264", "yuv420p"),
    ".avi": ("mjpeg", "yuvj420p"),
    ".mkv": ("ffv1", "yuv420p"),
    ".webm": ("libvpx-vp9", "yuv420p"),
    ".gif": ("gif", "rgb8"),
}
"""Ending -> codec and pixel format."""

SIZE = (48, 32)
"""Width and height."""


def frame_pixels(number: int, *, shift: int = 0) -> NDArray[np.uint8]:
    """RGB (32, 48, 3); the left half is 10 times the number."""
    pixels = np.zeros((SIZE[1], SIZE[0], 3), np.uint8)
    pixels[:, : SIZE[0] // 2] = (10 * number + shift) % 250
    pixels[: SIZE[1] // 2, SIZE[0] // 2 :] = (255, 0, 0)
    return pixels


def write_video(path: Path, frames: int = 20, *, times: Sequence[int] | None = None, **more: Any) -> Path:
    """A video of ten frames a second. more: rotation of its display matrix, shift of its grey."""
    path.parent.mkdir(parents=True, exist_ok=True)
    codec, pixel_format = CODECS[path.suffix]
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=10)
        stream.width, stream.height, stream.pix_fmt = *SIZE, pixel_format
        if "rotation" in more:
            stream.set_display_rotation(more["rotation"])
        for number in range(frames):
            frame = av.VideoFrame.from_ndarray(frame_pixels(number, shift=more.get("shift", 0)), format="rgb24")
            if times is not None:
                frame.pts = times[number]
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return path


def write_sound(path: Path) -> Path:
    """A file without a video stream."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("pcm_s16le", rate=8000)
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.int16), format="s16", layout="mono")
        frame.sample_rate = 8000
        container.mux(stream.encode(frame))
    return path


def write_frames(folder: Path, numbers: Sequence[int], *, shift: int = 0) -> Path:
    """A folder of numbered PNG files."""
    folder.mkdir(parents=True)
    for number in numbers:
        Image.fromarray(frame_pixels(number, shift=shift)).save(folder / f"frame_{number:03}.png")
    return folder


def write_classes(root: Path, clips: int = 12, *, frames: int = 4) -> Path:
    """Two classes of clips: brighter to darker pixels of noise in lossless videos; all of them differ."""
    rng = np.random.default_rng(0)
    for label, name in enumerate(("left", "right")):
        for number in range(clips):
            pixels = rng.integers(0, 120 + 100 * label, (frames, 16, 16, 3), dtype=np.uint8)
            write_lossless(root / name / f"rec{number // 2}_{number % 2}.mkv", pixels)
    return root


def write_lossless(path: Path, pixels: NDArray[np.uint8]) -> None:
    """A video of these RGB frames, none of whose values is changed."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with av.open(str(path), "w") as container:
        stream = container.add_stream("ffv1", rate=10)
        stream.width, stream.height, stream.pix_fmt = pixels.shape[2], pixels.shape[1], "bgr0"
        for one in pixels:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(one, format="rgb24")))
        container.mux(stream.encode())
