"""What is known of a study's data although nobody can look at them just now: it lives with the study and its runs.

A look at the data is remembered in the cache until the data change. What reports say of them must outlive both.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from itertools import islice
from typing import Any, NamedTuple

from ablate import files
from ablate.files import sha256_json
from ablate.harness.data_check import listing_digest, memo_of, prepared_from
from ablate.records import Finished, Prepared, RunSpec, Variant
from ablate.splits.rules import Replicate
from ablate.store.work_folder import SPEC, Store
from ablate.study.plan import Plan

FILE = "data.json"
MOST_RUNS = 8
"""How many finished runs of a variant are asked."""
LONGEST_HEADER = 2**24
"""Bytes; a weights file whose header is longer is none of ours."""

Places = Mapping[str, Mapping[str, Any]]
"""Variant -> dotted key -> where its data lie."""


class KnownData(NamedTuple):
    """Variant -> what was found in its data. old: not what they are now, as far as one can see. gone: nobody knows."""

    prepared: Mapping[str, Prepared]
    old: tuple[str, ...] = ()
    gone: tuple[str, ...] = ()


def remember_data(plan: Plan, places: Places, store: Store, prepared: Mapping[str, Prepared]) -> None:
    """Write down beside the study what a look at its data has found; what was found before stays for the others."""
    before = _kept(plan, store)
    now = {
        variant.name: {"key": _key(plan, places, variant), "prepared": asdict(found), "listing": listing}
        for variant in plan.variants
        if (found := prepared.get(variant.name)) is not None
        and found != Prepared(digest="")
        and (listing := listing_digest(found.watch))
    }
    after = {name: entry for name, entry in before.items() if name not in now} | now
    if after != before:
        files.write_sealed(store.study(plan.study) / FILE, {"variants": after})


def known(plan: Plan, places: Places, store: Store, prepared: Mapping[str, Prepared]) -> KnownData:
    """What is known of each variant's data: as they are (prepared), else as they were when last looked at.

    From the study's own record, else from what its runs wrote down; at the least the names of the classes.
    """
    kept = _kept(plan, store)
    found, old, gone = dict(prepared), [], []
    for variant in plan.variants:
        if variant.name in found:
            continue
        entry = kept.get(variant.name)
        one, is_old = _of_study(entry, _key(plan, places, variant))
        runs = [] if one is not None else list(islice(_runs(plan, variant, store), MOST_RUNS))
        if one is None:
            one = next(filter(None, (_memo(spec, run, store) for spec, run in runs)), None)
        if one is not None:
            found[variant.name] = one
            old += [variant.name] if is_old else []
        elif runs:
            gone.append(variant.name)
            classes = next(filter(None, (read_class_names(run) for _, run in runs)), ())
            if classes:
                found[variant.name] = Prepared(digest="", classes=classes)
    return KnownData(found, tuple(old), tuple(gone))


def _kept(plan: Plan, store: Store) -> dict[str, Any]:
    content = files.read_sealed(store.study(plan.study) / FILE)
    return dict(content["variants"]) if content is not None else {}


def _of_study(entry: Any, key: str) -> tuple[Prepared | None, bool]:
    """What the study's own record says of a variant's data, and whether they have changed since."""
    if entry is None or entry.get("key") != key:
        return None, True
    found = _read(entry)
    return found, found is None or listing_digest(found.watch) != entry["listing"]


def _read(content: Any) -> Prepared | None:
    try:
        return prepared_from(content["prepared"])
    except (KeyError, TypeError, ValueError):
        return None


def _key(plan: Plan, places: Places, variant: Variant) -> str:
    """What decides on which data a variant works, and how they are divided; no code, and no value that is a default."""
    return sha256_json([plan.trainer, variant.identity, places.get(variant.name, {}), plan.protocol.identity()])


def _runs(plan: Plan, variant: Variant, store: Store) -> Iterator[tuple[RunSpec, Finished]]:
    for index in range(plan.looks[-1]):
        for run in store.finished(plan.spec(variant, Replicate(index=index)).fingerprint):
            content = files.read_sealed(run.folder / SPEC)
            if content is not None:
                yield RunSpec.from_json(content["spec"]), run


def _memo(spec: RunSpec, run: Finished, store: Store) -> Prepared | None:
    """What the look at the data found that came before a run, whatever became of them and of the code since."""
    path = memo_of(spec.trainer, spec.config, spec.protocol, store, run.stamp.source_digest)
    return _read(files.read_sealed(path))


def read_class_names(run: Finished) -> tuple[str, ...]:
    """The names of the classes in the header of a run's weights (safetensors); empty where there are none."""
    name = run.files.get("weights", "")
    path = run.folder / name
    try:
        if not name or not path.resolve().is_relative_to(run.folder.resolve()):
            return ()
        with path.open("rb") as stream:
            size = int.from_bytes(stream.read(8), "little")
            header = json.loads(stream.read(size)) if size <= LONGEST_HEADER else {}
        return _names(json.loads(header["__metadata__"]["classes"]))
    except (OSError, ValueError, KeyError, TypeError):
        return ()


def _names(found: Any) -> tuple[str, ...]:
    return tuple(found) if isinstance(found, list) and all(isinstance(name, str) for name in found) else ()
