"""What in a work folder nothing needs any more, and removing it."""

from __future__ import annotations

import contextlib
import os
import shutil
import stat
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import NamedTuple

from ablate.errors import Held, StudyError
from ablate.execute.live import checkpoints_in
from ablate.files import is_held, locked
from ablate.records import Finished
from ablate.store.disk_space import bytes_in
from ablate.store.journal import read_events
from ablate.store.run_names import read_names
from ablate.store.work_folder import Store, is_fingerprint


class Garbage(NamedTuple):
    """A folder or file that can go. size: bytes that become free. fingerprint: the run it belongs to, or empty."""

    path: Path
    kind: str
    size: int
    fingerprint: str = ""


def find_garbage(work: Path, *, caches: bool = False, unused: bool = False) -> list[Garbage]:
    """Attempts that no result rests on, checkpoints behind a result, half-built caches; runs at work are left alone.

    caches: all that can be computed again, too. unused: all runs that no study of this folder names any more.
    """
    store = Store(work)
    refuse_links(store)
    runs = store.root / "runs"
    named = _named(store) if unused else None
    found: list[Garbage] = []
    for folder in sorted(runs.iterdir()) if runs.is_dir() else []:
        # Whatever else lies there is not ours.
        if not is_fingerprint(folder.name) or folder.is_symlink() or not folder.is_dir() or _is_held(folder / "lock"):
            continue
        if named is not None and folder.name not in named:
            found.append(Garbage(folder, "run no study refers to", bytes_in(folder), folder.name))
        else:
            found += _in_run(store, folder.name)
    return found + list(_in_caches(store, caches=caches))


def remove(rubbish: list[Garbage], work: Path) -> int:
    """Remove it; the bytes that became free. What has been taken up by a command meanwhile stays."""
    store = Store(work)
    refuse_links(store)
    freed = 0
    for item in rubbish:
        with ExitStack() as stack:
            try:
                if item.fingerprint and is_fingerprint(item.fingerprint):
                    stack.enter_context(locked(store.lock(item.fingerprint)))
            except (Held, OSError):
                continue
            _take_away(store, item.path)
            freed += max(0, item.size - _size_of(item.path))
    return freed


def refuse_links(store: Store) -> None:
    """Raise StudyError where a folder of the store is a link: what is removed there would lie elsewhere.

    The work folder and those above it may be links.
    """
    for folder in (store.root, store.root / "runs", store.root / "studies", store.cache):
        if folder.is_symlink():
            raise StudyError(
                f"{folder} is a link to {os.readlink(folder)}, and nothing is removed through a link",
                hint="Put the folder itself there, or clean up manually where the link leads.",
            )


def _take_away(store: Store, path: Path) -> None:
    """Remove a file or folder, by descriptors of the folders above it: none of them can become a link meanwhile."""
    if not shutil.rmtree.avoids_symlink_attacks:  # Windows
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink(missing_ok=True)
        return
    with contextlib.suppress(OSError), ExitStack() as stack:
        flags = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW
        here = os.open(store.root, flags)
        stack.callback(os.close, here)
        for part in path.relative_to(store.root).parts[:-1]:
            here = os.open(part, flags, dir_fd=here)
            stack.callback(os.close, here)
        if stat.S_ISDIR(os.lstat(path.name, dir_fd=here).st_mode):
            shutil.rmtree(path.name, ignore_errors=True, dir_fd=here)
        else:
            os.unlink(path.name, dir_fd=here)


def _size_of(path: Path) -> int:
    """What is still there; nothing behind links is counted."""
    if path.is_symlink() or not path.exists():
        return 0
    return bytes_in(path) if path.is_dir() else path.stat().st_size


def _is_held(lock: Path) -> bool:
    """Whether somebody has it; what is no lock, such as a link, is not touched, and neither is its run."""
    try:
        return is_held(lock)
    except OSError:
        return True


def _named(store: Store) -> set[str]:
    studies = store.root / "studies"
    names = [read_names(folder) for folder in studies.iterdir()] if studies.is_dir() else []
    return {fingerprint for study in names if study for runs in study.values() for fingerprint in runs.values()}


def _in_run(store: Store, fingerprint: str) -> Iterator[Garbage]:
    """Attempts but the newest finished a data set and what it went on from; if none finished, but the newest two.

    Where images lie is no part of a fingerprint: two data sets under one configuration share it.
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
            yield Garbage(attempt, "superseded attempt", bytes_in(attempt), fingerprint)
        elif finished:
            for path in checkpoints_in(attempt):
                yield Garbage(path, "checkpoint of a finished run", _size_of(path), fingerprint)


def _line_of(attempt: Path) -> set[Path]:
    """The attempt and all it went on from: their journals hold its first epochs."""
    line = {attempt}
    for event in read_events(attempt)[0]:
        earlier = attempt.parent / str(event.data["attempt"]) if event.kind == "resumed" else attempt
        if earlier not in line:
            line |= _line_of(earlier)
    return line


def _in_caches(store: Store, *, caches: bool) -> Iterator[Garbage]:
    if not store.cache.is_dir():
        return
    if caches:
        for folder in sorted(store.cache.iterdir()):
            if folder.name == "views":  # tests of finished runs, which reports rest on
                continue
            yield Garbage(folder, "cache", _size_of(folder))
        return
    for path in sorted(store.cache.rglob(".*")):
        target = path.name.removeprefix(".").rsplit(".", 1)[0]
        if path.is_dir() and not path.is_symlink() and not _is_held(path.with_name(f"{target}.lock")):
            yield Garbage(path, "half-built cache", bytes_in(path))
