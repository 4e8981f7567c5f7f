"""The images that {split} divides: from a table, or from folders."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from ablate.command.images import read_images, split_text
from ablate.command.schema import path_of
from ablate.command.settings import CommandConfig
from ablate.command.trainer import prepare
from ablate.errors import DataError
from ablate.splits.rules import Folds, Protocol
from tests.command_builders import a_block
from tests.training_builders import a_live_run, a_spec


def test_a_table_names_images_classes_groups_and_the_test_of_the_source(tmp_path: Path) -> None:
    """One without a group is on its own."""
    path = tmp_path / "images.csv"
    path.write_text("id,target,group,part\na,cat,p1,train\nb,dog,,test\nc,cat,p1,test\n")
    found = read_images(path)

    assert found.ids == ["a", "b", "c"]
    assert found.targets == ["cat", "dog", "cat"]
    assert found.groups is not None
    assert found.groups[0] == found.groups[2] != found.groups[1]
    assert found.official == [1, 2]
    assert json.loads(split_text(found, [0], [], [2, 1])) == {"fit": ["a"], "val": [], "test": ["c", "b"]}


def test_the_images_to_fit_on_are_counted_without_those_of_validation(tmp_path: Path) -> None:
    """As with every trainer: the parts add up to the table."""
    rows = "".join(f"i{number},{number % 2}\n" for number in range(100))
    (tmp_path / "images.csv").write_text(f"id,target\n{rows}")
    block = a_block(command=["python", "t.py", "{split}"], images=str(tmp_path / "images.csv"), answers="a.csv")
    protocol = Protocol(test=Folds(count=5), val=0.1)
    run = a_live_run(tmp_path, a_spec({}, trainer=path_of(block), protocol=protocol))

    assert sum(prepare(block, CommandConfig(), run).counts.values()) == 100


def test_folders_of_classes_are_a_table_of_their_images(tmp_path: Path) -> None:
    """By their paths below the root; what is no image is no row."""
    for name in ("cat/1.png", "cat/deep/2.jpg", "dog/3.png", "dog/notes.txt"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("")
    found = read_images(tmp_path)

    assert sorted(zip(found.ids, found.targets, strict=True)) == [
        ("cat/1.png", "cat"), ("cat/deep/2.jpg", "cat"), ("dog/3.png", "dog"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"name,target\na,1\n", "images.csv:1: there is no column 'id', only name, target"),
        (b"", "images.csv:1: there is no column 'id', only none"),
        (b"id,target\na,1\nb\n", "images.csv:3: the row has another number of cells"),
        (b"id,target\na,1,2\n", "images.csv:2: the row has another number of cells"),
        (b'id,target\na,1\nb,"x\n' + b"c,1\n" * 50_000, "field larger than field limit"),
        (b"id,target\n\xff,1\n", "is not UTF-8 text"),
        (None, "there is no "),
    ],
)
def test_a_table_that_cannot_be_read_is_refused(tmp_path: Path, content: bytes | None, message: str) -> None:
    """With file and line."""
    path = tmp_path / "images.csv"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(DataError) as caught:
        read_images(path)

    assert message in caught.value.message
    assert caught.value.hint
