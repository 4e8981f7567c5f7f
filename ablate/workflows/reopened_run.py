"""A finished run handed to its trainer once more: it reads what is shared, and leaves nothing behind."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from ablate import files
from ablate.protocols import Run
from ablate.records import Finished, RunSpec
from ablate.splits.request import Parts, parts_of
from ablate.splits.rules import Protocol, Replicate
from ablate.store.run_names import fingerprint_of, newest_finished
from ablate.store.work_folder import Store


@dataclass(frozen=True, slots=True, kw_only=True)
class Reopened:
    """Implements protocols.Run for a run that is over: it reads the shared caches and reports nothing."""

    replicate: Replicate
    protocol: Protocol
    folder: Path
    store: Store
    label: str
    """The beginning of the fingerprint: a run that is over belongs to every study that asks for it."""

    def split(
        self,
        ids: Iterable[Any],
        targets: Iterable[Any],
        groups: Iterable[Any] | None = None,
        *,
        official: Iterable[Any] = (),
    ) -> Parts:
        """The same parts of the same images as when it was trained."""
        return parts_of(ids, targets, groups, official, self.protocol, self.replicate)[0]

    def cached(self, key: str, build: Callable[[Path], None]) -> Path:
        """A file or folder shared by all runs, built once under a lock."""
        return files.build_once(self.store.cache / key, build)

    def earlier(self, name: str) -> tuple[RunSpec, Finished] | None:
        """The same replicate of a variant, `STUDY/VARIANT`; None where it has not finished."""
        return newest_finished(fingerprint_of(f"{name}/{self.replicate.index}", self.store), self.store)

    def resume(self, fits: Callable[[Path], bool] | None = None) -> None:
        """There is nothing to go on with."""

    def tick(self, epoch: int, step: int, of: int, *, state_bytes: float = math.inf) -> bool:
        """No checkpoint is ever due."""
        return False

    def stop_asked(self) -> None:
        """Nobody asks."""

    def alive(self, done: int, of: int) -> None:
        """Nobody watches."""

    def checkpoint(self, write: Callable[[Path], None]) -> None:
        """Nothing is stored."""

    def epoch(self, number: int, metrics: Mapping[str, float]) -> None:
        """Nothing is told."""


@contextmanager
def reopened(spec: RunSpec, store: Store) -> Iterator[Run]:
    """What a trainer is handed to look at a finished run again; its temporary folder is gone when the block ends."""
    with TemporaryDirectory(prefix="ablate-again-", ignore_cleanup_errors=True) as folder:
        yield Reopened(
            replicate=spec.replicate,
            protocol=spec.protocol,
            folder=Path(folder),
            store=store,
            label=spec.fingerprint[:8],
        )
