"""The tracker's thread: it never makes anyone wait, loses nothing, and says what it could not deliver."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterable
from pathlib import Path

import pytest

from ablate.protocols import StudyCard
from ablate.track import courier
from ablate.track.courier import TrackerQueue
from ablate.track.entities import KnownRun, NewRun, Update
from ablate.track.memory import MemorySink
from tests.contract.tracking_builders import (
    Attempt,
    a_card,
    a_finished_attempt,
    a_label,
    a_summary,
    eventually,
    tell,
)


class Away(OSError):
    """The store does not answer."""


class Refused(ValueError):
    """The store does not want what it was given."""


class MoodySink(MemorySink):
    """A sink that first asks `mood` what to do; batches counts the writes with epochs in them."""

    def __init__(self, mood: Callable[[str], None] = lambda name: None) -> None:
        super().__init__()
        self.mood = mood
        self.batches: list[Update] = []

    def open(self, card: StudyCard) -> Iterable[KnownRun]:
        self.mood("open")
        return super().open(card)

    def create(self, run: NewRun) -> str:
        self.mood(run.name)
        return super().create(run)

    def write(self, run_id: str, update: Update) -> None:
        self.mood(self.runs[run_id].name)
        super().write(run_id, update)
        self.batches += [update] if update.points else []

    def steps(self, name: str) -> list[int]:
        (run,) = [run for run in self.runs.values() if run.name == name]
        return [point.step for point in run.points if point.key == "train/loss"]


def waiting_for(gate: threading.Event) -> Callable[[str], None]:
    """A mood that answers once the gate is open."""

    def mood(name: str) -> None:
        gate.wait(30)

    return mood


def a_courier(sink: MemorySink) -> TrackerQueue:
    """A courier to this sink."""
    return TrackerQueue(lambda: sink, is_hopeless=lambda error: not isinstance(error, OSError), store="here")


@pytest.fixture(autouse=True)
def short_rests(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(courier, "FIRST_REST", 0.01)
    monkeypatch.setattr(courier, "LONGEST_REST", 0.05)


def test_hearing_takes_no_time_while_the_store_hangs(tmp_path: Path) -> None:
    """The coordinator is not delayed by a store that does not answer, and neither is its end."""
    gate = threading.Event()
    sink = MoodySink(waiting_for(gate))
    post = a_courier(sink)
    attempt = a_finished_attempt(tmp_path, a_label())
    post.begin(a_card())
    for _ in range(100):
        tell(post, attempt)
    told_meanwhile = dict(sink.runs)
    is_delivered = post.end(a_summary(), timeout=0.1)
    gate.set()

    assert told_meanwhile == {}  # who had waited would have waited for the first run
    assert not is_delivered
    assert eventually(lambda: any(run.status == "FINISHED" for run in sink.runs.values()))


def test_the_end_waits_for_a_store_that_is_slow_but_not_for_ever(tmp_path: Path) -> None:
    """As long as something goes through it is worth waiting, unless there is a limit."""
    sink = MoodySink(lambda name: time.sleep(0.05))
    post = a_courier(sink)
    post.begin(a_card())
    for index in range(20):
        tell(post, a_finished_attempt(tmp_path, a_label(index=index)))

    assert not post.end(a_summary(), timeout=30, at_most=0.1)
    assert post.end(a_summary(), timeout=1.0)
    assert sink.steps("baseline r19") == [1, 2, 3]


def test_epochs_that_wait_are_delivered_together(tmp_path: Path) -> None:
    """All that waits of one run is one batch."""
    gate = threading.Event()
    sink = MoodySink(waiting_for(gate))
    post = a_courier(sink)
    post.begin(a_card())
    for index in (0, 1):
        tell(post, Attempt(tmp_path, a_label(index=index)).started().epochs(*range(1, 21)))
    gate.set()

    assert post.end(a_summary(variants={}), timeout=30)
    assert [len({point.step for point in batch.points}) for batch in sink.batches] == [20, 20]


@pytest.mark.parametrize("failing", ["open", "toy", "baseline", "baseline r0"])
def test_everything_arrives_once_the_store_is_back(tmp_path: Path, failing: str) -> None:
    """Whatever step the store was away at, nothing is lost and nothing is doubled."""
    left = {"failures": 5}

    def mood(name: str) -> None:
        if name == failing and left["failures"]:
            left["failures"] -= 1
            raise Away("connection refused")

    sink = MoodySink(mood)
    post = a_courier(sink)
    post.begin(a_card())
    tell(post, a_finished_attempt(tmp_path, a_label()))

    assert post.end(a_summary(), timeout=30)
    assert sink.steps("baseline r0") == [1, 2, 3]
    assert [run.status for run in sink.runs.values()] == ["FINISHED"] * 3


def test_one_run_in_trouble_does_not_keep_the_others_waiting(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """A run whose writes fail for ever is passed by the others, and the end tells."""

    def mood(name: str) -> None:
        if name == "baseline r0":
            raise Away("no room for this one")

    sink = MoodySink(mood)
    post = a_courier(sink)
    post.begin(a_card())
    for index in (0, 1):
        tell(post, a_finished_attempt(tmp_path, a_label(index=index)))

    caplog.clear()
    assert not post.end(a_summary(), timeout=0.5)
    assert len(caplog.records) <= 2
    assert sink.steps("baseline r1") == [1, 2, 3]
    sink.mood = lambda name: None
    assert post.end(a_summary(), timeout=30)
    assert sink.steps("baseline r0") == [1, 2, 3]


def test_what_the_store_refuses_is_reported_and_leaves_no_gap(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """After a refusal nothing more of that run is written, so that a later sync can fill it in order."""
    refused = []

    def mood(name: str) -> None:
        if name == "baseline r0" and len(refused) < 1:
            refused.append(name)
            raise Refused("no such column in db://me:secret@host")

    sink = MoodySink(mood)
    post = a_courier(sink)
    post.begin(a_card())
    attempt = Attempt(tmp_path, a_label()).started().epochs(1)
    tell(post, attempt)
    assert eventually(lambda: bool(refused))
    seen = len(attempt.events())
    tell(post, attempt.epochs(2).finished(epoch=2), attempt.events()[seen:])

    assert not post.end(a_summary(), timeout=30)
    assert "no such column" in caplog.text
    assert "secret" not in caplog.text
    post.begin(a_card())
    tell(post, attempt)
    assert post.end(a_summary(), timeout=30)
    assert sink.steps("baseline r0") == [1, 2]


def test_a_store_that_is_away_is_mentioned_once_a_minute(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Many failures make one warning, which says how much waits; coming back is mentioned, too."""
    left = {"failures": 10}

    def mood(name: str) -> None:
        if left["failures"]:
            left["failures"] -= 1
            raise Away("connection refused")

    caplog.set_level(logging.INFO)
    post = a_courier(MoodySink(mood))
    post.begin(a_card())
    tell(post, a_finished_attempt(tmp_path, a_label()))

    assert post.end(a_summary(), timeout=30)
    texts = [record.getMessage() for record in caplog.records]
    assert [text.partition(" (")[0] for text in texts[:1]] == ["MLflow at here cannot be written now"]
    assert "Away: connection refused" in texts[0]
    assert texts[1:] == ["MLflow at here answers again"]


