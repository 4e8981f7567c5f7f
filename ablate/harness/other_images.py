"""Jobs about other test sets, through the executor: runs asked about their images, and what runs were trained on."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from ablate import files
from ablate.errors import DataError
from ablate.execute.live import Task
from ablate.execute.other_images import ASKED, TOLD
from ablate.harness.data_check import listing_digest
from ablate.harness.jobs import Job, run_jobs
from ablate.protocols import Executor, Exit
from ablate.records import Finished, RunSpec
from ablate.safety.plain_files import open_inside
from ablate.store.other_answers import keep_answers, keep_failure
from ablate.store.work_folder import SPEC, Store

ENDED = "its process ended without a message"
CHANGED = "its images changed after they were read. `ablate run` reads them again and scores the runs on what is there."


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """A finished run to be asked about a set. images: the file that lists it. digest: of what it lists."""

    spec: RunSpec
    result: Finished
    images: Path
    digest: str
    copies: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Suspicion:
    """Whether any image of a set is one that runs of a variant are fitted or chosen on. specs: those runs."""

    specs: Sequence[RunSpec]
    images: Path


def ask_runs(
    questions: Iterable[Question], store: Store, executor: Executor, task: Task, is_stopped: Callable[[], bool]
) -> None:
    """Ask every run, each on the kind of device it was trained on; an answer is kept as soon as it is there.

    None is kept where files of the set are no longer those that its digest is of.

    is_stopped: asked between two, and while they run; what is under way is then given up.
    """
    with _folder(store) as folder:
        waiting = {folder / f"{number:05d}": one for number, one in enumerate(questions)}
        jobs = [
            Job(folder=at, write=partial(_write_question, task, one), replicates=(one.spec.replicate.index,))
            for at, one in waiting.items()
        ]
        run_jobs(jobs, executor, lambda end: _keep(waiting[end.attempt], end.attempt), is_stopped=is_stopped)


def find_trained_on(
    suspicions: Sequence[Suspicion],
    store: Store,
    executor: Executor,
    task: Task,
    is_stopped: Callable[[], bool],
) -> list[list[tuple[str, str, tuple[int, ...]]] | None]:
    """Of each suspicion the images it is true of: id in the set, id in the data, replicates; None where it was stopped.

    Raises DataError where it cannot be told.
    """
    found: list[list[tuple[str, str, tuple[int, ...]]] | None] = [None] * len(suspicions)
    with _folder(store) as folder:
        places = {folder / f"{number:05d}": number for number in range(len(suspicions))}

        def ended(end: Exit) -> None:
            if is_stopped():
                return
            told = files.read_json(end.attempt / TOLD) or {"error": ENDED, "hint": ""}
            if "error" in told:
                raise DataError(told["error"], hint=told["hint"])
            found[places[end.attempt]] = [(here, there, tuple(which)) for here, there, which in told["seen"]]

        jobs = [
            Job(
                folder=at,
                write=partial(_write_suspicion, task, suspicions[number]),
                replicates=[spec.replicate.index for spec in suspicions[number].specs],
            )
            for at, number in places.items()
        ]
        run_jobs(jobs, executor, ended, is_stopped=is_stopped, first_alone=True)
    return found


@contextmanager
def _folder(store: Store) -> Iterator[Path]:
    """A folder for jobs, where other nodes see it, too; gone afterwards."""
    store.cache.mkdir(parents=True, exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix=".also-test-", dir=store.cache))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _write_question(task: Task, one: Question, attempt: Path, _: int) -> None:
    asked = {"run": str(one.result.folder), "images": str(one.images), "copies": one.copies}
    _write(replace(task, spec=one.spec, kind="answers"), asked, attempt)


def _write_suspicion(task: Task, one: Suspicion, attempt: Path, _: int) -> None:
    asked = {"specs": [spec.to_json() for spec in one.specs], "images": str(one.images)}
    _write(replace(task, spec=one.specs[0], kind="seen"), asked, attempt)


def _write(job: Task, asked: dict[str, Any], attempt: Path) -> None:
    files.write_sealed(attempt / SPEC, {"spec": job.spec.to_json()} | job.envelope())
    files.write_json(attempt / ASKED, asked)


def _keep(one: Question, attempt: Path) -> None:
    told = files.read_json(attempt / TOLD) or {"error": ENDED, "hint": ""}
    if "error" in told:
        keep_failure(one.result, one.digest, " ".join(filter(None, [f"{told['error']}.", told["hint"]])))
        return
    if not _are_unchanged(one.images):
        keep_failure(one.result, one.digest, CHANGED)
        return
    with open_inside(attempt, told.pop("images")) as stream:
        content = stream.read()
    keep_answers(one.result, one.digest, content, told)


def _are_unchanged(listing: Path) -> bool:
    """Whether the files of a set are still those that were read when its digest was made."""
    told = files.read_json(listing) or {}
    return "files" in told and told["files"] == listing_digest([image["path"] for image in told["images"]])
