"""What a run is handed: heartbeat, checkpoints, stop requests, all inside its own folder."""

from __future__ import annotations

import math
import os
from pathlib import Path

import pytest

from ablate.errors import Stopped
from ablate.execute import live
from ablate.execute.live import HEARTBEAT, STOP, LiveRun, Task, drop_checkpoints
from ablate.store.journal import Journal, read_events, read_history
from tests.disk import syncs
from tests.training_builders import a_live_run, a_spec, a_task

SPEC = a_spec({}, trainer="ablate.toy:train")


@pytest.fixture(autouse=True)
def hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    """Look for stop requests at every tick."""
    monkeypatch.setattr(live, "LOOK_SECONDS", 0.0)


def a_run(work: Path, **fields: object) -> LiveRun:
    return a_live_run(work, SPEC, **fields)


def checkpoint(run: LiveRun, text: str) -> None:
    run.checkpoint(lambda path: path.write_text(text) and None)


def resumed(run: LiveRun) -> str | None:
    """The content of the checkpoint the run would go on from."""
    path = run.resume()
    return None if path is None else path.read_text()


def test_a_task_comes_back_from_its_file(tmp_path: Path) -> None:
    """What the coordinator wrote is what the worker reads."""
    run = a_run(tmp_path, checkpoint_seconds=5.0, git_commit="f00d")

    assert Task.read(run.folder) == run.task


def test_a_tick_leaves_a_heartbeat(tmp_path: Path) -> None:
    """Epoch, step and steps, for whoever watches."""
    run = a_run(tmp_path)
    asked = run.tick(2, 3, 10)

    assert not asked
    assert (run.folder / HEARTBEAT).read_text() == "2 3 10\n"


def test_ticks_in_quick_succession_touch_the_disk_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Looking costs time; half a second is soon enough."""
    monkeypatch.setattr(live, "LOOK_SECONDS", 60.0)
    run = a_run(tmp_path)
    for step in range(5):
        run.tick(1, step, 5)

    assert not (run.folder / HEARTBEAT).exists()


def test_a_checkpoint_is_asked_for_when_one_is_due(tmp_path: Path) -> None:
    """And not again right after it was taken."""
    due, later = a_run(tmp_path, checkpoint_seconds=0.0), a_run(tmp_path, checkpoint_seconds=60.0)

    assert due.tick(1, 1, 2)
    assert not later.tick(1, 1, 2)


def test_a_stop_request_asks_for_a_checkpoint_and_then_ends_the_run(tmp_path: Path) -> None:
    """The state is safe before the run ends."""
    run = a_run(tmp_path)
    (run.folder / STOP).touch()

    assert run.tick(1, 1, 2)
    with pytest.raises(Stopped):
        checkpoint(run, "state")
    assert resumed(a_run(tmp_path)) == "state"


def test_a_checkpoint_without_a_stop_request_goes_on(tmp_path: Path) -> None:
    """Taking one is no reason to end."""
    run = a_run(tmp_path, checkpoint_seconds=0.0)
    run.tick(1, 1, 2)
    checkpoint(run, "state")

    assert sorted(path.name for path in run.folder.glob("checkpoint-*")) == [
        "checkpoint-000001",
        "checkpoint-000001.json",
    ]


def test_a_run_that_never_ticks_stops_after_an_epoch(tmp_path: Path) -> None:
    """Its epoch is reported first."""
    run = a_run(tmp_path)
    (run.folder / STOP).touch()

    with pytest.raises(Stopped):
        run.epoch(1, {"train/loss": 1.0})

    assert len(read_history(run.folder)) == 1


def test_a_run_that_takes_no_checkpoint_when_asked_stops_after_the_epoch(tmp_path: Path) -> None:
    """A trainer may ignore what `tick` says, but it is not kept waiting for."""
    run = a_run(tmp_path)
    (run.folder / STOP).touch()
    run.tick(1, 1, 1)

    with pytest.raises(Stopped):
        run.epoch(1, {"train/loss": 1.0})


def test_a_stop_request_during_an_evaluation_waits_for_the_next_step(tmp_path: Path) -> None:
    """A run that takes checkpoints loses nothing: it goes on to the next one."""
    run = a_run(tmp_path)
    run.tick(1, 1, 1)
    (run.folder / STOP).touch()
    run.epoch(1, {"train/loss": 1.0})

    assert run.tick(2, 1, 1)


def test_a_checkpoint_knows_of_no_epoch_that_the_journal_could_lose(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A run that goes on from it would have a hole in its curve."""
    run = a_run(tmp_path)
    run.epoch(1, {"val/accuracy": 0.5})
    with syncs(monkeypatch) as order:
        checkpoint(run, "one")

    assert order[0] == "journal.jsonl"
    assert any(name.startswith(".checkpoint-000001.tmp") for name in order[1:])


def test_the_newest_two_checkpoints_are_kept(tmp_path: Path) -> None:
    """The one before the last is there in case the last is damaged."""
    run = a_run(tmp_path)
    for number in range(4):
        checkpoint(run, f"state {number}")

    assert sorted(path.read_text() for path in run.folder.glob("checkpoint-??????")) == ["state 2", "state 3"]
    assert len(list(run.folder.glob("checkpoint-*.json"))) == 2


