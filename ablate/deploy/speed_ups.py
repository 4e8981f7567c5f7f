"""Which change made a network faster: other layers, another library, another precision."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import permutations
from typing import Literal, NamedTuple, get_args

from ablate.deploy.records import SpeedUp

Axis = Literal["network", "engine", "precision"]
AXES: tuple[Axis, ...] = get_args(Axis)


class Measured(NamedTuple):
    """A row's place on the three axes, and its seconds a call."""

    network: str
    engine: str
    precision: str
    seconds: float

    @property
    def place(self) -> tuple[str, str, str]:
        """Without the seconds."""
        return self[:3]


def split_speed_up(first: Measured, row: Measured, rows: Sequence[Measured]) -> SpeedUp:
    """How many times faster a row is than the first, as the product of the changes between them, one after the other.

    A path from the first to the row changes one axis at a time by rows that were measured; of several the one that
    changes the network first counts, then the engine, then the precision. Where there is none, the last part of it
    that can be walked is told, and the rest is None.
    """
    whole = first.seconds / row.seconds
    known = {one.place: one.seconds for one in reversed(rows)} | {first.place: first.seconds, row.place: row.seconds}
    changed = [axis for axis in AXES if getattr(first, axis) != getattr(row, axis)]
    best: dict[str, float] = {}
    for order in permutations(changed):
        found = _factors(first, row, order, known)
        if len(found) > len(best):
            best = found
    factors: dict[str, float] = {axis: 1.0 for axis in AXES if axis not in changed} | best
    return SpeedUp(
        whole=whole,
        network=factors.get("network"),
        engine=factors.get("engine"),
        precision=factors.get("precision"),
    )


def _factors(
    first: Measured, row: Measured, order: Sequence[Axis], known: dict[tuple[str, str, str], float]
) -> dict[str, float]:
    here, found = first, {}
    for axis in order:
        there = here._replace(**{axis: getattr(row, axis)})
        if here.place in known and there.place in known:
            found[str(axis)] = known[here.place] / known[there.place]
        here = there
    return found
