"""YAML with line numbers: a small, strict dialect without surprises."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ablate.errors import StudyError
from ablate.study.reader import MAX_BYTES, MAX_DEPTH, read_document, read_text, read_value


def refusal(read: Callable[[], Any]) -> StudyError:
    """Why a text is refused."""
    with pytest.raises(StudyError) as caught:
        read()
    return caught.value


def refused(text: str) -> str:
    """The message for a text that is refused; each comes with a remedy."""
    error = refusal(lambda: read_text(text, name="x.yaml"))
    assert error.hint
    return error.message


# --- values -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1e-4", 1e-4),
        ("1E3", 1000.0),
        ("-.5", -0.5),
        ("1.", 1.0),
        ("0123", 123),
        ("+7", 7),
        ("1.10", 1.1),
        ("12345678901234567890123", 1.2345678901234568e22),
        ("no", "no"),
        ("on", "on"),
        ("yes", "yes"),
        ("12:30:00", "12:30:00"),
        ("2020-01-01", "2020-01-01"),
        ("1_000", "1_000"),
        ("0x10", "0x10"),
        (".inf", ".inf"),
        ("nan", "nan"),
        ("true", True),
        ("False", False),
        ("null", None),
        ("~", None),
        ("", None),
        ("'1e-4'", "1e-4"),
        ('"null"', "null"),
        ("90% split", "90% split"),
        ("[1, [a, null]]", [1, ["a", None]]),
        ("{a: 1, b: {c: []}}", {"a": 1, "b": {"c": []}}),
    ],
)
def test_a_value_is_what_it_looks_like(text: str, value: Any) -> None:
    """Scientific notation is a number; `no` is a word, not false."""
    read = read_value(text, name="it")

    assert (read, type(read)) == (value, type(value))


def test_block_text_is_text() -> None:
    """Also where it looks like a number."""
    assert read_text("a: |\n  5\n", name="x").data == {"a": "5\n"}


def test_keys_are_text() -> None:
    """A class called 1 or null."""
    assert read_text("1: a\nnull: b\n? 2\n: c\n", name="x").data == {"1": "a", "null": "b", "2": "c"}


# --- lines ------------------------------------------------------------------------------------

TEXT = "# a study\nbase:\n  model: {name: vgg,\n    width: 8}\n  sizes:\n    - 1\n    - 2\n"


@pytest.mark.parametrize(
    ("path", "line"),
    [
        ((), 2),
        (("base",), 2),
        (("base", "model"), 3),
        (("base", "model", "width"), 4),
        (("base", "sizes", 1), 7),
        (("base", "model", "norm", "position"), 3),
        (("nowhere",), 2),
    ],
)
def test_every_value_remembers_its_line(path: tuple[str | int, ...], line: int) -> None:
    """What is not there is looked for at the nearest block around it."""
    assert read_text(TEXT, name="x.yaml").where(path) == f"x.yaml:{line}"


def test_an_empty_text_has_a_first_line() -> None:
    """Messages have to point somewhere."""
    document = read_text("", name="x.yaml")

    assert (document.data, document.where(("study",))) == (None, "x.yaml:1")


# --- what is refused, and where ---------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: 1\nb: 2\na: 3\n", "x.yaml:3: duplicate key 'a' (first on line 1)"),
        ("a: {b: 1,\n  'b': 2}\n", "x.yaml:2: duplicate key 'b' (first on line 1)"),
        ("a: &x 1\nb: *x\n", "x.yaml:2: *x is an alias"),
        ("a: 1\n*x : 2\n", "x.yaml:2: *x is an alias"),
        ("a: 1\nb: !!int 2\n", "x.yaml:2: tag:yaml.org,2002:int is a tag"),
        ("!!python/name:os.system a: 1\n", "x.yaml:1: tag:yaml.org,2002:python/name:os.system is a tag"),
        ("a: ! 5\n", "x.yaml:1: ! is a tag"),
        ("a: !!binary aGk=\n", "x.yaml:1: tag:yaml.org,2002:binary is a tag"),
        ("a: 1\n---\nb: 2\n", "x.yaml:2: a second document begins"),
        ("a:\n  b: 1\n\tc: 2\n", "x.yaml:3: a tab where YAML allows only spaces"),
        ("a:\t1\n", "x.yaml:1: a tab where YAML allows only spaces"),
        ("[1, 2]: a\n", "x.yaml:1: a key must be plain text"),
        ("? {a: 1}\n: b\n", "x.yaml:1: a key must be plain text"),
        ("a: 1e999\n", "x.yaml:1: the number 1e999 is too large"),
        (f"a: {'9' * 400}\n", "x.yaml:1: the number 99999999999999999... is too large"),
        ('a: 1\nb: "x\\0y"\n', "x.yaml:2: the character U+0000 cannot be used"),
        ('"\\uD800": 1\n', "x.yaml:1: the character U+D800 cannot be used"),
        ("a: x\x00y\n", "x.yaml:1: the character U+0000 is not allowed in YAML"),
        ("a: 1\nb: \x07\n", "x.yaml:2: the character U+0007 is not allowed in YAML"),
        (
            'a: 1\nb: "\\UFFFFFFFF"\n',
            "x.yaml:2: from here on, an escape or a directive has a number out of range",
        ),
        (
            f"%YAML {'9' * 5000}.1\n--- a\n",
            "x.yaml:1: from here on, an escape or a directive has a number out of range",
        ),
        ("a: b: c\n", "x.yaml:1: not valid YAML: mapping values are not allowed here"),
        (
            "a: [1,\nb: 2\nc",
            "x.yaml:3: not valid YAML: expected ',' or ']', but got '<stream end>' "
            "(while parsing a flow sequence that begins on line 1)",
        ),
        (
            "a: @b\n",
            "x.yaml:1: not valid YAML: found character '@' that cannot start any token "
            "(while scanning for the next token)",
        ),
    ],
)
def test_what_may_surprise_is_refused_with_its_line(text: str, message: str) -> None:
    """And with what to do instead."""
    assert refused(text) == message


def test_nesting_ends_at_a_depth_no_study_needs() -> None:
    """One level less is fine."""
    deepest = "[" * MAX_DEPTH + "]" * MAX_DEPTH

    assert read_text(deepest, name="x").data != []
    assert refused(f"[{deepest}]") == "x.yaml:1: nested more than 20 levels deep"


@pytest.mark.parametrize("text", ["[" * 2000, "{a: " * 2000, "- " * 2000 + "a", "? " * 2000])
def test_two_thousand_brackets_are_refused_at_once(text: str) -> None:
    """No recursion, no waiting."""
    assert refused(text).startswith("x.yaml:1: ")


def test_an_alias_bomb_is_refused_at_its_first_alias() -> None:
    """It never gets to grow."""
    rows = ["a: &a [x, x, x, x, x, x, x, x, x]"]
    rows += [f"{b}: &{b} [{', '.join([f'*{a}'] * 9)}]" for a, b in zip("abcdefgh", "bcdefghi", strict=True)]

    assert refused("\n".join(rows)) == "x.yaml:2: *a is an alias"


def test_an_alias_of_itself_is_refused() -> None:
    """A value that contains itself has no end."""
    assert refused("a: &a [*a]\n") == "x.yaml:1: *a is an alias"


# --- files ------------------------------------------------------------------------------------


def read_bytes(folder: Path, content: bytes) -> Any:
    """The data of a file."""
    path = folder / "x.yaml"
    path.write_bytes(content)
    return read_document(path).data


def test_a_byte_order_mark_is_no_part_of_the_text(tmp_path: Path) -> None:
    """Some editors write one."""
    assert read_bytes(tmp_path, b"\xef\xbb\xbfa: \xc3\xa4\r\n") == {"a": "ä"}


def test_a_file_that_is_not_utf8_is_refused_with_its_line(tmp_path: Path) -> None:
    """And with what to do."""
    error = refusal(lambda: read_bytes(tmp_path, b"a: 1\nb: caf\xe9\n"))

    assert error.message == f"{tmp_path / 'x.yaml'}:2: not UTF-8 text"
    assert error.hint == "Save the file as UTF-8."


def test_a_file_of_more_than_a_megabyte_is_refused_unread(tmp_path: Path) -> None:
    """It is another file."""
    assert read_bytes(tmp_path, b"a: 1 #".ljust(MAX_BYTES, b"x")) == {"a": 1}

    assert "is larger than 1 MB" in refusal(lambda: read_bytes(tmp_path, b"#" * (MAX_BYTES + 1))).message


def test_an_endless_file_is_refused() -> None:
    """No more than a megabyte of it is read."""
    assert "is larger than 1 MB" in refusal(lambda: read_document(Path("/dev/zero"))).message


def test_a_missing_file_names_the_studies_beside_it(tmp_path: Path) -> None:
    """With a near match, and no more than five."""
    for name in ("quickstart.yaml", "b.yml", "c.yaml", "d.yaml", "e.yaml", "f.yaml"):
        (tmp_path / name).touch()
    error = refusal(lambda: read_document(tmp_path / "quickstrat.yaml"))

    assert error.message == f"there is no file {tmp_path / 'quickstrat.yaml'}"
    assert error.hint.startswith(f"Did you mean '{tmp_path / 'quickstart.yaml'}'? Study files there: {tmp_path}/b.yml")
    assert error.hint.endswith("f.yaml and 1 more.")


def test_the_name_of_a_study_is_told_its_file(tmp_path: Path) -> None:
    """Where it lies beside, or in the folder `studies`."""
    (tmp_path / "studies").mkdir()
    (tmp_path / "studies" / "quickstart.yaml").touch()
    error = refusal(lambda: read_document(tmp_path / "quickstart"))

    assert error.hint.startswith(f"Did you mean '{tmp_path / 'studies' / 'quickstart.yaml'}'?")


def test_a_missing_file_beside_nothing_says_how_to_begin(tmp_path: Path) -> None:
    """`ablate init` writes one."""
    assert "`ablate init`" in refusal(lambda: read_document(tmp_path / "no" / "x.yaml")).hint


def test_a_folder_is_no_file(tmp_path: Path) -> None:
    """The system's own words are in the message."""
    assert refusal(lambda: read_document(tmp_path)).message == f"{tmp_path} cannot be read: Is a directory"


def test_a_value_on_the_command_line_is_named_without_a_line() -> None:
    """There is only one."""
    error = refusal(lambda: read_value("[1", name="--set x"))

    assert error.message.startswith("--set x: not valid YAML")
