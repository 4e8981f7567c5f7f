"""A run as one small file among its artifacts: enough to put its attempts back where there is none of them.

The file holds the text of `spec.json` and of the journal of each attempt in the run's line, and the
checksums of the files the result rests on; these are artifacts of their own. What is read back may come
from anybody: nothing of it is believed before it was checked, and no name in it becomes a path but
those of `Recorded`.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ablate.errors import Damaged
from ablate.files import sealed, sha256_file, unsealed
from ablate.records import Event, Failed, Finished, RunResult, RunSpec
from ablate.safety.plain_files import is_inside, is_plain, open_inside
from ablate.store.journal import NAME, parsed, result_of, whole_text
from ablate.store.work_folder import SPEC

RECORD = "record.json"
"""The artifact's name."""
FORMAT = 1
LARGEST = 100_000_000
"""Bytes of a record; a journal of ten thousand epochs has a few million."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Recorded:
    """One attempt as it stood in its folder.

    name: a number, the folder's name. files: path in the folder -> sha256, of the files of its result.
    """

    name: str
    spec: str
    journal: str
    result: RunResult | None
    files: Mapping[str, str]


def record_of(folder: Path, attempts: Iterable[str]) -> bytes | None:
    """The record of these attempts at the run in `folder`; None where one of them is not there whole."""
    told: dict[str, dict[str, Any]] = {}
    for name in sorted(attempts, key=int):
        try:
            with open_inside(folder / name, SPEC) as stream:
                spec = stream.read(LARGEST).decode("utf-8")
        except (OSError, ValueError):
            continue  # a clean-up has removed what the result does not rest on
        journal = whole_text(folder / name)
        told[name] = {"spec": spec, "journal": journal, "files": _files_of(folder / name, journal)}
    if not told:
        return None
    content = sealed({"format": FORMAT, "fingerprint": folder.name, "attempts": told})
    return json.dumps(content, ensure_ascii=False, allow_nan=False).encode(errors="backslashreplace")


def _files_of(attempt: Path, journal: str) -> dict[str, str]:
    result = _result(attempt, parsed(journal))
    if not isinstance(result, Finished):
        return {}
    files = {}
    for name in _names(result):
        if is_plain(attempt, name):
            files[name] = result.digests.get(name) or sha256_file(attempt / name)
    return files


def read_record(content: bytes, fingerprint: str) -> tuple[Recorded, ...]:
    """The attempts in a record, the one with the result last. Raises Damaged, saying what is wrong with it."""
    try:
        told = unsealed(json.loads(content))
    except (ValueError, RecursionError):
        told = None
    if told is None:
        raise Damaged("its checksum does not agree with its content")
    if told.get("format") != FORMAT:
        raise Damaged(
            f"it has format {told.get('format')!r}", hint="Update ablate: `git pull` and `pip install .` in its clone."
        )
    try:
        if told["fingerprint"] != fingerprint:
            raise Damaged(f"it is of another run, {str(told['fingerprint'])[:64]!r}")
        names = sorted(told["attempts"], key=_number)
        attempts = tuple(_read_attempt(name, told["attempts"], fingerprint) for name in names)
    except (KeyError, TypeError, ValueError, AttributeError, IndexError, RecursionError) as error:
        raise Damaged(f"it is not a valid record ({type(error).__name__}: {str(error)[:200]})") from error
    if not attempts or attempts[-1].result is None:
        raise Damaged("it holds no result")
    return attempts


def _number(name: str) -> int:
    if not (name.isascii() and name.isdecimal() and 3 <= len(name) <= 9):
        raise Damaged(f"an attempt is called {name[:64]!r}, which is not a number")
    return int(name)


def _read_attempt(name: str, attempts: Mapping[str, Any], fingerprint: str) -> Recorded:
    spec, journal, files = (attempts[name][key] for key in ("spec", "journal", "files"))
    content = unsealed(json.loads(spec))
    if content is None or RunSpec.from_json(content["spec"]).fingerprint != fingerprint:
        raise Damaged(f"{name}/{SPEC} is not that of the run")
    events = parsed(journal)
    if len(events) != journal.count("\n") or not journal.endswith("\n"):
        raise Damaged(f"{name}/{NAME} has a line that is damaged")
    for event in events:
        _check(event, name, attempts)
    result = _result(Path(name), events)
    if isinstance(result, Failed) and result.reason == "damaged":
        raise Damaged(result.message)
    if isinstance(result, Finished):
        _check_numbers(result)
    kept = _checked_files(result, files) if isinstance(result, Finished) else {}
    return Recorded(name=name, spec=spec, journal=journal, result=result, files=kept)


def _check(event: Event, name: str, attempts: Mapping[str, Any]) -> None:
    """An attempt goes on from an earlier one, which is here or gone: never from itself, nor from elsewhere."""
    if event.kind == "resumed" and _number(str(event.data["attempt"])) >= int(name):
        raise Damaged(f"attempt {name} continues attempt {event.data['attempt']}")
    if event.kind == "epoch":
        int(event.data["epoch"])
    if not math.isfinite(event.time):
        raise Damaged(f"attempt {name} has an event without a time")


def _result(attempt: Path, events: Iterable[Event]) -> RunResult | None:
    ends = [event for event in events if event.kind in ("finished", "failed")]
    if len(ends) > 1:
        raise Damaged(f"attempt {attempt.name} ended {len(ends)} times")
    return result_of(attempt, ends[0].kind, ends[0].data) if ends else None


def _check_numbers(result: Finished) -> None:
    """A report computes with these."""
    if not all(isinstance(name, str) and math.isfinite(value) for name, value in result.metrics.items()):
        raise Damaged("a metric of its result is not a number")
    if not isinstance(result.seconds, int | float) or not isinstance(result.epoch, int | None):
        raise Damaged("its result is not valid")


def _checked_files(result: Finished, files: Mapping[str, str]) -> dict[str, str]:
    names = _names(result)
    for name, digest in files.items():
        if name not in names or not is_inside(name) or name in (SPEC, NAME):
            raise Damaged(f"it names a file {name[:200]!r}, which is not one of the run's")
        if result.digests.get(name, digest) != digest:
            raise Damaged(f"it has two checksums of {name}")
    if result.images and result.images not in files:
        raise Damaged(f"it has no checksum of {result.images}")
    return dict(files)


def _names(result: Finished) -> list[str]:
    return list(dict.fromkeys([*result.files.values(), *([result.images] if result.images else [])]))
