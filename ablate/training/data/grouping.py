"""Images that must stay together: equal pixels, or one origin by the source's word or a pattern."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence

from ablate.errors import DataError
from ablate.training.config import DataConfig
from ablate.training.data.findings import ScanReport
from ablate.training.data.listing import first_of

NEAR = "near"
"""In the place of a pattern: images that look alike are one group."""


def merged_groups(found: ScanReport, config: DataConfig) -> Sequence[int]:
    """For each image the index of the first one it must stay with, through any chain of reasons.

    A copy ties two origins together: were one of them tested on and the other trained on, the copy
    would be in both. Raises DataError where `data.groups` finds nothing in an image's id.
    """
    is_pattern = config.groups is not None and config.groups != NEAR
    origins = origins_of(found.ids, config.groups or "") if is_pattern else found.origins
    if not origins:
        return found.groups
    firsts: dict[object, int] = {}
    return joined(found.groups, ((index, firsts.setdefault(one, index)) for index, one in enumerate(origins)))


def joined(groups: Sequence[int], pairs: Iterable[tuple[int, int]]) -> list[int]:
    """The groups of images with those joined that a pair has images of; each is called by its first image."""
    root = list(groups)
    for pair in pairs:
        one, other = (_root(root, index) for index in pair)
        root[max(one, other)] = min(one, other)
    return [_root(root, index) for index in range(len(root))]


def group_names(ids: Sequence[str], groups: Sequence[int]) -> dict[str, str]:
    """Image id -> the id of the first image of its group, for those that are not on their own."""
    sizes = Counter(groups)
    return {name: ids[group] for name, group in zip(ids, groups, strict=True) if sizes[group] > 1}


def origins_of(ids: Sequence[str], pattern: str) -> list[tuple[str | None, ...]]:
    """What the groups of a regular expression match in each id; it is searched for anywhere in it."""
    compiled = re.compile(pattern)
    matches = [compiled.search(name) for name in ids]
    wrong = [name for name, match in zip(ids, matches, strict=True) if match is None]
    if wrong:
        raise DataError(
            f"base.data.groups: {pattern!r} is found in none of {len(wrong)} of {len(ids)} images' ids: "
            f"{first_of(wrong)}",
            hint="Every image needs an origin; let the pattern match these too, such as by (...)$.",
        )
    return [match.groups() for match in matches if match is not None]


def _root(root: list[int], index: int) -> int:
    """The first of an index's group; paths are halved on the way."""
    while root[index] != index:
        root[index] = root[root[index]]
        index = root[index]
    return index