def test_a_run_goes_on_from_the_newest_checkpoint_of_any_attempt(tmp_path: Path) -> None:
    """Attempts that took none are passed over."""
    for text in ("old", "new"):
        checkpoint(a_run(tmp_path), text)
    a_run(tmp_path)

    assert resumed(a_run(tmp_path)) == "new"


def test_a_run_does_not_go_on_from_itself(tmp_path: Path) -> None:
    """Only earlier attempts count."""
    run = a_run(tmp_path)
    checkpoint(run, "state")

    assert resumed(run) is None


@pytest.mark.parametrize("damage", ["flip", "cut", "no note", "torn note"])
def test_a_damaged_checkpoint_gives_way_to_the_one_before(damage: str, tmp_path: Path) -> None:
    """Checked against its checksum before it is used."""
    run = a_run(tmp_path)
    for text in ("first", "second"):
        checkpoint(run, text)
    newest, note = run.folder / "checkpoint-000002", run.folder / "checkpoint-000002.json"
    match damage:
        case "flip":
            newest.write_text("secone")
        case "cut":
            newest.write_text("sec")
        case "no note":
            note.unlink()
        case "torn note":
            note.write_text(note.read_text()[:20])

    assert resumed(a_run(tmp_path)) == "first"


def test_no_sound_checkpoint_means_a_run_begins_anew(tmp_path: Path) -> None:
    """Damage in all of them ends no run."""
    run = a_run(tmp_path)
    checkpoint(run, "state")
    (run.folder / "checkpoint-000001").write_bytes(b"")

    assert resumed(a_run(tmp_path)) is None


@pytest.mark.parametrize("other", [{"source_digest": "other code"}, {"data_digest": "other data"}])
def test_a_checkpoint_of_other_code_or_other_data_is_left_alone(other: dict[str, str], tmp_path: Path) -> None:
    """Half a run by each would be no run by either."""
    checkpoint(a_run(tmp_path, **other), "theirs")

    assert resumed(a_run(tmp_path)) is None


def test_an_attempt_without_its_spec_is_passed_over(tmp_path: Path) -> None:
    """A coordinator killed between two steps leaves an empty folder."""
    checkpoint(a_run(tmp_path), "state")
    run = a_run(tmp_path)
    (run.folder / "spec.json").unlink()

    assert resumed(a_run(tmp_path)) == "state"


def test_a_resumed_run_has_the_epochs_of_both_attempts(tmp_path: Path) -> None:
    """Each epoch once, those behind the checkpoint from the second attempt."""
    first = a_run(tmp_path)
    first.epoch(1, {"train/loss": 1.0})
    checkpoint(first, "state")
    first.epoch(2, {"train/loss": 2.0})
    second = a_run(tmp_path)
    second.resume()
    second.epoch(2, {"train/loss": 2.5})

    history = read_history(second.folder)
    assert [event.data["metrics"]["train/loss"] for event in history] == [1.0, 2.5]


def test_checkpoints_of_all_attempts_are_dropped_together(tmp_path: Path) -> None:
    """What is only needed to resume goes once the run has a result."""
    runs = [a_run(tmp_path) for _ in range(2)]
    for run in runs:
        checkpoint(run, "state")
    drop_checkpoints(tmp_path, SPEC.fingerprint)

    assert not list(tmp_path.rglob("checkpoint-*"))


def test_a_write_that_fails_leaves_the_older_checkpoint_and_no_rest(tmp_path: Path) -> None:
    """As on a full disk."""
    run = a_run(tmp_path)
    checkpoint(run, "whole")

    def fails(path: Path) -> None:
        path.write_text("ha")
        raise OSError("no space left on device")

    with pytest.raises(OSError, match="no space"):
        run.checkpoint(fails)

    assert sorted(os.listdir(run.folder)) == sorted(["spec.json", "checkpoint-000001", "checkpoint-000001.json"])
    assert resumed(a_run(tmp_path)) == "whole"


def test_metrics_that_are_no_numbers_survive_the_journal(tmp_path: Path) -> None:
    """JSON knows neither; float() reads them back."""
    run = a_run(tmp_path)
    run.epoch(1, {"train/loss": math.nan, "val/loss": math.inf})

    metrics = read_events(run.folder)[0][0].data["metrics"]
    assert math.isnan(float(metrics["train/loss"]))
    assert float(metrics["val/loss"]) == math.inf


def test_what_is_cached_is_built_once_for_all_runs(tmp_path: Path) -> None:
    """The second run finds what the first has built."""
    built = []

    def build(path: Path) -> None:
        built.append(path)
        path.write_text("content")

    paths = {a_run(tmp_path).cached("a/b", build) for _ in range(2)}

    assert len(built) == 1
    assert [path.read_text() for path in paths] == ["content"]
    assert a_task(tmp_path, SPEC).work in next(iter(paths)).parents


