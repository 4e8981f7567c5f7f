"""Sources in their own layouts: labelled file names, tables, torchvision's sets; what does not fit is named."""

from __future__ import annotations

import socket
from collections import Counter
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
import pytest
from pydantic import ValidationError

from ablate.errors import DataError, DataMissing
from ablate.files import build_once
from ablate.training.config import DataConfig
from ablate.training.data import listing as listings
from ablate.training.data.cache import DecodedImages, load_images
from ablate.training.data.listing import Contents
from ablate.training.data.sources import list_images
from ablate.training.data.torchvision_sets import RECIPES
from tests.layout_fixtures import (
    CIFAR10_CLASSES,
    FOOD11_CLASSES,
    write_cifar10,
    write_food11,
    write_shapes_table,
    write_table,
)


@pytest.fixture(autouse=True)
def _time_stamps_are_settled(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listings, "FRESH_SECONDS", 0.0)


def config_of(source: dict[str, Any], *, classes: int, **more: Any) -> DataConfig:
    return DataConfig.model_validate({"source": source, "classes": classes, "image_size": 8} | more)


def contents_of(source: dict[str, Any], *, classes: int, **more: Any) -> Contents:
    return list_images(config_of(source, classes=classes, **more)).read()


def loaded(work: Path, source: dict[str, Any], *, classes: int, **more: Any) -> DecodedImages:
    config = config_of(source, classes=classes, **more)
    return load_images(config, lambda key, build: build_once(work / key, build))


def food11(root: Path, **more: Any) -> dict[str, Any]:
    return {"name": "labelled_files", "root": str(root), "test": "valid"} | more


def cifar10(root: Path, **more: Any) -> dict[str, Any]:
    return {"name": "torchvision", "dataset": "CIFAR10", "root": str(root), "verify": False} | more


def table(path: Path, **more: Any) -> dict[str, Any]:
    return {"name": "csv", "file": str(path)} | more


PARTS = {"column": "part"}

# --- labels in file names ---------------------------------------------------------------------


def test_the_label_is_read_from_the_file_name(tmp_path: Path) -> None:
    """Labels are numbers in their order, not texts: class 10 comes last; `test` is not read."""
    contents = contents_of(food11(write_food11(tmp_path)), classes=11)

    assert contents.classes == tuple(str(number) for number in range(11))
    assert Counter(image.label for image in contents.images) == dict.fromkeys(range(11), 6)
    assert all(image.id.split("/")[1].startswith(f"{image.label}_") for image in contents.images)
    assert contents.official_test == {f"valid/{label}_{index}.jpg" for label in range(11) for index in range(2)}


def test_labelled_files_may_be_given_the_classes_names(tmp_path: Path) -> None:
    """The names stand in the order of the numbers."""
    source = food11(write_food11(tmp_path, train=1, valid=1), names=list(FOOD11_CLASSES))

    assert contents_of(source, classes=11).classes == FOOD11_CLASSES


def test_names_for_other_labels_are_refused(tmp_path: Path) -> None:
    """A name too many would shift what the report calls a class."""
    source = food11(write_food11(tmp_path, classes=3), names=["a", "b"])

    with pytest.raises(DataError, match=r"2 names, for the labels 0 to 1, but the files are labelled 0, 1, 2"):
        contents_of(source, classes=2)


def test_file_names_that_do_not_parse_are_listed_five_at_most(tmp_path: Path) -> None:
    """The first five, and how many more."""
    root = write_food11(tmp_path)
    for index in range(7):
        (root / "train" / f"IMG{index}.jpg").touch()

    with pytest.raises(DataError, match=r"names of 7 files of 73.*IMG0\.jpg.*IMG4\.jpg, and 2 more\. Rename") as caught:
        contents_of(food11(root), classes=11)

    assert "IMG5" not in str(caught.value)


def test_another_pattern_reads_other_names(tmp_path: Path) -> None:
    """`cat.17.jpg`: the group is the label, whatever surrounds it."""
    (tmp_path / "train").mkdir()
    for name in ("cat.1.jpg", "dog.2.jpg", "cat.3.JPG"):
        (tmp_path / "train" / name).touch()
    source = food11(tmp_path, test=None, pattern=r"(\w+)\.\d+")

    contents = contents_of(source, classes=2)

    assert (contents.classes, contents.official_test) == (("cat", "dog"), None)


