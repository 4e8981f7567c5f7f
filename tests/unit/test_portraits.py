"""Drawn portraits: the same every time, many sizes, and openly synthetic."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from safetensors.torch import load_file

from ablate.safety.own_modules import import_beside
from ablate.study.load import load_study
from ablate.training.config import DataConfig
from ablate.training.data.sources import list_images

STUDIES = Path(__file__).parents[2] / "studies"
portraits = import_beside("stand_in_portraits.portraits", STUDIES)
layouts = import_beside("stand_in_portraits.layouts", STUDIES)
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


@pytest.mark.parametrize("study", ["cifar10_vgg16", "cifar10_vgg16net"])
def test_portraits_lie_as_cifar10_does(study: str, tmp_path: Path) -> None:
    """The study reads them with torchvision's own reader: two parts, ten classes, no image twice."""
    layouts.write_cifar10(tmp_path, train=20, test=10)

    found = listed(study, tmp_path)

    assert (len(found.images), len(found.classes)) == (30, 10)
    assert "SYNTHETIC" in (tmp_path / "SYNTHETIC.txt").read_text()


def test_portraits_lie_as_food11_does(tmp_path: Path) -> None:
    """Labels in the files' names, and numbers that go on from part to part."""
    layouts.write_food11(tmp_path, train=2, valid=1)

    assert len(listed("food11", tmp_path).images) == 33
    assert (tmp_path / "valid" / "10_2.jpg").is_file()


def test_breeds_come_with_first_weights_of_other_people(tmp_path: Path) -> None:
    """The study's small network takes them, but for the last layer; nobody is in both."""
    from ablate.training.config import Config
    from ablate.training.models import make_network

    layouts.write_breeds(tmp_path, train=1, test=1, others=1, epochs=1)
    study = load_study(STUDIES / "finetune.yaml", small=tmp_path)

    assert len(listed("finetune", tmp_path).images) == 74
    assert layouts.STRANGERS.start >= layouts.BREEDS
    network, stored = make_network(Config.model_validate(study.base)), load_file(study.base["weights"]["file"])
    theirs = {name: tuple(value.shape) for name, value in network.state_dict().items()}
    assert {name for name, value in stored.items() if tuple(value.shape) != theirs[name]} == {
        "head.out.weight", "head.out.bias",
    }  # fmt: skip


def listed(study: str, folder: Path) -> Any:
    """The images that the study's stand-in names."""
    base = load_study(STUDIES / f"{study}.yaml", small=folder, stand_in=folder).base
    return list_images(DataConfig.model_validate(base["data"])).read()
