"""Runs of somebody's tracker as results: which replicate each is, in which unit its number is, and which have none."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import isfinite
from typing import NamedTuple

from ablate.errors import StudyError
from ablate.readers.numbers import LARGEST, quoted
from ablate.readers.replicates import (
    first_names,
    is_part,
    is_unique,
    named,
    numbered,
    paired_replicates,
    plain_label,
    recognised,
)
from ablate.readers.sheet import check_name
from ablate.readers.table import MOST_VARIANTS
from ablate.readers.tested import Ask, HandedIn, TestedRun, reference_of
from ablate.readers.units import LOGGED, Note, Reading, in_shares, without_unit


class Tracked(NamedTuple):
    """A finished run that reports the metric. keys: its tags and parameters. Runs come in the order of their start."""

    name: str
    variant: str
    keys: Mapping[str, str]
    value: float


def read_tracked(runs: Sequence[Tracked], ask: Ask, metric: str, source: str) -> HandedIn:
    """The runs that have a result, in one unit, each with its replicate.

    Raises StudyError where units are in doubt, and for --paired where nothing says which runs belong together.
    """
    known = [run for run in runs if isfinite(run.value)]
    if not known:
        raise StudyError(f"{source}: every run reports NaN or infinity as {metric}", hint="--metric NAME")
    readings = [
        Reading(f"run {quoted(run.name)} ({run.variant[:40]}): {metric}", f"{run.value:.6g}", run.value)
        for run in known
    ]
    for reading in readings:
        if abs(reading.value) > LARGEST:
            raise StudyError(f"{reading.where} {reading.text} is too large to compute with", hint="Leave that run out.")
    names = [check_name(run.variant, f"run {quoted(run.name)}: {ask.by}") for run in known]
    if len(set(names)) > MOST_VARIANTS:
        raise StudyError(
            f"{source}: {quoted(str(ask.by))} names {len(set(names)):,} variants, and at most {MOST_VARIANTS:,} are "
            "compared",
            hint="Name the tag or parameter of the variants, not of the runs: --by KEY.",
        )
    scaled = in_shares(readings, metric, heading=without_unit(metric)[1], told=ask.unit, remedy=LOGGED)
    numbers, notes = _replicates(known, names, ask, source)
    if len(known) < len(runs):
        notes.append(Note("judge.not_finite", {"runs": len(runs) - len(known), "metric": metric}))
    tested = [TestedRun(*one) for one in zip(names, numbers, scaled.values, strict=True)]
    return HandedIn(tuple(tested), metric, (*notes, *scaled.notes))


def _replicates(runs: Sequence[Tracked], names: Sequence[str], ask: Ask, source: str) -> tuple[list[int], list[Note]]:
    columns = _columns(runs, ask, source)
    if columns and ask.paired:
        reference, _ = reference_of(list(dict.fromkeys(names)), ask.baseline)
        found = paired_replicates(columns, names, reference) if reference in names else None
        if found is not None:
            notes = [_told(ask, found.keys)]
            if found.left_out:
                notes.append(Note("judge.left_aside", {"keys": found.left_out}))
            return found.numbers, notes
    if ask.paired:
        keys = sorted({key for run in runs for key in run.keys if not key.startswith("mlflow.")})
        why = f"no run of one variant has the same {first_names(list(columns))} as one run of another" if columns else (
            "nothing says which replicate a run is"
        )  # fmt: skip
        raise StudyError(
            f"{source}: --paired: {why}",
            hint=f"Name the tag or parameter that runs which belong together share: --replicate KEY. "
            f"They have: {first_names(keys)}.",
        )
    labels = list(zip(*columns.values(), strict=True)) if columns else []
    if columns and is_unique(labels, names):
        return numbered(labels), [_told(ask, tuple(columns))]
    notes = [Note("judge.same_replicate", {"keys": tuple(columns)})] if columns else []
    counts: dict[str, int] = {}
    order = []
    for name in names:
        counts[name] = counts.get(name, -1) + 1
        order.append(counts[name])
    return order, [Note("judge.variants_by", {"variant": str(ask.by)}), *notes, Note("judge.order")]


def _told(ask: Ask, keys: tuple[str, ...]) -> Note:
    return Note("judge.tracked", {"variant": str(ask.by), "replicates": keys})


def _columns(runs: Sequence[Tracked], ask: Ask, source: str) -> dict[str, list[str]]:
    """The labels of each key that tells replicates, and that every run has."""
    keys = list(dict.fromkeys(key for run in runs for key in run.keys if key != ask.by))
    asked = ask.replicate
    chosen = recognised(sorted(keys))[0] if asked is None else named(asked, keys, f"{source}: --replicate")
    found = {}
    for key in chosen:
        labels = [run.keys.get(key, "").strip() for run in runs]
        if all(labels) and not is_part(labels):
            found[key] = [plain_label(label) for label in labels]
        elif ask.replicate is not None:
            raise StudyError(
                f"{source}: {labels.count('')} of {len(runs)} runs have no {quoted(key)}",
                hint="Name a tag or parameter that every run has: --replicate KEY.",
            )
    return found
