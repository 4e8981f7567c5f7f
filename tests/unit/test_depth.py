"""Images of more than 8 bits per value: named, refused or converted as asked, before any talk of labels."""

from __future__ import annotations

import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from pydantic import ValidationError

from ablate.errors import DataError
from ablate.files import build_once
from ablate.settings import identity_of
from ablate.training.config import DataConfig
from ablate.training.data.cache import load_images, load_kinds, open_told
from ablate.training.data.depth import Kind, kind_of, notes_on_kinds
from ablate.training.data.problems import Problems
from ablate.training.data.scan import inspect_image
from tests.image_fixtures import GOOD_KINDS, write_image

Cached = Callable[[str, Callable[[Path], None]], Path]
RAMP = np.linspace(0, 65535, 64).round().reshape(8, 8)


@pytest.fixture
def cached(tmp_path: Path) -> Cached:
    """A cache folder."""
    return lambda key, build: build_once(tmp_path / "cache" / key, build)


def settings(root: Path | None = None, **more: object) -> DataConfig:
    source: dict[str, Any] = {"name": "digits"} if root is None else {"name": "image_folder", "root": str(root)}
    classes = 10 if root is None else 2
    return DataConfig.model_validate({"source": source, "classes": classes, "image_size": 8, "channels": 1} | more)


def saved(values: np.ndarray, path: Path, **options: object) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(values).save(path, **options)
    return path


def pixels_of(path: Path, **more: object) -> np.ndarray:
    seen = inspect_image(str(path), settings(**more))
    assert seen.problem == "", seen.problem
    assert seen.pixels is not None
    return seen.pixels[:, :, 0]


def a_folder(root: Path, make: Callable[[int, int], np.ndarray], ending: str = ".png", count: int = 4) -> Path:
    """Two classes of images, made from class and number."""
    for label, name in enumerate(("blank", "cell")):
        for index in range(count):
            saved(make(label, index), root / name / f"{index}{ending}")
    return root


def white(label: int, index: int) -> np.ndarray:
    """16 bits, all of it above 255; no two are equal."""
    return np.full((8, 8), 9000 + 12000 * label + index, dtype=np.uint16)


# --- what a file holds ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("rgb_jpg", Kind("RGB", 8)),
        ("one_bit_png", Kind("1", 1)),
        ("palette_png", Kind("P", 8)),
        ("la_png", Kind("LA", 8)),
        ("cmyk_jpg", Kind("CMYK", 8)),
        ("grey_16_bit_png", Kind("I;16", 16)),
        ("grey_16_bit_tif", Kind("I;16", 16)),
        ("float_tif", Kind("F", 32, "float")),
        ("bmp", Kind("RGB", 8)),
        ("ppm", Kind("RGB", 8)),
    ],
)
def test_mode_and_depth_are_read_from_the_header(tmp_path: Path, kind: str, expected: Kind) -> None:
    """As Pillow opens the file, with the bits of the file itself."""
    with Image.open(write_image(tmp_path / "x", kind)) as image:
        assert kind_of(image) == expected


@pytest.mark.parametrize(
    ("name", "content", "expected"),
    [
        ("x.pgm", b"P5 2 1 65535\n" + bytes([1, 0, 255, 255]), ("unsigned", 16, 65535)),
        ("x.pgm", b"P5 2 1 4095\n" + bytes([1, 0, 15, 255]), ("unsigned", 16, 65535)),
        ("x.pgm", b"P2 2 1 1000\n0 1000\n", ("unsigned", 16, 65535)),
        ("x.pfm", b"Pf\n2 1\n-1.0\n" + np.array([0, 1], dtype="<f4").tobytes(), ("float", 32, None)),
    ],
)
def test_portable_maps_of_more_than_8_bits_are_known(
    tmp_path: Path, name: str, content: bytes, expected: tuple[str, int, int | None]
) -> None:
    """Pillow spreads the values of a PGM over all 16 bits, whatever its own largest value is."""
    (tmp_path / name).write_bytes(content)
    with Image.open(tmp_path / name) as image:
        kind = kind_of(image)

    assert kind.is_deep
    assert (kind.number, kind.bits, kind.largest) == expected


def test_a_signed_or_32_bit_file_states_no_range(tmp_path: Path) -> None:
    """Its values fill no range anybody could name."""
    with Image.open(saved(RAMP.astype(np.int32), tmp_path / "x.tif")) as image:
        assert (kind_of(image).largest, kind_of(image).words) == (None, "32-bit integer grey (mode I)")


