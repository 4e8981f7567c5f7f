"""Where runs lie: `.ablate/runs/<fingerprint>/<attempt>/` below the work folder."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from ablate import files
from ablate.records import Failed, FailureReason, Finished, RunResult, RunSpec
from ablate.safety.plain_files import NotPlain, open_inside
from ablate.store.journal import read_result

SPEC = "spec.json"
LOG = "run.log"
"""What a run printed, in its attempt's folder."""
TRIED_AGAIN: tuple[FailureReason, ...] = ("killed", "oom", "timeout")
"""What another try may fix."""
LOOKED, DESCRIPTIONS = "looked", "descriptions"
"""Folders of the cache that `data stats` and `plan` make: no run that trains makes them."""
TRIES = 3
"""How often a run is begun before such a failure is the last word."""


@dataclass(frozen=True, slots=True)
class Store:
    """The runs, studies and caches of one work folder."""

    work: Path

    @property
    def root(self) -> Path:
        """The hidden folder that holds everything but the reports."""
        return self.work / ".ablate"

    @property
    def cache(self) -> Path:
        """What can be computed again: decoded images, descriptions."""
        return self.root / "cache"

    def is_cache_shared(self) -> bool:
        """Whether a command that keeps no study here, and so holds no lock, has used the cache."""
        return any((self.cache / name).exists() for name in (LOOKED, DESCRIPTIONS))

    def study(self, name: str) -> Path:
        """The folder of one study: plan, lock, report inputs."""
        return self.root / "studies" / name

    def begun(self) -> frozenset[str]:
        """The fingerprints of all runs that were ever tried: one look for a plan of a hundred thousand."""
        try:
            return frozenset(os.listdir(self.root / "runs"))
        except (FileNotFoundError, NotADirectoryError):
            return frozenset()

    def attempts(self, fingerprint: str) -> list[Path]:
        """The attempts at a run, oldest first."""
        try:
            with os.scandir(f"{self.work}/.ablate/runs/{fingerprint}") as found:
                # A link to another folder would lend this run that folder's files.
                names = [one.name for one in found if _is_number(one.name) and one.is_dir(follow_symlinks=False)]
        except (FileNotFoundError, NotADirectoryError):
            return []
        folder = self.root / "runs" / fingerprint
        return [folder / name for name in sorted(names, key=int)]

    def newest(self, fingerprint: str) -> int:
        """The number of the newest attempt; 0 where there is none."""
        return max((int(path.name) for path in self.attempts(fingerprint)), default=0)

    def lock(self, fingerprint: str) -> Path:
        """Held by whoever has an attempt at this run under way."""
        return self.root / "runs" / fingerprint / "lock"

    def new_attempt(self, spec: RunSpec, extra: dict[str, Any] | None = None) -> Path:
        """A fresh folder with spec.json; an earlier attempt is never written to again.

        Neither is safe from a power cut before the run has a result: see `make_safe`.
        """
        number = self.newest(spec.fingerprint) + 1
        attempt = self.root / "runs" / spec.fingerprint / f"{number:03d}"
        attempt.mkdir(parents=True)
        files.write_sealed_unsynced(attempt / SPEC, {"spec": spec.to_json()} | (extra or {}))
        return attempt

    def make_safe(self, attempt: Path, names: Iterable[str]) -> None:
        """Sync an attempt's spec and these of its files, before a result says that they are there."""
        files.sync_files([attempt / SPEC, *(attempt / name for name in names)], below=self.root / "runs")

    def results(self, fingerprint: str) -> list[RunResult]:
        """How the attempts ended, oldest first; attempts without an end are left out.

        A result whose scores are gone or no longer what they were is a failure: `damaged`.
        """
        ended = (read_result(attempt) for attempt in self.attempts(fingerprint))
        return [_sound(result) for result in ended if result is not None]

    def finished(self, fingerprint: str) -> list[Finished]:
        """The finished attempts, newest first."""
        return [result for result in reversed(self.results(fingerprint)) if isinstance(result, Finished)]

    def last_failure(self, fingerprint: str) -> Failed | None:
        """The newest attempt's failure, or None where it finished or never ended."""
        results = self.results(fingerprint)
        return results[-1] if results and isinstance(results[-1], Failed) else None


def is_fingerprint(name: object) -> bool:
    """Whether it can be the name of a run's folder."""
    return isinstance(name, str) and re.fullmatch(r"[0-9a-f]{64}", name) is not None


def _is_number(name: str) -> bool:
    return name.isascii() and name.isdecimal() and len(name) < 16


def state_of_file(result: Finished, name: str) -> Literal["whole", "gone", "damaged"]:
    """Whether one of a run's files, by its path in the run's folder, is what it was when the run ended."""
    try:
        with open_inside(result.folder, name) as stream:
            digest = files.sha256_stream(stream)
    except NotPlain:
        return "damaged"
    except OSError:
        return "gone"
    return "whole" if digest == result.digests.get(name, digest) else "damaged"


def _sound(result: RunResult) -> RunResult:
    if isinstance(result, Failed) or result.images is None:
        return result
    state = state_of_file(result, result.images)
    if state == "whole":
        return result
    what = "are gone" if state == "gone" else "are no longer what they were"
    message = f"its scores {what} ({result.folder / result.images}); `ablate run` trains it again"
    return Failed(folder=result.folder, reason="damaged", message=message, source_digest=result.stamp.source_digest)
