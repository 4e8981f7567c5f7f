"""What the runs left behind: their epochs, and the code, data and machine they were made by."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from math import isfinite
from typing import Any

from ablate.records import Cell, Event, Finished, Stamp
from ablate.report.facts.provenance import MixedStamps, Provenance, StaleRun
from ablate.report.facts.runs import History
from ablate.results.question import shown_scale
from ablate.results.survey import CurrentProvenance
from ablate.store.data_identity import DataIdentity
from ablate.store.journal import read_ends, read_history
from ablate.study.plan import Plan


def histories_of(cells: Sequence[Cell]) -> tuple[History, ...]:
    """The epochs of every finished run; empty for a run whose trainer reported none."""
    return tuple(
        _history(cell, read_history(cell.result.folder)) for cell in cells if isinstance(cell.result, Finished)
    )


def _history(cell: Cell, events: Sequence[Event]) -> History:
    epochs = tuple(int(event.data["epoch"]) for event in events)
    names = dict.fromkeys(name for event in events for name in event.data["metrics"])
    return History(
        variant=cell.variant,
        replicate=cell.replicate.index,
        epochs=epochs,
        metrics={name: tuple(_shown(event, name) for event in events) for name in names},
    )


def _shown(event: Event, name: str) -> float | None:
    value = event.data["metrics"].get(name)
    return value * shown_scale(name) if value is not None and isfinite(value) else None


def provenance_of(plan: Plan, cells: Sequence[Cell]) -> tuple[Provenance, ...]:
    """Finished runs in groups that were made alike, the largest group first."""
    groups: dict[str, list[Cell]] = {}
    for cell in cells:
        if isinstance(cell.result, Finished):
            groups.setdefault(repr((cell.result.stamp, _numerics(plan, cell.variant))), []).append(cell)
    found = [_provenance(plan, group) for group in groups.values()]
    return tuple(sorted(found, key=lambda group: -sum(group.runs.values())))


def _provenance(plan: Plan, cells: Sequence[Cell]) -> Provenance:
    runs: dict[str, int] = {}
    times: list[float] = []
    for cell in cells:
        assert isinstance(cell.result, Finished)
        runs[cell.variant] = runs.get(cell.variant, 0) + 1
        times += [event.time for event in read_ends(cell.result.folder) or ()]
    first = cells[0].result
    assert isinstance(first, Finished)
    return Provenance(
        runs=runs,
        stamp=first.stamp,
        numerics=_numerics(plan, cells[0].variant),
        first=min(times, default=None),
        last=max(times, default=None),
    )


CAME_LATER = ("tf32", "compile")
"""Settings that no earlier report told: while they are off, a report of then is word for word that of now."""


def _numerics(plan: Plan, variant: str) -> Mapping[str, Any]:
    block = plan.variant(variant).config.get("numerics")
    if not isinstance(block, Mapping):
        return {}
    return {name: value for name, value in block.items() if value not in (None, False) or name not in CAME_LATER}


_SAME_FOR_ALL: Mapping[str, Callable[[Stamp], str]] = {
    "the trainer's code": lambda stamp: stamp.source_digest[:12],
    "versions": lambda stamp: ", ".join(f"{name} {version}" for name, version in sorted(stamp.versions.items())),
    "the device": lambda stamp: stamp.device,
    "the operating system": lambda stamp: stamp.platform,
    "the git commit": lambda stamp: stamp.git_commit[:12] + ("+changes" if "+" in stamp.git_commit else ""),
}


def mixed_of(cells: Sequence[Cell], origin: CurrentProvenance | None = None) -> tuple[MixedStamps, ...]:
    """In what the finished runs differ although they are compared with each other.

    The data may differ between variants by design, never between the runs of one. Digests that stand for the
    present data by an earlier rule are the present one.
    """
    finished = [(cell.variant, cell.result) for cell in cells if isinstance(cell.result, Finished)]
    found = [
        MixedStamps(what=what, values=_count([of(run.stamp) for _, run in finished]))
        for what, of in _SAME_FOR_ALL.items()
    ]
    for variant in dict.fromkeys(name for name, _ in finished):
        data = DataIdentity() if origin is None else origin.data_of(variant)
        digests = [
            str(data.digest if data.has(run.stamp.data_digest) else run.stamp.data_digest)[:12]
            for name, run in finished
            if name == variant
        ]
        found.append(MixedStamps(what=f"the data of {variant}", values=_count(digests)))
    return tuple(mixed for mixed in found if len(mixed.values) > 1)


def _count(values: Sequence[str]) -> dict[str, int]:
    return {value or "unknown": values.count(value) for value in dict.fromkeys(values)}


def stale_of(cells: Sequence[Cell], origin: CurrentProvenance | None) -> tuple[StaleRun, ...]:
    """Finished runs that other code or other data made; none where the present ones are not known."""
    if origin is None:
        return ()
    found = []
    for cell in cells:
        if isinstance(cell.result, Finished) and (differences := origin.differences(cell.variant, cell.result)):
            found.append(StaleRun(variant=cell.variant, replicate=cell.replicate.index, differences=tuple(differences)))
    return tuple(found)
