"""The digest of somebody's source is remembered by the bytes it is of."""

from __future__ import annotations

from pathlib import Path

import pytest

from ablate.files import user_cache
from ablate.safety import code_text
from ablate.safety.code_text import REMEMBERED, digest_of, remembered_digest
from ablate.trainer import BUILT_IN, _digest_of_files, source_digest

ONE = [("train.py", b"def f(x):\n    return x  # a comment\n")]


def test_what_was_asked_before_is_not_worked_out_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same answer, from the folder."""
    first = remembered_digest(ONE, "", tmp_path / "sources")
    monkeypatch.setattr(code_text, "normalised", lambda *_: pytest.fail("taken apart again"))

    assert remembered_digest(ONE, "", tmp_path / "sources") == first


def test_every_byte_and_name_and_package_has_a_digest_of_its_own(tmp_path: Path) -> None:
    """A comment changes the key and not the digest; code, a name or where imports may come from change it."""
    first = remembered_digest(ONE, "", tmp_path)
    commented = remembered_digest([("train.py", b"def f(x):\n    return x\n")], "", tmp_path)
    others = [
        remembered_digest([("train.py", b"def f(x):\n    return -x\n")], "", tmp_path),
        remembered_digest([("other.py", ONE[0][1])], "", tmp_path),
    ]

    assert first == commented == digest_of(ONE, "")
    assert len({first, *others}) == 3
    assert len(list(tmp_path.iterdir())) == 4


@pytest.mark.parametrize("content", [b"", b"abc", b"\xff" * 64, b"g" * 64])
def test_a_spoiled_memory_is_worked_out_again(content: bytes, tmp_path: Path) -> None:
    """What is no digest is none."""
    expected = remembered_digest(ONE, "", tmp_path)
    (kept,) = tmp_path.iterdir()
    kept.write_bytes(content)

    assert remembered_digest(ONE, "", tmp_path) == expected
    assert kept.read_text() == expected


def test_a_folder_that_cannot_be_written_to_is_done_without(tmp_path: Path) -> None:
    """A file lies where the folder would be."""
    (tmp_path / "sources").write_text("in the way")

    assert remembered_digest(ONE, "", tmp_path / "sources") == digest_of(ONE, "")


def test_a_user_without_a_home_has_no_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    """As an unnamed user of a container: every command asks, and none may end by it."""
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.setattr(Path, "home", _no_home)

    assert remembered_digest(ONE, "", user_cache() / "sources") == digest_of(ONE, "")
    assert not user_cache().exists()


def _no_home() -> Path:
    raise RuntimeError("Could not determine home directory.")


def test_only_so_many_are_kept(tmp_path: Path) -> None:
    """The oldest go."""
    for number in range(REMEMBERED + 5):
        remembered_digest([("train.py", f"x = {number}".encode())], "", tmp_path)

    assert len(list(tmp_path.iterdir())) == REMEMBERED


def test_who_has_no_home_is_told_a_digest_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    """An arbitrary user of a container."""

    def homeless() -> Path:
        raise RuntimeError("Could not determine home directory.")

    expected = source_digest(BUILT_IN)
    monkeypatch.setattr("ablate.trainer.user_cache", homeless)
    _digest_of_files.cache_clear()
    assert source_digest(BUILT_IN) == expected
