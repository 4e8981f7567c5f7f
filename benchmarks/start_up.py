"""What it takes to start a run: the pool's warm server, a fresh process, a task of Ray, side by side.

`python benchmarks/start_up.py [--runs 10]`: median seconds from the order to the first line of a trainer that imports
torch, and to the end of a run that does nothing; then both over the pool's. Runs follow each other, one at a time.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

from ablate.execute.live import Task
from ablate.execute.pool import ForkPool, SpawnPool
from ablate.execute.ray_cluster import RayExecutor, cluster
from ablate.execute.resources import Need
from ablate.protocols import Executor
from ablate.records import Finished, RunSpec
from ablate.splits.rules import Folds, Protocol, Replicate
from ablate.store.journal import read_result
from ablate.store.work_folder import Store

TRAINER = """
import time
import torch
import ablate

class Config(ablate.Settings):
    number: int = 0

def train(config: Config, run: ablate.Run) -> dict[str, float]:
    began = time.time()
    return {"accuracy": float(torch.zeros(1)), "began": began}
"""


def measured(executor: Executor, work: Path, runs: int) -> tuple[list[float], list[float]]:
    """Seconds to the first line of the trainer, and to the end, of each run but the first, which warms up."""
    begun, ended = [], []
    for number in range(runs + 1):
        config = {"number": number}
        spec = RunSpec(
            trainer="nothing:train",
            config=config,
            identity=config,
            protocol=Protocol(test=Folds(count=2)),
            replicate=Replicate(index=0),
        )
        task = Task(spec=spec, work=work)
        attempt = Store(work).new_attempt(spec, task.envelope())
        at = time.time()
        executor.start(attempt)
        while not executor.finished(0.01):
            pass
        result = read_result(attempt)
        assert isinstance(result, Finished), result
        begun.append(result.metrics["began"] - at)
        ended.append(time.time() - at)
    return begun[1:], ended[1:]


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=10)
    runs = parser.parse_args().runs
    kinds: dict[str, Callable[[Path], Executor]] = {
        "pool": lambda work: ForkPool(slots=1, work=work, warm=["nothing"]),
        "fresh process": lambda work: SpawnPool(slots=1, work=work),
        "Ray": lambda work: RayExecutor(work=work, need=Need()),
    }
    first: tuple[float, float] | None = None
    print(f"{'':14} {'to the trainer':>15} {'to the end':>12}   over the pool's")
    for name, open_executor in kinds.items():
        with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
            work = Path(folder)
            if name == "Ray":
                stack.enter_context(cluster("local", work))
            (work / "nothing.py").write_text(TRAINER)
            executor = open_executor(work)
            begun, ended = map(statistics.median, measured(executor, work, runs))
            executor.close()
        first = first or (begun, ended)
        print(f"{name:14} {begun:13.3f} s {ended:10.3f} s   {begun / first[0]:.0f} and {ended / first[1]:.0f} times")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
