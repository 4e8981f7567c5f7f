"""What in a folder of images is nobody's, what is a class, and what is a part of a split."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from ablate.errors import DataError
from ablate.readers.image_folders import is_system_entry, parts_among
from ablate.study.load import load_study
from ablate.training.config import DataConfig
from ablate.training.data import listing
from ablate.training.data.listing import Contents, Listing
from ablate.training.data.sources import list_images
from ablate.training.data.unlabelled import unlabelled_files
from ablate.workflows.init_study import write_starter
from ablate.workflows.predict import images_in
from tests.layout_fixtures import write_food11

NOBODYS = (
    ".DS_Store",
    ".git/1.png",
    ".ipynb_checkpoints/1-checkpoint.png",
    "._001.png",
    "$RECYCLE.BIN/1.png",
    "@eaDir/1.png/SYNOPHOTO_THUMB_M.jpg",
    "Desktop.ini",
    "System Volume Information/1.png",
    "Thumbs.db",
    "__MACOSX/cat/._001.png",
    "lost+found/1.png",
)


def put(root: Path, *names: str) -> Path:
    """Files with some content each; returns the root."""
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(name.encode())
    return root


def listing_of(root: Path, **source: Any) -> Listing:
    """A folder of two classes as it is listed."""
    config = {"source": {"name": "image_folder", "root": str(root)} | source, "classes": 2, "image_size": 8}
    return list_images(DataConfig.model_validate(config))


def contents_of(root: Path, **source: Any) -> Contents:
    return listing_of(root, **source).read()


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Two classes of two images."""
    return put(tmp_path / "data", "cat/001.png", "cat/002.png", "dog/001.png", "dog/002.png")


@pytest.mark.parametrize("name", NOBODYS)
@pytest.mark.parametrize("place", ["", "cat/", "cat/below/"])
def test_an_entry_of_the_systems_changes_no_data_set(root: Path, place: str, name: str) -> None:
    """Neither its classes nor its images, wherever it lies; one sentence names it."""
    put(root, "cat/below/003.png")
    before = contents_of(root)
    put(root, place + name)
    found = listing_of(root)

    assert (found.read().classes, found.read().images) == (before.classes, before.images)
    assert found.notes == (f"1 hidden or system entry is ignored: {place}{name.split('/', maxsplit=1)[0]}",)
    assert found.ignored == ()


def test_an_empty_hidden_folder_is_no_class(root: Path, tmp_path: Path) -> None:
    """A notebook leaves one behind wherever it was opened."""
    (root / ".ipynb_checkpoints").mkdir()
    notes = write_starter(tmp_path / "study.yaml", root, look=False)

    assert contents_of(root).classes == ("cat", "dog")
    assert "classes: 2" in (tmp_path / "study.yaml").read_text()
    assert notes == ("1 hidden or system entry is ignored: .ipynb_checkpoints",)


def test_many_entries_make_one_sentence(root: Path) -> None:
    """Five are named, the others counted."""
    put(root, *(f"cat/._{number}.png" for number in range(7)))

    (note,) = listing_of(root).notes
    assert note.startswith("7 hidden or system entries are ignored")
    assert note.endswith("cat/._4.png and 2 more")


def test_what_only_looks_like_one_counts(root: Path) -> None:
    """Names with a dot, a blank or an underscore inside are anybody's."""
    assert not any(map(is_system_entry, ["a.b", "_cat", "thumbs", "lost and found", "git", "MACOSX", "cat~"]))


@pytest.mark.parametrize("name", NOBODYS)
def test_predictions_pass_over_the_same_entries(root: Path, name: str) -> None:
    """And say so once."""
    put(root, name, f"dog/{name}")
    told: list[str] = []

    assert len(images_in([root], told.append)) == 4
    assert len(told) == 1
    assert told[0].startswith("2 hidden or system entries are ignored")


def test_labelled_files_and_unlabelled_ones_pass_over_them_too(tmp_path: Path) -> None:
    """A name that cannot be read as a label is no error where the file is the system's."""
    root = write_food11(tmp_path, classes=2, test=2)
    put(root, "train/._0_0.jpg", "train/.x.jpg", "test/._0000.jpg", "@eaDir/0001.jpg")
    source = {"name": "labelled_files", "root": str(root), "test": "valid"}
    config = DataConfig.model_validate({"source": source, "classes": 2, "image_size": 8})

    assert len(list_images(config).read().images) == 12
    assert len(unlabelled_files(config)) == 2
    assert "train/._0_0.jpg" in list_images(config).notes[0]


