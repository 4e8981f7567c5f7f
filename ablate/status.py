"""What runs in a work folder, read from the journals alone: any terminal can ask, at any time."""

from __future__ import annotations

import time
from collections import Counter
from pathlib import Path
from typing import Any

from ablate.execute.live import HEARTBEAT
from ablate.journal import read_events
from ablate.naming import PLAN, read_names
from ablate.records import Failed, Finished
from ablate.store import Store

FRESH_SECONDS = 60.0
"""A run whose journal and heartbeat are older than this is taken for dead."""


def study_states(work: Path) -> list[dict[str, Any]]:
    """For each study: how many runs are in which state, and the runs worth a line."""
    store = Store(work)
    states = []
    for path in sorted((store.root / "studies").glob(f"*/{PLAN}")):
        variants = read_names(path.parent)
        if variants is None:
            continue
        counts: Counter[str] = Counter()
        details = []
        for variant, replicates in variants.items():
            for replicate, fingerprint in replicates.items():
                state, text = _state(store, fingerprint)
                counts[state] += 1
                if state in ("running", "failed", "interrupted"):
                    details.append({"variant": variant, "replicate": replicate, "state": state, "text": text})
        names = ("finished", "running", "failed", "pruned", "interrupted", "waiting")
        states.append({"study": path.parent.name} | {name: counts[name] for name in names} | {"details": details})
    return states


def _state(store: Store, fingerprint: str) -> tuple[str, str]:
    if store.finished(fingerprint):
        return "finished", ""
    attempts = store.attempts(fingerprint)
    if not attempts:
        return "waiting", ""
    newest = attempts[-1]
    match store.results(fingerprint)[-1:]:
        case [Failed(folder=folder, reason="interrupted")] if folder == newest:
            return "interrupted", ""
        case [Failed(folder=folder, reason="pruned")] if folder == newest:
            return "pruned", ""
        case [Failed(folder=folder) as failed] if folder == newest:
            return "failed", f"{failed.reason}: {failed.message}"
        case [Finished()]:
            return "finished", ""
    if _is_fresh(newest):
        return "running", _epochs_done(newest)
    return "interrupted", "its process is gone"


def _epochs_done(attempt: Path) -> str:
    epochs = [event.data["epoch"] for event in read_events(attempt)[0] if event.kind == "epoch"]
    return f"after epoch {epochs[-1]}" if epochs else "in its first epoch"


def _is_fresh(attempt: Path) -> bool:
    times = [path.stat().st_mtime for path in (attempt / HEARTBEAT, attempt / "journal.jsonl") if path.exists()]
    return bool(times) and time.time() - max(times) < FRESH_SECONDS
