"""The journal: whole events only, in order, whatever killed the writer."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from ablate.records import Failed, Finished
from ablate.store import journal
from ablate.store.journal import NAME, Journal, read_ends, read_events, read_history, read_result


def kinds(folder: Path) -> list[str]:
    """What happened, in order."""
    return [event.kind for event in read_events(folder)[0]]


def write_epochs(folder: Path, numbers: range, *, start: float = 0.0) -> Journal:
    """A journal with some epochs, each at its own time."""
    folder.mkdir(exist_ok=True)
    writer = Journal(folder)
    for number in numbers:
        writer.append("epoch", {"epoch": number, "metrics": {}}, at=start + number)
    return writer


def test_events_come_back_as_they_were_written(tmp_path: Path) -> None:
    """Kind, data, time and order."""
    writer = Journal(tmp_path)
    writer.append("started", {"process": 7}, at=100.0)
    writer.append("epoch", {"epoch": 1, "name": "caf\udce9 ä\n"}, at=101.5)
    events, _ = read_events(tmp_path)

    assert [(e.sequence, e.time, e.kind) for e in events] == [(0, 100.0, "started"), (1, 101.5, "epoch")]
    assert events[1].data == {"epoch": 1, "name": "caf\udce9 ä\n"}


def test_an_event_carries_the_time_at_which_it_happened(tmp_path: Path) -> None:
    """Seconds since 1970."""
    Journal(tmp_path).append("started", {})

    assert read_events(tmp_path)[0][0].time > 1_600_000_000


def test_a_torn_tail_is_no_event_and_is_cut_before_the_next_one(tmp_path: Path) -> None:
    """However many bytes the killed writer got out."""
    write_epochs(tmp_path, range(1, 3))
    path = tmp_path / NAME
    content = path.read_bytes()
    last = len(content) - content[:-1].rfind(b"\n") - 1

    for lost in range(1, last + 1):
        path.write_bytes(content[:-lost])
        seen = kinds(tmp_path)
        write_epochs(tmp_path, range(2, 3))
        assert (seen, kinds(tmp_path)) == (["epoch"], ["epoch", "epoch"])
        assert [event.sequence for event in read_events(tmp_path)[0]] == [0, 1]


def test_an_append_that_fails_leaves_no_half_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """On a full disk the event that says so must not be swallowed by the one before."""
    writer = write_epochs(tmp_path, range(1, 2))
    with monkeypatch.context() as patch:
        patch.setattr(journal.os, "fsync", refuse)
        with pytest.raises(OSError, match="no space"):
            writer.append("finished", {"epoch": 2})
    writer.append("failed", {})

    assert [(event.sequence, event.kind) for event in read_events(tmp_path)[0]] == [(0, "epoch"), (1, "failed")]


def refuse(_: int) -> None:
    """As a full disk does."""
    raise OSError("no space left on device")


@pytest.fixture
def synced(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of files and folders in the order in which they are made safe."""
    names: list[str] = []
    monkeypatch.setattr(journal, "sync_files", lambda files, *, below: names.extend(file.name for file in files))
    return names


@pytest.mark.parametrize("kind", ["finished", "failed"])
def test_the_end_of_a_run_is_safe_on_the_disk(kind: str, tmp_path: Path, synced: list[str]) -> None:
    """With it all lines before, which are in the same file."""
    run = Journal(tmp_path)
    run.append("started", {})
    run.append("epoch", {"epoch": 1})
    assert synced == []

    run.append(kind, {})

    assert synced == [NAME]


def test_what_has_taken_a_second_is_safe_on_the_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, synced: list[str]
) -> None:
    """Epochs that take long lose none to a power cut."""
    clock = [0.0]
    monkeypatch.setattr(journal.time, "monotonic", lambda: clock[0])
    run = Journal(tmp_path)
    for clock[0] in (0.5, 1.0, 1.5, 2.5):
        run.append("epoch", {})

    assert len(synced) == 2


def test_a_journal_that_is_safe_is_not_made_so_again(tmp_path: Path, synced: list[str]) -> None:
    """A checkpoint asks for it each time."""
    run = Journal(tmp_path)
    run.sync()
    run.append("epoch", {})
    run.sync()
    run.sync()

    assert len(synced) == 1


def test_a_damaged_line_is_no_event(tmp_path: Path) -> None:
    """The others count, and numbers are not given twice."""
    write_epochs(tmp_path, range(1, 4))
    lines = (tmp_path / NAME).read_bytes().splitlines(keepends=True)
    (tmp_path / NAME).write_bytes(lines[0] + b"\x00\x00\n" + b"[1]\n" + lines[2])
    Journal(tmp_path).append("failed", {})

    assert [event.sequence for event in read_events(tmp_path)[0]] == [0, 2, 3]


def test_reading_goes_on_from_where_it_was(tmp_path: Path) -> None:
    """Only whole events move the offset."""
    writer = write_epochs(tmp_path, range(1, 2))
    _, offset = read_events(tmp_path)
    with (tmp_path / NAME).open("ab") as stream:
        stream.write(b'{"sequence": 1, ')
    torn = read_events(tmp_path, offset=offset)
    os.truncate(tmp_path / NAME, offset)
    writer.append("epoch", {"epoch": 2})
    events, _ = read_events(tmp_path, offset=offset)

    assert torn == ([], offset)
    assert [event.data["epoch"] for event in events] == [2]


