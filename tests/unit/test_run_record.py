"""A run's record: it brings an attempt back as it was, and nothing that is not one."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ablate.errors import Damaged
from ablate.execute.live import Task
from ablate.files import encoded, read_sealed, sealed, unsealed, write_sealed
from ablate.protocols import RunLabel
from ablate.records import Finished
from ablate.store.journal import NAME, parsed, read_events
from ablate.store.run_record import is_inside, read_record, record_of
from ablate.store.work_folder import SPEC
from tests.contract.tracking_builders import Attempt, a_label


def an_attempt(work: Path, label: RunLabel, name: str = "001") -> Attempt:
    """An attempt with its spec.json."""
    attempt = Attempt(work, label, name)
    task = Task(spec=label.spec, work=work)
    write_sealed(attempt.folder / SPEC, {"spec": label.spec.to_json()} | task.envelope())
    return attempt


def a_record(work: Path) -> dict[str, Any]:
    """The content of a sound record of a finished run with scores and weights."""
    attempt = an_attempt(work, a_label()).started().epochs(1, 2)
    for name in ("scores.npz", "weights.bin"):
        (attempt.folder / name).write_bytes(name.encode())
    attempt.finished(images="scores.npz", files={"weights": "weights.bin"})
    content = record_of(attempt.folder.parent, ["001"])
    assert content is not None
    return dict(unsealed(json.loads(content)) or {})


def test_an_attempt_comes_back_as_it_was(tmp_path: Path) -> None:
    """Byte for byte, with the checksums of its files; odd characters and a torn last line are no obstacle."""
    label = a_label()
    killed = an_attempt(tmp_path, label).started().epochs(1)
    with (killed.folder / NAME).open("ab") as stream:
        stream.write(b'{"torn')
    resumed = an_attempt(tmp_path, label, "002").started().resumed("001", 1).epoch(2, {"train/\u2028é": 1.0})
    (resumed.folder / "scores.npz").write_bytes(b"scores")
    resumed.finished(images="scores.npz")
    content = record_of(killed.folder.parent, ["002", "001"])
    assert content is not None
    first, last = read_record(content, label.fingerprint)

    assert [first.name, last.name] == ["001", "002"]
    assert parsed(first.journal) == read_events(killed.folder)[0]
    assert encoded(last.journal) == (resumed.folder / NAME).read_bytes()
    assert encoded(last.spec) == (resumed.folder / SPEC).read_bytes()
    assert isinstance(last.result, Finished)
    assert list(last.files) == ["scores.npz"]


def test_any_changed_bit_is_noticed(tmp_path: Path) -> None:
    """The record carries its own checksum."""
    label = a_label()
    content = json.dumps(sealed(a_record(tmp_path))).encode()
    assert read_record(content, label.fingerprint)
    for place in range(0, len(content), 97):
        changed = bytearray(content)
        changed[place] ^= 1
        with pytest.raises(Damaged):
            read_record(bytes(changed), label.fingerprint)


@pytest.mark.parametrize("name", ["../x", "/x", "a/../../x", "a\\..\\x", "C:x", "", ".", "..", "a//b", "./a", "a\0b"])
def test_a_name_that_leads_out_is_no_name(name: str) -> None:
    """On any system."""
    assert not is_inside(name)
    assert is_inside("figures/scores 1.npz")


def renamed(name: str) -> Callable[[dict[str, Any]], Any]:
    """The attempt under another name."""
    return lambda content: content["attempts"].update({name: content["attempts"].pop("001")})


def with_file(name: str) -> Callable[[dict[str, Any]], Any]:
    """One more file."""
    return lambda content: content["attempts"]["001"]["files"].update({name: "0" * 64})


def with_journal(edit: Callable[[str], str]) -> Callable[[dict[str, Any]], Any]:
    """Another journal."""
    return lambda content: content["attempts"]["001"].update(journal=edit(content["attempts"]["001"]["journal"]))


def resumed(attempt: str) -> Callable[[str], str]:
    """A line that goes on from an attempt."""
    data = {"attempt": attempt, "epoch": 1}
    return lambda journal: journal + json.dumps({"sequence": 9, "time": 1.0, "kind": "resumed", "data": data}) + "\n"


def with_a_word_for_a_number(journal: str) -> str:
    """The result claims an accuracy of x."""
    *lines, last = journal.splitlines(keepends=True)
    end = json.loads(last)
    end["data"]["metrics"] = {"accuracy": "x"}
    del end["crc"]
    return "".join(lines) + json.dumps(end) + "\n"


def of_another_spec(content: dict[str, Any]) -> None:
    """The checksum of the spec is right, and the run is another."""
    spec = dict(unsealed(json.loads(content["attempts"]["001"]["spec"])) or {})
    spec["spec"]["identity"] = {"variant": "other"}
    content["attempts"]["001"]["spec"] = json.dumps(sealed(spec))


UNSOUND: dict[str, Callable[[dict[str, Any]], Any]] = {
    "an attempt elsewhere": renamed("../../../001"),
    "an attempt without a number": renamed("1"),
    "a file elsewhere": with_file("../../../../stolen"),
    "a file over the spec": with_file(SPEC),
    "no scores": lambda content: content["attempts"]["001"].update(files={}),
    "another run": lambda content: content.update(fingerprint="f" * 64),
    "another spec": of_another_spec,
    "a torn journal": with_journal(lambda journal: journal[:-5]),
    "a changed line": with_journal(lambda journal: journal.replace("0.75", "0.99")),
    "no end": with_journal(lambda journal: journal.splitlines(keepends=True)[0]),
    "goes on from itself": with_journal(resumed("001")),
    "goes on from elsewhere": with_journal(resumed("../1")),
    "two ends": with_journal(lambda journal: journal + journal.splitlines(keepends=True)[-1]),
    "a word for a number": with_journal(with_a_word_for_a_number),
    "a format to come": lambda content: content.update(format=99),
    "another shape": lambda content: content.update(attempts=["001"]),
}


@pytest.mark.parametrize("how", UNSOUND)
def test_a_record_that_is_none_is_refused(tmp_path: Path, how: str) -> None:
    """A right checksum makes nothing true: names, numbers and lines are checked one by one."""
    content = a_record(tmp_path)
    UNSOUND[how](content)

    with pytest.raises(Damaged):
        read_record(json.dumps(sealed(content)).encode(), a_label().fingerprint)


def test_what_was_cleaned_away_is_left_out(tmp_path: Path) -> None:
    """Of attempts that are gone nothing is told, and of none there is no record."""
    attempt = an_attempt(tmp_path, a_label(), "002").started().finished()
    content = record_of(attempt.folder.parent, ["001", "002"])
    assert content is not None

    assert [one.name for one in read_record(content, a_label().fingerprint)] == ["002"]
    assert record_of(attempt.folder.parent, ["001"]) is None
    assert read_sealed(attempt.folder / SPEC) is not None
