"""Accuracy by what columns say about the test images, with intervals that hold together for all of a column."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple

from ablate.readers.image_columns import Columns
from ablate.report.facts.answers import Level, Slice, SliceColumn
from ablate.report.gather.image_parts import ImagePart, part_of
from ablate.report.gather.stored_answers import Sums
from ablate.report.gather.test_images import compared_variants
from ablate.splits.rules import TestRule
from ablate.store.outcome_columns import in_order

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from ablate.stats.accuracy import Accuracy, ImageMean

FEWEST_IMAGES = 20
"""Test images below which a part is named with their number, and no level is given."""


FEWEST_GROUPS = 5
"""The same of groups of images that share their luck, unless the part is one group."""


MOST_VALUES = 20
"""More values than this are cut into ranges where they are numbers, and passed over where they are not."""


MOST_COLUMNS = 12
"""Columns that are cut; the others are named."""


RANGES = 4
"""How many ranges numbers are cut into, with as many images in each."""


class _Part(NamedTuple):
    """The images with one value. means: variant -> its mean over them, each image counting once. spread: the same
    without images that are alone in their replicate, whose own spread is not known."""

    spread: ImagePart
    n: int
    means: Mapping[str, ImageMean | None]


def cut_columns(
    sums: Sums, columns: Columns, test: TestRule | None
) -> tuple[tuple[SliceColumn, ...], tuple[tuple[str, int], ...]]:
    """The columns of at least two values among the test images; those passed over, with their numbers of values."""
    cut: list[SliceColumn] = []
    passed_over: list[tuple[str, int]] = []
    for name, about in columns.items():
        told = {image: value for image in sums.numbers if (value := about.get(image, "").strip())}
        values = set(told.values())
        if len(values) < 2:
            continue
        ranged = _ranges(told) if len(values) > MOST_VALUES else None
        if len(cut) == MOST_COLUMNS or (len(values) > MOST_VALUES and ranged is None):
            passed_over.append((name, len(values)))
            continue
        order, of = ranged or (in_order(values), told)
        cut.append(_column(sums, name, order, of, test, is_cut=ranged is not None))
    return tuple(cut), tuple(passed_over)


def _ranges(told: Mapping[str, str]) -> tuple[Sequence[str], Mapping[str, str]] | None:
    """The ranges in order, and image -> its range; None where not all values are numbers."""
    import numpy as np

    try:
        numbers = np.array([float(value) for value in told.values()])
    except ValueError:
        return None
    if not np.isfinite(numbers).all():
        return None
    edges = np.unique(np.quantile(numbers, np.arange(1, RANGES) / RANGES, method="inverted_cdf"))
    edges = edges[edges < numbers.max()]
    if not edges.size:
        return None
    shown = [_shown(edge) for edge in edges]
    names = [f"≤ {shown[0]}", *(f"> {lo}, ≤ {hi}" for lo, hi in pairwise(shown)), f"> {shown[-1]}"]
    places = np.searchsorted(edges, numbers, side="left")
    return names, {image: names[place] for image, place in zip(told, places.tolist(), strict=True)}


def _shown(edge: float) -> str:
    return f"{edge:.0f}" if edge == math.floor(edge) and abs(edge) < 1e15 else f"{edge:.6g}"


def _column(
    sums: Sums, name: str, values: Sequence[str], of: Mapping[str, str], test: TestRule | None, *, is_cut: bool
) -> SliceColumn:
    import numpy as np

    variants = compared_variants(sums.variants)
    number = {value: place for place, value in enumerate(values)}
    places = np.array([number[of[image]] if image in of else -1 for image in sums.numbers])
    parts = [_part(sums, variants, places == place, test) for place in range(len(values))]
    whole = _part(sums, variants, places >= 0, test)
    reasons = [_reason(part) for part in parts]
    intervals = len(variants) * (1 + reasons.count(""))
    level = 1 - 0.05 / intervals
    return SliceColumn(
        name=name,
        rows=tuple(
            _slice(value, part, reason, level) for value, part, reason in zip(values, parts, reasons, strict=True)
        ),
        whole=_slice("", whole, _reason(whole), level),
        unknown=_count(places < 0),
        is_cut=is_cut,
        intervals=intervals,
    )


def _part(sums: Sums, variants: Sequence[str], chosen: NDArray[np.bool_], test: TestRule | None) -> _Part:
    from ablate.stats.accuracy import image_mean

    means: dict[str, ImageMean | None] = {}
    for variant in variants:
        rows = [(own, sums.images[r]) for (name, r), own in sums.scores.items() if name == variant]
        kept = [(own[chosen[images]], images[chosen[images]]) for own, images in rows]
        found = [row for row in kept if len(row[0])]
        means[variant] = image_mean(*zip(*found, strict=True)) if found else None
    return _Part(part_of(sums, variants, chosen, test), _count(chosen), means)


def _count(chosen: NDArray[np.bool_]) -> int:
    return int(chosen.sum())


def _reason(part: _Part) -> str:
    if part.n < FEWEST_IMAGES:
        return "images"
    return "groups" if part.spread.groups is not None and 1 < part.spread.groups < FEWEST_GROUPS else ""


def _slice(value: str, part: _Part, reason: str, level: float) -> Slice:
    if reason:
        return Slice(value, part.n, {}, reason)
    spread = zip(part.means.items(), part.spread.levels(level=level, by_image=True), strict=True)
    levels = {
        variant: _level(mean, found, level)
        for (variant, mean), found in spread
        if mean is not None and found is not None
    }
    return Slice(value, part.n, levels, reason)


def _level(mean: ImageMean, found: Accuracy, level: float) -> Level:
    """With Wilson's interval of as many images as its evaluations are worth, at most as many as there are.

    What so few images tell of their own spread is too little for levels far above 95 %: with all that several runs seem
    to be worth, together they hold in 90 % of studies and not in 95 %.
    """
    from ablate.stats.accuracy import wilson

    worth = min(mean.n, found.n_effective or mean.n)
    lo, hi = wilson(mean.mean * worth, worth, level=level)
    return Level(100 * mean.mean, 100 * lo, 100 * hi)
