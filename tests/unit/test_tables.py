"""Tables of images as people write them: read whole, or refused by line with what to do."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from ablate.errors import DataError
from ablate.training.config import DataConfig
from ablate.training.data.listing import Contents
from ablate.training.data.sources import list_images

HEAD = "path,label\n"


def contents_of(table: Path, **source: Any) -> Contents:
    more = {"multi_label": source.pop("multi_label", False)}
    config = {"source": {"name": "csv", "file": str(table)} | source, "classes": 2, "image_size": 8} | more
    return list_images(DataConfig.model_validate(config)).read()


def written(folder: Path, text: str, name: str = "t.csv") -> Path:
    """A table; the images it names need not be there to be listed."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / name).open("w", encoding="utf-8", newline="") as stream:
        stream.write(text)
    return folder / name


def labels_in(contents: Contents) -> dict[str, str]:
    return {one.id: contents.classes[one.label] for one in contents.images if isinstance(one.label, int)}


TWO = {"a/1.png": "cat", "b/2.png": "dog"}


@pytest.mark.parametrize(
    "text",
    [
        "path;label\na/1.png;cat\nb/2.png;dog\n",
        "path\tlabel\na/1.png\tcat\nb/2.png\tdog\n",
        "sep=;\npath;label\na/1.png;cat\nb/2.png;dog\n",
        "sep=,\r\npath,label\r\na/1.png,cat\r\nb/2.png,dog\r\n",
        " path , label\na/1.png , cat\n b/2.png,dog \n",
        "\ufeff\u00a0path,label\u00a0\na/1.png,cat\nb/2.png,dog",
        HEAD + "a/1.png,cat\nb/2.png,dog\n,\n,\n",
        HEAD + "a/1.png,cat\n\n  \nb/2.png,dog\n \n\n",
        "\n" + HEAD + "a/1.png,cat\nb/2.png,dog\n",
        "path,label,,\na/1.png,cat,,\nb/2.png,dog,,\n",
        HEAD + "a/1.png,cat,,\nb/2.png,dog,\n",
        "note,path,note,label\nx,a/1.png,y,cat\n,b/2.png,,dog\n",
        '"path","label"\n"a/1.png","cat"\n"b/2.png","dog"\n',
        "path,label\ra/1.png,cat\rb/2.png,dog\r",
        HEAD + "a\\1.png,cat\n.\\b\\2.png,dog\n",
        HEAD + "./a/1.png,cat\nb//x/../2.png,dog\n",
    ],
)
def test_a_table_is_read_as_it_was_meant(tmp_path: Path, text: str) -> None:
    """Separators, blanks, empty rows and columns, line ends, backslashes: the same two images."""
    assert labels_in(contents_of(written(tmp_path, text))) == TWO


@pytest.mark.parametrize(("name", "separator"), [("t.tsv", ","), ("t.txt", "\t"), ("t.tab", ";"), ("t", ",")])
def test_the_headings_tell_the_separator_not_the_name(tmp_path: Path, name: str, separator: str) -> None:
    """Whatever the file is called."""
    text = separator.join(["path", "label"]) + f"\na/1.png{separator}cat\nb/2.png{separator}dog\n"

    assert labels_in(contents_of(written(tmp_path, text, name))) == TWO


def test_a_separator_within_labels_is_theirs(tmp_path: Path) -> None:
    """A table with tabs may have commas and semicolons in its cells."""
    table = written(tmp_path, "path\tlabel\na/1.png\tcat, tabby\nb/2.png\tcat; persian\n")

    assert set(labels_in(contents_of(table)).values()) == {"cat, tabby", "cat; persian"}


def test_no_cell_is_cut_off(tmp_path: Path) -> None:
    """`cat, tabby` without quotation marks is refused by its line: cut, two classes would become one."""
    table = written(tmp_path, HEAD + "a/1.png,cat, tabby\nb/2.png,dog\nc/3.png,cat, persian\n")

    with pytest.raises(DataError, match=r"2 rows have more cells than the 2 headings \(path, label\)") as caught:
        contents_of(table)

    assert "line 2: a/1.png | cat | tabby; line 4: c/3.png | cat | persian" in caught.value.message
    assert "quotation marks" in caught.value.hint


def test_quoted_cells_may_hold_the_separator(tmp_path: Path) -> None:
    """As the remedy says."""
    table = written(tmp_path, HEAD + 'a/1.png,"cat, tabby"\nb/2.png,"cat, persian"\n')

    assert contents_of(table).classes == ("cat, persian", "cat, tabby")


def test_rows_that_begin_with_a_number_of_their_own_are_recognised(tmp_path: Path) -> None:
    """R writes such tables: all rows are one cell wider than the headings."""
    table = written(tmp_path, HEAD + "1,a/1.png,cat\n2,b/2.png,dog\n")

    with pytest.raises(DataError, match="more cells") as caught:
        contents_of(table)

    assert "begins with a number or a name of its own" in caught.value.hint


@pytest.mark.parametrize("headings", ["path,label,label", "path,label, label ", "label,path,label"])
def test_a_heading_that_is_asked_for_stands_there_once(tmp_path: Path, headings: str) -> None:
    """Of two columns nobody knows which is meant."""
    table = written(tmp_path, f"{headings}\na/1.png,cat,x\nb/2.png,dog,y\n")

    with pytest.raises(DataError, match=r"line 1: the heading 'label' appears 2 times, in columns \d and 3") as caught:
        contents_of(table)

    assert "base.data.source.label" in caught.value.hint


