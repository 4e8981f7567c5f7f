"""What `data stats` found of each variant's data, remembered for `plan` until the data change."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from ablate import files
from ablate.files import sha256_json
from ablate.harness.data_check import listing_digest, prepared_from
from ablate.records import Prepared
from ablate.store.work_folder import LOOKED, Store
from ablate.study.plan import Plan


def remember_look(plan: Plan, store: Store, source_digest: str, config: Mapping[str, Any], found: Prepared) -> None:
    """Keep a finding for a variant's config."""
    memo = {"prepared": asdict(found), "listing": listing_digest(found.watch)}
    files.write_sealed(_memo(plan, config, store, source_digest), memo)


def recall_looks(plan: Plan, store: Store, source_digest: str) -> dict[str, Prepared]:
    """Variant -> what was found, for those whose data have not changed since."""
    found = {}
    for variant in plan.variants:
        memo = files.read_sealed(_memo(plan, variant.config, store, source_digest))
        if memo is not None:
            prepared = prepared_from(memo["prepared"])
            if listing_digest(prepared.watch) == memo["listing"]:
                found[variant.name] = prepared
    return found


def with_notes(prepared: Mapping[str, Prepared], looked: Mapping[str, Prepared]) -> dict[str, Prepared]:
    """What a look before the first run found, with what the closer look of `data stats` has to say beyond that."""
    found = dict(prepared)
    for name in prepared.keys() & looked.keys():
        told = dict.fromkeys([*prepared[name].notes, *looked[name].notes])
        found[name] = replace(prepared[name], notes=tuple(told))
    return found


def _memo(plan: Plan, config: Mapping[str, Any], store: Store, source_digest: str) -> Path:
    key = sha256_json([plan.trainer, source_digest, config, plan.protocol.identity()])
    return store.cache / LOOKED / f"{key[:32]}.json"
