"""Networks and their parts."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from ablate.settings import Settings
from ablate.training.config.bounds import Count, Probability


class BatchNorm(Settings):
    """Batch normalisation: after each convolution, after each activation, or once a block."""

    name: Literal["batch"]
    position: Literal["after_conv", "after_activation", "block_end"] = "after_conv"
    """block_end: once, between the block's last activation and its pooling."""


class Dropout(Settings):
    """Probabilities of dropping; null leaves a place without dropout."""

    features: Probability | None = None
    """On the feature map, between the last block and the head's pooling."""
    classifier: Probability | None = None
    """After each hidden layer of an `fc` head."""


class FullyConnected(Settings):
    """Average-pool to `pool` x `pool`, flatten, hidden linear layers, one linear layer to the classes."""

    name: Literal["fc"]
    hidden: list[Count]
    """Widths of the hidden layers; [] is a one-layer head."""
    pool: Count = 7


class GlobalAveragePool(Settings):
    """Average each feature map to one value, one linear layer to the classes."""

    name: Literal["gap"]


Head = Annotated[FullyConnected | GlobalAveragePool, Field(discriminator="name")]


class _VggSettings(Settings):
    width: Count = 64
    """Channels of the first block; each next block doubles them, up to eight times the first."""
    norm: BatchNorm | None = None
    activation: Literal["relu"] = "relu"
    dropout: Dropout | None = None
    head: Head


class NamedVgg(_VggSettings):
    """A published VGG: 11, 13, 16 or 19 layers in five blocks (Simonyan & Zisserman 2015)."""

    name: Literal["vgg11", "vgg13", "vgg16", "vgg19"]


class FreeVgg(_VggSettings):
    """A VGG with blocks of your own."""

    name: Literal["vgg"]
    blocks: Annotated[list[Count], Field(min_length=1)]
    """Number of 3x3 convolutions in each block; each block ends in 2x2 max-pooling."""


Model = Annotated[NamedVgg | FreeVgg, Field(discriminator="name")]
