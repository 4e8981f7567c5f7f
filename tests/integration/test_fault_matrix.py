"""Whatever goes wrong at whatever moment: the next call of the same command ends as if nothing had happened.

A small study of the toy, with a checkpoint after every epoch. Of each sweep a part, drawn with a fixed seed,
runs always; the whole of it is slow.
"""

from __future__ import annotations

import json
import math
import os
import random
import shutil
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple, TypeVar

import pytest

from ablate.store.journal import NAME, Journal, read_events
from ablate.study.load import load_study
from ablate.workflows.session import open_session
from tests import invariants
from tests.integration.faulty_disk import NO_SPACE, Fault, call

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="forks, as Linux can")

T = TypeVar("T")

STUDY = {
    "study": "toy",
    "trainer": "ablate.toy:train",
    "base": {"skill": 60.0, "images": 20, "epochs": 2},
    "chain": {"gain": {"gain": 10.0}},
    "evidence": {"test": {"folds": 2}, "replicates": [2]},
}


class Undisturbed(NamedTuple):
    """The study and its work folder after a call in which nothing went wrong."""

    study: Path
    work: Path
    operations: list[str]
    ends: dict[str, invariants.End]


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> Undisturbed:
    """Carried out once."""
    folder = tmp_path_factory.mktemp("undisturbed")
    study, work, outside = folder / "toy.yaml", folder / "work", folder / "outside"
    outside.mkdir()
    study.write_text(json.dumps(STUDY), encoding="utf-8")
    code, operations = call(study, work, outside=outside)
    assert code == 0
    return Undisturbed(study, work, operations, invariants.ends_of(open_session(load_study(study), work)))


class Place(NamedTuple):
    """A fresh work folder, and the folder that must stay empty."""

    work: Path
    outside: Path


@pytest.fixture
def place(tmp_path: Path) -> Place:
    """Both empty."""
    (tmp_path / "outside").mkdir()
    return Place(tmp_path / "work", tmp_path / "outside")


def called_again(undisturbed: Undisturbed, place: Place) -> None:
    """The same command, undisturbed this time; then all invariants."""
    code, _ = call(undisturbed.study, place.work, outside=place.outside)
    session = open_session(load_study(undisturbed.study), place.work)

    assert code == 0
    assert len(invariants.ends_of(session)) == 4
    invariants.check(session, reference=undisturbed.ends, exit_code=code, outside=place.outside)


def disturbed(undisturbed: Undisturbed, place: Place, fault: Fault, number: int) -> int:
    """One call in which the N-th operation goes wrong, and the next one; the exit code of the first."""
    shutil.rmtree(place.work, ignore_errors=True)
    code, _ = call(undisturbed.study, place.work, outside=place.outside, fault=fault, number=number)
    at = undisturbed.operations[number - 1 : number] if fault != "cut writes" else []
    what = f"{fault} at {number}, {(at or ['any'])[0]}"
    assert code in ((-signal.SIGKILL,) if fault == "kill" else (0, 1, 2, NO_SPACE)), what
    try:
        called_again(undisturbed, place)
    except AssertionError as error:
        raise AssertionError(f"after {what}") from error
    return code


def a_share(points: Sequence[T]) -> list[T]:
    """The points of a slow sweep: all of them, or the share that FAULT_SHARE names, by a seed of its own."""
    count = math.ceil(len(points) * float(os.environ.get("FAULT_SHARE", "1")))
    return random.Random(7).sample(points, count)


def named_points(operations: list[str]) -> list[int]:
    """The first and the last of each kind of operation: when a file is opened, made safe, put in place, removed."""
    first = {label: number for number, label in reversed(list(enumerate(operations, 1)))}
    last = {label: number for number, label in enumerate(operations, 1)}
    return sorted({*first.values(), *last.values()})


def test_a_command_killed_anywhere_is_gone_on_from(undisturbed: Undisturbed, place: Place) -> None:
    """Four of the forty places of the slow sweep."""
    points = random.Random(0).sample(range(1, len(undisturbed.operations) + 1), 4)
    for number in points:
        disturbed(undisturbed, place, "kill", number)


@pytest.mark.slow
def test_a_command_killed_at_every_kind_of_moment_is_gone_on_from(undisturbed: Undisturbed, place: Place) -> None:
    """Every named place, and twenty at random."""
    points = random.Random(1).sample(range(1, len(undisturbed.operations) + 1), 20)
    named = named_points(undisturbed.operations)
    assert len(named) >= 20
    for number in a_share([*named, *points]):
        disturbed(undisturbed, place, "kill", number)


def test_a_full_disk_loses_nothing(undisturbed: Undisturbed, place: Place) -> None:
    """Eight operations that fail, once or from then on."""
    points = random.Random(2).sample(range(1, len(undisturbed.operations) + 1), 8)
    for number in points:
        disturbed(undisturbed, place, "fail once" if number % 2 else "fail from then on", number)


@pytest.mark.slow
@pytest.mark.parametrize("fault", ["fail once", "fail from then on"])
def test_every_operation_may_fail(fault: Fault, undisturbed: Undisturbed, place: Place) -> None:
    """Each until none is left."""
    for number in a_share(range(1, len(undisturbed.operations) + 1)):
        disturbed(undisturbed, place, fault, number)


def lengths(undisturbed: Undisturbed) -> range:
    """Up to the longest file but the report, which is the last to be written."""
    sizes = [path.stat().st_size for path in (undisturbed.work / ".ablate").rglob("*") if path.is_file()]
    return range(max(sizes) + 1)


