"""Video files and folders of frames, as they are decoded; what is wrong with one is said."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from ablate.training.config import DataConfig
from ablate.training.data import video
from ablate.training.data.listing import ImageFile
from ablate.training.data.scan import hashes_of, inspect_image, sizes_of
from tests.video_fixtures import CODECS, frame_pixels, write_frames, write_sound, write_video


def a_config(**clip: object) -> DataConfig:
    """Four frames, every second, at 16 pixels."""
    return DataConfig.model_validate(
        {
            "source": {"name": "video_folder", "root": "clips"},
            "classes": 2,
            "clip": {"frames": 4, "every": 2, "size": 16} | clip,
        }
    )


def greys_of(pixels: np.ndarray | None, frames: int = 4) -> list[int]:
    """The grey of the left half of each frame."""
    assert pixels is not None
    return [int(one[8, 2, 0]) for one in pixels.reshape(frames, 16, 16, 3)]


@pytest.mark.parametrize("ending", [ending for ending in CODECS if ending != ".gif"])
def test_every_kind_of_video_gives_its_middle_frames(ending: str, tmp_path: Path) -> None:
    """Frames 6, 8, 10 and 12 of twenty, each a square below the other, up to what the codec rounds."""
    found = inspect_image(str(write_video(tmp_path / f"a{ending}")), a_config())

    assert found.problem == ""
    assert found.shape == (64, 16, 3)
    assert greys_of(found.pixels) == pytest.approx([60, 80, 100, 120], abs=3)


def test_a_gif_gives_its_frames_in_its_own_colours(tmp_path: Path) -> None:
    """Its palette is coarse; the order is kept."""
    greys = greys_of(inspect_image(str(write_video(tmp_path / "a.gif")), a_config(frames=4, every=5)).pixels)

    assert greys == sorted(greys)
    assert greys[0] < 60 < 120 < greys[-1]


def test_a_frame_is_resized_as_an_image_is(tmp_path: Path) -> None:
    """A folder of frames is decoded by what decodes images: bilinear by Pillow, bit for bit."""
    found = inspect_image(str(write_frames(tmp_path / "clip", range(8))), a_config())
    images = [Image.fromarray(frame_pixels(number)) for number in (0, 2, 4, 6)]
    expected = np.concatenate([np.asarray(one.resize((16, 16), Image.Resampling.BILINEAR)) for one in images])

    assert found.pixels is not None
    assert np.array_equal(found.pixels, expected)


def test_a_long_video_is_decoded_twice_to_the_same_frames(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What cannot be held in memory is read again: no pixel differs."""
    path = str(write_video(tmp_path / "a.mp4"))
    held = inspect_image(path, a_config())
    monkeypatch.setattr(video, "KEPT_BYTES", 1000)

    again = inspect_image(path, a_config())

    assert again.pixels is not None
    assert held.pixels is not None
    assert np.array_equal(again.pixels, held.pixels)
    assert again.full == held.full


def test_a_rotated_video_is_shown_upright(tmp_path: Path) -> None:
    """A display matrix of 90 degrees turns the frame against the clock: the right side comes to the top."""
    found = inspect_image(str(write_video(tmp_path / "a.mp4", rotation=90)), a_config())

    assert found.remarks == ("rotated",)
    assert found.pixels is not None
    top_left, top_right = found.pixels[2, 2], found.pixels[2, -3]
    assert top_left[0] > 200 > 50 > top_left[1]
    assert top_right.max() < 30


def test_a_variable_frame_rate_is_taken_at_even_times_and_told(tmp_path: Path) -> None:
    """Of frames at 0 to 4, then 8 to 22 tenths of a second, those on display in the middle are kept."""
    times = [*range(5), *range(8, 23)]
    found = inspect_image(str(write_video(tmp_path / "a.mkv", times=times)), a_config())

    assert found.remarks == ("uneven",)
    assert greys_of(found.pixels) == pytest.approx([50, 70, 90, 110], abs=3)


def test_a_missing_number_among_frames_is_a_gap_in_time(tmp_path: Path) -> None:
    """The frame before the gap is shown for longer, and that is remarked."""
    found = inspect_image(str(write_frames(tmp_path / "clip", [0, 1, 2, 4, 5, 6])), a_config())

    assert found.remarks == ("uneven",)
    assert greys_of(found.pixels) == [0, 20, 40, 60]


