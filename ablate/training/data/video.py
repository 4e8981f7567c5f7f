"""Video files, decoded by PyAV, whose wheels bring FFmpeg with them."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import pairwise
from typing import TYPE_CHECKING, Any, NamedTuple

from ablate.errors import refuse_uninstalled
from ablate.training.config.clips import Clip
from ablate.training.data.frames import ChosenFrames, choose_frames

if TYPE_CHECKING:
    import numpy as np
    from av import VideoFrame
    from av.container import InputContainer
    from av.video.stream import VideoStream
    from numpy.typing import NDArray

KEPT_BYTES = 256 * 2**20
"""Decoded frames of a clip that are held in memory; a longer one is decoded a second time for those that are kept."""

CUT_OFF = 0.9
"""A file with a smaller share of the frames, or of the seconds, that its header names ends too early."""


PLANAR = frozenset({"yuv420p", "yuvj420p"})
"""Pixel formats whose planes are hashed as they are; frames of others are hashed as RGB."""


class Footage(NamedTuple):
    """The frames of a video that are kept: RGB, (H, W, 3), as players show them. chosen: which they are.

    digest: sha256 of every decoded frame, whichever are kept.
    """

    frames: list[NDArray[np.uint8]]
    chosen: ChosenFrames
    is_rotated: bool
    digest: str


def refuse_without_reader() -> None:
    """Raise NotInstalled where PyAV is not there."""
    refuse_uninstalled("av", instead="It is in the extra video: pip install '.[video]'.")


def reader_version() -> str:
    """What decoded pixels depend on: PyAV's version, which brings a version of FFmpeg; empty where it is not there."""
    try:
        import av
    except ModuleNotFoundError:
        return ""
    return str(av.__version__)


def read_video(path: str, clip: Clip, *, most_pixels: float) -> Footage:
    """The frames of a video that a study asks for; every frame is decoded, so that damage shows.

    most_pixels: of one frame. Raises ValueError, which says why, where it cannot be read in full.
    """
    with _opened(path) as (container, stream):
        _refuse_large(stream, most_pixels)
        if container.format.name == "gif":
            _refuse_open_end(path)
        times, held, digest = _decode_all(container, stream)
        _refuse_cut_off(container, stream, len(times))
    chosen = choose_frames(times, clip)
    wanted = set(chosen.indices)
    found: dict[int, tuple[NDArray[np.uint8], int]] = {}
    if held is None:
        with _opened(path) as (container, stream):
            for index, frame in enumerate(container.decode(stream)):
                if index in wanted:
                    found[index] = _upright(frame)
                if len(found) == len(wanted):
                    break
    else:
        found = {index: _upright(held[index]) for index in wanted}
    kept = [found[index] for index in chosen.indices]
    return Footage([rgb for rgb, _ in kept], chosen, any(turn for _, turn in kept), digest)


def size_of_video(path: str) -> tuple[tuple[int, int], str]:
    """Width and height of a video, and the name of its codec, from its header."""
    with _opened(path) as (_, stream):
        return (stream.width, stream.height), str(stream.codec_context.name)


def _decode_all(container: InputContainer, stream: VideoStream) -> tuple[list[float], list[VideoFrame] | None, str]:
    """The time of every frame; the frames, or None where they are too many to be held; and a digest of all of them."""
    stamps: list[int | None] = []
    held: list[VideoFrame] | None = []
    size = 0
    digest = hashlib.sha256()
    for frame in container.decode(stream):
        if frame.is_corrupt:
            raise ValueError(f"frame {len(stamps) + 1} is damaged")
        stamps.append(frame.pts)
        _take_in(frame, digest)
        size += sum(plane.buffer_size for plane in frame.planes)
        if held is not None and size <= KEPT_BYTES:
            held.append(frame)
        else:
            held = None
    if not stamps:
        raise ValueError("it has no frame that can be decoded")
    known = [stamp for stamp in stamps if stamp is not None]
    rises = len(known) == len(stamps) and all(one < other for one, other in pairwise(known))
    return [float(stamp) for stamp in (known if rises else range(len(stamps)))], held, digest.hexdigest()


def _take_in(frame: VideoFrame, digest: hashlib._Hash) -> None:
    """Let a digest take in a frame's size and pixels, without converting the usual kind of them."""
    as_they_are = frame.format.name in PLANAR and frame.width % 2 == 0 and frame.height % 2 == 0
    pixels = frame.to_ndarray() if as_they_are else frame.to_ndarray(format="rgb24")
    digest.update(f"{pixels.shape}:".encode())
    digest.update(pixels.tobytes())


def _refuse_large(stream: VideoStream, most_pixels: float) -> None:
    pixels = stream.width * stream.height
    if pixels > most_pixels:
        raise ValueError(f"{pixels / 1e6:.0f} megapixels a frame, the limit is {most_pixels / 1e6:.0f}")


def _refuse_cut_off(container: InputContainer, stream: VideoStream, frames: int) -> None:
    if stream.frames and frames < CUT_OFF * stream.frames:
        raise ValueError(f"cut off: {frames} of the {stream.frames} frames that its header names")
    rate = stream.average_rate
    # Where there is sound, it may be longer than what is seen.
    if stream.frames or not container.duration or not rate or len(container.streams) > 1:
        return
    promised, there = container.duration / 1e6, float(frames / rate)
    if there < CUT_OFF * promised - 2 / float(rate):
        raise ValueError(f"cut off: {there:.1f} of the {promised:.1f} seconds that its header names")


def _refuse_open_end(path: str) -> None:
    """A GIF names no number of frames, and ends with a semicolon; zeros may follow."""
    with open(path, "rb") as stream:
        stream.seek(-min(64, os.path.getsize(path)), os.SEEK_END)
        if not stream.read().rstrip(b"\0").endswith(b";"):
            raise ValueError("cut off: its last byte is not that of a GIF")


def _upright(frame: VideoFrame) -> tuple[NDArray[np.uint8], int]:
    """RGB, turned as the file's display matrix says, and by how many quarters."""
    import numpy as np

    if frame.rotation % 90:
        raise ValueError(f"its display matrix turns it by {frame.rotation} degrees, which is no quarter")
    turns = frame.rotation // 90 % 4
    rgb: NDArray[Any] = frame.to_ndarray(format="rgb24")
    return np.ascontiguousarray(np.rot90(rgb, turns)), turns


@contextmanager
def _opened(path: str) -> Iterator[tuple[InputContainer, VideoStream]]:
    """A file and its first video stream, decoded by one thread. Raises ValueError for what FFmpeg raises."""
    import av

    try:
        with av.open(path) as container:
            if not container.streams.video:
                raise ValueError("it has no video stream")
            stream = container.streams.video[0]
            stream.codec_context.thread_count = 1
            yield container, stream
    except av.error.FFmpegError as error:
        raise ValueError(_why(error.strerror or str(error))) from error


def _why(said: str) -> str:
    known = {"Invalid data found when processing input": "not a video, or a damaged one"}
    return known.get(said, said)
