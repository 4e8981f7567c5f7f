"""What runs in a work folder, read from locks and journals alone: any terminal can ask, at any time."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ablate.errors import StudyError, near_match
from ablate.execute.live import read_heartbeat
from ablate.files import is_held
from ablate.records import Failed
from ablate.store.closing import Closing, read_closing
from ablate.store.data_identity import DataIdentity
from ablate.store.journal import read_events
from ablate.store.run_names import PLAN, Runs, read_looks, read_names, read_source
from ablate.store.work_folder import Store


def study_states(work: Path) -> list[dict[str, Any]]:
    """For each study: how many runs are in which state, and the runs worth a line.

    `waiting` runs were asked for, `later` ones belong to a planned look that was not. A study with an end says it; one
    that was closed then waits for nothing.
    """
    store = Store(work)
    states = []
    for path in sorted((store.root / "studies").glob(f"*/{PLAN}")):
        variants = read_names(path.parent)
        if variants is None:
            continue
        asked = _replicates_asked(store, path.parent, variants)
        counts: Counter[str] = Counter()
        details = []
        for variant, replicates in variants.items():
            source = read_source(path.parent, variant)
            for replicate, fingerprint in replicates.items():
                state, text = _state(store, fingerprint, source)
                state = "later" if state == "waiting" and int(replicate) >= asked else state
                counts[state] += 1
                if state in ("running", "failed", "interrupted"):
                    details.append({"variant": variant, "replicate": replicate, "state": state, "text": text})
        names = ("finished", "running", "failed", "pruned", "interrupted", "waiting", "later")
        closing = _closing(path.parent)
        ends = {} if closing is None else {"ends": closing.end, "closed": bool(closing.closed)}
        if closing is not None and closing.closed:
            counts["waiting"] = counts["later"] = 0
            details = [_left_off(row) for row in details]
        states.append(
            {"study": path.parent.name} | {name: counts[name] for name in names} | {"details": details} | ends
        )
    return states


def states_of(study: str, states: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Those of one study: its own, those of its bases changed by --set, its search and what confirms it.

    Raises StudyError where nothing has run under that name.
    """
    own = re.compile(re.escape(study) + r"(@[^/]*)?(-search)?(-confirm)?")
    found = [state for state in states if own.fullmatch(state["study"])]
    if not found:
        known = [str(state["study"]) for state in states]
        listed = f"There are: {', '.join(known[:40])}." if known else "`ablate run` begins one."
        raise StudyError(f"no study {study!r} has run here", hint=f"{near_match(study, known)}{listed}")
    return found


def _closing(folder: Path) -> Closing | None:
    """The study's end; where its record cannot be read, that stops who trains or judges, not who looks on."""
    try:
        return read_closing(folder)
    except StudyError:
        return None


def _left_off(row: dict[str, Any]) -> dict[str, Any]:
    """What is said of a run of a closed study: one that was interrupted is not taken up again."""
    return row | {"text": "not finished when the study was closed"} if row["state"] == "interrupted" else row


def _replicates_asked(store: Store, folder: Path, variants: Mapping[str, Runs]) -> float:
    """Up to how many replicates the study was asked for: the first planned look that covers all that was begun."""
    looks = read_looks(folder)
    begun = [int(r) for runs in variants.values() for r, fingerprint in runs.items() if store.attempts(fingerprint)]
    return next((look for look in looks if look > max(begun, default=0)), math.inf)


def _state(store: Store, fingerprint: str, source: DataIdentity) -> tuple[str, str]:
    attempts = store.attempts(fingerprint)
    if not attempts:
        return "waiting", ""
    if is_held(store.lock(fingerprint)):
        return "running", _how_far(attempts[-1])
    finished = store.finished(fingerprint)
    if any(map(source.is_of, finished)):
        return "finished", ""
    if finished:  # on the data of another study, which asks the same of them
        return "waiting", ""
    match store.results(fingerprint)[-1:]:
        case [Failed(folder=folder, reason="interrupted") as failed] if folder == attempts[-1]:
            return "interrupted", failed.message
        case [Failed(folder=folder, reason="pruned")] if folder == attempts[-1]:
            return "pruned", ""
        case [Failed(folder=folder) as failed] if folder == attempts[-1]:
            return "failed", f"{failed.reason}: {failed.message}"
    return "interrupted", "the command that ran it ended without a message"


def _how_far(attempt: Path) -> str:
    beat = read_heartbeat(attempt)
    if beat is not None:
        epoch, step, steps = beat.at
        return f"epoch {epoch}, step {step} of {steps}"
    epochs = [event.data["epoch"] for event in read_events(attempt)[0] if event.kind == "epoch"]
    return f"epoch {epochs[-1]} done" if epochs else "in its first epoch"
