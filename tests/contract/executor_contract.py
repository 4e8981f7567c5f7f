"""What every executor promises: subclass ExecutorContract, or ProcessContract where runs have processes."""

from __future__ import annotations

import itertools
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, ClassVar

import psutil
import pytest

from ablate.execute.live import Task
from ablate.harness.coordinator import Coordinator, RunUpdate
from ablate.harness.fixed_source import FixedSource
from ablate.protocols import Executor, Exit
from ablate.records import Failed, Finished, RunResult, RunSpec
from ablate.store.journal import read_result
from ablate.store.work_folder import Store
from tests.training_builders import a_spec, a_task, an_attempt, carried_out

NUMBERS = itertools.count(1000)
PATIENCE = 30.0
"""Seconds after which a test gives up."""


def until(true: Callable[[], bool]) -> None:
    """Wait for something to become true."""
    deadline = time.monotonic() + PATIENCE
    while not true():
        assert time.monotonic() < deadline, "waited too long"
        time.sleep(0.02)


def pids_in(attempt: Path) -> list[int]:
    """The processes of a run that has written them down."""
    until((attempt / "pids").exists)
    return [int(word) for word in (attempt / "pids").read_text().split()]


def is_alive(pid: int) -> bool:
    """Whether it still runs; a dead process that nobody has asked after does not."""
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def children_of_this_process() -> set[int]:
    """Processes that this one, or one of them, has started."""
    return {child.pid for child in psutil.Process().children(recursive=True)}


def with_pranks(folder: Path) -> Path:
    """The folder, with the trainer that misbehaves."""
    shutil.copy(Path(__file__).with_name("pranks.py"), folder)
    return folder


def ends_of(executor: Executor, count: int) -> list[Exit]:
    """The next so many exits, in the order they come."""
    ends: list[Exit] = []
    until(lambda: len(ends.extend(executor.finished(0.05)) or ends) >= count)
    return ends