@pytest.mark.parametrize("pattern", ["(", r"\d+", r"(\d)(\d)"])
def test_a_pattern_without_one_group_is_refused(pattern: str) -> None:
    """Where the label is must be said once."""
    with pytest.raises(ValidationError, match=r"one group in parentheses|is not a regular expression"):
        config_of(food11(Path("x"), pattern=pattern), classes=2)


def test_a_missing_part_names_its_key(tmp_path: Path) -> None:
    """The folder of the official test part must be there, too."""
    root = write_food11(tmp_path)

    with pytest.raises(DataMissing, match=r"base\.data\.source\.test \(validation\): .* does not exist"):
        list_images(config_of(food11(root, test="validation"), classes=11))


# --- tables -----------------------------------------------------------------------------------


def test_a_table_gives_paths_labels_parts_and_origins(tmp_path: Path) -> None:
    """Ids are paths below the table's folder."""
    source = table(write_table(tmp_path), split=PARTS, group="owner")

    contents = contents_of(source, classes=2)

    assert contents.classes == ("cat", "dog")
    first = contents.images[0]
    assert (first.id, first.label, first.origin) == ("images/cat-00-rgb_png.png", 0, "cat-owner-0")
    assert contents.official_test == {f"images/{n}-0{i}-rgb_png.png" for n in ("cat", "dog") for i in (4, 5)}


def test_paths_may_start_elsewhere(tmp_path: Path) -> None:
    """`root` is the folder of the images where the table lies apart."""
    path = write_table(tmp_path / "data")
    apart = tmp_path / "apart.csv"
    apart.write_bytes(b"\xef\xbb\xbf" + path.read_bytes())

    there, here = (
        loaded(tmp_path / "work", table(apart, root=str(tmp_path / "data")), classes=2),
        loaded(tmp_path / "work", table(path), classes=2),
    )

    assert there.ids == here.ids
    assert there.digest == here.digest


def test_an_unknown_column_names_the_others(tmp_path: Path) -> None:
    """A near match is proposed."""
    with pytest.raises(DataError, match=r"source\.label: .* no column 'lable'.*Did you mean 'label'\?.*path, label"):
        list_images(config_of(table(write_table(tmp_path), label="lable"), classes=2))


@pytest.mark.parametrize(
    ("line", "words"),
    [
        (",cat,train,x", "line 14: no path"),
        ("../a.png,cat,train,x", r"line 14: \.\./a\.png leads out of .*source\.root may be a folder above"),
        ("images/../../a.png,cat,train,x", "leads out of"),
        ("/etc/a.png,cat,train,x", "leads out of"),
        ("a\0.png,cat,train,x", "is not a path"),
        ("a.png,,train,x", "line 14: no label"),
        ("a.png,cat|dog,train,x", r"line 14: several labels, 'cat\|dog'.*multi_label: true"),
        ("a.png,cat,holdout,x", "line 14: part is 'holdout'.*leave_out"),
        ("a.png,cat,train,", "line 14: no owner"),
        ("images/cat-00-rgb_png.png,cat,train,x", "line 14: .*twice"),
    ],
)
def test_a_row_that_cannot_be_used_is_named_by_its_line(tmp_path: Path, line: str, words: str) -> None:
    """Nothing is left out silently."""
    path = write_table(tmp_path)
    path.write_text(path.read_text() + line + "\n")

    with pytest.raises(DataError, match=words):
        list_images(config_of(table(path, split=PARTS, group="owner"), classes=2))


def test_rows_may_be_left_out_by_their_part(tmp_path: Path) -> None:
    """What leave_out names is not read."""
    split = PARTS | {"leave_out": ["test"], "test": ["nothing"]}

    contents = contents_of(table(write_table(tmp_path), split=split), classes=2)

    assert len(contents.images) == 8
    assert contents.official_test == frozenset()


def test_a_change_of_parts_or_owners_is_another_data_set(tmp_path: Path) -> None:
    """The digest holds everything that decides a split."""
    path = write_table(tmp_path)
    digests = {
        loaded(tmp_path / "work", table(path, **more), classes=2).digest
        for more in ({}, {"split": PARTS}, {"group": "owner"})
    }

    assert len(digests) == 3


def test_an_image_may_have_several_labels_or_none(tmp_path: Path) -> None:
    """Targets are one column per class, 0 or 1, in the order of the classes."""
    images = loaded(tmp_path / "work", table(write_shapes_table(tmp_path)), classes=3, multi_label=True)

    assert images.classes == ("bar", "disc", "frame")
    assert (images.targets.dtype, images.targets.shape) == (np.float32, (24, 3))
    rows = dict(zip(images.ids, images.targets.tolist(), strict=True))
    assert rows["shapes/000.png"] == [0, 0, 0]
    assert rows["shapes/005.png"] == [1, 1, 0]
    assert rows["shapes/007.png"] == [1, 1, 1]


