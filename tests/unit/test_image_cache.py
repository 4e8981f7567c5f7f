"""The decoded copy: found by content, shared by all roots and runs, decoded again when damaged."""

from __future__ import annotations

import os
import random
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from ablate.errors import Damaged, DataError
from ablate.files import build_once, read_sealed
from ablate.training.config import DataConfig
from ablate.training.data import cache, listing, sources
from ablate.training.data.cache import DecodedImages, load_images
from ablate.training.data.listing import ImageFile, Listing
from ablate.training.data.scan import inspect_image
from tests.image_fixtures import GOOD_KINDS, write_bad_images, write_image, write_image_folder


class Shelf:
    """A cache folder that counts what is built in it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.built: list[str] = []

    def __call__(self, key: str, build: Callable[[Path], None]) -> Path:
        def counted(path: Path) -> None:
            self.built.append(key)
            build(path)

        return build_once(self.folder / key, counted)

    @property
    def decoded(self) -> int:
        return sum(not key.endswith(".json") for key in self.built)

    @property
    def copy(self) -> Path:
        return next(path for path in (self.folder / "pictures").iterdir() if path.is_dir())


@pytest.fixture
def shelf(tmp_path: Path) -> Shelf:
    return Shelf(tmp_path / "cache")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Two classes of four images, written long ago as far as their time stamps say."""
    return write_image_folder(tmp_path / "data")


@pytest.fixture(autouse=True)
def _time_stamps_are_settled(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listing, "FRESH_SECONDS", 0.0)


def config_of(root: Path | None, *, classes: int = 2, **settings: object) -> DataConfig:
    source = {"name": "digits"} if root is None else {"name": "image_folder", "root": str(root)}
    return DataConfig.model_validate({"source": source, "classes": classes, "image_size": 8, **settings})


def assert_same(one: DecodedImages, other: DecodedImages) -> None:
    assert one.digest == other.digest
    assert one.ids == other.ids
    for field in ("pixels", "targets", "groups"):
        assert np.array_equal(getattr(one, field), getattr(other, field))


def test_images_are_memory_mapped_in_the_order_of_their_ids(root: Path, shelf: Shelf) -> None:
    """Row i of pixels, ids, targets and groups is one image, equal to decoding it alone."""
    config = config_of(root)

    images = load_images(config, shelf)

    assert isinstance(images.pixels, np.memmap)
    assert not images.pixels.flags.writeable
    assert (images.pixels.dtype, images.pixels.shape) == (np.uint8, (8, 8, 8, 3))
    assert images.ids == tuple(sorted(path.relative_to(root).as_posix() for path in root.rglob("*.*g")))
    assert images.classes == ("cat", "dog")
    assert images.targets.tolist() == [0] * 4 + [1] * 4
    assert images.targets.dtype == images.groups.dtype == np.int64
    assert images.groups.tolist() == list(range(8))
    assert (images.unreadable, images.notes, images.official_test) == ((), (), frozenset())
    for index, name in enumerate(images.ids):
        assert np.array_equal(images.pixels[index], inspect_image(str(root / name), config).pixels)


def test_every_kind_of_image_is_stored(tmp_path: Path, shelf: Shelf) -> None:
    """One folder may mix all kinds."""
    kinds = tuple(GOOD_KINDS)
    root = write_image_folder(tmp_path / "data", per_class=len(kinds), kinds=kinds)

    assert len(load_images(config_of(root, depth="clip"), shelf).ids) == 2 * len(kinds)


def test_a_second_run_decodes_and_hashes_nothing(root: Path, shelf: Shelf, monkeypatch: pytest.MonkeyPatch) -> None:
    """With an unchanged folder neither images nor files are read again."""
    first = load_images(config_of(root), shelf)
    monkeypatch.setattr(cache, "hashes_of", lambda images: pytest.fail("hashed again"))
    monkeypatch.setattr(cache, "scan", lambda *arguments, **names: pytest.fail("decoded again"))

    assert_same(load_images(config_of(root), shelf), first)


