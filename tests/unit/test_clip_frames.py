"""Which frames of a clip are kept: so many, from its middle, at even times."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ablate.training.config.clips import Clip
from ablate.training.data.frames import choose_frames, strip_of


@pytest.mark.parametrize(
    ("count", "frames", "every", "expected"),
    [
        (10, 4, 1, (3, 4, 5, 6)),
        (10, 4, 2, (1, 3, 5, 7)),
        (7, 4, 2, (0, 2, 4, 6)),
        (9, 1, 1, (4,)),
        (9, 1, 5, (4,)),
        (1, 1, 1, (0,)),
    ],
)
def test_frames_are_taken_from_the_middle(count: int, frames: int, every: int, expected: tuple[int, ...]) -> None:
    """As many frames are left before the first kept one as after the last, or one fewer."""
    chosen = choose_frames(range(count), Clip(frames=frames, every=every))

    assert chosen == (expected, False, False)


def test_a_clip_with_too_few_frames_is_refused_with_both_numbers() -> None:
    """The reason says how many there are, and how many the setting needs."""
    with pytest.raises(ValueError, match=r"too short: 6 frames, where 4 frames with clip\.every: 2 take 7"):
        choose_frames(range(6), Clip(frames=4, every=2))


def test_a_short_clip_begins_again_where_it_may() -> None:
    """loop: the frame after the last is the first."""
    chosen = choose_frames(range(3), Clip(frames=4, every=2, short="loop"))

    assert chosen == ((0, 2, 1, 0), False, True)


def test_a_missing_frame_is_shown_by_the_one_before_it() -> None:
    """Where the frame rate varies, what is on display at even times is taken, not every frame by its number."""
    chosen = choose_frames([0, 1, 2, 5, 6], Clip(frames=7))

    assert chosen == ((0, 1, 2, 2, 2, 3, 4), True, False)


def test_rounded_time_stamps_are_an_even_frame_rate() -> None:
    """Milliseconds of 30 frames a second go 33, 34, 33: no frame is taken twice or left out for it."""
    chosen = choose_frames([round(1000 / 30 * number) for number in range(300)], Clip(frames=300))

    assert chosen == (tuple(range(300)), False, False)


def test_time_stamps_that_no_video_has_are_refused() -> None:
    """A frame a year later would be millions of frames of the one before."""
    with pytest.raises(ValueError, match="5 frames in the time of 1000001"):
        choose_frames([0, 1, 2, 3, 1_000_000], Clip(frames=2))


@given(
    steps=st.lists(st.integers(1, 40), max_size=30),
    frames=st.integers(1, 12),
    every=st.integers(1, 4),
)
def test_the_frames_kept_are_in_order_and_as_many_as_asked(steps: list[int], frames: int, every: int) -> None:
    """Whatever the time stamps are: the asked number of existing frames, never going back in time."""
    times = np.cumsum([0, *steps]).tolist()
    try:
        chosen = choose_frames(times, Clip(frames=frames, every=every))
    except ValueError:
        return

    assert len(chosen.indices) == frames
    assert list(chosen.indices) == sorted(chosen.indices)
    assert set(chosen.indices) <= set(range(len(times)))


def test_a_strip_shows_the_first_and_the_last_frame_side_by_side() -> None:
    """Frames that stand below each other are put beside each other, four at most."""
    stacked = np.repeat(np.arange(16, dtype=np.uint8), 2)[:, None, None] * np.ones((1, 3, 1), np.uint8)
    strip = strip_of(stacked, 16)

    assert strip.shape == (2, 15, 1)
    assert strip[0, ::4, 0].tolist() == [0, 5, 10, 15]
    assert set(strip[0, 3::4, 0].tolist()) == {255}


def test_an_image_is_its_own_strip() -> None:
    """One frame is shown as it is."""
    pixels = np.zeros((4, 4, 3), np.uint8)

    assert strip_of(pixels, 1) is pixels
