"""What is found by looking: into a configuration (no data needed), into a data set, into a finished network."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from ablate.errors import AblateError


class Layer(NamedTuple):
    """One layer of a network: its own parameters, those of them that are trained, its output for one image."""

    name: str
    kind: str
    parameters: int
    trained: int
    shape: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Description:
    """What a trainer knows about a configuration without data or training. None: it cannot say.

    trained: those of the parameters that training changes. flops, output_bytes (of all layers
    together): of one image's forward pass. notes: what else is worth knowing before a run.
    """

    parameters: int | None = None
    trained: int | None = None
    flops: int | None = None
    output_bytes: int | None = None
    layers: tuple[Layer, ...] = ()
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class NearPair:
    """Two images that look alike: their ids, the parts they lie in, and how alike (1: the same in small)."""

    first: str
    second: str
    parts: tuple[str, str]
    likeness: float

    @property
    def is_torn(self) -> bool:
        """Whether one is tested on and the other trained or validated on."""
        return "test" in self.parts and bool({"train", "val"} & set(self.parts))


class TextFacts(NamedTuple):
    """The texts that come with the images of a data set; on replicate 0.

    distinct: different ones. shortest, median, longest: words in a text. fit_words: different words of the fit part;
    other_words: of the other parts alone. naming: texts in which a class of their own image is named.
    """

    texts: int
    distinct: int
    shortest: int
    median: int
    longest: int
    fit_words: int
    other_words: int
    naming: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Examination:
    """A data set as a study sees it, on replicate 0.

    counts: class -> part (train, val, test, unused) -> images; with several labels an image counts
    for each. unlabelled: images without any label. images: in each part.
    sizes: (width, height) -> images. formats: file format -> images. depths: bits and mode -> images.
    mean, std: of the pixels of the fit part as the network is given them before normalisation, scaled
    to [0, 1], one value per channel, over all pixels. mean_image_std: the mean of the images' own
    standard deviations, a smaller number that is often published in its place.
    equal: groups of images with the same pixels. near: pairs that look alike. near_left_out: further pairs.
    origins: how many groups of one origin hold several images.
    unreadable: ids and reasons. notes: what a run would be told.
    problems: all that a run would refuse, as it would be told.
    samples: class -> images of it, each (S, S, C) bytes, in the shape `sample_shape`.
    texts: where the source names a text for each image.
    """

    classes: tuple[str, ...]
    counts: Mapping[str, Mapping[str, int]]
    images: Mapping[str, int]
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
    texts: TextFacts | None = None


class ExplainedImage(NamedTuple):
    """One image with what is known of it. pixels: uint8, (H, W, 3) or (H, W, 1). truth: its class, or classes."""

    id: str
    truth: str
    pixels: Any


class ModelAnswer(NamedTuple):
    """A test image and what the network says of it. confidence: the probability of what it says."""

    image: ExplainedImage
    said: str
    is_right: bool
    confidence: float


class FeatureMaps(NamedTuple):
    """What one layer makes of one image: values (channels, h, w); channels: how many the layer has in all."""

    layer: str
    image: ExplainedImage
    values: Any
    channels: int


class Heatmap(NamedTuple):
    """Where a network looks for its answer to an image, and where it would look for the truth: (H, W) in [0, 1]."""

    answer: ModelAnswer
    for_said: Any
    for_truth: Any


class Neighbours(NamedTuple):
    """A test image and the images of the fit part that are most like it, each with the cosine of the angle."""

    answer: ModelAnswer
    nearest: tuple[tuple[ExplainedImage, float], ...]


class Embedding(NamedTuple):
    """Learned features in the plane: points (n, 2), and the class of each (n,). vectors: how long a feature was."""

    points: Any
    targets: Any
    vectors: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Explained:
    """Everything found. targets, predicted: (n,) class indices of all test images, None with several labels.

    true_counts, said_counts: (classes,) how often each class is right, and how often it is said. layers:
    name -> shape of what it gives, such as "64x8x8", in the order of computing. not_done: sentences on
    what does not apply to this network or these data.
    """

    classes: tuple[str, ...]
    images: int
    metrics: dict[str, float]
    targets: Any
    predicted: Any
    true_counts: Any
    said_counts: Any
    grid: tuple[ModelAnswer, ...]
    maps: FeatureMaps | None
    heatmaps: tuple[Heatmap, ...]
    embedding: Embedding | None
    neighbours: tuple[Neighbours, ...]
    layers: dict[str, str]
    last_map: str
    not_done: tuple[str, ...]
