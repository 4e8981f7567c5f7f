"""What `ablate data stats` prints of images with something to say of, in words and as plain data."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from tests.command_line import ablate
from tests.image_fixtures import write_image_folder

STUDY = """\
study: pets
base:
  data: {source: {name: image_folder, root: images}, classes: 2, image_size: 16, train: 0.5, on_bad_image: skip}
  model: {name: vgg, blocks: [1], width: 4, head: {name: gap}}
  optimizer: {name: adam, lr: 1e-2}
  batch_size: 4
  epochs: 1
chain: {BN: {model.norm: {name: batch}}}
evidence: {test: {folds: 2}, replicates: [2]}
"""


@pytest.fixture(scope="module")
def work(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two classes of ten, with a copy, an image of another size, one brightened a little, and one that is torn."""
    work = tmp_path_factory.mktemp("pets")
    images = write_image_folder(work / "images", per_class=10)
    first, second = sorted((images / "cat").glob("*.png"))[:2]
    shutil.copy(first, images / "cat" / "copy.png")
    with Image.open(second) as image:
        brighter = np.clip(np.asarray(image.convert("RGB")).astype(int) + 2, 0, 255).astype(np.uint8)
    Image.fromarray(brighter).save(images / "cat" / "nearly.png")
    Image.new("RGB", (40, 31), (9, 99, 200)).save(images / "dog" / "large.bmp")
    (images / "dog" / "torn.jpg").write_bytes(b"no image")
    (work / "pets.yaml").write_text(STUDY, encoding="utf-8")
    return work


@pytest.fixture(scope="module")
def printed(work: Path) -> dict[str, Any]:
    """What --json prints."""
    done = ablate(work, "data", "stats", "pets.yaml", "--json")
    assert done.exit_code == 0, done.output
    found: dict[str, Any] = json.loads(done.stdout)
    return found


@pytest.fixture(scope="module")
def said(work: Path) -> str:
    """What a terminal shows, without its line breaks."""
    done = ablate(work, "data", "stats", "pets.yaml")
    assert done.exit_code == 0, done.output
    return " ".join(done.stdout.split())


def test_every_image_is_in_one_part(printed: dict[str, Any]) -> None:
    """22 cats and dogs of which one is a copy, and a large dog; the torn one is in none."""
    assert printed["classes"] == ["cat", "dog"]
    assert sum(printed["pictures"].values()) == 23
    assert {name: sum(parts.values()) for name, parts in printed["counts"].items()} == {"cat": 12, "dog": 11}


def test_sizes_and_formats_are_counted(printed: dict[str, Any], said: str) -> None:
    """The usual size first; the span of widths and heights in words."""
    assert printed["sizes"] == [
        {"width": 24, "height": 18, "pictures": 22},
        {"width": 40, "height": 31, "pictures": 1},
    ]
    assert "Sizes: 24x18 (22), 40x31 (1); widths 24 to 40, heights 18 to 31." in said
    assert "BMP (1)" in said


def test_copies_and_images_that_look_alike_are_named(printed: dict[str, Any], said: str) -> None:
    """A copy is kept in one part; what merely looks alike is listed as a pair."""
    assert [{Path(name).name for name in names} for names in printed["equal"]] == [{"copy.png", "001-rgb_png.png"}]
    assert "Equal images: 2 in 1 groups, each kept in one part." in said
    assert any("nearly.png" in pair["first"] + pair["second"] for pair in printed["near"])
    assert "pairs look alike" in said


def test_what_cannot_be_read_is_named_with_its_reason(printed: dict[str, Any], said: str) -> None:
    """And is no problem where it may be skipped."""
    (torn,) = printed["unreadable"]

    assert (torn["id"].endswith("torn.jpg"), printed["problems"]) == (True, [])
    assert f"Unreadable: 1. {torn['id']}: {torn['reason']}" in said


def test_moments_are_printed_as_a_study_file_takes_them(printed: dict[str, Any], said: str) -> None:
    """To be copied into `data.normalize`."""
    mean, std = ("[" + ", ".join(f"{value:.4f}" for value in printed[name]) + "]" for name in ("mean", "std"))

    assert f"data.normalize: {{mean: {mean}, std: {std}}}" in said


def test_samples_are_drawn_where_it_is_said(work: Path, printed: dict[str, Any], said: str) -> None:
    """One file of images."""
    assert (work / printed["samples"]).exists()
    assert "Samples: " in said


def test_a_look_at_the_data_serves_the_plan(work: Path, said: str) -> None:
    """It knows the parts, and what it will be able to see."""
    del said
    plan = ablate(work, "plan", "pets.yaml")

    assert plan.exit_code == 0
    assert "Smallest difference that 2 replicates can show: about " in plan.stdout
    assert "4 runs: 0 finished, 0 stale, 4 to train." in plan.stdout
