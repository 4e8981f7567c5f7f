"""The results of runs that others made, as the statistics take them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from ablate.readers.units import Note, Unit

REFERENCES = ("baseline", "base", "reference", "control")
"""A variant of this name is what the others are compared with, where nobody says otherwise."""


OF_TEST = ("test/accuracy", "test_accuracy", "test/acc", "test_acc")
"""What is judged where nobody names the metric and there is no `accuracy`: the first of these, else the only rate."""


class TestedRun(NamedTuple):
    """One run's result as handed in. value: as stored, a share where it is a rate.

    correct, n: right answers and test images, None where not told. images: id -> score of each test image; groups:
    id -> what shares its luck, such as the patient, None where not told.
    runs, deviation: where it stands for several runs, how many, and their standard deviation.
    """

    variant: str
    replicate: int
    value: float
    correct: int | None = None
    n: int | None = None
    images: Mapping[str, float] | None = None
    runs: int = 1
    deviation: float | None = None
    groups: Mapping[str, str] | None = None


class Ask(NamedTuple):
    """How to read: None for what is told by names. by: the column, tag or parameter of the variants; group: the column
    of what test images have in common."""

    metric: str | None = None
    by: str | None = None
    replicate: str | None = None
    unit: Unit | None = None
    baseline: str | None = None
    paired: bool = False
    group: str | None = None


class HandedIn(NamedTuple):
    """The runs of a source, in its order, what they measure, and what is to be said of how they were read."""

    runs: tuple[TestedRun, ...]
    metric: str
    notes: tuple[Note, ...] = ()


def reference_of(variants: Sequence[str], asked: str | None) -> tuple[str, bool]:
    """What the others are compared with: the one asked for, else the one named baseline, else the first.

    And whether its name says so.
    """
    if asked is not None:
        return asked, True
    for name in REFERENCES:
        for variant in variants:
            if variant.strip().lower() == name:
                return variant, True
    return variants[0], False
