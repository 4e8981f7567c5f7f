"""Which frames of a clip are kept, and how they stand together: pure arithmetic, whatever they were read from."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from statistics import median_low
from typing import TYPE_CHECKING, NamedTuple

from ablate.training.config.clips import Clip

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Pixels = NDArray[np.uint8]

TOO_SHORT = "too short"
"""What the reason begins with where a clip has too few frames."""

UNEVEN = 0.25
"""Steps in time that differ by a larger share from the usual one make a frame rate variable; rounding does not."""

MOST_HELD = 100
"""Even times a frame, on the average: with more of them, time stamps are wrong rather than uneven."""

SHOWN = 4
"""Frames of a clip in an image of it."""


class ChosenFrames(NamedTuple):
    """Indices of the frames kept, in order; whether the frame rate varies, whether a short clip begins again."""

    indices: tuple[int, ...]
    is_uneven: bool
    is_looped: bool


def choose_frames(times: Sequence[float], clip: Clip) -> ChosenFrames:
    """The frames of a clip that a study asks for: `clip.frames`, every `clip.every`-th, from the middle.

    times: of all frames, rising, in any unit. Where they are uneven, the frame on display at even times is taken; a
    step is the usual one. Raises ValueError where there are too few, unless these are to be repeated.
    """
    steps = [after - before for before, after in pairwise(times)]
    usual = median_low(steps) if steps else 1.0
    regular = [step for step in steps if abs(step - usual) <= UNEVEN * usual]
    is_uneven = len(regular) < len(steps)
    # Time stamps are rounded: a frame's number tells its time better, as long as no frame is missing.
    shown = _on_display(times, sum(regular) / len(regular)) if is_uneven else list(range(len(times)))
    span = (clip.frames - 1) * clip.every + 1
    is_looped = len(shown) < span
    if is_looped and (clip.short != "loop" or not shown):
        if clip.every > 1:
            raise ValueError(
                f"too short: {len(shown)} frames, where {clip.frames} frames with clip.every: {clip.every} take {span}"
            )
        raise ValueError(f"too short: {len(shown)} frames, where clip asks for {span}")
    start = max(0, (len(shown) - span) // 2)
    places = range(start, start + span, clip.every)
    return ChosenFrames(tuple(shown[place % len(shown)] for place in places), is_uneven, is_looped)


def _on_display(times: Sequence[float], step: float) -> list[int]:
    """Index of the frame seen at each of even times from the first frame to the last."""
    count = round((times[-1] - times[0]) / step) + 1
    if count > MOST_HELD * len(times):
        raise ValueError(f"its time stamps leave gaps: {len(times)} frames in the time of {count}")
    found, index = [], 0
    for number in range(count):
        moment = times[0] + (number + UNEVEN) * step
        while index + 1 < len(times) and times[index + 1] <= moment:
            index += 1
        found.append(index)
    return found


def strip_of(pixels: Pixels, frames: int) -> Pixels:
    """A clip as one image: some of its frames side by side, a white line apart, from the first to the last.

    pixels: (frames * H, W, C), below each other. Returns (H, about n * W, C); an image is returned as it is.
    """
    if frames == 1:
        return pixels
    import numpy as np

    single = pixels.reshape(frames, -1, *pixels.shape[1:])
    picks = sorted({round(place) for place in np.linspace(0, frames - 1, min(SHOWN, frames))})
    height, width, channels = single.shape[1:]
    line = np.full((height, max(1, width // 32), channels), 255, dtype=pixels.dtype)
    parts = [part for pick in picks for part in (line, single[pick])]
    return np.concatenate(parts[1:], axis=1)
