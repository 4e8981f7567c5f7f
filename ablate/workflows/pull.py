"""`ablate pull`: put back from a tracking store what a work folder has not: journals, results and scores.

Nothing is taken that the study does not ask for, nothing that fails a checksum, and nothing here is
overwritten. An attempt is put together aside and appears in one step, so that a pull which was killed goes
on where it was.
"""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ablate.errors import Damaged, Held, TrackingError
from ablate.execute.worker import WEIGHTS
from ablate.files import encoded, locked, put_in_place, read_json, sha256_file, unsealed, write_json
from ablate.harness.data_check import restore_findings
from ablate.protocols import StoredRun, StoredStudy, TrackingReader
from ablate.records import Finished
from ablate.results.declared_looks import FILE as DECLARED
from ablate.store.closing import closing_from, read_closing, write_closing
from ablate.store.journal import NAME, whole_text
from ablate.store.run_record import LARGEST, RECORD, Recorded, read_record, record_of
from ablate.store.work_folder import SPEC, Store
from ablate.study.former_defaults import former_plan, in_words, way_to_keep
from ablate.study.study import Study
from ablate.track.open import open_reader
from ablate.workflows.session import Session, open_session


@dataclass(slots=True)
class Pulled:
    """What a pull came to, in runs.

    taken: put back now. here: were here already. kept: have a result of this folder's own. unrecorded: have
    ended there, but nothing is stored to put them back from. refused: name of a run -> what is wrong with it.
    without: files that are too large for the store, or not wanted. wanted: all runs the study plans.
    """

    wanted: int = 0
    taken: int = 0
    here: int = 0
    kept: int = 0
    unrecorded: int = 0
    refused: dict[str, str] = field(default_factory=dict)
    without: int = 0


def pull_study(
    study: Study,
    work: Path | str,
    uri: str,
    *,
    weights: bool = False,
    on_progress: Callable[[int, int], None] = lambda done, of: None,
) -> Pulled:
    """Put back every ended run of the study that the store at `uri` has and the work folder has not.

    weights: also the networks' weights. on_progress: called with the runs seen so far and their number.
    Raises TrackingError where the store cannot be read or does not know the study; Held where the study is
    at work here.
    """
    session = open_session(study, work)
    if not session.is_tuned:
        raise TrackingError(
            f"the variants of {study.name!r} are tuned first, and a search cannot be pulled",
            hint=f"Copy {session.store.root / 'studies'} and the runs from the machine where it was made.",
        )
    reader = open_reader(uri)
    with locked(session.store.study(study.name) / "lock"):
        return _Pull(session, reader, weights=weights).go(on_progress)