class ExecutorContract:
    """Promises of an executor."""

    def open(self, work: Path) -> Executor:
        """A new executor of two slots."""
        raise NotImplementedError

    @pytest.fixture
    def executor(self, work: Path) -> Iterator[Executor]:
        """The executor under test, closed when the test is over."""
        executor = self.open(work)
        yield executor
        executor.close()

    @pytest.fixture
    def work(self, tmp_path: Path) -> Path:
        """A work folder with a trainer of its own."""
        return with_pranks(tmp_path)

    @pytest.fixture(autouse=True)
    def known(self, work: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
        """Let this process find that trainer, while the test runs."""
        monkeypatch.setattr(sys, "path", [str(work), *sys.path])
        sys.modules.pop("pranks", None)
        yield
        sys.modules.pop("pranks", None)

    def task(self, work: Path, **config: Any) -> Task:
        """A run of the trainer that misbehaves."""
        return a_task(work, a_spec(config, trainer="pranks:train"))

    def result(self, executor: Executor, work: Path, **config: Any) -> RunResult | None:
        """What a run left behind."""
        return read_result(carried_out(executor, self.task(work, **config)))

    def test_every_attempt_has_one_exit(self, executor: Executor, work: Path) -> None:
        """With code 0 where it came to a result, whatever the order."""
        attempts = [an_attempt(self.task(work, number=number)) for number in range(3)]
        for attempt in attempts:
            executor.start(attempt)

        ends = ends_of(executor, 3)

        assert len(ends) == 3
        assert set(ends) == {Exit(attempt, 0) for attempt in attempts}
        assert list(executor.finished(0.05)) == []
        assert all(isinstance(read_result(attempt), Finished) for attempt in attempts)

    def test_waiting_for_nothing_takes_the_time_it_was_given(self, executor: Executor) -> None:
        """A coordinator that waits must not turn in circles."""
        assert list(executor.finished(0.2)) == []

    def test_a_failing_trainer_is_a_record_with_its_traceback(self, executor: Executor, work: Path) -> None:
        """And its exit code says so."""
        attempt = an_attempt(self.task(work, do="raise"))
        executor.start(attempt)
        ends = ends_of(executor, 1)
        result = read_result(attempt)

        assert ends == [Exit(attempt, 1)]
        assert isinstance(result, Failed)
        assert (result.reason, result.message) == ("error", "ValueError: as asked")
        assert "pranks.py" in result.traceback

    def test_a_trainer_that_exits_has_failed(self, executor: Executor, work: Path) -> None:
        """`sys.exit` is no way to end a run, and ends nothing else."""
        result = self.result(executor, work, do="exit")

        assert isinstance(result, Failed)
        assert result.message == "SystemExit: 3"
        assert isinstance(self.result(executor, work), Finished)

    def test_memory_that_runs_out_is_named(self, executor: Executor, work: Path) -> None:
        """torch's own error is told by its name."""
        result = self.result(executor, work, do="oom")

        assert isinstance(result, Failed)
        assert result.reason == "oom"

    def test_what_a_run_prints_is_in_its_log(self, work: Path, capfd: pytest.CaptureFixture[str]) -> None:
        """And nowhere else: standard output belongs to the command."""
        executor = self.open(work)
        attempt = carried_out(executor, self.task(work, do="print"))
        executor.close()

        log = (attempt / "run.log").read_text()
        assert "to standard output" in log
        assert "to standard error" in log
        assert capfd.readouterr() == ("", "")

    def test_an_attempt_without_its_task_ends_and_says_why(self, executor: Executor, work: Path) -> None:
        """In its log; the coordinator will find no result."""
        attempt = an_attempt(self.task(work))
        (attempt / "spec.json").unlink()
        executor.start(attempt)

        (end,) = ends_of(executor, 1)

        assert end.code != 0
        assert "Traceback" in (attempt / "run.log").read_text()

    def test_ending_what_does_not_run_is_no_mistake(self, executor: Executor, work: Path) -> None:
        """A run may end on its own just before."""
        attempt = carried_out(executor, self.task(work))
        executor.kill(attempt)
        executor.kill(work)

        assert isinstance(self.result(executor, work), Finished)

    def test_a_coordinator_hears_of_every_run(self, executor: Executor, work: Path) -> None:
        """Three finish, one fails, each is heard once, in its own words."""
        results = coordinated(executor, work, ["finish", "raise", "finish", "finish"])

        assert [type(result).__name__ for result in results] == ["Finished", "Failed", "Finished", "Finished"]


def coordinated(executor: Executor, work: Path, deeds: list[str]) -> list[RunResult]:
    """The results of several runs, in the order they were asked for; none was ever asked for before."""
    specs = [a_spec({"do": do, "number": next(NUMBERS)}, trainer="pranks:train") for do in deeds]
    heard: dict[str, list[RunResult]] = {}

    def listen(news: RunUpdate) -> None:
        if news.kind == "ended" and not news.again:
            assert news.result is not None
            heard.setdefault(news.spec.fingerprint, []).append(news.result)

    Coordinator(FixedSource(list(specs)), executor, Store(work), a_task(work, specs[0]), listen).run()
    assert all(len(heard[spec.fingerprint]) == 1 for spec in specs)
    return [heard[spec.fingerprint][0] for spec in specs]


class ProcessContract(ExecutorContract):
    """Promises of an executor whose runs are processes of their own."""

    opened_by: ClassVar[str]
    """Python source that makes `pool`, given `work` and `slots`."""
    imports: ClassVar[str] = "from ablate.execute.pool import ForkPool, SpawnPool"
    """What that source needs."""

    def processes(self) -> set[int]:
        """Those that the executor's runs, or the executor, have started."""
        return children_of_this_process()

    def test_a_killed_run_is_a_record_and_the_others_go_on(self, executor: Executor, work: Path) -> None:
        """As when the system takes the memory back."""
        results = coordinated(executor, work, ["finish", "die", "finish", "finish"])

        assert [type(result).__name__ for result in results] == ["Finished", "Failed", "Finished", "Finished"]
        assert isinstance(results[1], Failed)
        assert results[1].reason == "killed"
        assert "SIGKILL" in results[1].message

    def test_kill_ends_the_run_and_what_it_started(self, executor: Executor, work: Path) -> None:
        """Its exit follows; the run beside it goes on."""
        victim, other = (an_attempt(self.task(work, do="children", number=number)) for number in (1, 2))
        executor.start(victim)
        executor.start(other)
        pids, others = pids_in(victim), pids_in(other)

        executor.kill(victim)

        assert ends_of(executor, 1) == [Exit(victim, -signal.SIGKILL)]
        until(lambda: not any(map(is_alive, pids)))
        assert all(map(is_alive, others))
        executor.kill(other)
        assert ends_of(executor, 1) == [Exit(other, -signal.SIGKILL)]

    def test_kill_right_after_the_start_is_not_lost(self, executor: Executor, work: Path) -> None:
        """Whatever the process has come to by then."""
        attempts = [an_attempt(self.task(work, do="sleep", number=number)) for number in range(5)]
        for attempt in attempts:
            executor.start(attempt)
            executor.kill(attempt)

        assert set(ends_of(executor, 5)) == {Exit(attempt, -signal.SIGKILL) for attempt in attempts}

    def test_close_leaves_nobody_behind(self, work: Path) -> None:
        """Neither runs nor what they started nor a server."""
        others = self.processes()
        executor = self.open(work)
        attempts = [an_attempt(self.task(work, do="children", number=number)) for number in range(2)]
        for attempt in attempts:
            executor.start(attempt)
        pids = [pid for attempt in attempts for pid in pids_in(attempt)]
        pids += self.processes() - others

        executor.close()

        assert len(pids) >= 4
        until(lambda: not any(map(is_alive, pids)))

    def test_what_a_run_started_does_not_outlive_it(self, executor: Executor, work: Path) -> None:
        """A run that dies leaves no loader processes behind."""
        attempt = an_attempt(self.task(work, do="children"))
        executor.start(attempt)
        run, child = pids_in(attempt)
        os.kill(run, signal.SIGKILL)
        ends_of(executor, 1)

        until(lambda: not is_alive(child))

    def test_no_state_leaks_from_one_run_into_the_next(self, executor: Executor, work: Path) -> None:
        """Each run is the first of its process."""
        results = coordinated(executor, work, ["finish"] * 3)

        assert {result.metrics["seen"] for result in results if isinstance(result, Finished)} == {1.0}

    def test_a_stop_request_becomes_a_checkpoint_and_the_next_attempt_goes_on(
        self, executor: Executor, work: Path
    ) -> None:
        """The run is interrupted, not lost."""
        task = self.task(work, do="wait")
        stopped = carried_out(executor, task, while_running=lambda attempt: (attempt / "stop").touch())
        went_on = carried_out(executor, task)

        result = read_result(stopped)
        assert isinstance(result, Failed)
        assert result.reason == "interrupted"
        assert isinstance(read_result(went_on), Finished)

    @pytest.mark.skipif(sys.platform != "linux", reason="looks for processes as Linux has them")
    def test_runs_die_with_a_coordinator_that_is_killed(self, work: Path) -> None:
        """Nobody trains on in secret."""
        attempts = [an_attempt(self.task(work, do="sleep", number=number)) for number in range(2)]
        script = work / "coordinator.py"
        starts = "\n".join(f"pool.start(Path({str(attempt)!r}))" for attempt in attempts)
        script.write_text(
            f"import time\nfrom pathlib import Path\n{self.imports}\n"
            f"work, slots = Path({str(work)!r}), 2\npool = {self.opened_by}\n{starts}\ntime.sleep(120)\n"
        )
        coordinator = subprocess.Popen([sys.executable, str(script)])
        pids = [pid for attempt in attempts for pid in pids_in(attempt)]
        pids += [child.pid for child in psutil.Process(coordinator.pid).children(recursive=True)]

        coordinator.kill()
        coordinator.wait()

        until(lambda: not any(map(is_alive, pids)))

    def test_a_script_without_a_guard_runs_once(self, work: Path) -> None:
        """Workers do not import the script that started them."""
        spec: RunSpec = self.task(work).spec
        attempt = an_attempt(a_task(work, spec))
        script = work / "script.py"
        script.write_text(
            f"from pathlib import Path\n{self.imports}\n"
            f"print('begins', flush=True)\nwork, slots = Path({str(work)!r}), 1\npool = {self.opened_by}\n"
            f"pool.start(Path({str(attempt)!r}))\n"
            "while not (ends := pool.finished(1.0)):\n    pass\n"
            "print('ends with', ends[0].code)\npool.close()\n"
        )

        output = subprocess.run([sys.executable, str(script)], capture_output=True, text=True, timeout=60, check=True)

        assert output.stdout.splitlines() == ["begins", "ends with 0"]
        assert isinstance(read_result(attempt), Finished)