@pytest.mark.parametrize(
    ("bits", "form", "content", "words", "largest"),
    [
        (12, 1, b"\x10\xff\xff", "12-bit grey (mode I;16)", 4095),
        (16, 1, b"\1\0\2\0", "16-bit grey (mode I;16)", 65535),
        (16, 2, b"\1\0\xff\xff", "16-bit signed grey (mode I)", None),
        (32, 1, b"\1\0\0\0" * 2, "32-bit integer grey (mode I)", None),
        (32, 3, b"\0\0\x80?" * 2, "32-bit float grey (mode F)", None),
    ],
)
def test_a_tiff_says_what_its_values_are(
    tmp_path: Path, bits: int, form: int, content: bytes, words: str, largest: int | None
) -> None:
    """Bits and sample format are two of its tags: 12 bits fill a range of their own, signed ones none."""
    tags = {256: 2, 257: 1, 258: bits, 259: 1, 262: 1, 273: 8, 277: 1, 278: 1, 279: len(content), 339: form}
    padded = content + bytes(len(content) % 2)
    entries = b"".join(struct.pack("<HHIHH", tag, 3, 1, value, 0) for tag, value in tags.items())
    start = struct.pack("<2sHI", b"II", 42, 8 + len(padded))
    path = tmp_path / "x.tif"
    path.write_bytes(start + padded + struct.pack("<H", len(tags)) + entries + bytes(4))

    with Image.open(path) as image:
        kind = kind_of(image)

    assert (kind.words, kind.largest, kind.is_deep) == (words, largest, True)


def write_16_bit_rgb(path: Path, values: np.ndarray) -> Path:
    """A PPM of 16 bits a channel."""
    path.parent.mkdir(parents=True, exist_ok=True)
    height, width, _ = values.shape
    path.write_bytes(f"P6 {width} {height} 65535\n".encode() + values.astype(">u2").tobytes())
    return path


# --- becoming 8 bits --------------------------------------------------------------------------


@pytest.mark.parametrize("ending", [".png", ".tif"])
def test_scale_spreads_16_bits_by_the_mode_not_by_the_image(tmp_path: Path, ending: str) -> None:
    """0 is black, 65535 white, 257 a step; a dark image stays dark."""
    whole = saved(RAMP.astype(np.uint16), tmp_path / f"whole{ending}")
    dark = saved((RAMP / 256).astype(np.uint16), tmp_path / f"dark{ending}")

    assert np.array_equal(pixels_of(whole, depth="scale"), np.rint(RAMP / 257))
    assert pixels_of(dark, depth="scale").max() == 1


@pytest.mark.parametrize("kind", ["grey_16_bit_png", "grey_16_bit_tif", "float_tif"])
@pytest.mark.parametrize("channels", [1, 3])
def test_clip_is_what_pillow_does(tmp_path: Path, kind: str, channels: int) -> None:
    """Bit for bit the pixels there were without a setting before."""
    path = write_image(tmp_path / "x", kind, size=(8, 8))
    with Image.open(path) as image:
        expected = np.asarray(image.convert("L"))

    seen = inspect_image(str(path), settings(depth="clip", channels=channels))

    assert seen.pixels is not None
    assert all(np.array_equal(seen.pixels[:, :, channel], expected) for channel in range(channels))


@pytest.mark.parametrize("kind", [np.uint16, np.int32, np.float32])
def test_a_range_of_ones_own_is_for_every_mode(tmp_path: Path, kind: Any) -> None:
    """What lies outside is cut at its ends."""
    values = np.array([[0, 100, 200, 300], [400, 500, 600, 700]], dtype=kind).repeat(4, 0).repeat(2, 1)
    path = saved(values, tmp_path / "x.tif")

    found = pixels_of(path, depth={"scale": [100, 610]})

    assert sorted(set(found.flatten().tolist())) == [0, 50, 100, 150, 200, 250, 255]


def test_8_bit_images_beside_deeper_ones_are_left_alone(tmp_path: Path) -> None:
    """The setting is for what does not fit."""
    plain = np.arange(64, dtype=np.uint8).reshape(8, 8)

    for depth in (None, "clip", "scale", {"scale": [0, 10]}):
        assert np.array_equal(pixels_of(saved(plain, tmp_path / "x.png"), depth=depth), plain)


