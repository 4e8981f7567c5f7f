"""A close look at a data set: counts, sizes, moments, copies, and what cannot be read."""

from __future__ import annotations

import io
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
from PIL import Image

from ablate.errors import DataError
from ablate.files import build_once
from ablate.inspection import Examination
from ablate.report.figures.images import draw_samples, samples_png
from ablate.splits.rules import Folds, Official, Protocol, Replicate
from ablate.training.config import DataConfig
from ablate.training.data.examine import examine_data
from tests.image_fixtures import write_bad_images, write_image_folder
from tests.layout_fixtures import write_shapes_table, write_table


class _Seat(NamedTuple):
    protocol: Protocol
    replicate: Replicate = Replicate(index=0)


def examined(work: Path, source: dict[str, Any], *, protocol: Protocol | None = None, **more: Any) -> Examination:
    config = DataConfig.model_validate({"source": source, "classes": 2, "image_size": 16, "train": 0.5} | more)
    asked = protocol or Protocol(test=Folds(count=2), val=2)
    return examine_data(config, asked, lambda key, build: build_once(work / "cache" / key, build))


def folder(root: Path) -> dict[str, Any]:
    return {"name": "image_folder", "root": str(root)}


def test_every_image_is_counted_in_its_part(tmp_path: Path) -> None:
    """Of 8 images half are tested on, 2 are for validation and 2 are trained on."""
    found = examined(tmp_path, folder(write_image_folder(tmp_path / "data")))

    assert found.images == {"train": 2, "val": 2, "test": 4}
    assert {name: sum(parts.values()) for name, parts in found.counts.items()} == {"cat": 4, "dog": 4}
    assert found.counts["cat"]["test"] == 2


def test_sizes_and_formats_are_those_of_the_files(tmp_path: Path) -> None:
    """Not of the resized images."""
    root = write_image_folder(tmp_path / "data")
    Image.new("RGB", (40, 31), (9, 99, 200)).save(root / "cat" / "large.bmp")

    found = examined(tmp_path, folder(root))

    assert found.sizes == {(24, 18): 8, (40, 31): 1}
    assert found.formats == {"JPEG": 4, "PNG": 4, "BMP": 1}


def test_moments_are_of_the_training_part_and_say_which(tmp_path: Path) -> None:
    """Known by hand: two flat halves have no spread of their own, but a spread between them."""
    for name, shades in {"dark": (0, 0, 51, 51), "light": (204, 204, 255, 255)}.items():
        (tmp_path / "data" / name).mkdir(parents=True)
        for number, shade in enumerate(shades):
            pixels = np.full((16, 16, 3), shade, dtype=np.uint8)
            pixels[0, 0] = 100 + number  # no two are equal
            Image.fromarray(pixels).save(tmp_path / "data" / name / f"{number}.png")

    found = examined(tmp_path, folder(tmp_path / "data"), protocol=Protocol(test=Folds(count=4)), train=0.75)

    assert found.images["train"] == 6
    assert found.mean == pytest.approx([0.5] * 3, abs=0.08)
    assert found.std == pytest.approx([0.41] * 3, abs=0.03)
    assert found.mean_image_std == pytest.approx([0.02] * 3, abs=0.02)


def test_moments_agree_with_numpy(tmp_path: Path) -> None:
    """All pixels of the training part at once."""
    root = write_image_folder(tmp_path / "data", kinds=("rgb_png",), per_class=6)
    source = folder(root)
    protocol = Protocol(test=Folds(count=2))
    found = examined(tmp_path, source, protocol=protocol, resize="device")

    from ablate.training.data.cache import load_images
    from ablate.training.data.parts import split_images

    config = DataConfig.model_validate(
        {"source": source, "classes": 2, "image_size": 16, "train": 0.5, "resize": "device"}
    )
    images = load_images(config, lambda key, build: build_once(tmp_path / "cache" / key, build))
    fit = images.pixels[list(split_images(config, _Seat(protocol), images).fit)] / 255

    assert found.mean == pytest.approx(fit.mean(axis=(0, 1, 2)), abs=1e-4)
    assert found.std == pytest.approx(fit.std(axis=(0, 1, 2)), abs=1e-4)
    assert found.mean_image_std == pytest.approx(fit.std(axis=(1, 2)).mean(axis=0), abs=1e-4)


