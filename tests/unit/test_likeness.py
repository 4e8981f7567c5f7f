"""Near duplicates: what people would call the same image, and what they would not."""

from __future__ import annotations

import io
import sys
import tracemalloc

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageEnhance

from ablate.training.data import likeness, spreading
from ablate.training.data.likeness import near_pairs

Pixels = NDArray[np.uint8]


def a_scene(seed: int, side: int = 48) -> Image.Image:
    """Soft shapes, unlike those of any other seed."""
    rng = np.random.default_rng(seed)
    small = Image.fromarray(rng.integers(0, 256, (6, 6, 3)).astype(np.uint8))
    return small.resize((side, side), Image.Resampling.BICUBIC)


def recompressed(image: Image.Image) -> Image.Image:
    stream = io.BytesIO()
    image.save(stream, "JPEG", quality=40)
    return Image.open(stream).convert("RGB")


def stacked(*images: Image.Image) -> Pixels:
    return np.stack([np.asarray(image) for image in images])


def test_recompressed_brighter_and_rescaled_copies_are_found() -> None:
    """Each pair once, the smaller index first."""
    scene = a_scene(0)
    smaller = scene.resize((20, 20)).resize((48, 48))
    pixels = stacked(scene, a_scene(1), recompressed(scene), ImageEnhance.Brightness(scene).enhance(0.8), smaller)

    pairs = {(pair.first, pair.second) for pair in near_pairs(pixels)}

    assert pairs == {(0, 2), (0, 3), (0, 4), (2, 3), (2, 4), (3, 4)}


def test_different_scenes_are_not_alike() -> None:
    """Of 4,950 pairs none is called alike."""
    assert list(near_pairs(stacked(*(a_scene(seed) for seed in range(100))))) == []


def test_a_plain_image_is_like_no_other() -> None:
    """It has no pattern to compare; equal ones are found by their pixels."""
    plain = Image.new("RGB", (48, 48), (90, 90, 90))

    assert list(near_pairs(stacked(plain, plain, a_scene(0)))) == []


def test_pairs_are_found_across_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    """However many images are compared at once, the answer is the same."""
    grey = np.stack([np.asarray(a_scene(seed % 20, 16).convert("L"))[..., None] for seed in range(60)])
    whole = set(near_pairs(grey))
    monkeypatch.setattr(likeness, "_BLOCK", 7)

    assert {(pair.first, pair.second) for pair in whole} == {
        (i, j) for i in range(60) for j in range(i + 1, 60) if i % 20 == j % 20
    }
    assert set(near_pairs(grey)) == whole


def test_comparing_many_images_takes_little_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of 15,000 images no more pairs lie in memory at once than of 5,000; only a small copy of each is kept."""
    monkeypatch.setattr(spreading, "processors", lambda: 1)  # what a process of its own takes would not be seen here
    grey = np.random.default_rng(0).integers(0, 256, (15_000, 8, 9, 1), dtype=np.uint8)

    tracemalloc.start()
    assert list(near_pairs(grey)) == []
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()

    assert peak < 80 * 2**20


@pytest.mark.skipif(sys.platform != "linux", reason="processes are forked on Linux alone")
def test_pairs_are_the_same_on_one_processor_and_on_several(monkeypatch: pytest.MonkeyPatch) -> None:
    """In the same order, across the limits of rows and of columns."""
    monkeypatch.setattr(likeness, "_BLOCK", 7)
    monkeypatch.setattr(likeness, "_COLUMNS", 9)
    monkeypatch.setattr(spreading, "_may_fork", lambda: True)  # the tests' own threads hold no lock
    grey = np.stack([np.asarray(a_scene(seed % 20, 16).convert("L"))[..., None] for seed in range(60)])

    found = {}
    for count in (1, 3):
        monkeypatch.setattr(spreading, "processors", lambda count=count: count)
        found[count] = list(near_pairs(grey))

    assert found[1] == found[3] == sorted(found[1])
