"""Small jobs beside the runs: as many at once as there is room for, each on a device of its replicate's kind."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from ablate.harness.jobs import Job, run_jobs
from ablate.protocols import Exit


@dataclass
class TwoSlots:
    """An executor whose jobs end one at a time, oldest first, and which refuses some replicates."""

    slots: int = 2
    refused: Sequence[int] = ()
    begun: list[str] = field(default_factory=list)
    killed: list[str] = field(default_factory=list)
    most: int = 0
    running: list[Path] = field(default_factory=list)

    def accepts(self, replicate: int) -> bool:
        """Whatever is not refused."""
        return replicate not in self.refused

    def start(self, attempt: Path) -> None:
        """It runs until it is asked for."""
        self.begun.append((attempt / "job").read_text())
        self.running.append(attempt)
        self.most = max(self.most, len(self.running))

    def finished(self, timeout: float) -> Sequence[Exit]:
        """The oldest."""
        del timeout
        return [Exit(self.running.pop(0), 0)] if self.running else []

    def kill(self, attempt: Path) -> None:
        """It is noted."""
        self.killed.append(attempt.name)

    def close(self) -> None:
        """Nothing."""


def jobs_in(folder: Path, *replicates: Sequence[int]) -> list[Job]:
    """A job for each; what it is told is its name and the replicate it is done as."""

    def write(attempt: Path, number: int) -> None:
        (attempt / "job").write_text(f"{attempt.name} as {number}")

    return [Job(folder=folder / f"job{i}", write=write, replicates=some) for i, some in enumerate(replicates)]


def test_every_job_is_done_and_told_of(tmp_path: Path) -> None:
    """Two at once, where there are two slots."""
    executor, told = TwoSlots(), list[str]()
    run_jobs(jobs_in(tmp_path, [0], [0], [0]), executor, lambda end: told.append(end.attempt.name), is_stopped=_never)

    assert told == ["job0", "job1", "job2"]
    assert executor.most == 2


def test_a_job_whose_device_is_taken_lets_others_go_first(tmp_path: Path) -> None:
    """It does not hold up what could run, and starts once nobody refuses it any more."""
    executor = TwoSlots(refused=[1])

    def ended(end: Exit) -> None:
        if end.attempt.name == "job2":
            executor.refused = ()

    run_jobs(jobs_in(tmp_path, [1], [0], [0]), executor, ended, is_stopped=_never)

    assert executor.begun == ["job1 as 0", "job2 as 0", "job0 as 1"]


def test_a_job_that_is_alone_is_done_as_another_replicate(tmp_path: Path) -> None:
    """The kind of device it is refused then is at home elsewhere, and will not come free."""
    executor = TwoSlots(refused=[0, 1])
    run_jobs(jobs_in(tmp_path, range(4), range(4)), executor, lambda _: None, is_stopped=_never)

    assert executor.begun == ["job0 as 2", "job1 as 2"]
    assert executor.most == 1


def test_the_others_wait_for_the_first_where_it_prepares_for_them(tmp_path: Path) -> None:
    """It fills the cache that they read."""
    executor, seen = TwoSlots(), list[int]()
    jobs = jobs_in(tmp_path, [0], [0], [0])
    run_jobs(jobs, executor, lambda _: seen.append(len(executor.begun)), is_stopped=_never, first_alone=True)

    assert seen == [1, 3, 3]


def test_what_is_under_way_is_given_up_when_a_stop_is_asked_for(tmp_path: Path) -> None:
    """And nothing is begun any more."""
    executor, told = TwoSlots(slots=3), list[str]()
    jobs = jobs_in(tmp_path, [0], [0], [0], [0])
    run_jobs(jobs, executor, lambda end: told.append(end.attempt.name), is_stopped=lambda: bool(told))

    assert told == ["job0"]
    assert sorted(executor.killed) == ["job1", "job2"]
    assert len(executor.begun) == 3


def _never() -> bool:
    return False
