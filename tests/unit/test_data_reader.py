"""`data.reader`: image files read by a function of the user's, cached and told apart by its source."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from textwrap import dedent
from typing import Any

import numpy as np
import pytest
from pydantic import ValidationError

from ablate.errors import DataError
from ablate.files import build_once
from ablate.harness.data_check import listing_digest
from ablate.splits.rules import Folds, Protocol
from ablate.training.config import DataConfig
from ablate.training.data.cache import load_images
from ablate.training.data.examine import examine_data
from ablate.training.data.reader import read_image

Cached = Callable[[str, Callable[[Path], None]], Path]
MODULE = "rooms_reader"
SOUND = """
    import numpy as np

    def read(path):
        return np.load(path).astype(np.float32), (0, 100)
"""


@pytest.fixture
def cached(tmp_path: Path) -> Cached:
    """A cache folder."""
    return lambda key, build: build_once(tmp_path / "cache" / key, build)


@pytest.fixture(autouse=True)
def no_module_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Each test writes a module of its own."""
    monkeypatch.syspath_prepend(str(tmp_path))
    sys.modules.pop(MODULE, None)
    yield
    sys.modules.pop(MODULE, None)


def write_reader(folder: Path, source: str = SOUND) -> str:
    """The module, and the reader's dotted path."""
    sys.modules.pop(MODULE, None)
    (folder / f"{MODULE}.py").write_text(dedent(source), encoding="utf-8")
    return f"{MODULE}:read"


def reading(folder: Path, expression: str) -> str:
    """A reader that returns the value of an expression."""
    return write_reader(folder, f"import numpy as np\n\ndef read(path):\n    return {expression}\n")


def write_arrays(root: Path, count: int = 4) -> Path:
    """Two classes of arrays; no two are equal."""
    for label, name in enumerate(("wet", "dry")):
        (root / name).mkdir(parents=True)
        for index in range(count):
            np.save(root / name / f"{index}.npy", np.full((8, 8), 40 * label + 5 * index))
    return root


def settings(root: Path, reader: str, **more: object) -> DataConfig:
    source = {"name": "image_folder", "root": str(root)}
    given = {"source": source, "classes": 2, "image_size": 8, "channels": 1, "reader": reader, **more}
    return DataConfig.model_validate(given)


def test_every_file_is_read_whatever_its_extension(tmp_path: Path, cached: Cached) -> None:
    """But for hidden and system entries."""
    root = write_arrays(tmp_path / "data")
    (root / "wet" / "0.npy").rename(root / "wet" / "IM000001")
    (root / "wet" / ".hidden.npy").write_bytes(b"x")
    (root / "dry" / "Thumbs.db").write_bytes(b"x")

    images = load_images(settings(root, write_reader(tmp_path)), cached)

    assert len(images.ids) == 8
    assert "wet/IM000001" in images.ids
    found = dict(zip(images.ids, images.pixels[:, 0, 0, 0].tolist(), strict=True))
    assert (found["wet/IM000001"], found["dry/3.npy"]) == (0, round(55 * 255 / 100))


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("np.full((4, 4, 1), 7, np.uint8)", 7),
        ("np.full((4, 4), 7, np.uint8)", 7),
        ("np.full((4, 4, 3), 7, np.uint8)", 7),
        ("(np.full((4, 4, 1), 7, np.uint8), (0, 14))", 128),
        ("np.full((4, 4, 1), 257, np.uint16)", 1),
        ("(np.full((4, 4, 1), 257, np.uint16), (0, 514))", 128),
        ("(np.full((4, 4, 1), -5, np.float32), (-10, 0))", 128),
        ("(np.full((4, 4, 1), -50, np.float32), [-10, 0])", 0),
        ("(np.full((4, 4, 1), 50, np.float32), np.array([-10, 0]))", 255),
        ("(np.full((4, 4, 1), 5, np.float32)[::-1], (0, 10))", 128),
    ],
)
def test_the_range_becomes_black_to_white(tmp_path: Path, expression: str, expected: int) -> None:
    """The ends of the type where none is given; what lies outside is cut."""
    read = read_image("x", reading(tmp_path, expression))

    assert set(read.pixels.flatten().tolist()) == {expected}
    assert read.pixels.shape in {(4, 4), (4, 4, 3)}


@pytest.mark.parametrize(
    ("expression", "said"),
    [
        ("None", "returned NoneType, not an array"),
        ("[[1, 2]]", "returned list, not an array"),
        ("np.zeros((4, 4))", "returned values of float64"),
        ("np.zeros((4, 4, 1), np.int16)", "returned values of int16"),
        ("np.zeros((4, 4, 1), np.float32)", "without the range"),
        ("np.zeros((4, 4, 2), np.uint8)", r"of shape \(4, 4, 2\)"),
        ("np.zeros((3, 4, 4), np.uint8)", r"of shape \(3, 4, 4\)"),
        ("np.zeros((0, 4, 1), np.uint8)", r"of shape \(0, 4, 1\)"),
        ("(np.zeros((4, 4, 1), np.uint8), (5, 5))", "which is empty"),
        ("(np.zeros((4, 4, 1), np.uint8), (0, np.inf))", "not finite"),
        ("(np.zeros((4, 4, 1), np.uint8), (np.nan, 1))", "empty or not finite"),
        ("(np.zeros((4, 4, 1), np.uint8), 5)", "not two numbers"),
        ("(np.full((4, 4, 1), np.nan, np.float32), (0, 1))", "not numbers"),
        ("1 / 0", "raised ZeroDivisionError: division by zero"),
        ("open(path)", "raised FileNotFoundError"),
    ],
)
def test_anything_else_is_refused_in_words(tmp_path: Path, expression: str, said: str) -> None:
    """The reader is named with what it gave."""
    with pytest.raises(ValueError, match=said) as caught:
        read_image("there-is-none", reading(tmp_path, expression))

    assert str(caught.value).startswith(f"{MODULE}:read ")


