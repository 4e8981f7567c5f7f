"""The look at the data before the first run, remembered until the data change."""

from __future__ import annotations

import contextlib
import functools
import hashlib
import os
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any
from typing import Protocol as Contract

from ablate import errors, files
from ablate.execute.live import Task
from ablate.execute.worker import PREPARED
from ablate.files import sha256_json
from ablate.harness.interruption import Interruption
from ablate.protocols import Executor
from ablate.records import BASELINE, Prepared, Variant
from ablate.splits.rules import Protocol, Replicate
from ablate.store.work_folder import LOG, SPEC, Store
from ablate.study.plan import Plan
from ablate.trainer import Trainer

OpenExecutor = Callable[[], Executor]


class Begin(Contract):
    """Starts the look of one variant; False where it has to wait for a device."""

    def __call__(self, attempt: Path, variant: Variant, *, is_alone: bool) -> bool:
        """is_alone: nothing else runs."""
        ...


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


def look(
    plan: Plan, trainer: Trainer, executor: Executor, *, task: Task, known: dict[str, Prepared], stop: Interruption
) -> dict[str, Prepared]:
    """Prepare every variant that is not known yet, through the executor.

    Raises what is wrong with the data, and Interrupted where a stop was asked for.
    """
    store = Store(task.work)
    missing = [variant for variant in plan.variants if variant.name not in known]
    # Under the study's lock: what lies there is left over from a command that was killed.
    folder = store.study(plan.study) / "preparing"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    try:
        waiting = {folder / f"{number:03d}": variant for number, variant in enumerate(missing)}
        remember = functools.partial(_remember, plan, store, task.source_digest)
        begin = functools.partial(_begin, plan, task, executor)
        return known | _carry_out(waiting, executor, begin, remember, stop)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _begin(plan: Plan, task: Task, executor: Executor, attempt: Path, variant: Variant, *, is_alone: bool) -> bool:
    """Start the look of one variant, as its first replicate; False where no device for that is free.

    is_alone: nothing else runs. Then a device that is refused will not come free: the replicate is at home elsewhere,
    with others that train this study, and the look is that of another.
    """
    numbers = range(plan.looks[-1]) if is_alone else range(1)
    number = next((number for number in numbers if executor.accepts(number)), None)
    if number is None:
        return False
    attempt.mkdir()
    spec = plan.spec(variant, Replicate(index=number))
    job = replace(task, spec=spec, kind="prepare")
    files.write_sealed(attempt / SPEC, {"spec": spec.to_json()} | job.envelope())
    executor.start(attempt)
    return True


def _remember(plan: Plan, store: Store, source_digest: str, variant: Variant, prepared: Prepared) -> None:
    memo = {"prepared": asdict(prepared), "listing": listing_digest(prepared.watch)}
    files.write_sealed(_memo(plan, variant.config, store, source_digest), memo)


def put_back(plan: Plan, store: Store, source_digest: str, told: Any, places: Mapping[str, Mapping[str, Any]]) -> None:
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


def _carry_out(
    waiting: dict[Path, Variant],
    executor: Executor,
    begin: Begin,
    remember: Callable[[Variant, Prepared], None],
    stop: Interruption,
) -> dict[str, Prepared]:
    found: dict[str, Prepared] = {}
    refused: list[tuple[Variant, errors.AblateError]] = []
    queue = list(waiting)
    # The first alone: it fills the cache that the others read, and meets what is wrong with the data.
    slots = 1
    running = 0
    while queue or running:
        while queue and running < slots:
            if not begin(queue[0], waiting[queue[0]], is_alone=not running):
                break
            del queue[0]
            running += 1
        ended = executor.finished(0.05)
        stop.end_here()  # what was started ends with its executor
        for end in ended:
            running -= 1
            variant = waiting[end.attempt]
            slots = executor.slots
            try:
                prepared = _read_finding(end.attempt, variant.name, end.code)
            except (errors.DataMissing, _Unfinished):
                raise
            except errors.AblateError as error:
                refused.append((variant, error))  # the others may have problems of their own: all are told at once
                continue
            remember(variant, prepared)
            found[variant.name] = prepared
    if refused:
        raise _all_refused(refused)
    return found


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


def _read_finding(attempt: Path, variant: str, code: int) -> Prepared:
    finding = files.read_json(attempt / PREPARED)
    if finding is None:
        log = attempt / LOG
        tail = log.read_text(errors="replace")[-2000:] if log.exists() else ""
        raise _Unfinished(f"{variant}: looking at the data ended with exit code {code}", hint=tail)
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
