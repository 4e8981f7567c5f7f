"""What looking into a finished network finds: arrays and names, before anything is drawn.

Arrays are numpy's, which this module need not import; their shapes stand beside them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple


class Picture(NamedTuple):
    """One picture with what is known of it. pixels: uint8, (H, W, 3) or (H, W, 1). truth: its class, or classes."""

    id: str
    truth: str
    pixels: Any


class Answer(NamedTuple):
    """A test picture and what the network says of it. confidence: the probability of what it says."""

    picture: Picture
    said: str
    is_right: bool
    confidence: float


class FeatureMaps(NamedTuple):
    """What one layer makes of one picture: values (channels, h, w); channels: how many the layer has in all."""

    layer: str
    picture: Picture
    values: Any
    channels: int


class Heatmap(NamedTuple):
    """Where a network looks for its answer to a picture, and where it would look for the truth: (H, W) in [0, 1]."""

    answer: Answer
    for_said: Any
    for_truth: Any


class Neighbours(NamedTuple):
    """A test picture and the pictures of the fit part that are most like it, each with the cosine of the angle."""

    answer: Answer
    nearest: tuple[tuple[Picture, float], ...]


class Embedding(NamedTuple):
    """Learnt features on a plane: points (n, 2), and the class of each (n,). vectors: how long a feature was."""

    points: Any
    targets: Any
    vectors: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Explained:
    """Everything found. targets, predicted: (n,) class indices of all test pictures, None with several labels.

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
    grid: tuple[Answer, ...]
    maps: FeatureMaps | None
    heatmaps: tuple[Heatmap, ...]
    embedding: Embedding | None
    neighbours: tuple[Neighbours, ...]
    layers: dict[str, str]
    last_map: str
    not_done: tuple[str, ...]
