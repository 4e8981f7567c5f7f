"""What the test images say one by one, as plain values; None stands for "not known"."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class ClassRow:
    """One variant on the test images of one class: the mean over its replicates. n: distinct images."""

    variant: str
    label: str
    n: int
    mean: float | None
    lo: float | None
    hi: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Confusion:
    """What one variant took the images of each class for: shares of the true class's evaluations.

    counts: [true class][predicted class], summed over `runs` runs.
    """

    variant: str
    counts: tuple[tuple[int, ...], ...]
    runs: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Disagreement:
    """A test image that some variants get right and others do not. label: its class.

    right: variant -> share of its runs on this image that are right, 0 to 1.
    """

    id: str
    label: str
    right: Mapping[str, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageFacts:
    """What the stored answers to single test images say. labels: the classes' names.

    reads: how often an image was read for the verdicts: distinct images, reads, the most reads of one.
    """

    labels: tuple[str, ...]
    classes: tuple[ClassRow, ...]
    confusions: tuple[Confusion, ...]
    disagreements: tuple[Disagreement, ...]
    reads: tuple[int, int, int]