def test_a_courier_serves_one_study_after_another(tmp_path: Path) -> None:
    """Between two studies no thread is left behind."""
    others = set(threading.enumerate())  # another test's store may be away for good
    sink = MemorySink()
    post = a_courier(sink)
    for name in ("first", "second"):
        post.begin(a_card(name=name))
        tell(post, a_finished_attempt(tmp_path / name, a_label()))
        assert post.end(a_summary(), timeout=30)

    assert {run.name for run in sink.runs.values()} >= {"first", "second"}
    assert eventually(lambda: all(thread.name != "ablate-tracking" for thread in set(threading.enumerate()) - others))


def test_a_finished_command_says_soon_what_it_waits_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """A store that hangs holds it for a minute: it says so at once, with the limit and the way out."""
    monkeypatch.setattr(courier, "FIRST_WORD", 0.0)
    monkeypatch.setattr(courier, "LOOK_EVERY", 0.02)
    gate = threading.Event()
    post = a_courier(MoodySink(waiting_for(gate)))
    post.begin(a_card())
    tell(post, a_finished_attempt(tmp_path, a_label()))
    post.end(a_summary(), timeout=0.2)
    gate.set()
    said = [record.getMessage() for record in caplog.records if "still being sent" in record.getMessage()]

    assert len(said) == 1
    assert "ablate sync" in said[0]


def test_a_store_that_refuses_is_not_waited_for_long(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Somebody has to act first. Why is said once, is asked for by the command, and gone when all is taken."""
    monkeypatch.setattr(courier, "REFUSED_SECONDS", 0.1)
    allowed = threading.Event()

    def mood(name: str) -> None:
        if not allowed.is_set():
            raise Away("403")

    sink = MoodySink(mood)
    post = TrackerQueue(
        lambda: sink, is_hopeless=lambda error: False, store="here", refusal=lambda error: "No right. Ask for it."
    )
    post.begin(a_card())
    was_delivered, refusal = post.end(a_summary(), timeout=600), post.refusal
    said = [record.getMessage() for record in caplog.records if "No right" in record.getMessage()]
    allowed.set()

    assert (was_delivered, refusal) == (False, "No right. Ask for it.")
    assert len(said) == 1
    assert "nothing is lost" in said[0]
    assert "`ablate sync` delivers it" in caplog.text
    assert eventually(lambda: post.refusal == "")
