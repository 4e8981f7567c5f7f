"""The look at the data before the first run, remembered until the data change."""

from __future__ import annotations

import contextlib
import functools
import hashlib
import os
import shutil
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Literal

from ablate import errors, files
from ablate.execute.lazy import LazyExecutor
from ablate.execute.live import Task, read_heartbeat
from ablate.execute.worker import PREPARED
from ablate.files import sha256_json
from ablate.harness.interruption import Interruption
from ablate.harness.jobs import POLL_SECONDS, Job, run_jobs
from ablate.harness.progress import OnProgress, Progress
from ablate.protocols import Executor, Exit
from ablate.records import BASELINE, Prepared, Variant
from ablate.safety.plain_files import open_plain
from ablate.splits.rules import Protocol, Replicate
from ablate.store.work_folder import LOG, SPEC, Store
from ablate.study.plan import Plan
from ablate.trainer import Trainer


def recall(plan: Plan, trainer: Trainer, store: Store, source_digest: str) -> dict[str, Prepared]:
    """Variant -> what an earlier look found, where the data have not changed since."""
    if trainer.prepare is None:
        return {variant.name: Prepared(digest="") for variant in plan.variants}
    found = {}
    for variant in plan.variants:
        memo = files.read_sealed(_memo(plan, variant.config, store, source_digest))
        if memo is not None:
            prepared = prepared_from(memo["prepared"])
            if not prepared.pending and listing_digest(prepared.watch) == memo["listing"]:
                found[variant.name] = prepared
    return found


def look(  # noqa: PLR0913 - a plan, what looks, and all who are told
    plan: Plan,
    trainer: Trainer,
    executor: LazyExecutor,
    *,
    task: Task,
    known: dict[str, Prepared],
    stop: Interruption,
    on_progress: OnProgress = lambda _: None,
) -> dict[str, Prepared]:
    """Prepare every variant that is not known yet, through the executor.

    on_progress: told how many images are decoded.
    Raises what is wrong with the data, and Interrupted where a stop was asked for.
    """
    store = Store(task.work)
    missing = [variant for variant in plan.variants if variant.name not in known]
    # Under the study's lock: what lies there is left over from a command that was killed.
    folder = store.study(plan.study) / "preparing"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    try:
        decoding = _Decoding(on_progress)
        if trainer.decode_images and executor.can_begin_early and missing:
            _decode_early(missing[0], plan, executor, task, folder / "early", stop, decoding)
        return known | _look_at(missing, plan, executor.open(), task, folder, stop, decoding)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@dataclass(slots=True)
class _Decoding:
    """Tells how many images are decoded, as the heartbeats of those who decode have it."""

    on_progress: OnProgress
    _done: int = 0
    _first: tuple[int, float] = (0, 0.0)
    """Images done when the first news came, and when: files are listed and hashed before, which is no decoding."""

    def watch(self, folder: Path) -> None:
        """Look at one's latest heartbeat."""
        beat = read_heartbeat(folder)
        if beat is not None and beat.of and beat.done != self._done:
            now = time.monotonic()
            if not self._first[1] or beat.done < self._done:  # of another variant's images
                self._first = (beat.done, now)
            self._done = beat.done
            before, began = self._first
            seconds = (now - began) * beat.done / (beat.done - before) if beat.done > before else 0.0
            self.on_progress(Progress(total=beat.of, done=beat.done, kind="decoding", decoding_seconds=seconds))


def _decode_early(  # noqa: PLR0913 - a look's six, and where it is told
    variant: Variant,
    plan: Plan,
    executor: LazyExecutor,
    task: Task,
    folder: Path,
    stop: Interruption,
    decoding: _Decoding,
) -> None:
    """Open the executor with the baseline's images being decoded while it gets ready, and wait for both.

    However that ends: the look at the data that follows decodes what is missing, and tells what is wrong.
    """
    folder.mkdir()
    _write(plan, task, variant, "decode", folder, 0)
    opened = executor.open(first=folder)
    while not stop.is_to_end() and not any(end.attempt == folder for end in opened.finished(POLL_SECONDS)):
        decoding.watch(folder)
    stop.end_here()


def _look_at(  # noqa: PLR0913 - a plan's variants, and all that looks at them
    variants: Sequence[Variant],
    plan: Plan,
    executor: Executor,
    task: Task,
    folder: Path,
    stop: Interruption,
    decoding: _Decoding,
) -> dict[str, Prepared]:
    waiting = {folder / f"{number:03d}": variant for number, variant in enumerate(variants)}
    found: dict[str, Prepared] = {}
    refused: list[tuple[Variant, errors.AblateError]] = []

    def ended(end: Exit) -> None:
        stop.end_here()  # Ctrl-C reaches the looks as well: how they end then says nothing of the data
        variant = waiting[end.attempt]
        try:
            found[variant.name] = _read_finding(end.attempt, variant.name, end.code)
        except (errors.DataMissing, _Unfinished):
            raise
        except errors.AblateError as error:
            refused.append((variant, error))  # the others may have problems of their own: all are told at once
        else:
            _remember(plan, Store(task.work), task.source_digest, variant, found[variant.name])

    replicates = range(plan.looks[-1])
    jobs = [
        Job(folder=one, write=functools.partial(_write, plan, task, variant, "prepare"), replicates=replicates)
        for one, variant in waiting.items()
    ]
    # The first alone: it fills the cache that the others read, and meets what is wrong with the data.
    run_jobs(jobs, executor, ended, is_stopped=stop.is_to_end, first_alone=True, watch=decoding.watch)
    stop.end_here()
    if refused:
        raise _all_refused(refused)
    return found


