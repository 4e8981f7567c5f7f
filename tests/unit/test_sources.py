"""Listing a source: the classes and images torchvision's ImageFolder would see, or a clear refusal."""

from __future__ import annotations

import os
import unicodedata
from pathlib import Path

import numpy as np
import pytest

from ablate.errors import DataError
from ablate.training.config import DataConfig
from ablate.training.data.listing import EXTENSIONS, Contents, ImageFile, Listing
from ablate.training.data.sources import list_images, refuse_other_classes
from tests.image_fixtures import write_image_folder


def config_of(root: Path | str | None, *, classes: int = 2) -> DataConfig:
    source = {"name": "digits"} if root is None else {"name": "image_folder", "root": str(root)}
    return DataConfig.model_validate({"source": source, "classes": classes, "image_size": 8})


def listing_of(root: Path | str | None, *, classes: int = 2) -> Listing:
    return list_images(config_of(root, classes=classes))


def listed(root: Path | str | None, *, classes: int = 2) -> Contents:
    listing = listing_of(root, classes=classes)
    contents = listing.read()
    refuse_other_classes(contents.classes, config_of(root, classes=classes), listing.place)
    return contents


def touch(*paths: Path) -> None:
    for path in paths:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(path.name.encode())


def test_the_images_are_those_of_torchvisions_image_folder(tmp_path: Path) -> None:
    """Same classes, same files, same labels, at any depth and through links; hidden entries alone are nobody's."""
    from torchvision.datasets.folder import IMG_EXTENSIONS, ImageFolder

    touch(
        tmp_path / "data/b/deep/er/2.JPG",
        tmp_path / "data/b/1.webp",
        tmp_path / "data/a b/3.png",
        tmp_path / "data/a/3.tiff",
        tmp_path / "data/a/.hidden.jpg",
        tmp_path / "data/a/notes.txt",
        tmp_path / "data/stray.jpg",
        tmp_path / "elsewhere/4.pgm",
        tmp_path / "elsewhere/5.jpeg",
    )
    (tmp_path / "data/linked").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "data/a/also").symlink_to(tmp_path / "elsewhere")
    theirs = ImageFolder(tmp_path / "data")

    ours = listed(tmp_path / "data", classes=4)

    assert EXTENSIONS == IMG_EXTENSIONS
    assert list(ours.classes) == theirs.classes
    visible = {(path, label) for path, label in theirs.samples if not Path(path).name.startswith(".")}
    assert {(image.content, image.label) for image in ours.images} == visible


def test_images_come_by_class_then_id(tmp_path: Path) -> None:
    """Classes are ordered by codepoint, and ids are paths below the root with slashes."""
    touch(tmp_path / "b/2.png", tmp_path / "b/10.png", tmp_path / "a b/x.png", tmp_path / "a/s/y.png")

    images = listed(tmp_path, classes=3).images

    assert [image.id for image in images] == ["a/s/y.png", "a b/x.png", "b/10.png", "b/2.png"]
    assert [image.label for image in images] == [0, 1, 2, 2]


def test_a_decomposed_name_becomes_the_composed_one(tmp_path: Path) -> None:
    """The same folder copied by a Mac has the same classes and ids."""
    name = "Zoé 👍"
    touch(
        tmp_path / unicodedata.normalize("NFD", name) / unicodedata.normalize("NFD", "é.png"),
        tmp_path / "שלום/1.png",
    )

    listing = listed(tmp_path)

    assert listing.classes == (name, "שלום")
    assert listing.images[0].id == f"{name}/é.png"


def test_classes_that_differ_in_normalisation_only_are_refused(tmp_path: Path) -> None:
    """Two folders that read the same would be one class or two, depending on who looks."""
    touch(tmp_path / "é/1.png", tmp_path / "e\u0301/2.png")

    with pytest.raises(DataError, match=r"both read 'é'.*normalisation"):
        listed(tmp_path)


def test_files_that_differ_in_normalisation_only_are_refused(tmp_path: Path) -> None:
    """Ids are unique."""
    touch(tmp_path / "a/é.png", tmp_path / "a/e\u0301.png", tmp_path / "b/1.png")

    with pytest.raises(DataError, match=r"two files read 'a/é\.png'"):
        listed(tmp_path)


def test_a_file_name_that_is_not_unicode_is_refused(tmp_path: Path) -> None:
    """A name that no JSON could hold is named before anything is trained."""
    touch(tmp_path / "a/1.png", tmp_path / "b/1.png")
    os.rename(tmp_path / "b/1.png", os.fsencode(tmp_path) + b"/b/\xff.png")

    with pytest.raises(DataError, match=r"not valid Unicode. Rename"):
        listed(tmp_path)


