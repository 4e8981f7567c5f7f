"""What a look at a data set found: the record a trainer's `examine` returns."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from ablate.errors import AblateError


@dataclass(frozen=True, slots=True, kw_only=True)
class NearPair:
    """Two pictures that look alike: their ids, the parts they lie in, and how alike (1: the same in small)."""

    first: str
    second: str
    parts: tuple[str, str]
    likeness: float

    @property
    def is_torn(self) -> bool:
        """Whether one is tested on and the other trained or validated on."""
        return "test" in self.parts and bool({"train", "val"} & set(self.parts))


@dataclass(frozen=True, slots=True, kw_only=True)
class Examination:
    """A data set as a study sees it, on replicate 0.

    counts: class -> part (train, val, test, unused) -> pictures; with several labels a picture counts
    for each. unlabelled: pictures without any label. pictures: in each part.
    sizes: (width, height) -> pictures. formats: file format -> pictures. depths: bits and mode -> pictures.
    mean, std: of the pixels of the fit part as the network is given them before normalisation, scaled
    to [0, 1], one value a channel, over all pixels. mean_image_std: the mean of the images' own
    standard deviations, a smaller number that is often published in its place.
    equal: groups of pictures with the same pixels. near: pairs that look alike. near_left_out: further pairs.
    origins: how many groups of one origin hold several pictures.
    unreadable: ids and reasons. notes: what a run would be told.
    problems: all that a run would refuse, as it would be told.
    samples: class -> pictures of it, each (S, S, C) bytes, in the shape `sample_shape`.
    """

    classes: tuple[str, ...]
    counts: Mapping[str, Mapping[str, int]]
    pictures: Mapping[str, int]
    unlabelled: int
    sizes: Mapping[tuple[int, int], int]
    formats: Mapping[str, int]
    mean: tuple[float, ...]
    std: tuple[float, ...]
    mean_image_std: tuple[float, ...]
    equal: tuple[tuple[str, ...], ...]
    near: tuple[NearPair, ...]
    near_left_out: int
    origins: int
    unreadable: tuple[tuple[str, str], ...]
    notes: tuple[str, ...]
    samples: Mapping[str, tuple[bytes, ...]]
    sample_shape: tuple[int, int, int]
    depths: Mapping[str, int] = field(default_factory=dict)
    problems: tuple[AblateError, ...] = ()