def test_a_table_without_headings_says_so(tmp_path: Path) -> None:
    """Its first row is an image's."""
    with pytest.raises(DataError, match="has no column 'path'") as caught:
        contents_of(written(tmp_path, "a/1.png,cat\nb/2.png,dog\n"))

    assert "it looks like one of an image" in caught.value.hint


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "is empty"),
        ("\n \n", "is empty"),
        (HEAD, "has no rows"),
        (HEAD + ",\n", "has no rows"),
        (HEAD + 'a/1.png,"cat\nb/2.png,dog\n', "cannot read .*line 3"),
        (
            HEAD + "a/1.png,cat\nb/2.png,dog\na\\1.png,dog\n",
            r"1 row .*line 4: a/1\.png appears twice, first in line 2",
        ),
        (HEAD + "C:\\data\\1.png,cat\n", r"line 2: C:\\data\\1\.png is an absolute path of another machine"),
        (HEAD + "..\\1.png,cat\n", r"line 2: \.\.\\1\.png leads out of"),
    ],
)
def test_what_cannot_be_read_is_named(tmp_path: Path, text: str, words: str) -> None:
    """By line where it has one."""
    with pytest.raises(DataError, match=words):
        contents_of(written(tmp_path, text))


def test_a_backslash_that_is_part_of_a_name_stays(tmp_path: Path) -> None:
    """A file may be called so; its id is what it was."""
    table = written(tmp_path, HEAD + "a\\1.png,cat\nb/2.png,dog\n")
    (tmp_path / "a\\1.png").touch()

    assert set(labels_in(contents_of(table))) == {"a\\1.png", "b/2.png"}


# --- names without an extension ---------------------------------------------------------------


def test_a_suffix_completes_bare_names(tmp_path: Path) -> None:
    """Names that have an image's extension already are left alone."""
    table = written(tmp_path, HEAD + "a/1,cat\nb/2.png,dog\nb/v1.2,dog\nb/3.JPG,dog\n")

    found = labels_in(contents_of(table, suffix=".png"))

    assert list(found) == ["a/1.png", "b/2.png", "b/3.JPG", "b/v1.2.png"]


def test_bare_names_propose_the_suffix(tmp_path: Path) -> None:
    """Where the files are there but for it."""
    table = written(tmp_path, HEAD + "1,cat\n2,dog\n")
    for name in ("1.jpeg", "2.jpeg"):
        (tmp_path / name).touch()

    with pytest.raises(
        DataError, match=r"2 rows .*line 2: there is no file 1, but 1\.jpeg \(set source\.suffix: \.jpeg\)"
    ):
        contents_of(table)
    assert len(contents_of(table, suffix=".jpeg").images) == 2


@pytest.mark.parametrize("suffix", ["png", "", "a/b.png"])
def test_a_suffix_is_the_end_of_a_name(suffix: str) -> None:
    """`png` without a dot would name no file."""
    with pytest.raises(ValidationError, match=r"write it as \.png"):
        contents_of(Path("t.csv"), suffix=suffix)


# --- absolute paths ---------------------------------------------------------------------------


@pytest.fixture
def linked(tmp_path: Path) -> tuple[Path, Path]:
    """A folder, and another way to it: a home on a cluster, /tmp on a Mac."""
    (tmp_path / "real" / "data").mkdir(parents=True)
    (tmp_path / "home").symlink_to("real")
    return tmp_path / "real" / "data", tmp_path / "home" / "data"


@pytest.mark.parametrize("named", ["real", "home"])
@pytest.mark.parametrize("opened", ["real", "home"])
@pytest.mark.parametrize("with_root", [True, False])
def test_absolute_paths_may_come_by_a_link(
    linked: tuple[Path, Path], named: str, opened: str, *, with_root: bool
) -> None:
    """Whichever of the two ways the table names, and whichever it is opened by."""
    ways = dict(zip(("real", "home"), linked, strict=True))
    written(linked[0], HEAD + f"{ways[named]}/a/1.png,cat\n{ways[named]}/b/2.png,dog\n")
    source = {"root": str(ways[opened])} if with_root else {}

    contents = contents_of(ways[opened] / "t.csv", **source)

    assert labels_in(contents) == TWO
    assert {one.content for one in contents.images} == {str(linked[0] / name) for name in TWO}


@pytest.mark.parametrize(
    "path", ["{home}/../secret.png", "{home}/a/../../../secret.png", "{tmp}/secret.png", "{home}/../../real/x/1.png"]
)
def test_a_link_opens_no_way_out(linked: tuple[Path, Path], tmp_path: Path, path: str) -> None:
    """What is not below the folder stays out of reach."""
    table = written(linked[0], HEAD + path.format(home=linked[1], tmp=tmp_path) + ",cat\n")

    with pytest.raises(DataError, match="leads out of"):
        contents_of(table)


def test_a_path_through_a_link_inside_keeps_its_id(linked: tuple[Path, Path]) -> None:
    """A folder inside that leads back to the whole one names its images as before."""
    os.symlink(linked[0], linked[0] / "again")
    table = written(linked[0], HEAD + f"{linked[0]}/again/a/1.png,cat\nagain/b/2.png,dog\n")

    assert set(labels_in(contents_of(table))) == {"again/a/1.png", "again/b/2.png"}
