"""What in a work folder nothing needs any more, and removing it."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import NamedTuple

from ablate.errors import Held
from ablate.execute.live import checkpoints_in
from ablate.files import is_held, locked
from ablate.journal import read_events
from ablate.naming import read_names
from ablate.records import Finished
from ablate.room import bytes_in
from ablate.store import Store


class Rubbish(NamedTuple):
    """A folder or file that can go. size: bytes that become free. fingerprint: the run it belongs to, or empty."""

    path: Path
    kind: str
    size: int
    fingerprint: str = ""


def find_rubbish(work: Path, *, caches: bool = False, unused: bool = False) -> list[Rubbish]:
    """Attempts that no result rests on, checkpoints behind a result, half-built caches; runs at work are left alone.

    caches: all that can be computed again, too. unused: all runs that no study of this folder names any more.
    """
    store = Store(work)
    runs = store.root / "runs"
    named = _named(store) if unused else None
    found: list[Rubbish] = []
    for folder in sorted(runs.iterdir()) if runs.is_dir() else []:
        if is_held(folder / "lock"):
            continue
        if named is not None and folder.name not in named:
            found.append(Rubbish(folder, "run no study names", bytes_in(folder), folder.name))
        else:
            found += _in_run(store, folder.name)
    return found + list(_in_caches(store, caches=caches))


def remove(rubbish: list[Rubbish], work: Path) -> int:
    """Remove it; the bytes that became free. What has been taken up by a command meanwhile stays."""
    store = Store(work)
    freed = 0
    for item in rubbish:
        with ExitStack() as stack:
            try:
                if item.fingerprint:
                    stack.enter_context(locked(store.lock(item.fingerprint)))
            except Held:
                continue
            if item.path.is_dir():
                shutil.rmtree(item.path, ignore_errors=True)
            else:
                item.path.unlink(missing_ok=True)
            freed += item.size
    return freed


def _named(store: Store) -> set[str]:
    studies = store.root / "studies"
    names = [read_names(folder) for folder in studies.iterdir()] if studies.is_dir() else []
    return {fingerprint for study in names if study for runs in study.values() for fingerprint in runs.values()}


def _in_run(store: Store, fingerprint: str) -> Iterator[Rubbish]:
    """Attempts but the newest finished a data set and what it went on from; if none finished, but the newest two.

    Where pictures lie is no part of a fingerprint: two data sets under one configuration share it.
    """
    attempts = store.attempts(fingerprint)
    results = {result.folder: result for result in store.results(fingerprint)}
    finished = {
        result.stamp.data_digest: attempt
        for attempt in attempts
        if isinstance(result := results.get(attempt), Finished)
    }
    needed = {a for last in (finished.values() or attempts[-2:]) for a in _line_of(last)}
    if not finished:
        needed |= {attempt for attempt in attempts if checkpoints_in(attempt)}
    for attempt in attempts:
        if attempt not in needed:
            yield Rubbish(attempt, "superseded attempt", bytes_in(attempt), fingerprint)
        elif finished:
            for path in checkpoints_in(attempt):
                yield Rubbish(path, "checkpoint of a finished run", path.stat().st_size, fingerprint)


def _line_of(attempt: Path) -> set[Path]:
    """The attempt and all it went on from: their journals hold its first epochs."""
    line = {attempt}
    for event in read_events(attempt)[0]:
        earlier = attempt.parent / str(event.data["attempt"]) if event.kind == "resumed" else attempt
        if earlier not in line:
            line |= _line_of(earlier)
    return line


def _in_caches(store: Store, *, caches: bool) -> Iterator[Rubbish]:
    if not store.cache.is_dir():
        return
    if caches:
        for folder in sorted(store.cache.iterdir()):
            if folder.name == "views":  # tests of finished runs, which reports rest on
                continue
            yield Rubbish(folder, "cache", bytes_in(folder) if folder.is_dir() else folder.stat().st_size)
        return
    for path in sorted(store.cache.rglob(".*")):
        target = path.name.removeprefix(".").rsplit(".", 1)[0]
        if path.is_dir() and not is_held(path.with_name(f"{target}.lock")):
            yield Rubbish(path, "half-built cache", bytes_in(path))
