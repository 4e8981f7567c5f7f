"""The one entry point of every executor: carry out the task in an attempt's folder."""

from __future__ import annotations

import os
import signal
import socket
import sys
import threading
import traceback
from collections.abc import Callable, Mapping
from dataclasses import asdict
from io import BytesIO
from pathlib import Path
from typing import Any

from ablate import files
from ablate.errors import AblateError, CommandFailed, Diverged, Stopped, TrainerError, apart, not_installed
from ablate.execute.devices import devices
from ablate.execute.environment import machine, machine_stamp
from ablate.execute.handed import check_judged, read_ids_and_means, write_groups
from ablate.execute.live import BEFORE_TRAINING, LiveRun, Task, drop_checkpoints
from ablate.execute.measured import check_metrics, told_by_answers
from ablate.execute.other_images import ask_about_others
from ablate.records import Failed, FailureReason, Finished, Outcome, RunSpec
from ablate.safety.own_modules import import_named
from ablate.settings import settings_of_record
from ablate.store.journal import Journal, read_result
from ablate.store.work_folder import Store
from ablate.trainer import BUILT_IN, Trainer, load_trainer, search_first, shown_path, source_digest

PREPARED = "prepared.json"
WEIGHTS = "weights"
"""What a trainer calls the file that `keep: {weights: none}` drops."""
ASKED, VIEWS = "asked.json", "views.json"
"""What a test by several views is handed (the run's folder, the views), and what it hands back."""
TIED = "--tied"
"""Ends the run when whoever started it is gone."""


def warm_up() -> None:
    """Do once in a server what every run would do first: look at the machine, import what reads and writes scores."""
    import numpy as np

    machine()
    columns = BytesIO()
    np.savez_compressed(columns, id=np.array(["warm"]))
    columns.seek(0)
    read_ids_and_means(columns, ())


def main(attempt: Path, after_epoch: Callable[[], None] | None = None) -> int:
    """Carry out the task; 0 when it ended with a result, 1 when it ended with a failure record."""
    task = Task.read(attempt)
    search_first(task.work)
    match task.kind:
        case "decode":
            return decode(task, attempt)
        case "prepare":
            return prepare(task, attempt)
        case "views":
            return run_view_test(task, attempt)
        case "answers" | "seen":
            return ask_about_others(task, attempt, _trainer_of)
        case _:
            return train(task, attempt, after_epoch)


def train(task: Task, attempt: Path, after_epoch: Callable[[], None] | None = None) -> int:
    """One training run: whatever happens, the journal ends with what it was.

    Except where it has an end already: the coordinator gave the attempt up while it was out of reach.
    """
    journal = Journal(attempt)
    journal.append("started", {"attempt": attempt.name, "process": os.getpid(), "host": socket.gethostname()})
    run = LiveRun(task=task, folder=attempt, journal=journal, after_epoch=after_epoch)
    try:
        trainer = _trainer_of(task)
        outcome = trainer.train(settings_of_record(trainer.config, task.spec.config), run)
        finished = _finished(run, outcome, trainer)
        Store(task.work).make_safe(attempt, finished.digests)
    except (Exception, SystemExit) as error:  # noqa: BLE001 - the one broad except: a failed run is a record
        failed = Failed(
            folder=attempt,
            reason=_reason(error),
            message=_message(error, task.spec),
            traceback=_traceback(error),
            source_digest=task.source_digest,
            data_digest=task.data_digest,
        )
        if read_result(attempt) is None:
            journal.append("failed", failed.to_json())
        return 1
    if read_result(attempt) is not None:
        return 1
    journal.append("finished", finished.to_json())
    drop_checkpoints(task.work, task.spec.fingerprint)
    return 0


def decode(task: Task, attempt: Path) -> int:
    """Fill the cache of images before the look at the data reads it, which tells what is wrong with them."""
    run = LiveRun(task=task, folder=attempt, journal=Journal(attempt), _at=BEFORE_TRAINING)
    trainer = _trainer_of(task)
    module, _, function = trainer.decode_images.partition(":")
    getattr(import_named(module), function)(settings_of_record(trainer.config, task.spec.config), run)
    return 0