def test_another_root_with_the_same_images_shares_the_copy(tmp_path: Path, root: Path, shelf: Shelf) -> None:
    """Moving or copying a data set costs no second decoding and no new digest."""
    first = load_images(config_of(root), shelf)
    elsewhere = Path(shutil.copytree(root, tmp_path / "elsewhere", copy_function=shutil.copyfile))
    os.utime(elsewhere / "cat" / os.listdir(elsewhere / "cat")[0], (1, 1))

    second = load_images(config_of(elsewhere), shelf)

    assert_same(first, second)
    assert shelf.decoded == 1
    assert set(second.watch).isdisjoint(first.watch)


def test_a_new_time_stamp_alone_changes_nothing(root: Path, shelf: Shelf) -> None:
    """`touch` makes the files be hashed again, not decoded again."""
    first = load_images(config_of(root), shelf)
    for path in root.rglob("*.*g"):
        os.utime(path, (1_700_000_000, 1_700_000_000))

    assert_same(load_images(config_of(root), shelf), first)
    assert shelf.decoded == 1


def changed_in_place(root: Path) -> None:
    """One byte of one image, at the same size and with the old time stamp put back."""
    path = root / "cat" / "000-rgb_jpg.jpg"
    status = path.stat()
    content = bytearray(path.read_bytes())
    content[-20] ^= 1
    path.write_bytes(bytes(content))
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))


@pytest.mark.parametrize(
    "change",
    [
        changed_in_place,
        lambda root: write_image(root / "cat" / "new", "bmp", seed=9),
        lambda root: (root / "dog" / "001-rgb_png.png").unlink(),
        lambda root: (root / "dog" / "001-rgb_png.png").rename(root / "dog" / "renamed.png"),
        lambda root: (root / "dog" / "001-rgb_png.png").rename(root / "cat" / "moved.png"),
        lambda root: (root / "dog").rename(root / "wolf"),
    ],
    ids=["byte", "new file", "file removed", "file renamed", "other class", "class renamed"],
)
def test_a_changed_data_set_is_noticed(root: Path, shelf: Shelf, change: Callable[[Path], object]) -> None:
    """Contents, names and labels all belong to the digest, and the pixels follow."""
    before = load_images(config_of(root), shelf)
    change(root)

    after = load_images(config_of(root), shelf)

    assert after.digest != before.digest
    assert shelf.decoded == 2
    for index, name in enumerate(after.ids):
        assert np.array_equal(after.pixels[index], inspect_image(str(root / name), config_of(root)).pixels)


def test_a_file_just_written_is_hashed_every_time(root: Path, shelf: Shelf, monkeypatch: pytest.MonkeyPatch) -> None:
    """Time stamps are too coarse to show a second change right after the first."""
    monkeypatch.setattr(listing, "FRESH_SECONDS", 3600.0)

    load_images(config_of(root), shelf)

    assert not list(shelf.folder.glob("pictures/seen-*.json"))


@pytest.mark.parametrize(
    "settings", [{"image_size": 16}, {"channels": 1}, {"exif": "transpose"}], ids=["size", "channels", "exif"]
)
def test_each_way_of_decoding_has_its_own_copy(root: Path, shelf: Shelf, settings: dict[str, object]) -> None:
    """A factor on decoding gets other pixels of the same data."""
    first = load_images(config_of(root), shelf)
    second = load_images(config_of(root, **settings), shelf)

    assert shelf.decoded == 2
    assert second.digest == first.digest
    assert second.groups.tolist() == first.groups.tolist()