def test_a_short_clip_is_looped_where_that_is_asked_for(tmp_path: Path) -> None:
    """Else it has a reason, which says how many frames there are."""
    path = str(write_video(tmp_path / "a.mkv", frames=5))

    assert inspect_image(path, a_config()).problem == "too short: 5 frames, where 4 frames with clip.every: 2 take 7"
    looped = inspect_image(path, a_config(short="loop"))
    assert looped.remarks == ("looped",)
    assert greys_of(looped.pixels) == pytest.approx([0, 20, 40, 10], abs=3)


def test_what_is_no_whole_video_is_told_apart(tmp_path: Path) -> None:
    """Cut off, empty, text, sound alone, gone: each has its reason."""
    cut = {ending: write_video(tmp_path / f"cut{ending}") for ending in CODECS}
    for path in cut.values():
        content = path.read_bytes()
        path.write_bytes(content[: len(content) // 2])
    (tmp_path / "empty.mp4").write_bytes(b"")
    (tmp_path / "text.mp4").write_text("no video" * 50)
    write_sound(tmp_path / "sound.mkv")
    reasons = {
        path.name: inspect_image(str(path), a_config()).problem
        for path in [*sorted(tmp_path.iterdir()), tmp_path / "gone.mp4"]
    }

    damaged = "not a video, or a damaged one"
    assert reasons == {
        "cut.avi": damaged,
        "cut.gif": "cut off: its last byte is not that of a GIF",
        "cut.mkv": "cut off: 0.8 of the 2.0 seconds that its header names",
        "cut.mp4": damaged,
        "cut.webm": reasons["cut.webm"],
        "empty.mp4": damaged,
        "gone.mp4": "No such file or directory",
        "sound.mkv": "it has no video stream",
        "text.mp4": damaged,
    }
    assert reasons["cut.webm"]


def test_what_is_wrong_with_a_folder_of_frames_is_told(tmp_path: Path) -> None:
    """A frame without a number, two of one number, a damaged one, none at all."""
    Image.new("RGB", (4, 4)).save(write_frames(tmp_path / "unnumbered", range(8)) / "last.png")
    Image.new("RGB", (4, 4)).save(write_frames(tmp_path / "twice", range(8)) / "3.png")
    (write_frames(tmp_path / "damaged", range(8)) / "frame_004.png").write_bytes(b"no image")
    (tmp_path / "none").mkdir()
    reasons = {path.name: inspect_image(str(path), a_config()).problem for path in tmp_path.iterdir()}

    assert reasons["unnumbered"] == "frame last.png has no number in its name"
    assert reasons["twice"] == "two frames of number 3: 3.png and frame_003.png"
    assert reasons["damaged"].startswith("frame frame_004.png: cannot identify image file")
    assert reasons["none"] == "it holds no frame"


def test_a_folder_of_frames_has_the_digest_of_its_files(tmp_path: Path) -> None:
    """It changes with a frame's content, and not with a file that is no frame."""
    folder = write_frames(tmp_path / "clip", range(3))
    clip = [ImageFile("clip", 0, str(folder))]
    before = hashes_of(clip)
    (folder / "notes.txt").write_text("by hand")
    beside = hashes_of(clip)
    Image.fromarray(frame_pixels(9)).save(folder / "frame_001.png")

    assert before == beside != hashes_of(clip)


def test_sizes_and_kinds_of_clips_come_from_their_headers(tmp_path: Path) -> None:
    """Width and height as stored, with the codec or the format of the frames."""
    clips = [write_video(tmp_path / "a.mp4"), write_frames(tmp_path / "clip", range(3))]

    assert sizes_of([ImageFile(path.name, 0, str(path)) for path in clips], clips=True) == [
        ((48, 32), "h264"),
        ((48, 32), "PNG frames"),
    ]


def test_a_frame_of_too_many_pixels_is_refused_before_it_is_decoded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A small file can ask for gigabytes."""
    monkeypatch.setattr("ablate.training.data.clips.MEGAPIXELS", 0.001)

    assert "megapixels a frame" in inspect_image(str(write_video(tmp_path / "a.mp4")), a_config()).problem