def _write(
    plan: Plan, task: Task, variant: Variant, kind: Literal["decode", "prepare"], attempt: Path, number: int
) -> None:
    spec = plan.spec(variant, Replicate(index=number))
    job = replace(task, spec=spec, kind=kind)
    files.write_sealed(attempt / SPEC, {"spec": spec.to_json()} | job.envelope())


def _remember(plan: Plan, store: Store, source_digest: str, variant: Variant, prepared: Prepared) -> None:
    memo = {"prepared": asdict(prepared), "listing": listing_digest(prepared.watch)}
    files.write_sealed(_memo(plan, variant.config, store, source_digest), memo)


def restore_findings(
    plan: Plan, store: Store, source_digest: str, told: Any, places: Mapping[str, Mapping[str, Any]]
) -> None:
    """Remember what was found on another machine, for variants whose data are not here to be looked at.

    told: variant -> fields of Prepared, from outside; what has not their form is passed over. places: variant
    -> dotted key -> where its data would lie here; once they do, they are looked at.
    """
    for variant in plan.variants:
        found = told.get(variant.name) if isinstance(told, dict) else None
        if not isinstance(found, dict) or _memo(plan, variant.config, store, source_digest).exists():
            continue
        here = [os.path.abspath(place) for place in places.get(variant.name, {}).values() if isinstance(place, str)]
        with contextlib.suppress(KeyError, TypeError, ValueError):
            prepared = prepared_from(found | {"watch": here})
            if not any(map(os.path.lexists, here)):
                _remember(plan, store, source_digest, variant, prepared)


class _Unfinished(errors.DataError):
    """A look ended without a finding."""


def _all_refused(refused: Sequence[tuple[Variant, errors.AblateError]]) -> errors.AblateError:
    """Every problem once, with the first variant that has it; the baseline's without its name."""
    told: dict[str, errors.AblateError] = {}
    for variant, error in sorted(refused, key=lambda one: one[0].name != BASELINE):
        for one in errors.apart(error):
            named = one if variant.name == BASELINE else type(one)(f"{variant.name}: {one.message}", hint=one.hint)
            told.setdefault(str(one), named)
    return errors.together(list(told.values()))


def _content_of(log: Path) -> str:
    try:
        with open_plain(log) as stream:
            return stream.read().decode(errors="replace")
    except OSError:
        return ""


def _read_finding(attempt: Path, variant: str, code: int) -> Prepared:
    finding = files.read_json(attempt / PREPARED)
    if finding is None:
        tail = _content_of(attempt / LOG)[-2000:]
        raise _Unfinished(f"{variant}: checking the data ended with exit code {code}", hint=tail)
    if "error" in finding:
        raise errors.together([_told(one) for one in finding["all"]])
    return prepared_from(finding["prepared"])


def _told(problem: Mapping[str, str]) -> errors.AblateError:
    kind = getattr(errors, problem["kind"], errors.DataError)
    if kind is errors.SettingError:  # its key stands in the message, too
        kind = errors.StudyError
    error: errors.AblateError = kind(problem["error"], hint=problem["hint"])
    return error


def prepared_from(data: dict[str, Any]) -> Prepared:
    """What `asdict` made of a finding, by this version or an earlier one."""
    lists = {name: tuple(data[name]) for name in ("classes", "unreadable", "notes", "watch")}
    return Prepared(**(data | lists | {"former": tuple(data.get("former", ()))}))


def _memo(plan: Plan, config: Any, store: Store, source_digest: str) -> Path:
    return memo_of(plan.trainer, config, plan.protocol, store, source_digest)


def memo_of(trainer: str, config: Any, protocol: Protocol, store: Store, source_digest: str) -> Path:
    """Where the look at the data of a config is remembered, by the code that looked."""
    key = sha256_json([trainer, source_digest, config, protocol.identity()])
    return store.cache / "prepared" / f"{key[:32]}.json"


def listing_digest(watch: Sequence[str]) -> str:
    """Digest of the size and the time of each path: cheap, and changed by any edit, addition or removal.

    A folder's time changes when an entry directly in it comes or goes.
    """
    digest = hashlib.sha256()
    for path in sorted(watch):
        try:
            stat = os.stat(path)
            seen = f"{stat.st_size}\0{stat.st_mtime_ns}"
        except OSError:
            seen = "gone"
        digest.update(f"{path}\0{seen}\n".encode(errors="surrogateescape"))
    return digest.hexdigest()
