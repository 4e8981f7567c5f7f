"""The coordinator: what it starts, what it hears, and what it says for a run that died without a word."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from ablate.execute import live
from ablate.execute.inline import InlineExecutor
from ablate.execute.live import HEARTBEAT, STOP, LiveRun, Task
from ablate.files import locked
from ablate.harness import coordinator
from ablate.harness.coordinator import Coordinator, RunUpdate
from ablate.harness.fixed_source import FixedSource
from ablate.harness.interruption import Interruption
from ablate.protocols import Exit
from ablate.records import Event, Failed, FailureReason, Finished, RunResult, RunSpec, Stamp
from ablate.store.journal import Journal, read_result
from ablate.store.work_folder import LOG, TRIES, Store
from tests.training_builders import a_spec, a_task

SPECS = [a_spec({"gain": float(number)}, trainer="ablate.toy:train") for number in range(4)]
FINISHED = Finished(folder=Path(), metrics={"accuracy": 0.5}).to_json()

Deed = Callable[[Path], int]
"""What a scripted run does in its folder; its exit code."""


@dataclass
class ScriptedExecutor:
    """Carries out a deed for each attempt at the moment somebody asks what has ended."""

    deeds: list[Deed]
    slots: int = 2
    running: list[tuple[Path, Deed]] = field(default_factory=list)
    most: int = 0
    killed: list[Path] = field(default_factory=list)

    def start(self, attempt: Path) -> None:
        self.running.append((attempt, self.deeds.pop(0)))
        self.most = max(self.most, len(self.running))

    def finished(self, timeout: float) -> Sequence[Exit]:
        del timeout
        if not self.running:
            return []
        attempt, deed = self.running.pop(0)
        return [Exit(attempt, deed(attempt))]

    def accepts(self, replicate: int) -> bool:
        return True

    def kill(self, attempt: Path) -> None:
        self.killed.append(attempt)

    def close(self) -> None:
        pass


def finishes(attempt: Path) -> int:
    journal = Journal(attempt)
    journal.append("started", {})
    journal.append("epoch", {"epoch": 1, "metrics": {"train/loss": 1.0}})
    journal.append("finished", FINISHED)
    return 0


def dies(attempt: Path) -> int:
    Journal(attempt).append("started", {})
    return -9


def dies_in_the_middle_of_a_line(attempt: Path) -> int:
    Journal(attempt).append("started", {})
    with (attempt / "journal.jsonl").open("a") as stream:
        stream.write('{"sequence": 1, "kind": "fin')
    return -11


def coordinate(
    executor: ScriptedExecutor | InlineExecutor,
    work: Path,
    specs: Sequence[RunSpec] = SPECS,
    *,
    source: FixedSource | None = None,
    timeout: float | None = None,
    **fields: object,
) -> list[RunUpdate]:
    """Everything that was told of these runs."""
    told: list[RunUpdate] = []
    task = a_task(work, specs[0], **fields)
    Coordinator(source or FixedSource(list(specs)), executor, Store(work), task, told.append, timeout=timeout).run()
    return told


def results_in(told: Sequence[RunUpdate]) -> list[RunResult]:
    """The last word on each run."""
    return [news.result for news in told if news.result is not None and not news.again]


def test_no_more_runs_than_slots_are_at_work(tmp_path: Path) -> None:
    """And all of them are taken."""
    executor = ScriptedExecutor([finishes] * 4, slots=3)
    told = coordinate(executor, tmp_path)

    assert executor.most == 3
    assert len(results_in(told)) == 4


def test_each_run_is_told_from_its_start_to_its_end(tmp_path: Path) -> None:
    """Even where it ended before anybody had read a line: nothing of its journal is left out."""
    told = coordinate(ScriptedExecutor([finishes]), tmp_path, SPECS[:1])

    kinds = [news.event.kind if news.event else news.kind for news in told]
    assert kinds == ["started", "started", "epoch", "finished", "ended"]


@pytest.mark.parametrize(("deed", "name"), [(dies, "SIGKILL"), (dies_in_the_middle_of_a_line, "SIGSEGV")])
def test_a_run_that_dies_without_a_word_is_killed(deed: Deed, name: str, tmp_path: Path) -> None:
    """The coordinator writes into its journal what is known, and tells it; half a line is no obstacle."""
    told = coordinate(ScriptedExecutor([deed] * TRIES), tmp_path, SPECS[:1])

    (result,) = results_in(told)
    assert isinstance(result, Failed)
    assert result.reason == "killed"
    assert name in result.message
    assert read_result(told[-1].attempt) == result
    assert [news.event.kind for news in told if news.event] == ["started", "failed"] * TRIES


def fails_with(reason: FailureReason) -> Deed:
    def deed(attempt: Path) -> int:
        Journal(attempt).append("failed", Failed(folder=attempt, reason=reason, source_digest="code").to_json())
        return 1

    return deed


@pytest.mark.parametrize("reason", ["killed", "oom", "timeout"])
def test_a_run_that_bad_luck_ended_is_tried_twice_more(reason: FailureReason, tmp_path: Path) -> None:
    """In fresh attempts; only the last word is the source's business."""
    heard: list[Event | RunResult] = []

    class Listening(FixedSource):
        def heard(self, spec: RunSpec, news: Event | RunResult) -> bool:
            heard.append(news)
            return True

    deeds = [fails_with(reason)] * 2 + [finishes]
    told = coordinate(ScriptedExecutor(deeds), tmp_path, SPECS[:1], source=Listening(SPECS[:1]))

    (result,) = results_in(told)
    assert isinstance(result, Finished)
    assert [news.attempt.name for news in told if news.kind == "ended"] == ["001", "002", "003"]
    assert [type(news) for news in heard if not isinstance(news, Event)] == [Finished]