def prepare(task: Task, attempt: Path) -> int:
    """One look at the data; the finding, or what is wrong with the data, goes to prepared.json."""
    run = LiveRun(task=task, folder=attempt, journal=Journal(attempt), _at=BEFORE_TRAINING)
    try:
        trainer = _trainer_of(task)
        if trainer.prepare is None:
            raise TrainerError(f"trainer {trainer.shown} has no prepare")
        prepared = trainer.prepare(settings_of_record(trainer.config, task.spec.config), run)
    except Exception as error:  # noqa: BLE001 - reported by the coordinator, a mistake with its traceback
        told = not_installed(error) if isinstance(error, ImportError) else error
        if not isinstance(told, AblateError):
            text = f"preparing the data failed: {type(error).__name__}: {error}"
            told = TrainerError(text, hint=traceback.format_exc())
        found = [{"error": one.message, "hint": one.hint, "kind": type(one).__name__} for one in apart(told)]
        files.write_json(attempt / PREPARED, found[0] | {"all": found})
        return 1
    files.write_json(attempt / PREPARED, {"prepared": asdict(prepared)})
    return 0


def run_view_test(task: Task, attempt: Path) -> int:
    """Test a finished run once more, by several views of each image; what came of it goes to views.json."""
    run = LiveRun(task=task, folder=attempt, journal=Journal(attempt))
    try:
        asked = files.read_json(attempt / ASKED)
        trainer = _trainer_of(task)
        result = read_result(Path(asked["run"]))
        if trainer.augmented_test is None or not isinstance(result, Finished):
            raise TrainerError(f"trainer {trainer.shown} has no augmented_test, or the run no result")
        found = trainer.augmented_test(task.spec, result, run, asked["tta"])
        told = {"images": _relative(found, attempt)}
    except Exception as error:  # noqa: BLE001 - the report says so beside the row, and the others go on
        traceback.print_exc()
        told = {"error": str(error) if isinstance(error, AblateError) else f"{type(error).__name__}: {error}"}
    files.write_json(attempt / VIEWS, told)
    return int("error" in told)


run_view_test.__test__ = False  # type: ignore[attr-defined]  # its name would be collected by pytest


def _trainer_of(task: Task) -> Trainer:
    """The task's trainer. Raises TrainerError where this machine has other code than the one that asks."""
    trainer = load_trainer(task.spec.trainer)
    if task.far and source_digest(task.spec.trainer) != task.source_digest:
        raise TrainerError(
            f"{socket.gethostname()} has different code of {shown_path(task.spec.trainer)} than the machine that "
            "asked for the run",
            hint="Install the same version on every node, or keep the trainer's module in the work folder.",
        )
    return trainer


def _reason(error: BaseException) -> FailureReason:
    # torch's class is told by its name: this module must not import torch. On the CPU it has none.
    if isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryError":
        return "oom"
    if isinstance(error, RuntimeError) and "DefaultCPUAllocator" in str(error):
        return "oom"
    match error:
        case Stopped(reason=reason):
            return reason
        case Diverged():
            return "diverged"
        case CommandFailed(reason=reason):
            return reason
        case _:
            return "error"


def _traceback(error: BaseException) -> str:
    """Where it happened: in a command its own last lines say so."""
    match error:
        case Stopped():
            return ""
        case CommandFailed(output=output):
            return output
        case _:
            return traceback.format_exc()


def _message(error: BaseException, spec: RunSpec) -> str:
    if isinstance(error, Stopped):
        return str(error)
    return f"{type(error).__name__}: {error}{_peak() + _smaller(spec) if _reason(error) == 'oom' else ''}"


def _smaller(spec: RunSpec) -> str:
    """What needs less memory, for the trainer whose settings we know."""
    if spec.trainer != BUILT_IN:
        return ""
    numerics = spec.config.get("numerics") or {}
    pieces = (numerics.get("micro_batch") or spec.config["batch_size"]) // 2
    return f"; numerics.micro_batch: {pieces} in base:, or fewer runs at once, needs less" if pieces > 1 else ""