def test_files_image_folder_would_drop_are_named_hidden_ones_are_not(tmp_path: Path) -> None:
    """A .gif among the images is reported; .DS_Store is nobody's image."""
    write_image_folder(tmp_path)
    touch(tmp_path / "cat/a.gif", tmp_path / "cat/.DS_Store", tmp_path / ".DS_Store", tmp_path / "stray.jpg")

    assert sorted(listing_of(tmp_path).ignored) == ["cat/a.gif", "stray.jpg"]


def test_a_missing_root_says_which_key_and_what_belongs_there(tmp_path: Path) -> None:
    """The message has the key, the resolved path and the shape of the folder."""
    with pytest.raises(DataError, match=r"root/<class>/\*\.jpg") as caught:
        listed(tmp_path / "nowhere")

    assert "base.data.source.root" in str(caught.value)
    assert str(tmp_path / "nowhere") in str(caught.value)


def test_a_root_that_is_a_file_is_refused(tmp_path: Path) -> None:
    """An archive is not a folder of images."""
    touch(tmp_path / "data.zip")

    with pytest.raises(DataError, match="is not a folder"):
        listed(tmp_path / "data.zip")


def test_a_relative_root_starts_at_the_current_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`root: data` works from where the command runs, and `~` is the home folder."""
    write_image_folder(tmp_path / "data")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))

    assert listed("data").images == listed("~/data").images == listed(tmp_path / "data").images


def test_an_empty_class_folder_is_refused(tmp_path: Path) -> None:
    """A class without images is a mistake, whatever else lies in its folder."""
    write_image_folder(tmp_path)
    touch(tmp_path / "bird/readme.txt")

    with pytest.raises(DataError, match=r"bird holds no image"):
        listed(tmp_path, classes=3)


def test_a_single_class_is_refused_and_a_nested_root_guessed(tmp_path: Path) -> None:
    """An archive's extra folder level is the usual reason, so it is proposed."""
    write_image_folder(tmp_path / "images")

    with pytest.raises(DataError, match=r"has 1 class folder, .*Did you mean .*images\?"):
        listed(tmp_path)


def test_a_folder_without_class_folders_is_refused(tmp_path: Path) -> None:
    """Images that lie in the root itself have no class."""
    touch(tmp_path / "a.jpg")

    with pytest.raises(DataError, match="has 0 class folders"):
        listed(tmp_path)


@pytest.mark.parametrize("classes", [2, 17])
def test_another_number_of_classes_lists_both(tmp_path: Path, classes: int) -> None:
    """What the study says and what the folder holds stand side by side."""
    write_image_folder(tmp_path, classes=("cat", "dog", "emu"), per_class=1)

    with pytest.raises(DataError, match=rf"base.data.classes is {classes}, .* has 3 classes: cat, dog, emu"):
        listed(tmp_path, classes=classes)


def test_a_link_to_a_folder_above_is_refused(tmp_path: Path) -> None:
    """ImageFolder would list the same images forty times."""
    write_image_folder(tmp_path)
    (tmp_path / "cat/again").symlink_to(tmp_path)

    with pytest.raises(DataError, match="links to a folder it lies in"):
        listed(tmp_path)


def test_a_folder_that_cannot_be_listed_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """os.walk would skip it silently."""
    write_image_folder(tmp_path)

    def refuse(folder: str) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(os, "scandir", refuse)

    with pytest.raises(DataError, match=r"cannot list .*Permission denied"):
        listed(tmp_path)


def test_everything_that_can_change_the_images_is_watched(tmp_path: Path) -> None:
    """Root, folders and files: one look at each time stamp finds every change."""
    touch(tmp_path / "a/s/1.png", tmp_path / "b/2.png")

    expected = {str(tmp_path / name) for name in ("", "a", "a/s", "b", "a/s/1.png", "b/2.png")}
    assert set(listing_of(tmp_path).watch) == expected


def test_digits_are_the_1797_scans_of_scikit_learn() -> None:
    """Ids are part:index, values 0 to 16 become 0 to 255, nothing is watched."""
    from sklearn.datasets import load_digits

    data = load_digits()
    listing = listed(None, classes=10)

    images = {image.id: image for image in listing.images}

    assert listing.classes == tuple("0123456789")
    assert listing_of(None, classes=10).watch == ()
    assert len(images) == 1797
    for index in (0, 42, 1796):
        image = images[f"digits:{index:04}"]
        assert image.label == data.target[index]
        assert isinstance(image, ImageFile)
        expected = [[round(float(value) * 255 / 16) for value in row] for row in data.images[index]]
        assert np.array_equal(image.content, np.array(expected, dtype=np.uint8))


def test_digits_have_ten_classes() -> None:
    """The number of classes is checked for every source."""
    with pytest.raises(DataError, match=r"base.data.classes is 17, but digits has 10 classes"):
        listed(None, classes=17)