def test_several_labels_need_a_source_that_can_say_so() -> None:
    """One folder per class gives every image one label."""
    with pytest.raises(ValidationError, match="multi_label: true needs a source"):
        config_of({"name": "digits"}, classes=10, multi_label=True)


# --- torchvision's sets -----------------------------------------------------------------------


def test_cifar10_is_read_through_torchvision_with_its_test_part(tmp_path: Path) -> None:
    """The same pixels and labels as torchvision gives; ids are part:index."""
    from torchvision.datasets import CIFAR10

    class Small(CIFAR10):
        train_list = tuple((name, None) for name, _ in CIFAR10.train_list)
        test_list = tuple((name, None) for name, _ in CIFAR10.test_list)
        meta = MappingProxyType(CIFAR10.meta | {"md5": None})

    write_cifar10(tmp_path)
    images = loaded(tmp_path / "work", cifar10(tmp_path), classes=10, image_size=32)

    assert images.classes == CIFAR10_CLASSES
    assert {images.ids[index] for index in images.official_test} == {f"test:{i:05}" for i in range(10)}
    for part, is_train in (("train", True), ("test", False)):
        for index, (image, label) in enumerate(Small(tmp_path, train=is_train)):
            row = images.ids.index(f"{part}:{index:05}")
            assert images.targets[row] == label
            assert np.array_equal(images.pixels[row], np.asarray(image))


def test_a_set_that_was_read_before_is_not_opened_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every run would unpickle the whole set."""
    write_cifar10(tmp_path)
    first = loaded(tmp_path / "work", cifar10(tmp_path), classes=10)
    monkeypatch.setattr("torchvision.datasets.CIFAR10.__init__", lambda *_, **__: pytest.fail("opened again"))

    assert loaded(tmp_path / "work", cifar10(tmp_path), classes=10).digest == first.digest


def test_a_set_with_other_checksums_is_refused(tmp_path: Path) -> None:
    """What is called CIFAR10 is CIFAR10, unless the study says otherwise."""
    write_cifar10(tmp_path)

    with pytest.raises(DataMissing, match=r"CIFAR10 is not in .*, or not whole \(Dataset not found or corrupted"):
        contents_of(cifar10(tmp_path, verify=True), classes=10)


def test_a_set_that_is_not_there_says_what_to_do(tmp_path: Path) -> None:
    """Fetch it, or copy it."""
    with pytest.raises(DataMissing, match=r"MNIST is not in .*download: true.*copy MNIST/raw into"):
        list_images(config_of({"name": "torchvision", "dataset": "MNIST", "root": str(tmp_path)}, classes=10))


def test_offline_the_download_is_one_clear_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No traceback of urllib's, and no empty folder left behind."""

    def offline(*_: object, **__: object) -> None:
        raise socket.gaierror(-3, "Temporary failure in name resolution")

    monkeypatch.setattr(socket, "getaddrinfo", offline)
    source = cifar10(tmp_path / "data", download=True, verify=True)

    with pytest.raises(DataError, match=r"CIFAR10 could not be downloaded to .*name resolution.*online\?.*copy"):
        list_images(config_of(source, classes=10))
    assert not (tmp_path / "data").exists()


def test_an_unknown_set_is_refused_before_anything_is_read() -> None:
    """`check` names the ones there are."""
    with pytest.raises(ValidationError, match="CIFAR100"):
        config_of({"name": "torchvision", "dataset": "CIFAR11"}, classes=10)


@pytest.mark.parametrize("name", RECIPES)
def test_every_recipe_fits_torchvisions_constructor(name: str) -> None:
    """Each set exists under its name and takes the arguments its parts are opened with."""
    import inspect

    import torchvision.datasets

    recipe = RECIPES[name]
    parameters = inspect.signature(getattr(torchvision.datasets, recipe.dataset)).parameters

    for part in (*recipe.train, *recipe.test):
        takes_any = any(one.kind is inspect.Parameter.VAR_KEYWORD for one in parameters.values())
        assert takes_any or set(part) <= set(parameters)
        chosen = part.get("split")
        assert chosen is None or isinstance(chosen, str)


def test_every_set_of_the_settings_has_a_recipe() -> None:
    """A name that `check` takes can be opened."""
    from typing import get_args

    from ablate.training.config.data import TorchvisionName

    assert set(RECIPES) == set(get_args(TorchvisionName))
