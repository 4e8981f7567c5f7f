"""Clips, each decoded to its chosen frames below each other: from a video file, or a folder of numbered frames."""

from __future__ import annotations

import hashlib
import os
import re
import stat
from collections.abc import Sequence
from pathlib import Path

from ablate.files import sha256_file
from ablate.readers.image_folders import is_image
from ablate.training.config import DataConfig
from ablate.training.data.decode import MALFORMED, MEGAPIXELS, ScannedImage, decode
from ablate.training.data.frames import TOO_SHORT, choose_frames
from ablate.training.data.listing import first_of
from ablate.training.data.video import read_video, size_of_video

ROTATED, UNEVEN, LOOPED = "rotated", "uneven", "looped"

SENTENCES = {
    ROTATED: (
        "is turned by its display matrix, and shown upright",
        "are turned by their display matrix, shown upright",
    ),
    UNEVEN: (
        "has a variable frame rate; its frames are taken at even times",
        "have a variable frame rate; their frames are taken at even times",
    ),
    LOOPED: ("is too short and begins again (clip.short: loop)", "are too short and begin again (clip.short: loop)"),
}
"""What is said of one clip and of several, by what a scan remarks."""


def look_at_clip(path: str, config: DataConfig) -> ScannedImage:
    """Decode one clip: the path of a video file, or of a folder of numbered frames."""
    if config.clip is None:
        raise AssertionError("only data with a clip block hold clips")
    try:
        digest = hash_of_clip(path)
    except OSError as error:
        return ScannedImage(None, "", problem=error.strerror or str(error))
    try:
        frames, full, remarks = _of_folder(path, config) if os.path.isdir(path) else _of_video(path, config)
    except MALFORMED as error:
        reason = str(error).partition("\n")[0] or type(error).__name__
        return ScannedImage(None, digest, problem=reason)
    return _stacked(frames, full, remarks)._replace(content=digest)


def hash_of_clip(path: str) -> str:
    """sha256 of a video file, or of the names and bytes of the frames in a folder. Raises OSError."""
    if os.path.isdir(path):
        names = [name for name in sorted(os.listdir(path)) if is_image(name)]
        return hashlib.sha256(
            "\0".join(f"{name}\0{sha256_file(Path(path, name))}" for name in names).encode()
        ).hexdigest()
    if not stat.S_ISREG(os.stat(path).st_mode):  # opening a pipe would wait for a writer
        raise OSError("not a file")
    return sha256_file(Path(path))


def size_of_clip(path: str) -> tuple[tuple[int, int], str]:
    """Width and height of a clip that is known to be readable, and what kind it is."""
    if not os.path.isdir(path):
        return size_of_video(path)
    from PIL import Image

    with Image.open(numbered_frames(path)[0][1]) as image:
        return image.size, f"{image.format} frames"


def numbered_frames(folder: str) -> list[tuple[int, str]]:
    """Number and path of each image in a folder: the last number in its name. Raises ValueError where two share one."""
    found: dict[int, str] = {}
    for name in sorted(os.listdir(folder)):
        if not is_image(name):
            continue
        numbers = re.findall(r"\d+", name.rpartition(".")[0])
        if not numbers:
            raise ValueError(f"frame {name} has no number in its name")
        number = int(numbers[-1])
        if number in found:
            raise ValueError(f"two frames of number {number}: {os.path.basename(found[number])} and {name}")
        found[number] = os.path.join(folder, name)
    return sorted(found.items())


def clip_sentences(remarked: Sequence[tuple[str, Sequence[str]]]) -> list[str]:
    """What is to be said of clips, by ids and remarks."""
    sentences = []
    for remark, (one, several) in SENTENCES.items():
        names = [name for name, remarks in remarked if remark in remarks]
        if names:
            what = f"1 clip {one}" if len(names) == 1 else f"{len(names)} clips {several}"
            sentences.append(f"{what}: {first_of(names)}")
    return sentences


def is_too_short(reason: str) -> bool:
    """Whether a clip was refused for want of frames."""
    return reason.startswith(TOO_SHORT)


def _of_video(path: str, config: DataConfig) -> tuple[list[ScannedImage], str, list[str]]:
    """The frames that are kept, a digest of all frames, and what is to be said."""
    from PIL import Image

    assert config.clip is not None
    footage = read_video(path, config.clip, most_pixels=MEGAPIXELS * 1e6)
    remarks = {ROTATED: footage.is_rotated, UNEVEN: footage.chosen.is_uneven, LOOPED: footage.chosen.is_looped}
    frames = [decode(Image.fromarray(rgb), config) for rgb in footage.frames]
    return frames, footage.digest, [name for name, holds in remarks.items() if holds]


def _of_folder(folder: str, config: DataConfig) -> tuple[list[ScannedImage], str, list[str]]:
    """The frames that are kept, a digest of the files of all frames, and what is to be said."""
    assert config.clip is not None
    numbered = numbered_frames(folder)
    if not numbered:
        raise ValueError("it holds no frame")
    chosen = choose_frames([number for number, _ in numbered], config.clip)
    remarks = {UNEVEN: chosen.is_uneven, LOOPED: chosen.is_looped}
    read = {index: _frame(numbered[index][1], config) for index in set(chosen.indices)}
    full = hashlib.sha256("".join(sha256_file(Path(path)) for _, path in numbered).encode()).hexdigest()
    return [read[index] for index in chosen.indices], full, [name for name, holds in remarks.items() if holds]


def _frame(path: str, config: DataConfig) -> ScannedImage:
    from PIL import Image

    try:
        with Image.open(path) as image:
            return decode(image, config)
    except (Image.DecompressionBombError, *MALFORMED) as error:
        raise ValueError(f"frame {os.path.basename(path)}: {error}") from error


def _stacked(frames: Sequence[ScannedImage], full: str, remarks: Sequence[str]) -> ScannedImage:
    import numpy as np

    kept = [frame.pixels for frame in frames if frame.pixels is not None]
    pixels = np.concatenate(kept)
    is_turned = any(frame.is_turned for frame in frames)
    return ScannedImage(pixels, "", full, is_turned, shape=pixels.shape, remarks=tuple(remarks))