def test_a_folder_without_journal_has_no_events(tmp_path: Path) -> None:
    """Nothing happened yet."""
    assert read_events(tmp_path, offset=5) == ([], 5)


def test_the_result_is_how_the_attempt_ended(tmp_path: Path) -> None:
    """A record with the attempt's folder."""
    finished = Finished(folder=tmp_path, metrics={"accuracy": 0.5}, seconds=1.0)
    write_epochs(tmp_path, range(1, 3)).append("finished", finished.to_json())

    assert read_result(tmp_path) == finished


def test_a_failure_is_a_result(tmp_path: Path) -> None:
    """With its reason."""
    failed = Failed(folder=tmp_path, reason="oom", message="out of memory")
    Journal(tmp_path).append("failed", failed.to_json())

    assert read_result(tmp_path) == failed


def test_an_attempt_that_has_not_ended_has_no_result(tmp_path: Path) -> None:
    """None, not a failure."""
    write_epochs(tmp_path, range(1, 3))

    assert read_result(tmp_path) is None


def test_the_history_of_a_resumed_attempt_holds_each_epoch_once_at_its_own_time(tmp_path: Path) -> None:
    """Epochs come from the attempt that trained them; those after the checkpoint count only once."""
    write_epochs(tmp_path / "001", range(1, 5), start=100)
    second = write_epochs(tmp_path / "002", range(0))
    second.append("resumed", {"attempt": "001", "epoch": 2})
    write_epochs(tmp_path / "002", range(3, 6), start=200)
    third = write_epochs(tmp_path / "003", range(0))
    third.append("resumed", {"attempt": "002", "epoch": 4})
    write_epochs(tmp_path / "003", range(5, 7), start=300).append("finished", {})
    history = read_history(tmp_path / "003")

    assert [event.data["epoch"] for event in history] == [1, 2, 3, 4, 5, 6]
    assert [event.time for event in history] == [101, 102, 203, 204, 305, 306]


@pytest.mark.parametrize("number", [1, 1.0])
def test_an_epoch_may_be_counted_in_floats(number: float, tmp_path: Path) -> None:
    """A trainer that does so has a history as any other."""
    Journal(tmp_path).append("epoch", {"epoch": number, "metrics": {"loss": 0.5}, "seconds": 1.0})

    assert [event.data["epoch"] for event in read_history(tmp_path)] == [1]


@pytest.mark.parametrize("number", [1.5, -1.0, 1e300, True, None, "one"])
def test_an_epoch_without_a_whole_number_is_no_event(number: object, tmp_path: Path) -> None:
    """Whoever can write to the folder can write one."""
    Journal(tmp_path).append("epoch", {"epoch": number, "metrics": {"loss": 0.5}, "seconds": 1.0})

    assert read_history(tmp_path) == []


def test_the_history_of_a_lost_attempt_is_what_is_left(tmp_path: Path) -> None:
    """Somebody removed the first attempt's folder."""
    (tmp_path / "002").mkdir()
    Journal(tmp_path / "002").append("resumed", {"attempt": "001", "epoch": 2})
    write_epochs(tmp_path / "002", range(3, 4))

    assert [event.data["epoch"] for event in read_history(tmp_path / "002")] == [3]


def test_an_event_in_which_one_bit_has_changed_is_none(tmp_path: Path) -> None:
    """Wherever it is: no other event is invented, and the events around it stay."""
    write_epochs(tmp_path, range(1, 3))
    path = tmp_path / NAME
    content = path.read_bytes()
    expected = {(e.sequence, e.time, repr(e.data)) for e in read_events(tmp_path)[0]}

    for place in range(len(content)):
        damaged = bytearray(content)
        damaged[place] ^= 1 << place % 8
        path.write_bytes(damaged)
        assert {(e.sequence, e.time, repr(e.data)) for e in read_events(tmp_path)[0]} < expected


def test_a_journal_from_before_the_checksums_is_read(tmp_path: Path) -> None:
    """Old runs stay."""
    (tmp_path / NAME).write_text('{"sequence": 0, "time": 1.0, "kind": "epoch", "data": {"epoch": 1}}\n')

    assert kinds(tmp_path) == ["epoch"]


def test_the_ends_of_a_journal_are_its_first_and_its_last_whole_event(tmp_path: Path) -> None:
    """When a run began and ended, without the epochs between; a torn line is none."""
    journal = Journal(tmp_path)
    for kind in ("started", "epoch", "finished"):
        journal.append(kind, {})  # type: ignore[arg-type]  # one of the kinds
    with (tmp_path / NAME).open("ab") as stream:
        stream.write(b'{"sequence": 3, "time"')
    found = read_ends(tmp_path)

    assert found is not None
    assert [event.kind for event in found] == ["started", "finished"]
    assert read_ends(tmp_path / "nothing") is None
