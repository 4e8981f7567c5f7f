"""What a data set is known by: the images that are used, whatever lies beside them."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from ablate.files import build_once, write_sealed
from ablate.records import Finished, Stamp
from ablate.results.survey import CurrentProvenance
from ablate.store.data_identity import DataIdentity
from ablate.store.run_names import read_source, write_names
from ablate.training.config import DataConfig
from ablate.training.data import cache, listing
from ablate.training.data.cache import DecodedImages, load_images
from ablate.training.data.same import former_digests, is_of
from tests.image_fixtures import write_image_folder
from tests.layout_fixtures import write_table

Cached = Callable[[str, Callable[[Path], None]], Path]


@pytest.fixture(autouse=True)
def _time_stamps_are_settled(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listing, "FRESH_SECONDS", 0.0)


@pytest.fixture
def shelf(tmp_path: Path) -> Cached:
    return lambda key, build: build_once(tmp_path / "cache" / key, build)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return write_image_folder(tmp_path / "data")


def config_of(root: Path, *, bad: str = "skip", **source: object) -> DataConfig:
    where = {"name": "image_folder", "root": str(root)} | source
    return DataConfig.model_validate({"source": where, "classes": 2, "image_size": 8, "on_bad_image": bad})


def loaded(root: Path, shelf: Cached) -> DecodedImages:
    return load_images(config_of(root), shelf)


def test_an_image_that_was_left_out_may_go(root: Path, shelf: Cached) -> None:
    """Nothing that was trained on has changed, so the data are the same; they were known by both digests."""
    bad = root / "cat" / "torn.jpg"
    bad.write_bytes(b"no image")
    with_it = loaded(root, shelf)
    bad.unlink()
    without = loaded(root, shelf)

    assert with_it.digest == without.digest == without.listed
    assert with_it.listed != with_it.digest
    assert former_digests(with_it, config_of(root), shelf) == (with_it.listed,)


def test_another_one_may_come(root: Path, shelf: Cached) -> None:
    """It is left out as well."""
    before = loaded(root, shelf)
    (root / "dog" / "torn.png").touch()

    assert loaded(root, shelf).digest == before.digest


def test_one_that_is_mended_is_another_data_set(root: Path, shelf: Cached) -> None:
    """It is trained on now."""
    good = next((root / "cat").iterdir())
    bad = root / "cat" / "z.png"
    bad.touch()
    before = loaded(root, shelf)
    bad.write_bytes(good.read_bytes())

    assert loaded(root, shelf).digest != before.digest


def test_a_stamp_by_the_earlier_rule_counts_after_the_file_has_gone(root: Path, shelf: Cached) -> None:
    """As long as the decoded copy of then is kept: it holds the same images."""
    bad = root / "cat" / "torn.jpg"
    bad.touch()
    earlier = loaded(root, shelf).listed
    bad.unlink()
    images = loaded(root, shelf)

    assert former_digests(images, config_of(root), shelf) == (earlier,)
    assert is_of(earlier, images, config_of(root), shelf)
    assert is_of(images.digest, images, config_of(root), shelf)
    assert not is_of("another", images, config_of(root), shelf)


def test_a_hidden_file_that_was_left_out_before_changes_nothing(
    root: Path, shelf: Cached, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Earlier versions listed it and could not read it; the runs of then are still of these data."""
    (root / "cat" / "._000.png").write_bytes(b"\0\5\x16\7")
    with monkeypatch.context() as earlier:
        earlier.setattr("ablate.readers.image_folders.is_system_entry", lambda name: False)
        then = loaded(root, shelf)
    now = loaded(root, shelf)

    assert then.unreadable == ("cat/._000.png",)
    assert (now.unreadable, now.digest) == ((), then.digest)
    assert former_digests(now, config_of(root), shelf) == (then.listed,)


def test_other_images_are_never_taken_for_the_same(root: Path, shelf: Cached) -> None:
    """An image less, beside one that cannot be read: another data set."""
    (root / "cat" / "torn.jpg").touch()
    earlier = loaded(root, shelf).listed
    next((root / "dog").iterdir()).unlink()
    images = loaded(root, shelf)

    assert not is_of(earlier, images, config_of(root), shelf)


def test_the_parts_and_origins_of_an_unreadable_image_do_not_count(tmp_path: Path, shelf: Cached) -> None:
    """A table that names it, and one that does not, give the same data."""
    table = write_table(tmp_path)
    source = {"name": "csv", "file": str(table), "split": {"column": "part"}, "group": "owner"}
    config = DataConfig.model_validate(
        {"source": source, "classes": 2, "image_size": 8, "on_bad_image": "skip"},
    )
    before = load_images(config, shelf)
    table.write_text(table.read_text() + "gone.png,cat,test,nobody\n")
    os.utime(table, (1, 1))

    after = load_images(config, shelf)

    assert after.unreadable == ("gone.png",)
    assert after.digest == before.digest


def test_nothing_is_hashed_twice_for_it(root: Path, shelf: Cached, monkeypatch: pytest.MonkeyPatch) -> None:
    """The digest of what is used is remembered, too."""
    (root / "cat" / "torn.jpg").touch()
    first = loaded(root, shelf)
    monkeypatch.setattr(cache, "hashes_of", lambda images: pytest.fail("hashed again"))

    assert loaded(root, shelf).digest == first.digest


# --- what the digests are asked for -----------------------------------------------------------


def a_finished(digest: str) -> Finished:
    return Finished(folder=Path("x"), metrics={}, stamp=Stamp(source_digest="code", data_digest=digest))


def test_no_run_is_stale_for_the_rule() -> None:
    """Both digests are of these data; a third is not."""
    origin = CurrentProvenance(source_digest="code", data_digests={"BN": "used"}, former_digests={"BN": ("listed",)})

    assert [origin.differences("BN", a_finished(one)) for one in ("used", "listed", "third")] == [[], [], ["the data"]]
    assert not origin.is_elsewhere("BN", a_finished("listed"))


def test_the_study_remembers_both_digests(tmp_path: Path) -> None:
    """`predict` and `status` ask plan.json; one without the key is read as before."""
    source = DataIdentity(places={"root": "x"}, digest="used", former=("listed",))
    write_names(tmp_path, "s", "s.yaml", {"BN": {}, "wide": {}}, {"BN": source, "wide": DataIdentity(digest="d")})

    assert read_source(tmp_path, "BN") == source
    assert read_source(tmp_path, "wide") == DataIdentity(digest="d")


def test_a_sealed_plan_of_an_earlier_version_is_read(tmp_path: Path) -> None:
    """Its data have no former digests."""
    data = {"BN": {"places": {}, "digest": "d"}}
    write_sealed(tmp_path / "plan.json", {"study": "s", "file": "f", "variants": {}, "data": data, "looks": []})

    assert read_source(tmp_path, "BN") == DataIdentity(digest="d")
