"""What the stored answers say of single images and of parts of them; decides nothing. Levels are in percent."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

MOST_LISTED = 24
"""Images never right that a page shows; tables/never-right.csv has all."""


MOST_CHANGED = 12
"""Images fixed, and images broken, that a page shows for each comparison; tables/changed-images.csv has all."""


class NeverRight(NamedTuple):
    """A test image that no run gets right. label: its class; runs: how many were tested on it.

    said: the class most of them say, in `times` of them; empty where the runs stored no class.
    """

    id: str
    label: str
    runs: int
    said: str
    times: int


class ChangedImage(NamedTuple):
    """A test image that a change turns right, or wrong. before, after: right answers of so many tests by each."""

    id: str
    label: str
    tests: int
    before: int
    after: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangedImages:
    """The images a comparison fixes or breaks reliably.

    n_images: that both variants were tested on; assessed: often enough; most_tests: of any image, by each variant.
    net_fixed, net_broken: in how many replicates more an image is right (or wrong) that is listed; None for no list.
    fixed_by_chance, broken_by_chance: how many of the list exchanged labels list, on average.
    """

    name: str
    n_images: int
    assessed: int
    most_tests: int
    fixed: tuple[ChangedImage, ...]
    broken: tuple[ChangedImage, ...]
    net_fixed: int | None
    net_broken: int | None
    fixed_by_chance: float
    broken_by_chance: float


class Level(NamedTuple):
    """A mean with its interval, in percent."""

    mean: float
    lo: float
    hi: float


class Slice(NamedTuple):
    """The test images with one value in a column. n: how many. levels: variant -> its level there.

    reason: why there is no level, else empty: `images` or `groups` where there are too few.
    """

    value: str
    n: int
    levels: Mapping[str, Level]
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class SliceColumn:
    """A column about the test images, cut by its values. rows: in the order of the values, not of the levels.

    whole: all images that the column says something of. unknown: how many it says nothing of. is_cut: whether the
    values are ranges of numbers, with as many images in each. intervals: how many hold together.
    """

    name: str
    rows: tuple[Slice, ...]
    whole: Slice
    unknown: int
    is_cut: bool
    intervals: int


@dataclass(frozen=True, slots=True, kw_only=True)
class AnswerFacts:
    """What the stored answers know of single images.

    runs: of all variants; tested: test images with enough runs to be listed. passed_over: columns that are not cut,
    with the number of their values.
    """

    never_right: tuple[NeverRight, ...] = ()
    tested: int = 0
    runs: int = 0
    changes: tuple[ChangedImages, ...] = ()
    slices: tuple[SliceColumn, ...] = ()
    passed_over: tuple[tuple[str, int], ...] = ()

    @property
    def shown(self) -> list[str]:
        """The ids of the images that a page shows."""
        found = [item.id for item in self.never_right[:MOST_LISTED]]
        for change in self.changes:
            found += [item.id for item in (*change.fixed[:MOST_CHANGED], *change.broken[:MOST_CHANGED])]
        return found
