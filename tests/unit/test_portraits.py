"""Drawn portraits: the same every time, many sizes, and openly synthetic."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from ablate.safety.own_modules import import_beside
from ablate.training.config import DataConfig
from ablate.training.data.sources import list_images

STUDIES = Path(__file__).parents[2] / "studies"
portraits = import_beside("stand_in_portraits.portraits", STUDIES)
draw_person = import_beside("stand_in_portraits.people", STUDIES).draw_person
IMAGES, encoded_portrait, write_portraits = portraits.IMAGES, portraits.encoded_portrait, portraits.write_portraits


def test_there_are_1800_images_in_17_unequal_classes() -> None:
    """Every class has the ten folds' worth of images many times over."""
    assert sum(IMAGES.values()) == 1800
    assert len(IMAGES) == 17
    assert len(set(IMAGES.values())) > 10
    assert min(IMAGES.values()) >= 80


def test_a_portrait_is_the_same_every_time() -> None:
    """Byte for byte, and unlike any other."""
    first = encoded_portrait(3, 5)

    assert encoded_portrait(3, 5) == first
    assert len({first, encoded_portrait(3, 6), encoded_portrait(4, 5)}) == 3


def test_portraits_are_jpegs_of_varying_size() -> None:
    """RGB, neither side below 100 pixels."""
    images = [Image.open(io.BytesIO(encoded_portrait(number % 17, number))) for number in range(24)]

    assert {image.format for image in images} == {"JPEG"}
    assert {image.mode for image in images} == {"RGB"}
    assert len({image.size for image in images}) > 15
    assert min(min(image.size) for image in images) >= 100


def test_a_person_is_the_same_in_all_images_and_no_two_are_alike() -> None:
    """What tells people apart is drawn once a class."""
    people = [draw_person(np.random.default_rng((portraits.SEED, place))) for place in range(17)]

    assert people[4] == draw_person(np.random.default_rng((portraits.SEED, 4)))
    assert len(set(people)) == 17
    assert len({person.hair for person in people}) >= 5


def test_the_folder_says_what_it_is_and_is_read_as_an_image_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One sub-folder a class, and a file that says SYNTHETIC."""
    monkeypatch.setattr(portraits, "IMAGES", dict.fromkeys(IMAGES, 1))

    write_portraits(tmp_path)

    source = {"name": "image_folder", "root": str(tmp_path)}
    listing = list_images(DataConfig.model_validate({"source": source, "classes": 17, "image_size": 8}))
    assert listing.read().classes == tuple(sorted(IMAGES))
    assert listing.ignored == ("SYNTHETIC.txt",)
    notice = (tmp_path / "SYNTHETIC.txt").read_text()
    assert notice.startswith("SYNTHETIC.")
    assert "not photographs" in notice
