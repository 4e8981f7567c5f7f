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
from ablate.errors import AblateError, StudyError, near_match
from ablate.records import Finished, RunSpec
from ablate.safety.plain_files import NotPlain, is_inside, open_for_appending, open_plain
from ablate.store.data_identity import ANY_DATA, DataIdentity
from ablate.store.work_folder import SPEC, Store

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
    sources: Mapping[str, DataIdentity] | None = None,
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


def _content(path: Path) -> bytes | None:
    """A plain file's bytes; a link's would be copied to where others can read them."""
    try:
        with open_plain(path) as stream:
            return stream.read()
    except (FileNotFoundError, NotPlain):
        return None


@contextmanager
def keep_on_refusal(folder: Path) -> Iterator[None]:
    """A study that is refused before it runs leaves the names of the runs there are as they were."""
    path = folder / PLAN
    before = _content(path)
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


def read_source(folder: Path, variant: str) -> DataIdentity:
    """The data of a study's variant; nothing is known of a search's, or where nothing has run under that name."""
    plan = read_plan(folder) or {}
    found = plan.get("data", {}).get(variant)
    if found is None:
        return DataIdentity()
    return DataIdentity(places=found["places"], digest=found["digest"], former=tuple(found.get("former", ())))


def write_trials(folder: Path, trials: Iterable[tuple[str, Runs]]) -> None:
    """Write down the trials a search knows of when it begins."""
    files.write_text(folder / TRIALS, "".join(map(_line, trials)))


def add_trial(folder: Path, name: str, runs: Runs) -> None:
    """One more trial, before its first run begins."""
    with open_for_appending(folder / TRIALS) as stream:
        stream.write(files.encoded(_line((name, runs))))


def read_names(folder: Path) -> dict[str, Runs] | None:
    """Variant or trial -> its runs; None where nothing has run under that name."""
    plan = read_plan(folder)
    if plan is None:
        return None
    names: dict[str, Runs] = {name: _sound(runs) for name, runs in dict(plan["variants"]).items()}
    for line in (_content(folder / TRIALS) or b"").splitlines():
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


def find_run(run: str, store: Store) -> tuple[RunSpec, Finished]:
    """The spec and the result of a finished run by its name: STUDY/VARIANT/REPLICATE, or STUDY-search/trial N.

    Raises StudyError for one that is not there.
    """
    run = full_name(run, store)
    study, variant = run.split("/")[:2] if run.count("/") else ("", "")
    found = newest_finished(fingerprint_of(run, store), store, read_source(store.study(study), variant))
    if found is None:
        runs = (read_names(store.study(study)) or {}).get(variant, {})
        trained = [name for name, fingerprint in runs.items() if store.finished(fingerprint)]
        raise StudyError(f"the run {run!r} has not finished yet", hint=_finished(trained))
    return found


def find_members(run: str, store: Store) -> list[tuple[str, RunSpec, Finished]]:
    """The finished run of that name, or for STUDY/VARIANT of several replicates all that have finished, by number.

    Raises StudyError where there is none.
    """
    name = full_name(run, store)
    study, _, variant = name.partition("/")
    names = read_names(store.study(study)) or {} if variant and "/" not in variant else {}
    if variant == BEST and BEST not in names:
        variant = read_best(store.study(study)) or BEST
    runs = names.get(variant, {})
    if len(runs) < 2:
        spec, result = find_run(run, store)
        return [(name, spec, result)]
    source = read_source(store.study(study), variant)
    found = {replicate: newest_finished(fingerprint, store, source) for replicate, fingerprint in runs.items()}
    members = [(f"{study}/{variant}/{replicate}", *one) for replicate, one in found.items() if one is not None]
    if not members:
        raise StudyError(f"no replicate of {study}/{variant} has finished yet", hint=_finished([]))
    return members


def full_name(run: str, store: Store) -> str:
    """A run's name with its variant as it is stored: what a study calls `BN`, one of its designs calls `only BN`."""
    study, _, rest = run.partition("/")
    variant, slash, replicate = rest.partition("/")
    variants = read_names(store.study(study)) if rest else None
    if not variants or variant in variants or f"only {variant}" not in variants:
        return run
    return f"{study}/only {variant}{slash}{replicate}"


def fingerprint_of(run: str, store: Store) -> str:
    """The fingerprint that goes by a run's name. Raises StudyError for a name that nobody knows."""
    parts = full_name(run, store).split("/")
    if len(parts) not in (2, 3):
        raise StudyError(
            f"{run!r} is not of the form STUDY/VARIANT/REPLICATE",
            hint='Examples: "quickstart/BN/0", "quickstart-search/trial 12", "quickstart-search/best"',
        )
    study, variant = parts[:2]
    variants = read_names(store.study(study))
    if variants is None:
        raise StudyError(f"no study {study!r} has run here", hint=studies_hint(study, store))
    if variant == BEST and BEST not in variants:
        variant = read_best(store.study(study)) or BEST
    if variant not in variants:
        raise StudyError(
            f"the study {study!r} has no variant {variant!r}",
            hint=f"{near_match(variant, variants)}{_listed(variants)}",
        )
    # A trial mostly is one run, which then needs no number.
    only = next(iter(variants[variant])) if len(variants[variant]) == 1 else ""
    replicate = parts[2] if len(parts) == 3 else only
    fingerprint = variants[variant].get(replicate)
    if fingerprint is None:
        trained = [name for name, one in variants[variant].items() if store.finished(one)]
        if len(parts) == 2:
            message = f"{run!r} does not say which replicate, and {variant!r} has {len(variants[variant])}"
            hint = f"Write {study}/{variant}/{trained[0]}. " if trained else ""
        else:
            message, hint = f"{study}/{variant} has no replicate {replicate!r}", ""
        raise StudyError(message, hint=f"{hint}{_finished(trained)}")
    return fingerprint


def _finished(names: list[str]) -> str:
    return f"Finished: {', '.join(names)}." if names else "None of its runs has finished yet: `ablate status`."


def newest_finished(fingerprint: str, store: Store, source: DataIdentity = ANY_DATA) -> tuple[RunSpec, Finished] | None:
    """The newest finished attempt at a run on some data, and what it was asked for; None where there is none."""
    for result in filter(source.is_of, store.finished(fingerprint)):
        return RunSpec.from_json(files.read_json(result.folder / SPEC)["spec"]), result
    return None


def studies_hint(study: str, store: Store) -> str:
    """What to say beside a name that no study has: one that is written alike, and all there are."""
    known = _studies(store)
    return f"{near_match(study, known)}{_listed(known)}"


def _studies(store: Store) -> list[str]:
    folder = store.root / "studies"
    return sorted(path.name for path in folder.iterdir()) if folder.is_dir() else []


def _listed(names: Iterable[str]) -> str:
    names = list(names)
    shown = [*names[:40], f"and {len(names) - 40} more"] if len(names) > 40 else names
    return f"There are: {', '.join(shown)}." if names else ""