def _peak() -> str:
    """How much memory this process has held at most."""
    found = []
    torch: Any = sys.modules.get("torch")  # never imported here; a trainer may have done so
    if torch is not None and torch.cuda.is_initialized():
        found.append(f"{torch.cuda.max_memory_allocated() / 2**30:.2f} GiB on the graphics card")
    if sys.platform != "win32":
        import resource

        unit = 1 if sys.platform == "darwin" else 1024
        found.append(f"{resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 2**30:.2f} GiB in the process")
    return f" (peak: {', '.join(found)})" if found else ""


def _finished(run: LiveRun, returned: Any, trainer: Trainer) -> Finished:
    task, attempt = run.task, run.folder
    outcome = _as_outcome(returned, task)
    metrics = check_metrics({**told_by_answers(outcome, task.spec.protocol), **outcome.metrics}, task.spec)
    images = _relative(outcome.images, attempt) if outcome.images else None
    check_judged(task.spec.protocol, run.handed, metrics, outcome.images)
    if outcome.images is not None:
        write_groups(outcome.images, run.handed)
    kept = {name: _relative(path, attempt) for name, path in outcome.files.items()}
    if not task.keep_weights and WEIGHTS in kept:
        (attempt / kept.pop(WEIGHTS)).unlink(missing_ok=True)
    named = [*kept.values(), *([images] if images else [])]
    return Finished(
        folder=attempt,
        metrics=metrics,
        epoch=outcome.epoch,
        images=images,
        test_digest=_test_digest(outcome.images),
        files=kept,
        digests={name: files.sha256_file(attempt / name) for name in named if (attempt / name).is_file()},
        cost=outcome.cost,
        stamp=machine_stamp(
            source_digest=task.source_digest,
            data_digest=outcome.data_digest or task.data_digest,
            weights_digest=outcome.weights_digest,
            device=outcome.device or _card_of(trainer),
            git_commit=task.git_commit,
        ),
        seconds=round(run.seconds, 4),
        checkpoint_seconds=round(run.checkpoint_seconds, 4),
        parts=run.handed.counts if run.handed is not None else {},
    )


def _card_of(trainer: Trainer) -> str:
    """The kind of card a command was given, which cannot say so itself; empty where it was given none."""
    cards = devices() if trainer.resources is not None and trainer.resources.gpus else ()
    return cards[0].kind if cards else ""


def _as_outcome(returned: Any, task: Task) -> Outcome:
    if isinstance(returned, Outcome):
        return returned
    if isinstance(returned, Mapping):
        return Outcome(metrics=returned)
    raise TrainerError(
        f"trainer {shown_path(task.spec.trainer)} returned {type(returned).__name__}",
        hint='Return metrics, such as {"accuracy": 0.87}, or an ablate.Outcome.',
    )


def _relative(path: Path, attempt: Path) -> str:
    try:
        return Path(path).resolve().relative_to(attempt.resolve()).as_posix()
    except ValueError:
        raise TrainerError(f"the trainer's file {path} is outside its folder {attempt}") from None


def _test_digest(images: Path | None) -> str:
    return "" if images is None else files.sha256_json(sorted(read_ids_and_means(images, ()).ids))


def die_with_starter() -> None:
    """End this process and all it started when the pipe on standard input closes: its starter is gone."""
    pipe = os.dup(0)
    null = os.open(os.devnull, os.O_RDONLY)
    os.dup2(null, 0)
    os.close(null)

    def watch() -> None:
        os.read(pipe, 1)
        if hasattr(os, "killpg"):
            os.killpg(0, signal.SIGKILL)
        os._exit(70)

    threading.Thread(target=watch, daemon=True).start()


if __name__ == "__main__":
    if TIED in sys.argv:
        die_with_starter()
    sys.path.append(os.getcwd())
    sys.exit(main(Path(sys.argv[1])))