def test_a_write_that_is_cut_in_the_middle_loses_nothing(undisturbed: Undisturbed, place: Place) -> None:
    """As on a disk that fills up while a file is written; six lengths."""
    found = random.Random(6).sample(lengths(undisturbed), 6)
    codes = [disturbed(undisturbed, place, "cut writes", length) for length in found]

    assert any(codes)


@pytest.mark.slow
def test_every_write_may_be_cut_anywhere(undisturbed: Undisturbed, place: Place) -> None:
    """Sixty lengths, from nothing to the whole of the longest file."""
    found = a_share(lengths(undisturbed)[:: len(lengths(undisturbed)) // 60])
    codes = [disturbed(undisturbed, place, "cut writes", length) for length in found]

    assert any(codes)


def cut(undisturbed: Undisturbed, place: Place, journal: Path, lost: int) -> None:
    """Take the last bytes of one journal away, and call the command."""
    shutil.rmtree(place.work, ignore_errors=True)
    shutil.copytree(undisturbed.work, place.work)
    path = place.work / journal
    content = path.read_bytes()
    path.write_bytes(content[: len(content) - lost])
    try:
        called_again(undisturbed, place)
    except AssertionError as error:
        raise AssertionError(f"after {lost} bytes were cut from {journal}") from error


def journals(undisturbed: Undisturbed) -> list[Path]:
    """All of them, from the work folder on."""
    return sorted(path.relative_to(undisturbed.work) for path in undisturbed.work.rglob(NAME))


def test_a_journal_that_was_cut_is_made_whole(undisturbed: Undisturbed, place: Place) -> None:
    """One length for each journal."""
    draw = random.Random(3)
    for journal in journals(undisturbed):
        cut(undisturbed, place, journal, draw.randint(1, (undisturbed.work / journal).stat().st_size))


def test_whatever_is_left_of_a_journal_is_its_beginning(undisturbed: Undisturbed, tmp_path: Path) -> None:
    """Every length of every journal: whole events alone, and the next one is appended behind them."""
    for journal in journals(undisturbed):
        content = (undisturbed.work / journal).read_bytes()
        events = read_events((undisturbed.work / journal).parent)[0]
        for length in range(len(content)):
            (tmp_path / NAME).write_bytes(content[:length])
            left = read_events(tmp_path)[0]
            Journal(tmp_path).append("epoch", {"epoch": 1})

            assert left == events[: content[:length].count(b"\n")], (journal, length)
            assert [event.kind for event in read_events(tmp_path)[0]] == [*(event.kind for event in left), "epoch"]


@pytest.mark.slow
def test_any_number_of_bytes_may_be_cut(undisturbed: Undisturbed, place: Place) -> None:
    """Of one journal every third, of the others every thirtieth: each line is cut in many places."""
    for index, journal in enumerate(journals(undisturbed)):
        for lost in a_share(range(1, (undisturbed.work / journal).stat().st_size, 30 if index else 3)):
            cut(undisturbed, place, journal, lost)


def flip(undisturbed: Undisturbed, place: Place, file: Path, draw: random.Random) -> None:
    """Change one bit of a file, and call the command."""
    shutil.rmtree(place.work, ignore_errors=True)
    shutil.copytree(undisturbed.work, place.work)
    content = bytearray((place.work / file).read_bytes())
    bit = draw.randrange(8 * len(content))
    content[bit // 8] ^= 1 << bit % 8
    (place.work / file).write_bytes(content)
    try:
        called_again_after_damage(undisturbed, place)
    except AssertionError as error:
        raise AssertionError(f"after bit {bit} of {file} changed") from error


def called_again_after_damage(undisturbed: Undisturbed, place: Place) -> None:
    """All but I3. No number differs; an epoch's line may be gone, a point of a curve: not worth training again.

    I3 is about what is written. A spec that was damaged behind its result stays so: only `predict` needs it any
    more, and refuses it; so does a line of an epoch.
    """
    code, _ = call(undisturbed.study, place.work, outside=place.outside)
    session = open_session(load_study(undisturbed.study), place.work)

    assert (code, len(invariants.ends_of(session))) == (0, 4), "I7"
    for fingerprint, end in invariants.ends_of(session).items():
        expected = undisturbed.ends[fingerprint]
        assert end._replace(history=expected.history) == expected, "I2"
        assert all(epoch in expected.history for epoch in end.history), "I2"
    invariants.each_cell_has_one_result_or_a_reason(session)
    invariants.the_report_counts_results_alone(session)
    invariants.telling_again_changes_nothing(session)
    assert list(place.outside.iterdir()) == [], "I6"


def kinds_of_files(undisturbed: Undisturbed) -> list[Path]:
    """One file of each kind that is not empty."""
    found: dict[str, Path] = {}
    for path in sorted(undisturbed.work.rglob("*")):
        if path.is_file() and path.stat().st_size:
            kind = path.parent.name if path.parent.name in ("prepared", "descriptions") else path.name
            found.setdefault(kind, path.relative_to(undisturbed.work))
    return list(found.values())


def test_a_changed_bit_changes_no_result(undisturbed: Undisturbed, place: Place) -> None:
    """One bit in each kind of file."""
    draw = random.Random(4)
    for file in kinds_of_files(undisturbed):
        flip(undisturbed, place, file, draw)


@pytest.mark.slow
def test_no_changed_bit_changes_a_result(undisturbed: Undisturbed, place: Place) -> None:
    """Forty bits in each kind of file."""
    draw = random.Random(5)
    for file in kinds_of_files(undisturbed):
        for _ in a_share(range(40)):
            flip(undisturbed, place, file, draw)