def test_another_pillow_decodes_anew(root: Path, shelf: Shelf, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its JPEG decoder may round differently; the data themselves are the same."""
    first = load_images(config_of(root), shelf)
    monkeypatch.setattr("PIL.__version__", "99.0")

    assert load_images(config_of(root), shelf).digest == first.digest
    assert shelf.decoded == 2


def test_settings_that_do_not_touch_pixels_share_the_copy(root: Path, shelf: Shelf) -> None:
    """Normalisation, split and policy come after decoding."""
    load_images(config_of(root), shelf)
    load_images(config_of(root, normalize="imagenet", train=0.5, seed=3, on_bad_image="skip"), shelf)

    assert shelf.decoded == 1


def test_the_digest_is_stable(tmp_path: Path, shelf: Shelf) -> None:
    """A golden value: finished runs are reused by it."""
    for name in ("a/1.png", "b/2.png"):
        (tmp_path / "data" / name).parent.mkdir(parents=True)
        (tmp_path / "data" / name).write_bytes(name.encode())

    with pytest.raises(DataError):
        load_images(config_of(tmp_path / "data"), shelf)

    memo = read_sealed(next(shelf.folder.glob("pictures/seen-*.json")))
    assert memo == {"digest": "9ef3ac700dcb4c32c5f4567e16d6bdcb3d099c76059c76885a28576467cba96f"}


# --- bad images -----------------------------------------------------------------------------


def test_all_unreadable_images_are_named_before_anything_is_trained(root: Path, shelf: Shelf) -> None:
    """One run finds them all, each with its reason, and says how to go on."""
    bad = write_bad_images(root / "dog")

    with pytest.raises(DataError) as caught:
        load_images(config_of(root), shelf)

    assert caught.value.message.startswith(f"{len(bad)} images cannot be read:\n")
    for name, words in bad.items():
        line = next(line for line in caught.value.message.splitlines() if f"dog/{name}:" in line)
        assert words in line
    assert "data.on_bad_image: skip" in caught.value.hint


def test_a_long_list_of_unreadable_images_is_cut(root: Path, shelf: Shelf) -> None:
    """Twenty are named, the others counted."""
    for index in range(25):
        (root / "cat" / f"z{index:02}.jpg").touch()

    with pytest.raises(DataError) as caught:
        load_images(config_of(root), shelf)

    lines = caught.value.message.splitlines()
    assert sum(line.endswith(": the file is empty") for line in lines) == 20
    assert "  and 5 more" in lines


def test_skipped_images_are_left_out_and_told(root: Path, shelf: Shelf) -> None:
    """The others keep their rows; what was left out is listed with its reason."""
    whole = load_images(config_of(root), shelf)
    (root / "cat" / "001a.jpg").touch()

    images = load_images(config_of(root, on_bad_image="skip"), shelf)

    assert images.unreadable == ("cat/001a.jpg",)
    assert images.notes == ("1 image left out as unreadable: cat/001a.jpg (the file is empty)",)
    assert images.ids == whole.ids
    assert np.array_equal(images.pixels, whole.pixels)
    assert images.digest == whole.digest


def test_a_dangling_link_is_an_unreadable_image(root: Path, shelf: Shelf) -> None:
    """It is named like the others, and fixing it is noticed."""
    (root / "cat" / "link.jpg").symlink_to(root.parent / "later.jpg")
    with pytest.raises(DataError, match=r"cat/link\.jpg: No such file"):
        load_images(config_of(root), shelf)

    write_image(root.parent / "x", "rgb_jpg", seed=5).rename(root.parent / "later.jpg")

    assert "cat/link.jpg" in load_images(config_of(root), shelf).ids


def test_a_copy_made_under_skip_does_not_weaken_error(root: Path, shelf: Shelf) -> None:
    """The policy is asked at every opening."""
    (root / "cat" / "bad.jpg").touch()
    load_images(config_of(root, on_bad_image="skip"), shelf)

    with pytest.raises(DataError, match=r"cat/bad\.jpg: the file is empty"):
        load_images(config_of(root), shelf)
    assert shelf.decoded == 1


def test_a_class_without_a_readable_image_is_refused_even_under_skip(root: Path, shelf: Shelf) -> None:
    """A class must not vanish silently."""
    (root / "emu").mkdir()
    (root / "emu" / "1.jpg").touch()

    with pytest.raises(DataError, match="no image can be read of class emu"):
        load_images(config_of(root, classes=3, on_bad_image="skip"), shelf)


@pytest.mark.parametrize("policy", ["error", "skip"])
def test_a_data_set_of_unreadable_images_is_refused(tmp_path: Path, shelf: Shelf, policy: str) -> None:
    """Nothing is left to skip to."""
    for name in ("cat", "dog"):
        write_bad_images(tmp_path / "data" / name)

    with pytest.raises(DataError, match="images cannot be read"):
        load_images(config_of(tmp_path / "data", on_bad_image=policy), shelf)


# --- duplicates and notes ---------------------------------------------------------------------


def test_duplicates_form_groups_and_are_told(root: Path, shelf: Shelf) -> None:
    """A copied file and an image stored anew without loss belong to the original's group."""
    original = root / "cat" / "001-rgb_png.png"
    shutil.copy(original, root / "cat" / "copy.png")
    with Image.open(original) as image:
        image.save(root / "cat" / "stored anew.bmp")
    shutil.copy(root / "dog" / "000-rgb_jpg.jpg", root / "dog" / "zz.jpg")

    images = load_images(config_of(root), shelf)

    group = dict(zip(images.ids, images.groups.tolist(), strict=True))
    first = images.ids.index("cat/001-rgb_png.png")
    assert group["cat/001-rgb_png.png"] == group["cat/copy.png"] == group["cat/stored anew.bmp"] == first
    assert group["dog/000-rgb_jpg.jpg"] == group["dog/zz.jpg"]
    assert len(set(group.values())) == 8
    assert images.notes[0].startswith("5 duplicate images in 2 groups")


def test_equal_images_of_two_classes_are_refused(root: Path, shelf: Shelf) -> None:
    """One of the labels is wrong, and only the user knows which."""
    shutil.copy(root / "cat" / "001-rgb_png.png", root / "dog" / "also a cat.png")

    with pytest.raises(DataError, match=r"cat/001-rgb_png\.png = dog/also a cat\.png") as caught:
        load_images(config_of(root), shelf)

    assert "wrongly labelled" in caught.value.hint


@pytest.mark.parametrize(
    ("exif", "words"),
    [("ignore", "2 images with an EXIF orientation, ignored (data.exif: transpose applies it)"),
     ("transpose", "2 images with an EXIF orientation, applied")],
)  # fmt: skip
def test_exif_orientations_are_counted(tmp_path: Path, shelf: Shelf, exif: str, words: str) -> None:
    """A reader learns of turned images whether or not they are turned back."""
    root = write_image_folder(tmp_path / "data", per_class=2, kinds=("turned_jpg", "rgb_png"))

    assert load_images(config_of(root, exif=exif), shelf).notes == (words,)


def test_dropped_files_are_told_for_the_folder_they_lie_in(tmp_path: Path, root: Path, shelf: Shelf) -> None:
    """They are no part of the data, so they change neither digest nor copy."""
    first = load_images(config_of(root), shelf)
    (root / "cat" / "a.gif").touch()

    second = load_images(config_of(root), shelf)

    assert second.notes == ("1 file ImageFolder would drop: cat/a.gif",)
    assert_same(first, second)


# --- damage -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "damage",
    [
        lambda copy: os.truncate(copy / "pixels.bin", 100),
        lambda copy: (copy / "pixels.bin").unlink(),
        lambda copy: os.truncate(copy / "pictures.json", 50),
        lambda copy: (copy / "pictures.json").write_text("[]"),
        lambda copy: (copy / "pictures.json").unlink(),
    ],
    ids=["pixels cut", "pixels gone", "json cut", "json foreign", "json gone"],
)
def test_a_damaged_copy_is_decoded_again_and_told(
    root: Path, shelf: Shelf, damage: Callable[[Path], object], caplog: pytest.LogCaptureFixture
) -> None:
    """A torn copy is never trained on, and is no reason to stop."""
    whole = load_images(config_of(root), shelf)
    expected = np.array(whole.pixels)
    copy = shelf.copy
    damage(copy)

    again = load_images(config_of(root), shelf)

    assert np.array_equal(again.pixels, expected)
    assert_same(again, load_images(config_of(root), shelf))
    assert shelf.decoded == 2
    assert f"{copy} was damaged" in caplog.text
    assert [path.name for path in copy.parent.iterdir() if path.name.startswith(".")] == []


