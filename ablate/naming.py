"""Which runs the names within a study stand for: written when it runs, read by `status` and by `predict`.

A study's names are all known before its first run and stand in plan.json. A search learns of its trials one
by one and adds a line for each to trials.jsonl.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ablate import files
from ablate.belonging import DataSource
from ablate.errors import AblateError
from ablate.plain_files import is_inside

PLAN = "plan.json"
TRIALS = "trials.jsonl"
SEARCH = "search.json"
BEST = "best"
"""What a search's best trial can be called."""

Runs = Mapping[str, str]
"""Replicate -> fingerprint."""


def write_names(
    folder: Path,
    study: str,
    file: str,
    variants: Mapping[str, Runs],
    sources: Mapping[str, DataSource] | None = None,
    looks: Sequence[int] = (),
) -> None:
    """Write down a study's names.

    file: the study file. sources: variant -> its data, as far as they are known. looks: the planned looks.
    """
    data = {
        name: {"places": dict(one.places), "digest": one.digest} | ({"former": one.former} if one.former else {})
        for name, one in (sources or {}).items()
    }
    content = {"study": study, "file": file, "variants": variants, "data": data, "looks": list(looks)}
    files.write_sealed(folder / PLAN, content)


def read_plan(folder: Path) -> dict[str, Any] | None:
    """What `write_names` wrote; None where nothing has run under that name, or a bit of it has changed."""
    content = files.read_json(folder / PLAN)
    is_sealed = not isinstance(content, dict) or "sha256" in content  # an older version's is not
    return files.read_sealed(folder / PLAN) if is_sealed else content


@contextmanager
def kept_if_refused(folder: Path) -> Iterator[None]:
    """A study that is refused before it runs leaves the names of the runs there are as they were."""
    path = folder / PLAN
    before = path.read_bytes() if path.exists() else None
    try:
        yield
    except AblateError:
        if before is None:
            path.unlink(missing_ok=True)
        else:
            files.write_bytes(path, before)
        raise


def read_looks(folder: Path) -> list[int]:
    """The replicates at each planned look; none for a search, or where nobody wrote them down."""
    return list((read_plan(folder) or {}).get("looks", ()))


def read_source(folder: Path, variant: str) -> DataSource:
    """The data of a study's variant; nothing is known of a search's, or where nothing has run under that name."""
    plan = read_plan(folder) or {}
    found = plan.get("data", {}).get(variant)
    if found is None:
        return DataSource()
    return DataSource(places=found["places"], digest=found["digest"], former=tuple(found.get("former", ())))


def write_trials(folder: Path, trials: Iterable[tuple[str, Runs]]) -> None:
    """Write down the trials a search knows of when it begins."""
    files.write_text(folder / TRIALS, "".join(map(_line, trials)))


def add_trial(folder: Path, name: str, runs: Runs) -> None:
    """One more trial, before its first run begins."""
    with (folder / TRIALS).open("a", encoding="utf-8") as stream:
        stream.write(_line((name, runs)))


def read_names(folder: Path) -> dict[str, Runs] | None:
    """Variant or trial -> its runs; None where nothing has run under that name."""
    plan = read_plan(folder)
    if plan is None:
        return None
    names: dict[str, Runs] = {name: _sound(runs) for name, runs in dict(plan["variants"]).items()}
    if (folder / TRIALS).exists():
        for line in (folder / TRIALS).read_bytes().splitlines():
            try:
                trial = json.loads(line)
                names[str(trial["trial"])] = _sound(trial["runs"])
            except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
                continue  # a killed search left half a line; it writes the file anew when it goes on
    return names


def _sound(runs: Runs) -> Runs:
    """Those that can be a run's: a name of another folder would lead out of the work folder."""
    return {str(replicate): run for replicate, run in runs.items() if is_inside(run) and "/" not in run}


def read_best(folder: Path) -> str | None:
    """The name of a search's best trial so far; None for what is no search, or has not finished one."""
    best: str | None = (files.read_json(folder / SEARCH) or {}).get("best")
    return best


def _line(trial: tuple[str, Runs]) -> str:
    return json.dumps({"trial": trial[0], "runs": dict(trial[1])}) + "\n"
