"""A close look at a study's data: what `ablate data stats` tells."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from ablate.errors import AblateError, together
from ablate.inspection import Examination, NearPair
from ablate.splits.rules import Protocol
from ablate.splits.split import Split
from ablate.store.checked_copy import Cached
from ablate.training.config import DataConfig
from ablate.training.data.cache import DecodedImages, copy_key, open_told
from ablate.training.data.depth import notes_on_kinds
from ablate.training.data.frames import SHOWN, strip_of
from ablate.training.data.likeness import near_pairs
from ablate.training.data.listing import ImageFile
from ablate.training.data.near_groups import remember_torn
from ablate.training.data.parts import First, labels_by_image, split_images
from ablate.training.data.problems import Problems
from ablate.training.data.scan import sizes_of
from ablate.training.data.sources import listed_anyway
from ablate.training.text.facts import text_facts

SAMPLES = 8
"""Images shown of a class."""

PAIRS = 200
"""Near pairs that are kept; further ones are counted."""

_AT_ONCE = 512


def examine_data(config: DataConfig, protocol: Protocol, cached: Cached) -> Examination:
    """Decode what is not decoded yet, split as replicate 0 is split, and count, measure and compare.

    Unreadable images are told, whatever `data.on_bad_image` says, and so is all that a run would refuse.
    Raises DataError where the data cannot be listed or split.
    """
    problems = Problems()
    images, kinds = open_told(config, cached, problems)
    try:
        parts = split_images(config, First(protocol), images)
    except AblateError as error:
        raise together([*problems.errors, error]) from error
    read = {one.id: one for one in listed_anyway(config).read().images}
    part_of = _part_of(parts, len(images.ids))
    mean, std, image_std = _moments(images, parts.fit)
    near, left_out = _near(images, part_of)
    torn = sum(pair.is_torn for pair in near)
    if config.groups is None:
        remember_torn(copy_key(config, images.listed), protocol, cached, torn)
    sizes, formats = _sizes([read[name] for name in images.ids], config)
    labels = labels_by_image(images)
    return Examination(
        classes=images.classes,
        counts=_counts(images.classes, labels, part_of),
        images=dict(Counter(part_of)),
        unlabelled=sum(not one for one in labels),
        sizes=sizes,
        formats=formats,
        depths={kind.words: count for kind, count in kinds.counts.items()},
        mean=mean,
        std=std,
        mean_image_std=image_std,
        equal=_equal(images),
        near=near,
        near_left_out=left_out,
        origins=_origins(images),
        unreadable=images.problems,
        notes=(*images.notes, *notes_on_kinds(kinds, config.depth)),
        problems=tuple(problems.errors),
        samples=_samples(images, labels, config.frames),
        sample_shape=_shape_of(images, config.frames),
        texts=text_facts(images.texts, part_of, labels, images.classes) if images.texts else None,
    )


def _part_of(parts: Split, count: int) -> list[str]:
    names = ["unused"] * count
    for name, members in (("train", parts.fit), ("val", parts.val), ("test", parts.test)):
        for index in members:
            names[index] = name
    return names


def _counts(
    classes: Sequence[str], labels: Sequence[Sequence[int]], part_of: Sequence[str]
) -> Mapping[str, Mapping[str, int]]:
    counts: dict[str, Counter[str]] = {name: Counter() for name in classes}
    for several, part in zip(labels, part_of, strict=True):
        for label in several:
            counts[classes[label]][part] += 1
    return {name: dict(found) for name, found in counts.items()}


def _sizes(images: Sequence[ImageFile], config: DataConfig) -> tuple[dict[tuple[int, int], int], dict[str, int]]:
    found = sizes_of(images, config.reader, clips=config.clip is not None)
    return dict(Counter(size for size, _ in found).most_common()), dict(
        Counter(name for _, name in found).most_common()
    )


def _moments(
    images: DecodedImages, fit: Sequence[int]
) -> tuple[tuple[float, ...], tuple[float, ...], tuple[float, ...]]:
    """Mean and standard deviation over all pixels, and the mean of the images' own, each per channel, in [0, 1]."""
    channels = images.pixels.shape[-1]
    total, squares, spread = (np.zeros(channels) for _ in range(3))
    for start in range(0, len(fit), _AT_ONCE):
        chosen = np.sort(np.array(fit[start : start + _AT_ONCE]))
        batch = images.pixels[chosen].reshape(len(chosen), -1, channels).astype(np.float64) / 255
        means, means_of_squares = batch.mean(axis=1), (batch**2).mean(axis=1)
        total += means.sum(axis=0)
        squares += means_of_squares.sum(axis=0)
        spread += np.sqrt(np.clip(means_of_squares - means**2, 0, None)).sum(axis=0)
    mean = total / len(fit)
    return _rounded(mean), _rounded(np.sqrt(squares / len(fit) - mean**2)), _rounded(spread / len(fit))


def _rounded(values: NDArray[np.float64]) -> tuple[float, ...]:
    return tuple(round(float(value), 4) for value in values)


def _equal(images: DecodedImages) -> tuple[tuple[str, ...], ...]:
    groups: dict[int, list[str]] = defaultdict(list)
    for name, first in zip(images.ids, images.copies, strict=True):
        groups[int(first)].append(name)
    return tuple(tuple(names) for names in groups.values() if len(names) > 1)


def _origins(images: DecodedImages) -> int:
    """Groups of several images that are not just copies of one."""
    sizes = Counter(images.groups.tolist())
    copies: dict[int, set[int]] = defaultdict(set)
    for group, first in zip(images.groups.tolist(), images.copies.tolist(), strict=True):
        copies[group].add(first)
    return sum(size > 1 and len(copies[group]) > 1 for group, size in sizes.items())


def _near(images: DecodedImages, part_of: Sequence[str]) -> tuple[tuple[NearPair, ...], int]:
    """Pairs beyond the equal ones, those across test and training first, then the most alike."""
    copies = images.copies
    found = [pair for pair in near_pairs(images.pixels) if copies[pair.first] != copies[pair.second]]
    pairs = [
        NearPair(
            first=images.ids[pair.first],
            second=images.ids[pair.second],
            parts=(part_of[pair.first], part_of[pair.second]),
            likeness=round(pair.likeness, 4),
        )
        for pair in found
    ]
    pairs.sort(key=lambda pair: (not pair.is_torn, -pair.likeness, pair.first))
    return tuple(pairs[:PAIRS]), max(0, len(pairs) - PAIRS)


def _samples(images: DecodedImages, labels: Sequence[Sequence[int]], frames: int) -> Mapping[str, tuple[bytes, ...]]:
    """Images of each class, evenly over its ids; of clips some frames side by side, and fewer clips."""
    count = SAMPLES // min(SHOWN, frames)
    members: dict[int, list[int]] = defaultdict(list)
    for index, several in enumerate(labels):
        for label in several:
            members[label].append(index)
    chosen = {}
    for label, name in enumerate(images.classes):
        mine = members[label]
        picks = [mine[round(place)] for place in np.linspace(0, len(mine) - 1, min(count, len(mine)))]
        chosen[name] = tuple(strip_of(images.pixels[index], frames).tobytes() for index in picks)
    return chosen


def _shape_of(images: DecodedImages, frames: int) -> tuple[int, int, int]:
    height, width, channels = strip_of(images.pixels[0], frames).shape
    return height, width, channels