# --- parts of a split -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("names", "parts"),
    [
        (("train", "val"), ("train", "val")),
        (("Training", "Validation"), ("Training", "Validation")),
        (("seg_pred", "seg_test", "seg_train"), ("seg_train", "seg_test")),
        (("TrainSet", "TestSet"), ("TrainSet", "TestSet")),
        (("train2017", "val2017"), ("train2017", "val2017")),
        (("my-train-images", "holdout"), ("my-train-images", "holdout")),
        (("dev", "test", "trn"), ("trn", "dev", "test")),
        (("训练集", "验证集"), ("训练集", "验证集")),
        (("entrenamiento", "prueba"), ("entrenamiento", "prueba")),
        (("fold1", "fold2", "fold3"), ("fold1", "fold2", "fold3")),
        (("cat", "dog"), ()),
        (("bus", "car", "test tube", "train", "tram"), ()),
        (("train", "tram"), ()),
        (("valid", "void"), ()),
    ],
)
def test_parts_are_told_from_classes(tmp_path: Path, names: tuple[str, ...], parts: tuple[str, ...]) -> None:
    """By a name for training beside one for what is held out, or by numbers and equal contents; not by one word."""
    put(tmp_path, *(f"{name}/{label}/1.png" for name in names for label in ("cat", "dog")))

    assert sorted(parts_among(tmp_path, sorted(names))) == sorted(parts)


def test_numbered_classes_stay_classes(tmp_path: Path) -> None:
    """`set 1` and `set 2` without common sub-folders are what they are called."""
    put(tmp_path, "set 1/1.png", "set 2/1.png")

    assert contents_of(tmp_path).classes == ("set 1", "set 2")


def test_parts_are_never_trained_on_as_classes(tmp_path: Path) -> None:
    """A scan refuses them and proposes the right root and the parts; `init` names the parts."""
    root = put(tmp_path / "d", *(f"{part}/{name}/1.png" for part in ("train", "validation") for name in ("cat", "dog")))

    with pytest.raises(DataError, match=r"holds parts of a split, not classes: train, validation") as caught:
        listing_of(root)
    write_starter(tmp_path / "s.yaml", root, look=False)

    assert f"root: {root / 'train'}." in caught.value.hint
    assert "train: train, test: validation" in caught.value.hint
    assert load_study(tmp_path / "s.yaml").base["data"]["source"]["test"] == "validation"


def test_parts_below_an_extra_folder_are_found(tmp_path: Path) -> None:
    """As archives unpack: one folder in another, then the parts, each of them once more in itself."""
    names = [f"data/data/seg_{part}/seg_{part}/{name}/1.png" for part in ("train", "test") for name in ("cat", "dog")]
    put(tmp_path, *names)

    with pytest.raises(DataError, match="has 1 class folder") as caught:
        listing_of(tmp_path)

    assert "holds parts of a split: seg_train, seg_test" in caught.value.hint
    assert f"root: {tmp_path / 'data/data/seg_train/seg_train'}." in caught.value.hint


def test_parts_of_files_side_by_side_are_sent_to_their_source(tmp_path: Path) -> None:
    """Where no class folders lie in the parts, the names may carry the labels."""
    put(tmp_path, "train/0_1.jpg", "train/1_1.jpg", "test/0_2.jpg")

    with pytest.raises(DataError, match="parts of a split") as caught:
        listing_of(tmp_path)

    assert "name: labelled_files" in caught.value.hint


def test_the_parts_of_a_folder_can_be_named(tmp_path: Path) -> None:
    """Images of both are read, those of the second are the source's own test part."""
    put(tmp_path, "train/cat/1.png", "train/dog/1.png", "val/cat/2.png", "val/dog/2.png", "val/.x.png")

    contents = contents_of(tmp_path, train="train", test="val")

    assert contents.classes == ("cat", "dog")
    assert [image.id for image in contents.images] == [
        "train/cat/1.png",
        "val/cat/2.png",
        "train/dog/1.png",
        "val/dog/2.png",
    ]
    assert contents.official_test == {"val/cat/2.png", "val/dog/2.png"}


def test_images_of_a_validation_part_join_those_to_train_on(tmp_path: Path) -> None:
    """They are read, and are no part of what is tested on."""
    put(tmp_path, *(f"{part}/{name}/1.png" for part in ("train", "val", "test") for name in ("cat", "dog")))
    contents = contents_of(tmp_path, train="train", val="val", test="test")

    assert len(contents.images) == 6
    assert contents.official_test == {"test/cat/1.png", "test/dog/1.png"}
    assert contents_of(tmp_path, train="train", val="val").official_test is None


