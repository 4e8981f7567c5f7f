"""Decoding: torchvision's pixels bit for bit, and every unreadable file named with its reason."""

from __future__ import annotations

import os
import shutil
import sys
import warnings
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageOps

from ablate.training.config import DataConfig
from ablate.training.data.decode import ScannedImage
from ablate.training.data.listing import ImageFile
from ablate.training.data.scan import hashes_of, inspect_image, scan, sides_of, sizes_of
from tests.image_fixtures import FAITHFUL_KINDS, GOOD_KINDS, rgb_pixels, write_bad_images, write_image


def config_of(side: int = 16, **settings: object) -> DataConfig:
    given = {"source": {"name": "digits"}, "classes": 10, "image_size": side, "depth": "clip", **settings}
    return DataConfig.model_validate(given)


def torchvision_pixels(path: Path, side: int) -> np.ndarray:
    from torchvision.datasets.folder import default_loader
    from torchvision.transforms import Resize

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return np.asarray(Resize((side, side))(default_loader(path)))


@pytest.mark.parametrize("kind", GOOD_KINDS)
def test_pixels_equal_torchvisions_default_loader_and_resize(tmp_path: Path, kind: str) -> None:
    """Every kind of file gives the pixels a plain torchvision pipeline gives, bit for bit."""
    path = write_image(tmp_path / "x", kind)

    seen = inspect_image(str(path), config_of(16))

    assert seen.problem == ""
    assert np.array_equal(seen.pixels, torchvision_pixels(path, 16))


@pytest.mark.parametrize(
    ("size", "side"),
    [((300, 300), 224), ((7, 5), 64), ((1, 1), 8), ((48, 48), 48), ((2000, 3), 32), ((48, 20), 48)],
    ids=["down", "up", "one pixel", "same", "thin", "one side the same"],
)
@pytest.mark.parametrize("kind", ["rgb_jpg", "grey_png"])
def test_resizing_equals_torchvisions(tmp_path: Path, size: tuple[int, int], side: int, kind: str) -> None:
    """Shrinking (with antialiasing), enlarging and keeping the size, all bit for bit."""
    path = write_image(tmp_path / "x", kind, size=size)

    assert np.array_equal(inspect_image(str(path), config_of(side)).pixels, torchvision_pixels(path, side))


@pytest.mark.parametrize("kind", ["rgb_jpg", "palette_png", "la_png", "grey_16_bit_png"])
def test_one_channel_is_the_grey_of_pillow(tmp_path: Path, kind: str) -> None:
    """channels: 1 converts to L before resizing; the shape keeps its last axis."""
    path = write_image(tmp_path / "x", kind)
    with Image.open(path) as image:
        grey = image.convert("L").resize((16, 16), Image.Resampling.BILINEAR)

    pixels = inspect_image(str(path), config_of(16, channels=1)).pixels

    assert pixels.shape == (16, 16, 1)
    assert np.array_equal(pixels[:, :, 0], np.asarray(grey))


def test_an_array_is_decoded_like_a_file_of_it() -> None:
    """Grey arrays become RGB by repeating, and are resized as images are."""
    array = np.arange(64, dtype=np.uint8).reshape(8, 8)

    seen = inspect_image(array, config_of(8))

    assert np.array_equal(seen.pixels, np.repeat(array[:, :, None], 3, axis=2))


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("format", ["JPEG", "PNG"])
def test_exif_transpose_turns_as_pillow_does(tmp_path: Path, orientation: int, format: str) -> None:
    """All eight orientations, on request only."""
    path = tmp_path / "x.img"
    exif = Image.Exif()
    exif[0x0112] = orientation
    Image.fromarray(rgb_pixels(np.random.default_rng(0))).save(path, format, exif=exif)
    with Image.open(path) as image:
        turned = ImageOps.exif_transpose(image).convert("RGB").resize((16, 16), Image.Resampling.BILINEAR)

    seen = inspect_image(str(path), config_of(16, exif="transpose"))

    assert np.array_equal(seen.pixels, np.asarray(turned))
    assert seen.is_turned == (orientation > 1)
    assert np.array_equal(inspect_image(str(path), config_of(16)).pixels, torchvision_pixels(path, 16))


@pytest.mark.parametrize("exif", ["ignore", "transpose"])
def test_malformed_exif_does_not_make_an_image_unreadable(tmp_path: Path, exif: str) -> None:
    """torchvision never reads it, so it may not matter."""
    path = write_image(tmp_path / "x", "malformed_exif_jpg")

    seen = inspect_image(str(path), config_of(16, exif=exif))

    assert not seen.is_turned
    assert np.array_equal(seen.pixels, torchvision_pixels(path, 16))


