"""Which settings a search's confirmation is about: written down once, as what they are and not as numbers of trials.

A number means something in one storage only. Where that is begun anew, trial 3 is another setting, and the
sealed part was read for the first.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ablate.errors import StudyError
from ablate.files import read_json, write_json
from ablate.search.trials import TrialRecord
from ablate.store.run_names import read_names

FROZEN = "confirm.json"
RunOf = Callable[[TrialRecord], str]
"""Fingerprint of the run that confirms a trial first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FrozenConfirmation:
    """The confirmation's settings, under the names they were frozen by, the best first.

    moved: what is said of those that the search's storage has under another number now, or not at all.
    """

    chosen: tuple[TrialRecord, ...]
    replicates: int
    winner: bool
    moved: tuple[str, ...] = ()


def freeze_confirmation(
    folder: Path,
    top: Sequence[TrialRecord],
    replicates: int,
    *,
    winner: bool,
    run_of: RunOf,
    tried: Sequence[TrialRecord],
) -> FrozenConfirmation | None:
    """What was frozen in this folder, else the top as it is now; None where neither is there.

    winner: also turn the winner back, from now on. run_of: tells whether a setting is the one that was frozen.
    tried: the trials there are.
    Raises StudyError where what was frozen would be trained otherwise now, or cannot be told any more.
    """
    stored = read_json(folder / FROZEN)
    if stored is None:
        if not top:
            return None
        stored = _stored(top, replicates, run_of)
        write_json(folder / FROZEN, stored)
    chosen = _restored(stored, folder, tried, run_of)
    wanted = stored | _stored(chosen, stored["replicates"], run_of) | ({"winner": True} if winner else {})
    if wanted != stored:
        write_json(folder / FROZEN, wanted)
    moved = filter(None, (_moved(one, tried) for one in chosen))
    return FrozenConfirmation(
        chosen=tuple(chosen),
        replicates=wanted["replicates"],
        winner=bool(wanted.get("winner")),
        moved=tuple(moved),
    )


def _stored(chosen: Sequence[TrialRecord], replicates: int, run_of: RunOf) -> dict[str, Any]:
    return {
        "trials": [trial.number for trial in chosen],
        "points": [dict(trial.point) for trial in chosen],
        "values": [trial.value for trial in chosen],
        "runs": [run_of(trial) for trial in chosen],
        "replicates": replicates,
    }


def _restored(
    stored: Mapping[str, Any], folder: Path, tried: Sequence[TrialRecord], run_of: RunOf
) -> list[TrialRecord]:
    if "points" not in stored:
        return [_recognised(number, folder, tried, run_of) for number in stored["trials"]]
    found = []
    rows = zip(stored["trials"], stored["points"], stored["values"], stored["runs"], strict=True)
    for number, point, value, run in rows:
        trial = TrialRecord(number=number, point=point, values=(value,), state="complete")
        if _run_of(trial, run_of) != run:
            raise StudyError(
                f"the confirmation was started for other settings: {trial.name} is not the same, because the "
                f"study's base, space or evidence has changed since {folder / FROZEN} was written",
                hint="Undo the change, or start another search: --new NAME. The sealed part was read for the first.",
            )
        found.append(trial)
    return found


def _recognised(number: int, folder: Path, tried: Sequence[TrialRecord], run_of: RunOf) -> TrialRecord:
    """A trial of which an earlier version froze the number alone, by the run that confirmed it."""
    confirming = folder.with_name(f"{folder.name}-confirm")
    frozen = TrialRecord(number=number, point={})
    run = (read_names(confirming) or {}).get(frozen.name, {}).get("0")
    # The number first: nearly always it is the one.
    for trial in sorted(tried, key=lambda trial: trial.number != number):
        if (
            trial.value is not None
            and trial.point
            and (_run_of(trial, run_of) == run if run else trial.number == number)
        ):
            return TrialRecord(number=number, point=trial.point, values=trial.values, state="complete")
    raise StudyError(
        f"the confirmation was started for {frozen.name} of a storage that is gone, and no trial there is now has its "
        "setting",
        hint=f"Start another search: --new NAME. What was confirmed is in the report of {confirming.name}.",
    )


def _run_of(trial: TrialRecord, run_of: RunOf) -> str | None:
    """None for a point that the study knows no more."""
    try:
        return run_of(trial)
    except (StudyError, KeyError):
        return None


def _moved(frozen: TrialRecord, tried: Sequence[TrialRecord]) -> str:
    same = [trial for trial in tried if trial.point == frozen.point]
    if any(trial.number == frozen.number for trial in same):
        return ""
    if same:
        return f"{frozen.name} of the confirmation is {same[0].name} of the search as it is now"
    return f"{frozen.name} of the confirmation is no trial of the search as it is now"
