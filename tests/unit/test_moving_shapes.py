"""Drawn clips: the same every time, openly synthetic, and silent about their class in every single frame."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import av
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GroupKFold, cross_val_predict
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from ablate.safety.own_modules import import_beside

STUDIES = Path(__file__).parents[2] / "studies"
motions = import_beside("stand_in_clips.motions", STUDIES)


@pytest.fixture(scope="module")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """All clips."""
    folder = tmp_path_factory.mktemp("motions")
    motions.write_motions(folder)
    return folder


def test_there_is_a_clip_of_every_motion_from_every_scene(drawn: Path) -> None:
    """60 scenes of four motions, and a file that says what they are."""
    files = sorted(path.relative_to(drawn).as_posix() for path in drawn.rglob("*.avi"))

    assert files == sorted(f"{motion}/scene{n:02}_{motion}.avi" for motion in motions.MOTIONS for n in range(60))
    assert (drawn / "SYNTHETIC.txt").read_text(encoding="utf-8").startswith("SYNTHETIC.")


def test_a_clip_is_the_same_every_time(drawn: Path, tmp_path: Path) -> None:
    """Byte for byte, and unlike any other."""
    motions.write_clip(tmp_path, (3, "up"))
    contents = [path.read_bytes() for path in drawn.rglob("*.avi")]

    assert (tmp_path / "up" / "scene03_up.avi").read_bytes() == (drawn / "up" / "scene03_up.avi").read_bytes()
    assert len(set(contents)) == len(contents)


def test_every_frame_is_encoded_by_itself(drawn: Path) -> None:
    """A frame that is made from the one before it may carry a trace of the motion."""
    with av.open(str(drawn / "left" / "scene00_left.avi")) as container:
        frames = list(container.decode(video=0))

    assert len(frames) == motions.FRAMES
    assert all(frame.key_frame for frame in frames)


@pytest.mark.parametrize("motion", ["left", "right", "up", "down"])
def test_the_shape_moves_as_its_class_says(motion: str) -> None:
    """Shifted back by its steps, each frame shows the shape where the frame before shows it."""
    clip = motions.draw_clip(0, motion).astype(float)
    bright = clip.mean(axis=3) > 150
    across, down = motions.MOTIONS[motion]

    for before, after in pairwise(bright):
        agreement = [(np.roll(before, (step * down, step * across), (0, 1)) == after).mean() for step in range(-3, 4)]
        assert np.argmax(agreement) in (4, 5, 6)


def test_a_single_frame_says_nothing_of_the_class() -> None:
    """A classifier of single frames is at chance on scenes it has not seen, within four standard errors."""
    jobs = [(scene, label) for scene in range(motions.SCENES) for label in range(4)]
    frames = np.array([_frame(scene, list(motions.MOTIONS)[label]) for scene, label in jobs])
    labels, scenes = np.array([label for _, label in jobs]), np.array([scene for scene, _ in jobs])
    classifier = make_pipeline(StandardScaler(), LogisticRegression(C=0.01, max_iter=200))

    guesses = cross_val_predict(classifier, frames, labels, groups=scenes, cv=GroupKFold(4))

    assert abs((guesses == labels).mean() - 0.25) < 4 * (0.25 * 0.75 / len(labels)) ** 0.5


def _frame(scene: int, motion: str) -> NDArray[np.uint8]:
    """The frame in the middle, at the study's size."""
    clip = motions.draw_clip(scene, motion)
    return np.asarray(Image.fromarray(clip[len(clip) // 2]).resize((16, 16), Image.Resampling.BILINEAR)).ravel()