def test_no_changed_bit_of_a_copy_is_trained_on(root: Path, shelf: Shelf) -> None:
    """In each of its files, wherever the bit is: pixels, labels, groups, digest."""
    expected = load_images(config_of(root), shelf)
    held = np.array(expected.pixels)
    draw = random.Random(0)
    for file in [*shelf.copy.iterdir(), *shelf.folder.glob("pictures/seen-*.json")]:
        for _ in range(20):
            content = bytearray(file.read_bytes())
            bit = draw.randrange(8 * len(content))
            content[bit // 8] ^= 1 << bit % 8
            file.write_bytes(content)

            assert_same(load_images(config_of(root), shelf), expected._replace(pixels=held))


def test_a_disk_that_damages_whatever_it_is_given_is_named(root: Path, shelf: Shelf) -> None:
    """Once more is enough; then the copy is not to blame."""

    def broken(key: str, build: Callable[[Path], None]) -> Path:
        path = shelf(key, build)
        if path.is_dir():
            os.truncate(path / "pixels.bin", 100)
        return path

    with pytest.raises(Damaged, match="damaged as soon as it is written"):
        load_images(config_of(root), broken)


def test_a_torn_memo_is_not_trusted(root: Path, shelf: Shelf) -> None:
    """The digest is computed again, and kept."""
    first = load_images(config_of(root), shelf)
    memo = next(shelf.folder.glob("pictures/seen-*.json"))
    whole = memo.read_bytes()
    memo.write_text('{"dig')

    assert_same(load_images(config_of(root), shelf), first)
    assert memo.read_bytes() == whole


def test_images_that_change_while_they_are_read_are_not_stored(
    root: Path, shelf: Shelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The copy under a digest holds exactly the images of that digest."""
    hashes_of = cache.hashes_of

    def hash_then_change(images: list[ImageFile]) -> list[str]:
        hashes = hashes_of(images)
        changed_in_place(root)
        return hashes

    monkeypatch.setattr(cache, "hashes_of", hash_then_change)

    with pytest.raises(DataError, match=r"changed while they were being read"):
        load_images(config_of(root), shelf)
    assert shelf.decoded == 1
    assert not [path for path in (shelf.folder / "pictures").iterdir() if path.is_dir()]


# --- other sources ----------------------------------------------------------------------------


def test_digits_are_cached_too(shelf: Shelf, monkeypatch: pytest.MonkeyPatch) -> None:
    """Grey scans become RGB where three channels are asked for; the second opening needs no scikit-learn."""
    config = config_of(None, classes=10)
    progress: list[tuple[int, int]] = []

    images = load_images(config, shelf, progress=lambda done, total: progress.append((done, total)))

    assert images.pixels.shape == (1797, 8, 8, 3)
    assert np.array_equal(images.pixels[..., 0], images.pixels[..., 2])
    assert np.bincount(images.targets).tolist() == [178, 182, 177, 183, 181, 182, 181, 179, 174, 180]
    assert progress[-1] == (1797, 1797)
    assert images.notes == ()
    monkeypatch.setattr(sources, "_digits", lambda: pytest.fail("loaded again"))
    assert_same(load_images(config, shelf), images)


def test_an_official_test_part_becomes_indices(root: Path, shelf: Shelf, monkeypatch: pytest.MonkeyPatch) -> None:
    """Indices count the readable images, ids do not move."""
    (root / "cat" / "000.jpg").touch()
    official = frozenset({"cat/000.jpg", "cat/001-rgb_png.png", "dog/003-rgb_png.png"})

    listed = sources.list_images

    def with_test_part(config: DataConfig) -> Listing:
        listing = listed(config)
        return listing._replace(read=lambda: listing.read()._replace(official_test=official))

    monkeypatch.setattr(cache, "list_images", with_test_part)

    images = load_images(config_of(root, on_bad_image="skip"), shelf)

    assert {images.ids[index] for index in images.official_test} == official - {"cat/000.jpg"}


def test_images_of_several_sizes_cannot_wait_for_the_device(tmp_path: Path, shelf: Shelf) -> None:
    """The sizes are listed with their counts, the commonest first."""
    root = write_image_folder(tmp_path / "data", kinds=("rgb_png",))
    write_image(root / "cat" / "large", "rgb_png", size=(30, 20))

    with pytest.raises(DataError, match=r"resize: device needs .*: 24x18 \(8\), 30x20 \(1\)\. Set .*pil"):
        load_images(config_of(root, resize="device"), shelf)


def test_images_of_one_size_are_cached_at_it(tmp_path: Path, shelf: Shelf) -> None:
    """It need not be square."""
    root = write_image_folder(tmp_path / "data", kinds=("rgb_png",))

    images = load_images(config_of(root, resize="device"), shelf)

    assert images.pixels.shape == (8, 18, 24, 3)
    with Image.open(root / images.ids[0]) as image:
        assert np.array_equal(images.pixels[0], np.asarray(image))
