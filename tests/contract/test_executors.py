"""The executor contract over every executor there is."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from ablate.errors import AblateError
from ablate.execute.devices import Device, DeviceSlots
from ablate.execute.inline import InlineExecutor
from ablate.execute.pool import CAN_FORK, ForkPool, SpawnPool, open_pool
from ablate.protocols import Exit
from ablate.records import Finished
from ablate.store.journal import read_result
from tests.contract.executor_contract import (
    ExecutorContract,
    ProcessContract,
    children_of_this_process,
    coordinated,
    ends_of,
    pids_in,
    until,
    with_pranks,
)
from tests.training_builders import an_attempt

forks = pytest.mark.skipif(not CAN_FORK, reason="this platform cannot fork")


class TestInlineExecutor(ExecutorContract):
    """Runs in this process."""

    def open(self, work: Path) -> InlineExecutor:
        del work
        return InlineExecutor()


class TestSpawnPool(ProcessContract):
    """A fresh Python process a run."""

    opened_by = "SpawnPool(slots=slots, work=work)"

    def open(self, work: Path) -> SpawnPool:
        return SpawnPool(slots=2, work=work)


@pytest.fixture(scope="module")
def shared_work(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One work folder for the tests that share a server."""
    return with_pranks(tmp_path_factory.mktemp("shared"))


@pytest.fixture(scope="module")
def shared_pool(shared_work: Path) -> Iterator[ForkPool]:
    """Servers take half a second to start; a pool that is not closed can serve the next test."""
    pool = ForkPool(slots=2, work=shared_work, warm=["pranks"])
    yield pool
    pool.close()


@forks
class TestForkPool(ProcessContract):
    """A fork of a warm server a run."""

    opened_by = "ForkPool(slots=slots, work=work, warm=['pranks'])"

    def open(self, work: Path) -> ForkPool:
        return ForkPool(slots=2, work=work, warm=["pranks"])

    @pytest.fixture
    def work(self, shared_work: Path) -> Path:
        return shared_work

    @pytest.fixture
    def executor(self, shared_pool: ForkPool) -> Iterator[ForkPool]:
        yield shared_pool
        assert list(shared_pool.finished(0)) == []

    def test_a_server_that_dies_is_replaced(self, work: Path) -> None:
        """What it ran is lost and said to be; the next run is carried out."""
        others = children_of_this_process()
        executor = self.open(work)
        lost = [an_attempt(self.task(work, do="sleep", number=number)) for number in range(2)]
        for attempt in lost:
            executor.start(attempt)
        pids = {pids_in(attempt)[0] for attempt in lost}
        (server,) = children_of_this_process() - others - pids
        os.kill(server, signal.SIGKILL)

        ends = ends_of(executor, 2)

        assert set(ends) == {Exit(attempt, -signal.SIGKILL) for attempt in lost}
        until(lambda: not any(map(psutil.pid_exists, pids)))
        assert isinstance(self.result(executor, work), Finished)
        executor.close()

    def test_a_module_that_cannot_be_warmed_up_is_left_to_the_run(self, work: Path) -> None:
        """Its error is then in the run's own record."""
        executor = ForkPool(slots=1, work=work, warm=["no_such_module", "pranks:no_such_function", "pranks:train"])
        result = self.result(executor, work)
        executor.close()

        assert isinstance(result, Finished)

    def test_the_first_attempt_is_carried_out_while_the_server_imports(self, work: Path) -> None:
        """It needs nothing of what is imported, so it need not wait for it; its exit follows when the server hears."""
        released = work / "released"
        (work / "patient_module.py").write_text(
            f"import pathlib, time\nwhile not pathlib.Path({str(released)!r}).exists(): time.sleep(0.01)\n"
        )
        attempt = an_attempt(self.task(work))
        executor = ForkPool(slots=1, work=work, warm=["patient_module"], first=attempt)

        until(lambda: isinstance(read_result(attempt), Finished))
        released.touch()
        assert ends_of(executor, 1) == [Exit(attempt, 0)]
        executor.close()

    def test_a_first_attempt_ends_with_a_server_that_is_closed_before_it_is_ready(self, work: Path) -> None:
        """Ctrl-C while images are decoded and torch is imported leaves no process."""
        (work / "slow_module.py").write_text("import time\ntime.sleep(60)\n")
        others = children_of_this_process()
        attempt = an_attempt(self.task(work, do="children"))
        executor = ForkPool(slots=1, work=work, warm=["slow_module"], first=attempt)
        until((attempt / "pids").exists)
        executor.close()

        until(lambda: not psutil.pid_exists(pids_in(attempt)[0]))
        assert children_of_this_process() == others

    def test_a_server_that_cannot_even_start_is_said_to_be_so_once(self, work: Path) -> None:
        """And not once a run: the next server would die in the same way."""
        (work / "deadly_module.py").write_text("import os\nos._exit(9)\n")
        executor = ForkPool(slots=1, work=work, warm=["deadly_module"])
        executor.start(an_attempt(self.task(work)))

        with pytest.raises(AblateError, match="code 9 while it imported deadly_module"):
            ends_of(executor, 1)
        executor.close()

    def test_close_does_not_wait_for_a_server_that_is_still_importing(self, work: Path) -> None:
        """Ctrl-C during the first seconds ends at once."""
        (work / "slow_module.py").write_text("import time\ntime.sleep(60)\n")
        others = children_of_this_process()
        executor = ForkPool(slots=1, work=work, warm=["slow_module"])
        executor.start(an_attempt(self.task(work)))
        executor.close()

        assert children_of_this_process() == others

    def test_each_run_has_a_gpu_to_itself(self, work: Path) -> None:
        """As long as there are as many; the one that is free is taken."""
        cards = DeviceSlots([Device("0", "card"), Device("1", "card")])
        executor = ForkPool(slots=2, work=work, cards=cards)
        results = coordinated(executor, work, ["finish"] * 4)
        executor.close()

        taken = [result.metrics["gpu"] for result in results if isinstance(result, Finished)]
        assert taken[:2] == [0.0, 1.0]
        assert set(taken[2:]) <= {0.0, 1.0}


@forks
def test_a_platform_that_can_fork_does(tmp_path: Path) -> None:
    """Forking is the faster way."""
    pool = open_pool(slots=1, work=tmp_path)
    pool.close()

    assert isinstance(pool, ForkPool)