class _Pull:
    def __init__(self, session: Session, reader: TrackingReader, *, weights: bool) -> None:
        self._session, self._reader, self._weights = session, reader, weights
        self._store: Store = session.store
        self._aside = session.store.study(session.study.name) / "pulling"
        self._found = Pulled()

    def go(self, on_progress: Callable[[int, int], None]) -> Pulled:
        study = self._session.study
        wanted = {spec.fingerprint for _, spec in self._session.plan.runs(len(self._session.plan.looks))}
        stored = self._reader.study(study.name, study.experiment)
        runs = [run for run in stored.runs if run.fingerprint in wanted]
        if not runs:
            self._refuse_former(stored)
            raise TrackingError(
                f"MLflow has no run of {study.name!r} as this study file asks for it",
                hint="`ablate pull --tracking-uri URI` without a study lists what there is.",
            )
        self._found.wanted = len(wanted)
        self._fresh()
        try:
            for number, run in enumerate(runs):
                on_progress(number, len(runs))
                self._take(run)
            self._take_study(stored.place)
        finally:
            shutil.rmtree(self._aside, ignore_errors=True)
        open_session(study, self._session.work).store_plan()
        return self._found

    def _refuse_former(self, stored: StoredStudy) -> None:
        """Raise TrackingError where what the store has was made before a default changed."""
        former = former_plan(self._session.study, self._session.plan)
        if former is None:
            return
        asked = {spec.fingerprint for _, spec in former.plan.runs(len(former.plan.looks))}
        if any(run.fingerprint in asked for run in stored.runs):
            raise TrackingError(
                f"the runs that MLflow has of {stored.name!r} were made before a default changed: "
                f"{in_words(former.changes)}",
                hint=f"Write {way_to_keep(former.changes, self._session.study.base)} to pull them.",
            )

    def _fresh(self) -> None:
        # Under the study's lock: what lies there is left over from a pull that was killed.
        shutil.rmtree(self._aside, ignore_errors=True)
        self._aside.mkdir(parents=True)

    def _take(self, run: StoredRun) -> None:
        found = self._found
        if not run.recorded:
            found.unrecorded += run.finished
            return
        name = f"{run.variant}, replicate {run.replicate}"
        try:
            with locked(self._store.lock(run.fingerprint)):
                if self._is_here(run):
                    found.here += 1
                else:
                    self._put_back(run)
        except Held:
            found.refused[name] = "it is being trained here just now"
        except Damaged as error:
            found.refused[name] = str(error)
        self._fresh()

    def _is_here(self, run: StoredRun) -> bool:
        folder = self._store.lock(run.fingerprint).parent
        mine = record_of(folder, [name for name in run.attempts if name.isdecimal()])
        sound = not any(getattr(result, "reason", "") == "damaged" for result in self._store.results(run.fingerprint))
        return mine is not None and _sha256(mine) == run.recorded and sound

    def _put_back(self, run: StoredRun) -> None:
        attempts = self._read(run)
        folder = self._store.lock(run.fingerprint).parent
        others = [one for one in attempts if _is_other(folder / one.name, one)]
        has_result = bool(self._store.finished(run.fingerprint)) or not run.finished
        if folder.is_symlink() or any((folder / one.name).is_symlink() for one in attempts):
            raise Damaged(f"{folder} or an attempt in it is a link")
        if others and has_result:
            self._found.kept += 1
            return
        for one in attempts:
            self._stage(run, one)
        for one in others:  # unfinished, of this machine: kept under a later number
            newest = max(int(path.name) for path in self._store.attempts(run.fingerprint))
            newest = max(newest, *(int(each.name) for each in attempts))
            (folder / one.name).rename(folder / f"{newest + 1:03d}")
        for one in attempts:
            _place(self._aside / one.name, folder / one.name)
        self._found.taken += 1

    def _read(self, run: StoredRun) -> tuple[Recorded, ...]:
        path = self._aside / "record"
        if not self._reader.fetch(run.place, RECORD, path):
            raise Damaged(f"its {RECORD} is gone")
        if path.stat().st_size > LARGEST:
            raise Damaged(f"its {RECORD} is larger than any record can be")
        content = path.read_bytes()
        if _sha256(content) != run.recorded:
            raise Damaged(f"its {RECORD} is not what was stored (its checksum is another)")
        return read_record(content, run.fingerprint)

    def _stage(self, run: StoredRun, one: Recorded) -> None:
        """Put an attempt together aside."""
        folder = self._aside / one.name
        folder.mkdir()
        (folder / SPEC).write_bytes(encoded(one.spec))
        (folder / NAME).write_bytes(encoded(one.journal))
        optional = one.result.files.get(WEIGHTS) if isinstance(one.result, Finished) else None
        for name, digest in one.files.items():
            if name == optional and not self._weights:
                self._found.without += 1
                continue
            target = folder / name
            target.parent.mkdir(parents=True, exist_ok=True)
            if not self._reader.fetch(run.place, name, target):
                if name != optional:
                    raise Damaged(f"its {name} is gone")
                self._found.without += 1  # of a large file the store has the path alone
            elif sha256_file(target) != digest:
                raise Damaged(f"its {name} is not what was stored (its checksum is another)")

    def _take_study(self, place: str) -> None:
        """What was known of the data, which looks were declared and when it ends, where nothing is known here."""
        path = self._aside / "summary"
        try:
            if not place or not self._reader.fetch(place, "summary.json", path):
                return
        except Damaged:
            return
        content = read_json(path)
        extra = content.get("extra") if isinstance(content, dict) else None
        told = unsealed(extra.get("record")) if isinstance(extra, dict) else None
        if told is None:
            return
        declared = self._store.study(self._session.study.name) / DECLARED
        if _is_declaration(told.get("declared")) and not declared.exists():
            write_json(declared, told["declared"])
        closing = closing_from(told.get("closing"))
        if closing is not None and read_closing(declared.parent) is None:
            write_closing(declared.parent, closing)
        session = self._session
        restore_findings(session.plan, self._store, session.source, told.get("prepared"), session.places)


def _is_declaration(value: Any) -> bool:
    if not isinstance(value, dict) or set(value) != {"looks", "shares"}:
        return False
    return all(isinstance(one, int | float) for numbers in value.values() for one in numbers)


def _is_other(folder: Path, one: Recorded) -> bool:
    return folder.exists() and whole_text(folder) != one.journal


def _place(new: Path, folder: Path) -> None:
    if not folder.exists():
        put_in_place(new, folder)
        return
    for path in new.rglob("*"):  # the same attempt, of which something was lost
        target = folder / path.relative_to(new)
        if path.is_file() and not (target.is_file() and sha256_file(target) == sha256_file(path)):
            target.parent.mkdir(parents=True, exist_ok=True)
            put_in_place(path, target)


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