@pytest.mark.parametrize("reason", ["error", "diverged", "pruned"])
def test_a_run_that_would_end_the_same_way_again_is_tried_once(reason: FailureReason, tmp_path: Path) -> None:
    """Another try would cost as much and fix nothing."""
    (result,) = results_in(coordinate(ScriptedExecutor([fails_with(reason)]), tmp_path, SPECS[:1]))

    assert isinstance(result, Failed)
    assert result.reason == reason


@dataclass
class HangingExecutor(ScriptedExecutor):
    """Its runs go on until they are killed."""

    def start(self, attempt: Path) -> None:
        super().start(attempt)
        (attempt / LOG).touch()

    def finished(self, timeout: float) -> Sequence[Exit]:
        time.sleep(0.01)
        ended = [(attempt, deed) for attempt, deed in self.running if attempt in self.killed]
        self.running = [pair for pair in self.running if pair not in ended]
        return [Exit(attempt, deed(attempt)) for attempt, deed in ended]


def test_the_time_in_a_queue_does_not_count(tmp_path: Path) -> None:
    """An attempt's clock begins with its process, whose first deed is its log."""

    @dataclass
    class Queue(ScriptedExecutor):
        asked: int = 0

        def finished(self, timeout: float) -> Sequence[Exit]:
            self.asked += 1
            if self.asked < 10:
                time.sleep(0.02)
                return []
            return super().finished(timeout)

    queue = Queue([finishes])
    coordinate(queue, tmp_path, SPECS[:1], timeout=0.05)

    assert queue.killed == []


def test_an_attempt_that_takes_too_long_is_ended(tmp_path: Path) -> None:
    """The record says how long it might have taken."""
    executor = HangingExecutor([dies] * TRIES)
    (result,) = results_in(coordinate(executor, tmp_path, SPECS[:1], timeout=0.05))

    assert isinstance(result, Failed)
    assert result.reason == "timeout"
    assert "longer than the 0.05 s" in result.message
    assert len(executor.killed) == TRIES


def test_a_run_that_falls_silent_is_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where it gave signs of life before; the record says where the last came from."""
    monkeypatch.setattr(coordinator, "SILENT_SECONDS", 0.05)

    @dataclass
    class BeatsOnce(HangingExecutor):
        def start(self, attempt: Path) -> None:
            super().start(attempt)
            (attempt / HEARTBEAT).write_text("2 7 10\n")

    (result,) = results_in(coordinate(BeatsOnce([dies] * TRIES), tmp_path, SPECS[:1]))

    assert isinstance(result, Failed)
    assert result.reason == "timeout"
    assert "2 7 10" in result.message


def test_a_run_under_way_elsewhere_is_waited_for_and_not_trained_twice(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two studies share a run: the one that came second takes over the result."""
    monkeypatch.setattr(coordinator, "ASIDE_SECONDS", 0.0)
    store = Store(tmp_path)
    elsewhere = ExitStack()
    elsewhere.enter_context(locked(store.lock(SPECS[0].fingerprint)))
    stamp = Stamp(source_digest="code", data_digest="data")

    def lets_go(attempt: Path) -> int:
        other = store.new_attempt(SPECS[0])
        Journal(other).append("finished", Finished(folder=other, metrics={"accuracy": 0.7}, stamp=stamp).to_json())
        elsewhere.close()
        return finishes(attempt)

    told = coordinate(ScriptedExecutor([lets_go]), tmp_path, SPECS[:2])

    ends = {news.spec.fingerprint: news.result for news in told if news.kind == "ended"}
    taken = ends[SPECS[0].fingerprint]
    assert isinstance(taken, Finished)
    assert taken.metrics == {"accuracy": 0.7}
    assert [attempt.name for attempt in store.attempts(SPECS[0].fingerprint)] == ["001"]


