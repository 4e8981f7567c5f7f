"""Which images stay together: equal pixels and one origin, through any chain of both."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from ablate.errors import DataError
from ablate.files import build_once
from ablate.training.config import DataConfig
from ablate.training.data.cache import load_images
from ablate.training.data.findings import ScanReport
from ablate.training.data.grouping import merged_groups, origins_of
from tests.image_fixtures import write_image_folder
from tests.layout_fixtures import write_table


def config_of(source: dict[str, Any] | None = None, **more: Any) -> DataConfig:
    given = source or {"name": "image_folder", "root": "x"}
    return DataConfig.model_validate({"source": given, "classes": 2, "image_size": 8} | more)


def found_with(groups: list[int], *, ids: tuple[str, ...] = (), origins: tuple[str, ...] = ()) -> ScanReport:
    count = len(groups)
    names = ids or tuple(f"{index}" for index in range(count))
    return ScanReport((count, 8, 8, 3), ("a", "b"), names, [0] * count, groups, origins, None, (), 0)


def test_images_of_one_origin_stay_together() -> None:
    """The group is what the parentheses match, wherever it stands in the id."""
    found = found_with([0, 1, 2, 3], ids=("a/anna-1.jpg", "b/anna-2.jpg", "a/ben-1.jpg", "b/anna-3.jpg"))

    assert merged_groups(found, config_of(groups=r"/(\w+)-\d")) == [0, 0, 2, 0]


def test_a_copy_ties_two_origins_together() -> None:
    """1 and 2 are equal images of different origins: all four belong together."""
    found = found_with([0, 1, 1, 3], origins=("x", "x", "y", "y"))

    assert merged_groups(found, config_of()) == [0, 0, 0, 0]


def test_without_origins_only_equal_images_are_grouped() -> None:
    """Nothing else is guessed."""
    assert merged_groups(found_with([0, 1, 1]), config_of()) == [0, 1, 1]


def test_several_groups_are_an_origin_together() -> None:
    """A person on a day."""
    assert origins_of(["anna-mon-1", "anna-tue-1"], r"(\w+)-(\w+)-") == [("anna", "mon"), ("anna", "tue")]


def test_ids_without_an_origin_are_listed() -> None:
    """A typing error in the pattern must not leave every image on its own."""
    with pytest.raises(DataError, match=r"data\.groups: .* of 1 of 2 images' ids: b/2\.jpg\."):
        origins_of(["a/anna-1.jpg", "b/2.jpg"], r"(\w+)-\d")


@pytest.mark.parametrize("pattern", ["(", "no group"])
def test_a_pattern_that_cannot_name_an_origin_is_refused(pattern: str) -> None:
    """By `check`, without data."""
    with pytest.raises(ValidationError, match=r"is not a regular expression|a group in parentheses"):
        config_of(groups=pattern)


def test_origins_are_given_once() -> None:
    """A table's column and a pattern could contradict each other."""
    with pytest.raises(ValidationError, match=r"leave one out"):
        config_of({"name": "csv", "file": "x.csv", "group": "owner"}, groups="(x)")


def test_the_column_of_a_table_groups_its_images(tmp_path: Path) -> None:
    """Two images in turn have the same owner."""
    source = {"name": "csv", "file": str(write_table(tmp_path)), "group": "owner"}

    images = load_images(config_of(source), lambda key, build: build_once(tmp_path / "work" / key, build))

    assert images.groups.tolist() == [0, 0, 2, 2, 4, 4, 6, 6, 8, 8, 10, 10]


def test_groups_need_no_other_copy(tmp_path: Path) -> None:
    """How images are grouped does not touch how they are decoded, nor what they are."""
    root = write_image_folder(tmp_path / "data")
    built = []

    def cached(key: str, build: Any) -> Path:
        return build_once(tmp_path / "work" / key, lambda path: (built.append(key), build(path))[1])

    source = {"name": "image_folder", "root": str(root)}
    plain = load_images(config_of(source), cached)
    grouped = load_images(config_of(source, groups=r"(cat|dog)/"), cached)

    assert grouped.digest == plain.digest
    assert grouped.groups.tolist() == [0] * 4 + [4] * 4
    assert sum(not key.endswith(".json") for key in built) == 1