@pytest.mark.parametrize("broken", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("depth", ["clip", {"scale": [0, 1]}])
def test_values_that_are_not_numbers_make_an_image_unreadable(tmp_path: Path, broken: float, depth: Any) -> None:
    """Nobody knows how bright they are."""
    path = saved(np.full((8, 8), broken, dtype=np.float32), tmp_path / "x.tif")

    assert "not numbers" in inspect_image(str(path), settings(depth=depth)).problem


def test_without_a_setting_a_deep_image_is_unreadable_with_the_reason(tmp_path: Path) -> None:
    """What `predict` says of one."""
    seen = inspect_image(str(saved(RAMP.astype(np.uint16), tmp_path / "x.png")), settings())

    assert seen.problem == "16-bit grey (mode I;16): data.depth does not say how it becomes 8 bits"


# --- a data set -------------------------------------------------------------------------------


@pytest.mark.parametrize("more", [{}, {"on_bad_image": "skip"}])
def test_deep_images_are_refused_before_any_talk_of_labels(
    tmp_path: Path, cached: Cached, more: dict[str, Any]
) -> None:
    """All white after saturation, they would be equal images of two classes; nor are they skipped as unreadable."""
    root = a_folder(tmp_path / "data", white)

    with pytest.raises(DataError) as caught:
        load_kinds(settings(root, **more), cached)

    assert "8 images hold more than 8 bits per value: 16-bit grey (mode I;16), 8: blank/0.png" in caught.value.message
    assert "data.depth: scale" in (caught.value.hint or "")
    assert "data.reader" in (caught.value.hint or "")
    assert "class" not in str(caught.value)


def test_one_deep_image_among_many_is_enough(tmp_path: Path, cached: Cached) -> None:
    """It alone would be saturated."""
    root = a_folder(tmp_path / "data", lambda label, index: np.full((8, 8), 9 * label + index, dtype=np.uint8))
    saved(RAMP.astype(np.uint16), root / "cell" / "deep.png")

    with pytest.raises(DataError, match=r"1 image holds more than 8 bits per value: 16-bit grey .*: cell/deep\.png"):
        load_kinds(settings(root), cached)


@pytest.mark.parametrize("kind", [np.int32, np.float32])
def test_scale_without_a_range_is_refused_where_the_mode_states_none(tmp_path: Path, cached: Cached, kind: Any) -> None:
    """With the way to give one."""
    root = a_folder(tmp_path / "data", lambda label, index: white(label, index).astype(kind), ".tif")

    with pytest.raises(DataError, match=r"depth: scale needs the range") as caught:
        load_kinds(settings(root, depth="scale"), cached)

    assert "data.depth: {scale: [lo, hi]}" in (caught.value.hint or "")


@pytest.mark.parametrize(
    ("depth", "how"),
    [
        ("clip", "cut at 255 (data.depth: clip)"),
        ("scale", "scaled to 8 bits from 0 to 65535"),
        ({"scale": [0, 30000]}, "scaled to 8 bits from 0 to 30000"),
    ],
)
def test_a_conversion_is_told(tmp_path: Path, cached: Cached, depth: Any, how: str) -> None:
    """The kind, the count and what was done."""
    config = settings(a_folder(tmp_path / "data", white), depth=depth)

    (note,) = notes_on_kinds(load_kinds(config, cached), config.depth)

    assert note.startswith(f"8 images are 16-bit grey (mode I;16), {how}")
    assert len(load_images(config, cached).ids) == 8


def test_equal_images_are_told_by_their_values_whatever_becomes_of_them(tmp_path: Path, cached: Cached) -> None:
    """Saturated to one white they still are different images, and the split is the same for every setting."""
    root = a_folder(tmp_path / "data", white)
    saved(white(0, 0), root / "blank" / "copy.png")
    clipped, scaled = (load_images(settings(root, depth=depth), cached) for depth in ("clip", "scale"))

    assert clipped.pixels.min() == 255
    assert clipped.groups.tolist() == scaled.groups.tolist() == [0, 1, 2, 3, 0, 5, 6, 7, 8]
    assert clipped.digest == scaled.digest


def test_each_depth_has_its_own_copy(tmp_path: Path, cached: Cached) -> None:
    """Found again by the setting."""
    root = a_folder(tmp_path / "data", white)
    depths: list[Any] = ["scale", "clip", {"scale": [0, 30000]}]

    first = [load_images(settings(root, depth=depth), cached).pixels[0, 0, 0, 0] for depth in depths]
    again = [load_images(settings(root, depth=depth), cached).pixels[0, 0, 0, 0] for depth in depths]

    assert first == again == [35, 255, 76]


def test_a_study_of_8_bit_images_is_what_it_was() -> None:
    """Without the setting nothing enters the identity."""
    assert not {"depth", "reader"} & set(identity_of(settings()))


def test_the_kinds_are_remembered(tmp_path: Path, cached: Cached, monkeypatch: pytest.MonkeyPatch) -> None:
    """Files are opened once for as long as they do not change."""
    config = settings(a_folder(tmp_path / "data", white), depth="clip")
    before = load_kinds(config, cached)
    monkeypatch.setattr("ablate.training.data.cache.kinds_of", lambda images: pytest.fail("opened again"))

    assert load_kinds(config, cached).to_json() == before.to_json()


def test_16_bits_a_channel_are_told(tmp_path: Path, cached: Cached) -> None:
    """Pillow reads the upper 8 of them."""
    root = tmp_path / "data"
    for label in range(2):
        for index in range(3):
            write_16_bit_rgb(root / f"c{label}" / f"{index}.ppm", np.full((8, 8, 3), 999 * index + 9000 * label + 300))
    kinds = load_kinds(settings(root), cached)

    (note,) = notes_on_kinds(kinds, None)

    assert note.startswith("6 images are 16-bit a channel (mode RGB), of which Pillow reads the upper 8 bits")


def test_equal_upper_bits_of_two_classes_are_told_as_a_matter_of_depth(tmp_path: Path, cached: Cached) -> None:
    """Different images that are equal only as far as they are read."""
    root = tmp_path / "data"
    for label in range(2):
        for index in range(2):
            write_16_bit_rgb(root / f"c{label}" / f"{index}.ppm", np.full((8, 8, 3), 9 + label + 2 * index))
    problems = Problems()
    open_told(settings(root), cached, problems)

    with pytest.raises(DataError) as caught:
        problems.refuse()

    assert (caught.value.hint or "").startswith("Fix the depth first: 4 images are 16-bit a channel")


def test_files_of_several_frames_are_counted(tmp_path: Path, cached: Cached) -> None:
    """The first frame is used; the note names some and how many frames they hold."""
    root = a_folder(tmp_path / "data", lambda label, index: np.full((8, 8), 9 * label + index, dtype=np.uint8))
    write_image(root / "blank" / "x", "animated_webp")
    write_image(root / "blank" / "y", "animated_png", seed=1)
    write_image(root / "cell" / "z", "gif_named_png", seed=2)
    pages = [Image.fromarray(np.full((8, 8), 50 + page, dtype=np.uint8)) for page in range(5)]
    pages[0].save(root / "cell" / "stack.tif", save_all=True, append_images=pages[1:])

    (note,) = notes_on_kinds(load_kinds(settings(root), cached), None)

    assert note.startswith("4 files hold several frames, of which the first is used: ")
    for shown in ("blank/x-animated_webp.webp (3)", "cell/stack.tif (5)", "cell/z-gif_named_png.png (3)"):
        assert shown in note
    assert pixels_of(root / "cell" / "stack.tif").max() == 50


def test_no_kind_of_file_breaks_the_look_at_headers(tmp_path: Path, cached: Cached) -> None:
    """Every sound kind has a mode; those that cannot be read are left to the decoder."""
    root = tmp_path / "data"
    for label in range(2):
        for kind in GOOD_KINDS:
            (root / f"c{label}").mkdir(parents=True, exist_ok=True)
            write_image(root / f"c{label}" / "x", kind, seed=label)
        (root / f"c{label}" / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\n nothing")

    kinds = load_kinds(settings(root, depth="clip"), cached)

    assert sum(kinds.counts.values()) == 2 * len(GOOD_KINDS)


@pytest.mark.parametrize("depth", ["sclae", {"scale": [1, 1]}, {"scale": [2, 1]}, {"scale": [1]}, 8, {"clip": [0, 1]}])
def test_other_depths_are_refused(depth: Any) -> None:
    """A range has two ends, the smaller first."""
    with pytest.raises(ValidationError):
        settings(depth=depth)
