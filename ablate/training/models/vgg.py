"""The VGG family (Simonyan & Zisserman 2015), with every choice an ablation may want to change."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import NamedTuple

from torch import nn

from ablate.training.config import Activation, BatchNorm, FreeVgg, FullyConnected, GlobalAveragePool, NamedVgg
from ablate.training.models.parts import Classifier, hidden_layers, initialise, make_activation
from ablate.training.parameters import VGG_BLOCKS, vgg_widths


class Kit(NamedTuple):
    """What blocks are built of, in two dimensions or three. pool: of the block of a number, from 1."""

    conv: type[nn.Conv2d] | type[nn.Conv3d]
    norm: type[nn.BatchNorm2d] | type[nn.BatchNorm3d]
    pool: Callable[[int], nn.Module]


PLANE = Kit(nn.Conv2d, nn.BatchNorm2d, lambda _: nn.MaxPool2d(2))


class Blocks(NamedTuple):
    """Convolutions in each block, the width of the first, and what stands between them."""

    depths: Sequence[int]
    width: int
    norm: BatchNorm | None
    activation: Activation

    @property
    def widths(self) -> list[int]:
        """Channels each block gives."""
        return vgg_widths(len(self.depths), self.width)


def make_vgg(config: NamedVgg | FreeVgg, *, channels: int, classes: int) -> Classifier:
    """Build the network; modules are named so that weights can be told apart in a listing."""
    depths = config.blocks if isinstance(config, FreeVgg) else VGG_BLOCKS[config.name]
    blocks = Blocks(depths, config.width, config.norm, config.activation)
    features = stacked_blocks(blocks, channels)
    if config.dropout is not None and config.dropout.features is not None:
        features["dropout"] = nn.Dropout(config.dropout.features)
    network = Classifier(nn.Sequential(features), _head(config, blocks.widths[-1], classes))
    initialise(network, config.init)
    return network


def stacked_blocks(blocks: Blocks, channels: int, kit: Kit = PLANE) -> OrderedDict[str, nn.Module]:
    """The blocks' layers by name, one block after the other."""
    layers: OrderedDict[str, nn.Module] = OrderedDict()
    widths = pairwise([channels, *blocks.widths])
    for number, (depth, (inputs, outputs)) in enumerate(zip(blocks.depths, widths, strict=True), start=1):
        layers |= _block(number, depth, inputs, outputs, blocks, kit)
    return layers


def _block(number: int, depth: int, inputs: int, outputs: int, blocks: Blocks, kit: Kit) -> OrderedDict[str, nn.Module]:
    position = None if blocks.norm is None else blocks.norm.position
    layers: OrderedDict[str, nn.Module] = OrderedDict()
    for i in range(1, depth + 1):
        layers[f"conv{number}_{i}"] = kit.conv(inputs if i == 1 else outputs, outputs, kernel_size=3, padding=1)
        if position == "after_conv":
            layers[f"norm{number}_{i}"] = kit.norm(outputs)
        layers[f"act{number}_{i}"] = make_activation(blocks.activation, inplace=position != "after_activation")
        if position == "after_activation":
            layers[f"norm{number}_{i}"] = kit.norm(outputs)
    if position == "block_end":
        layers[f"norm{number}"] = kit.norm(outputs)
    layers[f"pool{number}"] = kit.pool(number)
    return layers


def _head(config: NamedVgg | FreeVgg, width: int, classes: int) -> nn.Sequential:
    match config.head:
        case GlobalAveragePool():
            return gap_head(nn.AdaptiveAvgPool2d(1), width, classes)
        case FullyConnected(pool=side) as head:
            dropout = None if config.dropout is None else config.dropout.classifier
            pool = nn.AdaptiveAvgPool2d(side)
            return fc_head(pool, width * side * side, head, config.activation, dropout, classes)


def gap_head(pool: nn.Module, width: int, classes: int) -> nn.Sequential:
    """Pool to one value a channel, one linear layer."""
    return nn.Sequential(OrderedDict(pool=pool, flatten=nn.Flatten(), out=nn.Linear(width, classes)))


def fc_head(
    pool: nn.Module, flat: int, head: FullyConnected, activation: Activation, dropout: float | None, classes: int
) -> nn.Sequential:
    """Pool to `flat` values, hidden layers, one linear layer to the classes."""
    layers: OrderedDict[str, nn.Module] = OrderedDict(pool=pool, flatten=nn.Flatten())
    layers |= hidden_layers(head.hidden, flat, activation=activation, dropout=dropout)
    layers["out"] = nn.Linear(head.hidden[-1] if head.hidden else flat, classes)
    return nn.Sequential(layers)
