"""From the name of a run, `STUDY/VARIANT/REPLICATE`, to where it lies in the work folder."""

from __future__ import annotations

from collections.abc import Iterable

from ablate import files
from ablate.belonging import ANY_DATA, DataSource
from ablate.errors import StudyError, near_match
from ablate.naming import BEST, read_best, read_names, read_source
from ablate.records import Finished, RunSpec
from ablate.store import SPEC, Store


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
        known = _studies(store)
        raise StudyError(f"no study {study!r} has run here", hint=f"{near_match(study, known)}{_listed(known)}")
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


def newest_finished(fingerprint: str, store: Store, source: DataSource = ANY_DATA) -> tuple[RunSpec, Finished] | None:
    """The newest finished attempt at a run on some data, and what it was asked for; None where there is none."""
    for result in filter(source.is_of, store.finished(fingerprint)):
        return RunSpec.from_json(files.read_json(result.folder / SPEC)["spec"]), result
    return None


def _studies(store: Store) -> list[str]:
    folder = store.root / "studies"
    return sorted(path.name for path in folder.iterdir()) if folder.is_dir() else []


def _listed(names: Iterable[str]) -> str:
    names = list(names)
    shown = [*names[:40], f"and {len(names) - 40} more"] if len(names) > 40 else names
    return f"There are: {', '.join(shown)}." if names else ""
