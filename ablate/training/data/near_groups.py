"""Images that look alike as groups, and what was seen of them before: remembered, for all pairs are compared."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from ablate.errors import DataError
from ablate.files import read_sealed, sha256_json, write_sealed
from ablate.splits.rules import Protocol
from ablate.store.checked_copy import Cached, verified_copy
from ablate.training.data.grouping import joined
from ablate.training.data.likeness import LEAST_LIKENESS, MOST_BITS, SIDE, near_pairs

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

LARGEST = 0.10
"""Of the images: a larger group of images that look alike is a chain, and no origin."""


def near_groups(pixels: NDArray[np.uint8], groups: Sequence[int], key: str, cached: Cached) -> list[int]:
    """The groups with those joined that hold images which look alike; through any chain of such pairs.

    key: of the decoded copy. Raises DataError where that makes one group of more than LARGEST of the images.
    """
    rules = [key, MOST_BITS, LEAST_LIKENESS, SIDE]

    def build(path: Path) -> None:
        alike = joined(range(len(pixels)), ((pair.first, pair.second) for pair in near_pairs(pixels)))
        write_sealed(path, {"groups": alike})

    memo = verified_copy(cached, f"pictures/near-{sha256_json(rules)}.json", build, read_sealed)
    found = joined(groups, enumerate(memo["groups"]))
    size = max(Counter(found).values())
    if size > LARGEST * len(found):
        raise DataError(
            f"base.data.groups: near makes one group of {size:,} of {len(found):,} images, more than {LARGEST:.0%}: "
            "images that look alike in pairs chain up",
            hint="Name the origin by a pattern, such as data.groups: '(patient\\d+)', or by a column of a table.",
        )
    return found


def near_note(ids: Sequence[str], groups: Sequence[int]) -> str:
    """How many images `data.groups: near` has joined, and the largest group."""
    sizes = Counter(groups)
    several = {group: size for group, size in sizes.items() if size > 1}
    if not several:
        return "data.groups: near: no two images look alike"
    first = max(several, key=lambda group: (several[group], -group))
    return (
        f"data.groups: near joins {sum(several.values()):,} images in {len(several):,} groups; the largest is of "
        f"{several[first]:,} ({several[first] / len(ids):.1%}), with {ids[first]}"
    )


def remember_torn(key: str, protocol: Protocol, cached: Cached, pairs: int) -> None:
    """Note that so many pairs that look alike lie across test and training, for those who look at the data later."""
    verified_copy(cached, _torn(key, protocol), lambda path: write_sealed(path, {"pairs": pairs}), read_sealed)


def torn_note(key: str, protocol: Protocol, cached: Cached) -> list[str]:
    """What `data stats` has seen of images across test and training, with the line to add; empty where nothing."""

    def is_there(path: Path) -> None:
        raise FileNotFoundError(path)

    try:
        pairs = int((read_sealed(cached(_torn(key, protocol), is_there)) or {}).get("pairs", 0))
    except FileNotFoundError:
        return []
    if not pairs:
        return []
    return [
        f"{pairs:,} pairs of images look alike across test and training (ablate data stats shows them); to keep such "
        "images in one part and count them once, add data.groups: near"
    ]


def _torn(key: str, protocol: Protocol) -> str:
    return f"pictures/torn-{sha256_json([key, protocol.identity(), MOST_BITS, LEAST_LIKENESS, SIDE])}.json"
