"""Tests of finished runs by several views of each image, through the executor; each is computed once and kept."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from ablate import files
from ablate.execute.live import Task
from ablate.execute.worker import ASKED, VIEWS
from ablate.files import sha256_json
from ablate.harness.jobs import Job, run_jobs
from ablate.protocols import Executor
from ablate.records import Finished, RunSpec
from ablate.safety.plain_files import open_inside
from ablate.store.work_folder import SPEC, Store

FORMAT = 1
"""Version of what is kept; a higher one computes it anew."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ViewTest:
    """One finished run to test again. tta: the views, as the study file says them."""

    spec: RunSpec
    result: Finished
    tta: Mapping[str, Any]

    def kept(self, store: Store) -> Path:
        """Where its outcome lies: an npz like a run's own. It depends on the run and the views alone."""
        attempt = self.result.folder.name
        key = sha256_json([FORMAT, self.spec.fingerprint, attempt, dict(self.tta)])
        return store.cache / "views" / f"{key[:32]}.npz"

    def failure(self, store: Store) -> Path:
        """Where the reason lies why it could not be computed."""
        return self.kept(store).with_suffix(".json")


def run_view_tests(
    tests: Iterable[ViewTest], store: Store, executor: Executor, task: Task, is_stopped: Callable[[], bool]
) -> None:
    """Compute what is not there yet; a reason is kept for what could not be, and tried again next time.

    is_stopped: asked between two tests, and while they run; what is under way is then given up.
    """
    store.cache.mkdir(parents=True, exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix=".views-", dir=store.cache))  # where other nodes see it, too
    missing = [test for test in tests if not test.kept(store).exists()]
    waiting = {folder / f"{number:05d}": test for number, test in enumerate(missing)}
    # On the kind of device that its run was trained on, and on no other.
    jobs = [
        Job(folder=one, write=partial(_write, task, test), replicates=(test.spec.replicate.index,))
        for one, test in waiting.items()
    ]
    try:
        run_jobs(jobs, executor, lambda end: _keep(waiting[end.attempt], end.attempt, store), is_stopped=is_stopped)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _write(task: Task, test: ViewTest, attempt: Path, _: int) -> None:
    job = replace(task, spec=test.spec, kind="views")
    files.write_sealed(attempt / SPEC, {"spec": test.spec.to_json()} | job.envelope())
    files.write_json(attempt / ASKED, {"run": str(test.result.folder), "tta": dict(test.tta)})


def _keep(test: ViewTest, attempt: Path, store: Store) -> None:
    told = files.read_json(attempt / VIEWS) or {"error": "its process ended without a message"}
    if "error" in told:
        files.write_json(test.failure(store), {"error": told["error"]})
        return
    with open_inside(attempt, told["images"]) as stream:
        content = stream.read()
    files.write_bytes(test.kept(store), content)
    test.failure(store).unlink(missing_ok=True)