def test_a_resumed_run_took_what_both_attempts_took(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """But for what the first did behind its last checkpoint, which was done again."""
    clock = Clock(monkeypatch)
    first = a_run(tmp_path)
    clock.now += 100
    first.checkpoint(lambda path: clock.tick(2, path))
    clock.now += 50
    second = a_run(tmp_path)
    second.resume()
    clock.now += 30

    assert second.seconds == 132
    assert second.checkpoint_seconds == 2


class Clock:
    """A monotonic clock that stands still between two steps."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = 1000.0
        monkeypatch.setattr(live.time, "monotonic", lambda: self.now)

    def tick(self, seconds: float, path: Path) -> None:
        """A write that takes so long."""
        self.now += seconds
        path.write_text("state")


def test_checkpoints_take_less_than_two_percent_of_a_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """However long one takes: the next waits the longer."""
    clock = Clock(monkeypatch)
    run = live.LiveRun(task=a_task(tmp_path, SPEC, checkpoint_seconds=60.0), folder=tmp_path, journal=Journal(tmp_path))
    monkeypatch.setattr(live, "LOOK_SECONDS", 1e9)
    for step in range(1000):
        clock.now += 20
        if run.tick(1, step, 1000):
            run.checkpoint(lambda path: clock.tick(9, path))

    assert 100 < run.checkpoint_seconds < 0.02 * run.seconds


def test_a_small_state_is_stored_after_a_second_and_a_large_one_when_it_is_due(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A run of seconds loses one of them when it is killed; a network of a gigabyte is not written at its start."""
    clock = Clock(monkeypatch)
    first = {}
    for size in (1e5, 1e9, float("inf")):
        run = a_run(tmp_path / f"{size:g}", checkpoint_seconds=300.0)
        begun = clock.now
        while not run.tick(1, 1, 1, state_bytes=size):
            clock.now += 0.5
        first[size] = clock.now - begun

    assert first == {1e5: 1.0, 1e9: 300.0, float("inf"): 300.0}


def test_the_second_checkpoint_waits_for_as_long_as_the_first_one_took(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was guessed of the first is forgotten: cheap ones follow each other in seconds, whatever was wished."""
    clock = Clock(monkeypatch)
    run = a_run(tmp_path, checkpoint_seconds=300.0)
    clock.now += 300
    run.checkpoint(lambda path: clock.tick(0.1, path))
    due = []
    for _ in range(8):
        clock.now += 1
        due.append(run.tick(1, 1, 1))

    assert due == [False] * 7 + [True]


def test_the_last_step_of_an_epoch_leaves_a_heartbeat(tmp_path: Path) -> None:
    """Once there is any, and however soon after the one before it: what follows may be silent."""
    run = a_run(tmp_path)
    run.tick(1, 1, 3)
    live_before = (run.folder / HEARTBEAT).read_text()
    late = a_run(tmp_path)
    late._beat = 1e12  # as if one had been written just now
    late._at = "1 1 3"
    late.tick(1, 3, 3)

    assert live_before == "1 1 3\n"
    assert (late.folder / HEARTBEAT).read_text() == "1 3 3\n"


def test_a_test_tells_how_far_it_is(tmp_path: Path) -> None:
    """Behind the place of the last step; nothing of it before there was a step, which nobody waits for."""
    run, early = a_run(tmp_path), a_run(tmp_path)
    early.alive(1, 2)
    run.tick(2, 5, 5)
    told = []
    for done in (32, 64):
        run.alive(done, 64)
        told.append(live.read_heartbeat(run.folder))

    assert live.read_heartbeat(early.folder) is None
    assert [one and (one.at, one.is_under_way) for one in told] == [((2, 5, 5), True), ((2, 5, 5), False)]


def test_an_epoch_that_was_resumed_in_its_middle_took_both_halves(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Up to the checkpoint in one attempt, from there in the other."""
    clock = Clock(monkeypatch)
    first = a_run(tmp_path)
    first.epoch(1, {})
    clock.now += 10
    first.checkpoint(lambda path: clock.tick(0, path))
    clock.now += 50
    second = a_run(tmp_path)
    second.resume()
    clock.now += 5
    second.epoch(2, {})

    assert read_events(second.folder)[0][-1].data["seconds"] == 15


def test_a_checkpoint_that_does_not_fit_leaves_no_trace(tmp_path: Path) -> None:
    """Neither its epochs nor its seconds are this run's; an older one that fits is taken."""
    for state in ("fits", "other"):
        first = a_run(tmp_path)
        first.epoch(1, {"train/loss": 1.0})
        checkpoint(first, state)
    none, some = a_run(tmp_path), a_run(tmp_path)

    assert none.resume(lambda path: False) is None
    assert [event.kind for event in read_events(none.folder)[0]] == []
    assert (none.checkpoint_seconds, none.seconds < first.seconds + 1) == (0.0, True)
    found = some.resume(lambda path: path.read_text() == "fits")
    assert found is not None
    assert found.read_text() == "fits"
    assert read_events(some.folder)[0][-1].data["attempt"] == "001"