def test_equal_and_alike_images_are_told_apart(tmp_path: Path) -> None:
    """A byte for byte copy is equal; a recompressed one is near, and listed with the parts it lies in."""
    root = write_image_folder(tmp_path / "data", kinds=("rgb_png",))
    with Image.open(root / "cat" / "000-rgb_png.png") as image:
        image.save(root / "cat" / "again.png")
        stream = io.BytesIO()
        image.save(stream, "JPEG", quality=60)
    (root / "dog" / "like.jpg").write_bytes(stream.getvalue())

    found = examined(tmp_path, folder(root))

    assert found.equal == (("cat/000-rgb_png.png", "cat/again.png"),)
    assert ("cat/000-rgb_png.png", "dog/like.jpg") in {(pair.first, pair.second) for pair in found.near}
    assert all(set(pair.parts) <= {"train", "val", "test", "unused"} for pair in found.near)


def test_unreadable_images_are_told_not_refused(tmp_path: Path) -> None:
    """A look must not fail for what it looks for."""
    root = write_image_folder(tmp_path / "data")
    bad = write_bad_images(root / "dog")

    found = examined(tmp_path, folder(root))

    assert {name for name, _ in found.unreadable} == {f"dog/{name}" for name in bad}


def test_several_labels_count_once_each(tmp_path: Path) -> None:
    """Three of 24 images carry no label at all."""
    source = {"name": "csv", "file": str(write_shapes_table(tmp_path))}

    found = examined(tmp_path, source, classes=3, multi_label=True)

    assert {name: sum(parts.values()) for name, parts in found.counts.items()} == dict.fromkeys(found.classes, 12)
    assert (found.unlabelled, sum(found.images.values())) == (3, 24)


def test_origins_with_several_images_are_counted(tmp_path: Path) -> None:
    """Two images an owner; the source's own test part is its test part."""
    source = {"name": "csv", "file": str(write_table(tmp_path)), "group": "owner", "split": {"column": "part"}}

    found = examined(tmp_path, source, protocol=Protocol(test=Official()))

    assert found.origins == 6
    assert found.images["test"] == 4


def test_samples_are_a_row_a_class_with_readable_names(tmp_path: Path) -> None:
    """At most eight of each; names in any script stand at the left as they are."""
    found = examined(tmp_path, folder(write_image_folder(tmp_path / "data", classes=("猫", "犬"), per_class=9)))

    figure = draw_samples(found)

    axes = figure.axes[0]
    assert {text.get_text() for text in axes.texts} == {"猫", "犬"}
    assert len(axes.images) == 16
    assert samples_png(found).startswith(b"\x89PNG")


def test_of_very_many_classes_some_are_drawn_and_the_others_counted(tmp_path: Path) -> None:
    """Evenly over all of them: a sheet of a thousand rows takes gigabytes."""
    found = examined(tmp_path, folder(write_image_folder(tmp_path / "data", per_class=9)))
    samples = {f"c{number:03}": found.samples[found.classes[0]][:1] for number in range(251)}

    (axes,) = draw_samples(replace(found, samples=samples)).axes

    texts = [text.get_text() for text in axes.texts]
    assert len(axes.images) == 100
    assert (texts[0], texts[-2], texts[-1]) == ("c000", "c250", "151 further classes are not drawn")


def test_class_folders_without_any_image_are_refused_in_a_sentence(tmp_path: Path) -> None:
    """Not one image in the whole folder: there is nothing to count, and no traceback."""
    (tmp_path / "data" / "cat").mkdir(parents=True)
    (tmp_path / "data" / "dog").mkdir()

    with pytest.raises(DataError, match="2 class folders hold no image"):
        examined(tmp_path, folder(tmp_path / "data"))
