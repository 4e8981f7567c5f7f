"""What `data stats` found of each variant's data, remembered for `plan` until the data change."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
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


def recall_looks(plan: Plan, store: Store, source_digest: str, *, known: Mapping[str, Prepared]) -> dict[str, Prepared]:
    """Variant -> what was found, for those not known otherwise whose data have not changed since."""
    found = {}
    for variant in plan.variants:
        memo = None
        if variant.name not in known:
            memo = files.read_sealed(_memo(plan, variant.config, store, source_digest))
        if memo is not None:
            prepared = prepared_from(memo["prepared"])
            if listing_digest(prepared.watch) == memo["listing"]:
                found[variant.name] = prepared
    return found


def _memo(plan: Plan, config: Mapping[str, Any], store: Store, source_digest: str) -> Path:
    key = sha256_json([plan.trainer, source_digest, config, plan.protocol.identity()])
    return store.cache / LOOKED / f"{key[:32]}.json"