def test_every_unreadable_file_comes_back_with_its_reason(tmp_path: Path) -> None:
    """Truncated, empty, foreign and oversized files are told apart, and none hides another."""
    expected = write_bad_images(tmp_path)
    images = [ImageFile(name, 0, str(tmp_path / name)) for name in expected]

    seen = scan(images, config_of(), lambda pixels: pytest.fail("an unreadable image was kept"))

    for (name, words), one in zip(expected.items(), seen, strict=True):
        assert one.problem, name
        assert words in one.problem, name
        assert str(tmp_path) not in one.problem, name
        assert "object at 0x" not in one.problem, name


def test_what_is_not_a_file_is_unreadable(tmp_path: Path) -> None:
    """Dangling links, folders and pipes are named; a pipe is not waited for."""
    (tmp_path / "dangling.jpg").symlink_to(tmp_path / "nothing")
    os.mkfifo(tmp_path / "pipe.jpg")

    problems = [inspect_image(str(tmp_path / name), config_of()).problem for name in ("dangling.jpg", "pipe.jpg", ".")]

    assert problems == ["No such file or directory", "not a file", "not a file"]


def test_decoding_never_warns_and_leaves_the_filters_alone(tmp_path: Path) -> None:
    """Pillow's warnings are answered by a reason or do not matter; the caller's settings stay."""
    paths = [write_image(tmp_path / "x", kind) for kind in GOOD_KINDS]
    write_bad_images(tmp_path / "bad")
    paths += sorted((tmp_path / "bad").iterdir())
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        before = list(warnings.filters)

        scan([ImageFile(path.name, 0, str(path)) for path in paths], config_of(), lambda pixels: None)

        assert list(warnings.filters) == before
    assert caught == []


def test_a_scan_keeps_the_order_and_reports_progress(tmp_path: Path) -> None:
    """However many processors decode, pixels arrive in the order of the images."""
    arrays = [np.full((4, 4), value, dtype=np.uint8) for value in np.arange(600) % 251]
    images: list[ImageFile] = [ImageFile(str(index), 0, array) for index, array in enumerate(arrays)]
    images[100] = ImageFile("bad", 0, str(tmp_path / "missing.jpg"))
    kept: list[int] = []
    calls: list[tuple[int, int]] = []

    seen = scan(
        images,
        config_of(4),
        lambda pixels: kept.append(int(pixels[0, 0, 0])),
        progress=lambda done, total: calls.append((done, total)),
    )

    assert kept == [int(array[0, 0]) for index, array in enumerate(arrays) if index != 100]
    assert [index for index, one in enumerate(seen) if one.problem] == [100]
    assert calls == [(done, 600) for done in range(1, 601)]


def test_equal_pixels_have_the_same_hash_whatever_the_file(tmp_path: Path) -> None:
    """An image stored in another lossless format is the same image."""
    looks = [inspect_image(str(write_image(tmp_path / "x", kind)), config_of()) for kind in FAITHFUL_KINDS]

    assert len({seen.full for seen in looks}) == 1
    assert len({seen.content for seen in looks}) == len(FAITHFUL_KINDS)


@pytest.mark.parametrize("settings", [{"channels": 1}, {"exif": "transpose"}, {"side": 64}], ids=str)
def test_the_hash_of_equal_pixels_does_not_depend_on_the_settings(tmp_path: Path, settings: dict[str, object]) -> None:
    """A factor on how images are decoded must not move the split."""
    path = str(write_image(tmp_path / "x", "turned_jpg"))

    assert inspect_image(path, config_of(**settings)).full == inspect_image(path, config_of()).full


def test_the_same_bytes_in_another_shape_are_another_image() -> None:
    """The size belongs to the hash."""
    array = np.zeros((4, 6), dtype=np.uint8)

    assert inspect_image(array, config_of()).full != inspect_image(array.reshape(6, 4), config_of()).full


def test_the_content_hash_is_of_the_bytes(tmp_path: Path) -> None:
    """A copy has the same hash, found with or without decoding; a missing file has none."""
    path = write_image(tmp_path / "x", "rgb_jpg")
    copy = Path(shutil.copy(path, tmp_path / "copy.jpg"))
    files = [ImageFile(file.name, 0, str(file)) for file in (path, copy, tmp_path / "missing.jpg")]

    hashes = hashes_of([*files, ImageFile("array", 0, np.zeros((2, 2), dtype=np.uint8))])

    assert hashes[0] == hashes[1] == inspect_image(str(path), config_of()).content
    assert hashes[2] == inspect_image(str(tmp_path / "missing.jpg"), config_of()).content == ""
    assert hashes[3] == inspect_image(np.zeros((2, 2), dtype=np.uint8), config_of()).content
    assert isinstance(inspect_image(str(path), config_of()), ScannedImage)


def test_a_gif_among_images_is_an_image(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Pillow tells its size, as of any other; what reads clips may not be installed."""
    monkeypatch.setitem(sys.modules, "av", None)
    path = tmp_path / "a.gif"
    Image.new("RGB", (9, 5)).save(path)
    images = [ImageFile("a.gif", 0, str(path))]

    assert sizes_of(images) == [((9, 5), "GIF")]
    assert sides_of(images) == [(9, 5)]