def test_a_run_that_was_given_up_elsewhere_is_taken_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its holder ended without a result."""
    monkeypatch.setattr(coordinator, "ASIDE_SECONDS", 0.0)
    elsewhere = ExitStack()
    elsewhere.enter_context(locked(Store(tmp_path).lock(SPECS[0].fingerprint)))

    def lets_go(attempt: Path) -> int:
        elsewhere.close()
        return finishes(attempt)

    told = coordinate(ScriptedExecutor([lets_go, finishes]), tmp_path, SPECS[:2])

    assert [type(result) for result in results_in(told)] == [Finished, Finished]


def test_the_time_given_ends_like_a_request_to_stop(tmp_path: Path) -> None:
    """Runs are asked to stop, nothing more is started, and what waits stays with the source."""
    source = FixedSource(list(SPECS))
    interruption = Interruption(until=time.monotonic())
    executor = ScriptedExecutor([finishes] * 4, slots=1)
    task, told = a_task(tmp_path, SPECS[0]), list[RunUpdate]()
    Coordinator(source, executor, Store(tmp_path), task, told.append, interruption).run()

    assert len(results_in(told)) == 1
    assert len(source.waiting) == 3
    assert interruption.exit_code == 130


def test_an_exit_code_without_a_result_is_told(tmp_path: Path) -> None:
    """With where to look."""
    (result,) = results_in(coordinate(ScriptedExecutor([lambda attempt: 70] * TRIES), tmp_path, SPECS[:1]))

    assert isinstance(result, Failed)
    assert "exit code 70" in result.message
    assert "run.log" in result.message


def test_a_result_counts_even_where_the_process_was_killed_behind_it(tmp_path: Path) -> None:
    """What is in the journal is what happened."""
    (result,) = results_in(coordinate(ScriptedExecutor([lambda a: finishes(a) - 9]), tmp_path, SPECS[:1]))

    assert isinstance(result, Finished)


def test_a_failure_remembers_the_code_that_made_it(tmp_path: Path) -> None:
    """So that fixed code is tried again."""
    (result,) = results_in(coordinate(ScriptedExecutor([dies] * TRIES), tmp_path, SPECS[:1], source_digest="c0de"))

    assert isinstance(result, Failed)
    assert result.source_digest == "c0de"


def test_each_run_is_given_the_digest_of_its_own_data(tmp_path: Path) -> None:
    """Variants may differ in their data."""
    executor, task = ScriptedExecutor([finishes] * 2), a_task(tmp_path, SPECS[0], data_digest="most")
    told: list[RunUpdate] = []
    Coordinator(
        FixedSource(SPECS[:2]),
        executor,
        Store(tmp_path),
        task,
        told.append,
        digests={SPECS[1].fingerprint: "other"},
    ).run()

    digests = [Task.read(news.attempt).data_digest for news in told if news.kind == "ended"]
    assert digests == ["most", "other"]


class PickySource(FixedSource):
    """Has every run stopped after its first epoch."""

    def heard(self, spec: RunSpec, news: Event | RunResult) -> bool:
        del spec
        return not isinstance(news, Event)


def test_a_run_that_its_source_gives_up_is_asked_to_stop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It finds the request in its folder and ends as pruned; nothing kills it."""
    monkeypatch.setattr(live, "LOOK_SECONDS", 0.0)

    def obeys(attempt: Path) -> int:
        run = LiveRun(task=Task.read(attempt), folder=attempt, journal=Journal(attempt))
        run.epoch(1, {})
        return 0 if (attempt / STOP).exists() else -1

    executor = ScriptedExecutor([obeys])
    told = coordinate(executor, tmp_path, SPECS[:1], source=PickySource(SPECS[:1]))

    assert (told[-1].attempt / STOP).read_text() == "pruned\n"
    assert isinstance(told[-1].result, Failed)
    assert told[-1].result.reason == "pruned"
    assert executor.killed == []


@pytest.mark.parametrize(
    ("text", "expected"), [("2 3 10\n", [(2, 3, 10)]), ("", []), ("2 3", []), ("2 x 10\n", [])], ids=str
)
def test_a_heartbeat_is_told_once_and_half_of_one_not_at_all(
    text: str, expected: list[tuple[int, int, int]], tmp_path: Path
) -> None:
    """A reader may come in the middle of a write."""

    def beats(attempt: Path) -> int:
        (attempt / HEARTBEAT).write_text(text)
        return finishes(attempt)

    told = coordinate(ScriptedExecutor([beats]), tmp_path, SPECS[:1])

    assert [news.progress for news in told if news.progress is not None] == expected


