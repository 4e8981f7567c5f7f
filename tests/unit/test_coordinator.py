"""The coordinator: what it starts, what it hears, and what it says for a run that died without a word."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from ablate.execute import live
from ablate.execute.inline import InlineExecutor
from ablate.execute.live import HEARTBEAT, STOP, LiveRun, Task
from ablate.harness.coordinator import Coordinator, FixedSource, News
from ablate.journal import Journal, read_result
from ablate.protocols import Exit
from ablate.records import Event, Failed, Finished, RunResult, RunSpec
from ablate.store import Store
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
    **fields: object,
) -> list[News]:
    """Everything that was told of these runs."""
    told: list[News] = []
    task = a_task(work, specs[0], **fields)
    Coordinator(source or FixedSource(list(specs)), executor, Store(work), task, told.append).run()
    return told


def results_in(told: Sequence[News]) -> list[RunResult]:
    return [news.result for news in told if news.result is not None]


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
    told = coordinate(ScriptedExecutor([deed]), tmp_path, SPECS[:1])

    (result,) = results_in(told)
    assert isinstance(result, Failed)
    assert result.reason == "killed"
    assert name in result.message
    assert read_result(told[-1].attempt) == result
    assert [news.event.kind for news in told if news.event] == ["started", "failed"]


def test_an_exit_code_without_a_result_is_told(tmp_path: Path) -> None:
    """With where to look."""
    (result,) = results_in(coordinate(ScriptedExecutor([lambda attempt: 70]), tmp_path, SPECS[:1]))

    assert isinstance(result, Failed)
    assert "exit code 70" in result.message
    assert "run.log" in result.message


def test_a_result_counts_even_where_the_process_was_killed_behind_it(tmp_path: Path) -> None:
    """What is in the journal is what happened."""
    (result,) = results_in(coordinate(ScriptedExecutor([lambda a: finishes(a) - 9]), tmp_path, SPECS[:1]))

    assert isinstance(result, Finished)


def test_a_failure_remembers_the_code_that_made_it(tmp_path: Path) -> None:
    """So that mended code is tried again."""
    (result,) = results_in(coordinate(ScriptedExecutor([dies]), tmp_path, SPECS[:1], source_digest="c0de"))

    assert isinstance(result, Failed)
    assert result.source_digest == "c0de"


def test_each_run_is_given_the_digest_of_its_own_data(tmp_path: Path) -> None:
    """Variants may differ in their data."""
    executor, task = ScriptedExecutor([finishes] * 2), a_task(tmp_path, SPECS[0], data_digest="most")
    told: list[News] = []
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
    """It finds the request in its folder and is interrupted; nothing kills it."""
    monkeypatch.setattr(live, "LOOK_SECONDS", 0.0)

    def obeys(attempt: Path) -> int:
        run = LiveRun(task=Task.read(attempt), folder=attempt, journal=Journal(attempt))
        run.epoch(1, {})
        return 0 if (attempt / STOP).exists() else -1

    executor = ScriptedExecutor([obeys])
    told = coordinate(executor, tmp_path, SPECS[:1], source=PickySource(SPECS[:1]))

    assert (told[-1].attempt / STOP).exists()
    assert isinstance(told[-1].result, Failed)
    assert told[-1].result.reason == "interrupted"
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