def test_the_same_folders_as_other_parts_are_other_data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is known of one listing is not taken for the other."""
    monkeypatch.setattr(listing, "FRESH_SECONDS", 0.0)
    root = put(tmp_path / "d", *(f"{part}/{name}/1.png" for part in ("train", "val") for name in ("cat", "dog")))
    as_val, as_test = (listing_of(root, train="train", **{part: "val"}).version for part in ("val", "test"))

    assert as_val
    assert as_val != as_test


def test_a_class_only_the_validation_part_has_is_refused(tmp_path: Path) -> None:
    """As for the test part."""
    put(tmp_path, "train/cat/1.png", "train/dog/1.png", "val/cat/2.png", "val/emu/2.png")

    with pytest.raises(DataError, match=r"source\.val \(val\) holds classes that train lacks: emu"):
        contents_of(tmp_path, train="train", val="val")
    with pytest.raises(ValidationError, match=r"source\.val is given without source\.train"):
        listing_of(tmp_path, val="val")


def test_a_class_only_the_test_part_has_is_refused(tmp_path: Path) -> None:
    """Nothing could be trained for it."""
    put(tmp_path, "train/cat/1.png", "train/dog/1.png", "val/cat/2.png", "val/emu/2.png")

    with pytest.raises(DataError, match=r"source\.test \(val\) holds classes that train lacks: emu"):
        contents_of(tmp_path, train="train", test="val")


def test_a_test_part_alone_is_refused() -> None:
    """What would be trained on is not said."""
    with pytest.raises(ValidationError, match=r"without source\.train"):
        listing_of(Path("x"), test="val")


# --- nested, single and empty folders ---------------------------------------------------------


def test_nested_classes_are_told(tmp_path: Path) -> None:
    """The folders at the top count, as for torchvision; a sentence says what they hold."""
    put(tmp_path, "pets/cat/1.png", "pets/dog/1.png", "wild/emu/1.png", "wild/fox/1.png")
    found = listing_of(tmp_path)

    assert found.read().classes == ("pets", "wild")
    assert "the images of each class (pets, wild) are in sub-folders, which count as part of it" in found.notes[0]


def test_folders_that_hold_the_same_ones_are_told(tmp_path: Path) -> None:
    """Whatever they are called: they may be parts of a split."""
    put(tmp_path, *(f"{part}/{name}/1.png" for part in ("blue", "green") for name in ("cat", "dog")))

    (note,) = listing_of(tmp_path).notes
    assert "all of them hold cat, dog: if these are the classes, blue is a part of a split" in note
    assert str(tmp_path / "blue") in note


def test_all_empty_class_folders_are_named_at_once(root: Path) -> None:
    """Not one a time."""
    (root / "bird").mkdir()
    put(root, "emu/._1.png", "emu/notes.txt")

    with pytest.raises(DataError, match=r"2 class folders hold no image beside hidden files: .*bird, .*emu"):
        listing_of(root)


def test_images_without_a_folder_are_sent_to_other_sources(tmp_path: Path) -> None:
    """Their labels must come from somewhere else."""
    put(tmp_path, "1.png", "2.png", ".3.png")

    with pytest.raises(DataError, match="has 0 class folders") as caught:
        listing_of(tmp_path)

    assert "2 images are in it directly" in caught.value.hint
    assert "labelled_files" in caught.value.hint


def test_a_part_without_class_folders_is_not_proposed(tmp_path: Path) -> None:
    """As ImageNet's validation images lie: side by side, their labels in a table. Nothing proposed would be refused."""
    put(tmp_path, "train/cat/1.png", "train/dog/1.png", "val/ILSVRC_1.JPEG", "test/1.JPEG")

    with pytest.raises(DataError, match="parts of a split") as caught:
        listing_of(tmp_path)
    assert f"Take the training part, root: {tmp_path / 'train'}. test has no class folders" in caught.value.hint
    assert "csv" in caught.value.hint

    put(tmp_path, "val/cat/2.png", "val/dog/2.png")
    with pytest.raises(DataError, match="parts of a split") as caught:
        listing_of(tmp_path)
    assert "train: train, test: val}" in caught.value.hint


def test_a_starter_tells_what_a_run_would_say_of_its_class_folders(tmp_path: Path, root: Path) -> None:
    """Empty class folders, and nested ones, as the scan tells them."""
    assert write_starter(tmp_path / "1.yaml", root, look=False) == ()
    (root / "bird").mkdir()
    put(root, "emu/._1.png", "emu/1.gif")
    (note,) = write_starter(tmp_path / "2.yaml", root, look=False)[:1]
    assert note.startswith("there is no image in bird, emu,")

    put(tmp_path / "nested", "pets/cat/1.png", "wild/fox/1.png")
    (note,) = write_starter(tmp_path / "3.yaml", tmp_path / "nested", look=False)
    assert "the images of each class (pets, wild) are in sub-folders" in note


def test_class_folders_of_other_files_only_say_so(tmp_path: Path) -> None:
    """A folder of GIFs, which torchvision's ImageFolder drops as well, is not called empty."""
    put(tmp_path, "cat/1.gif", "cat/2.gif", "dog/1.gif")

    with pytest.raises(DataError, match=r"hold no image, but files of other kinds \(cat/1.gif, ") as caught:
        listing_of(tmp_path)
    assert "data.reader" in caught.value.hint