def test_an_inline_run_is_told_like_any_other(tmp_path: Path) -> None:
    """The same news, once it is over."""
    told = coordinate(InlineExecutor(), tmp_path, SPECS[:2])

    assert [type(result) for result in results_in(told)] == [Finished, Finished]
    assert [news.event.data["epoch"] for news in told if news.event and news.event.kind == "epoch"] == [1, 2, 3] * 2


@pytest.mark.parametrize(("before", "is_tried"), [(None, True), (1, True), (0, False)])
def test_what_others_failed_at_meanwhile_is_taken_as_it_is(before: int | None, is_tried: bool, tmp_path: Path) -> None:  # noqa: FBT001
    """An error would come again; one that was known when the runs were chosen is tried again."""
    store, spec = Store(tmp_path), SPECS[0]
    task = a_task(tmp_path, spec)
    dies_of_an_error(store.new_attempt(spec, task.envelope()))
    executor = ScriptedExecutor([dies_of_an_error])
    told: list[RunUpdate] = []
    known = {} if before is None else {spec.fingerprint: before}
    Coordinator(FixedSource([spec]), executor, store, task, told.append, before=known).run()

    assert (executor.deeds == []) == is_tried
    assert [news.result.reason for news in told if isinstance(news.result, Failed)] == ["error"]


def test_a_helper_leaves_to_others_what_they_hold(tmp_path: Path) -> None:
    """It trains the rest and ends."""
    with locked(Store(tmp_path).lock(SPECS[0].fingerprint)):
        told: list[RunUpdate] = []
        source, task = FixedSource(SPECS[:3]), a_task(tmp_path, SPECS[0])
        executor = ScriptedExecutor([finishes, finishes])
        Coordinator(source, executor, Store(tmp_path), task, told.append, patient=False).run()

    assert {news.spec.fingerprint for news in told} == {spec.fingerprint for spec in SPECS[1:3]}


def dies_of_an_error(attempt: Path) -> int:
    failed = Failed(folder=attempt, reason="error", message="no", source_digest="code", data_digest="data")
    Journal(attempt).append("failed", failed.to_json())
    return 1


def test_what_the_executor_knows_of_a_death_is_told(tmp_path: Path) -> None:
    """A node that is gone is no lack of memory."""

    @dataclass
    class Loses(ScriptedExecutor):
        def finished(self, timeout: float) -> Sequence[Exit]:
            return [end._replace(note="the node is gone") for end in super().finished(timeout)]

    (result,) = results_in(coordinate(Loses([dies] * TRIES), tmp_path, SPECS[:1]))

    assert isinstance(result, Failed)
    assert result.message.startswith("the process was lost (the node is gone), before its result was written")


@dataclass
class TestsForLong(ScriptedExecutor):
    """Runs that leave a heartbeat, may report an epoch, and say nothing more for many times as long as is watched."""

    __test__ = False
    beat: str = ""
    reported: int = 0
    asked: int = 0

    def start(self, attempt: Path) -> None:
        super().start(attempt)
        (attempt / HEARTBEAT).write_text(f"{self.beat}\n")
        if self.reported:
            Journal(attempt).append("epoch", {"epoch": self.reported, "metrics": {"train/loss": 1.0}})

    def finished(self, timeout: float) -> Sequence[Exit]:
        self.asked += 1
        if self.asked < 10 and not self.killed:
            time.sleep(0.02)
            return []
        return super().finished(timeout)


@pytest.mark.parametrize(
    ("beat", "reported"),
    [
        ("2 10 10", 0),  # the last step of an epoch, then a test
        ("2 9 10", 0),  # the same of a trainer that counts from 0
        ("2 7 10", 2),  # a heartbeat is half a second old at most: the epoch has been reported since
        ("2 10 10 64 64", 0),  # a test that is over, then whatever is written
    ],
)
def test_a_long_test_is_no_hang(beat: str, reported: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Behind an epoch's end a trainer may test, compute and save in silence, for as long as it takes."""
    monkeypatch.setattr(coordinator, "SILENT_SECONDS", 0.05)
    executor = TestsForLong([finishes], beat=beat, reported=reported)
    (result,) = results_in(coordinate(executor, tmp_path, SPECS[:1]))

    assert executor.killed == []
    assert isinstance(result, Finished)


@pytest.mark.parametrize(("beat", "reported"), [("3 1 10", 0), ("2 10 10 32 64", 0)])
def test_a_test_or_an_epoch_that_falls_silent_in_its_middle_is_ended(
    beat: str, reported: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where another sign of life was soon to come."""
    monkeypatch.setattr(coordinator, "SILENT_SECONDS", 0.05)
    executor = TestsForLong([finishes] * TRIES, beat=beat, reported=reported)
    coordinate(executor, tmp_path, SPECS[:1])

    assert executor.killed
