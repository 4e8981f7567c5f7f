"""Small jobs beside the runs, through the same executor: looks at the data, tests by several views."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from ablate.protocols import Executor, Exit

POLL_SECONDS = 0.05


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """One job, with the folder it is done in."""

    folder: Path
    write: Callable[[Path, int], None]
    """Says in the folder, which is there by then, what is to be done, as the job of this replicate."""
    replicates: Sequence[int]
    """The one it is done as, which needs that replicate's kind of device; then those it may be done as where nothing
    else runs: a kind that is refused then will not come free."""


def run_jobs(
    jobs: Sequence[Job],
    executor: Executor,
    ended: Callable[[Exit], None],
    *,
    is_stopped: Callable[[], bool],
    first_alone: bool = False,
    watch: Callable[[Path], None] = lambda _: None,
) -> None:
    """Do all jobs, as many at once as the executor carries, each on a kind of device that is free.

    ended: told of each that ended; where it raises, what is under way ends with the executor. is_stopped: asked all
    the while; what is under way is then given up. first_alone: the others begin when the first has ended.
    watch: handed the folder of each that is under way, again and again.
    """
    queue, running = list(jobs), set[Path]()
    slots = 1 if first_alone else executor.slots
    while (queue or running) and not is_stopped():
        while len(running) < slots and (job := _begin(queue, executor, is_alone=not running)) is not None:
            running.add(job.folder)
        for folder in running:
            watch(folder)
        for end in executor.finished(POLL_SECONDS):
            running.discard(end.attempt)
            slots = executor.slots
            ended(end)
    for folder in running:
        executor.kill(folder)


def _begin(queue: list[Job], executor: Executor, *, is_alone: bool) -> Job | None:
    """Start the first that may start now, and take it from the queue."""
    for job in queue:
        open_to = job.replicates if is_alone else job.replicates[:1]
        number = next((number for number in open_to if executor.accepts(number)), None)
        if number is not None:
            queue.remove(job)
            job.folder.mkdir()
            job.write(job.folder, number)
            executor.start(job.folder)
            return job
    return None