def test_a_file_the_reader_cannot_read_is_unreadable(tmp_path: Path, cached: Cached) -> None:
    """As any other damaged image: refused by name, or left out where asked."""
    root = write_arrays(tmp_path / "data")
    (root / "wet" / "notes.txt").write_text("not an array")
    reader = write_reader(tmp_path)

    with pytest.raises(DataError, match=rf"wet/notes\.txt: {MODULE}:read raised"):
        load_images(settings(root, reader), cached)
    assert load_images(settings(root, reader, on_bad_image="skip"), cached).unreadable == ("wet/notes.txt",)


@pytest.mark.parametrize(
    ("reader", "said"),
    [
        ("no_such_module:read", "No module named 'no_such_module'"),
        (f"{MODULE}:raed", rf"module '{MODULE}' has no function 'raed'\. Did you mean 'read'"),
    ],
)
def test_a_path_that_leads_nowhere_is_refused(tmp_path: Path, cached: Cached, reader: str, said: str) -> None:
    """Before any file is opened."""
    write_reader(tmp_path)

    with pytest.raises(DataError, match=said):
        load_images(settings(write_arrays(tmp_path / "data"), reader), cached)


def test_a_module_that_fails_is_told(tmp_path: Path, cached: Cached) -> None:
    """With its own message."""
    reader = write_reader(tmp_path, "raise RuntimeError('no licence')")

    with pytest.raises(DataError, match="RuntimeError: no licence"):
        load_images(settings(write_arrays(tmp_path / "data"), reader), cached)


def test_the_readers_source_is_part_of_the_datas_digest(tmp_path: Path, cached: Cached) -> None:
    """Another computation is other data, read again; a comment is not."""
    root = write_arrays(tmp_path / "data")
    first = load_images(settings(root, write_reader(tmp_path)), cached)

    commented = load_images(settings(root, write_reader(tmp_path, f"# a comment\n{dedent(SOUND)}")), cached)
    other = load_images(settings(root, write_reader(tmp_path, SOUND.replace("(0, 100)", "(0, 50)"))), cached)

    assert commented.digest == first.digest
    assert other.digest != first.digest
    assert other.pixels.max() > first.pixels.max()


def test_an_edit_of_the_reader_is_noticed_like_one_of_the_files(tmp_path: Path, cached: Cached) -> None:
    """What was remembered of the data is looked at again."""
    root = write_arrays(tmp_path / "data")
    images = load_images(settings(root, write_reader(tmp_path)), cached)
    before = listing_digest(images.watch)

    write_reader(tmp_path, SOUND.replace("(0, 100)", "(-1, 100)"))

    assert listing_digest(images.watch) != before


def test_images_are_read_once(tmp_path: Path, cached: Cached) -> None:
    """The copy is found again; so is what is known of equal images, whose values count."""
    root = write_arrays(tmp_path / "data")
    np.save(root / "dry" / "again.npy", np.full((8, 8), 40))
    counted = SOUND.replace(
        "def read(path):", f"def read(path):\n        open({str(tmp_path / 'calls')!r}, 'a').write('.')"
    )
    config = settings(root, write_reader(tmp_path, counted))
    first = load_images(config, cached)
    again = load_images(config, cached)

    assert (tmp_path / "calls").read_text() == "." * 9
    assert np.array_equal(first.pixels, again.pixels)
    assert len(set(first.groups.tolist())) == 8


def test_data_stats_tell_size_and_type_of_what_was_read(tmp_path: Path, cached: Cached) -> None:
    """Pillow knows neither."""
    config = settings(write_arrays(tmp_path / "data"), write_reader(tmp_path), train=4)

    found = examine_data(config, Protocol(test=Folds(count=2)), cached)

    assert (found.sizes, found.formats, found.depths) == ({(8, 8): 8}, {"float32 array": 8}, {})


@pytest.mark.parametrize(
    "more",
    [
        {"depth": "clip"},
        {"reader": "no_colon"},
        {"reader": "a:b:c"},
        {"source": {"name": "digits"}, "classes": 10},
        {"source": {"name": "torchvision", "dataset": "CIFAR10"}, "classes": 10},
    ],
)
def test_settings_that_mean_nothing_beside_it_are_refused(tmp_path: Path, more: dict[str, Any]) -> None:
    """A depth, and a source without files."""
    with pytest.raises(ValidationError):
        settings(tmp_path, **({"reader": "m:read"} | more))
