"""The VGG family (Simonyan & Zisserman 2015), with every choice an ablation may want to change."""

from __future__ import annotations

from collections import OrderedDict
from itertools import pairwise

from torch import nn

from ablate.training.config import FreeVgg, FullyConnected, GlobalAveragePool, NamedVgg
from ablate.training.models.parts import Classifier, hidden_layers, initialise, make_activation

BLOCKS = {
    "vgg11": [1, 1, 2, 2, 2],
    "vgg13": [2, 2, 2, 2, 2],
    "vgg16": [2, 2, 3, 3, 3],
    "vgg19": [2, 2, 4, 4, 4],
}
"""Convolutions in each of the five blocks, by the number of layers with weights."""


def make_vgg(config: NamedVgg | FreeVgg, *, channels: int, classes: int) -> Classifier:
    """Build the network; modules are named so that weights can be told apart in a listing."""
    blocks = config.blocks if isinstance(config, FreeVgg) else BLOCKS[config.name]
    widths = [channels, *(config.width * min(2**i, 8) for i in range(len(blocks)))]
    features: OrderedDict[str, nn.Module] = OrderedDict()
    for number, (depth, (inputs, outputs)) in enumerate(zip(blocks, pairwise(widths), strict=True), start=1):
        features |= _block(number, depth, inputs, outputs, config)
    if config.dropout is not None and config.dropout.features is not None:
        features["dropout"] = nn.Dropout(config.dropout.features)
    network = Classifier(nn.Sequential(features), _head(config, widths[-1], classes))
    initialise(network, config.init)
    return network


def _block(
    number: int, depth: int, inputs: int, outputs: int, config: NamedVgg | FreeVgg
) -> OrderedDict[str, nn.Module]:
    position = None if config.norm is None else config.norm.position
    layers: OrderedDict[str, nn.Module] = OrderedDict()
    for i in range(1, depth + 1):
        layers[f"conv{number}_{i}"] = nn.Conv2d(inputs if i == 1 else outputs, outputs, kernel_size=3, padding=1)
        if position == "after_conv":
            layers[f"norm{number}_{i}"] = nn.BatchNorm2d(outputs)
        layers[f"act{number}_{i}"] = make_activation(config.activation, inplace=position != "after_activation")
        if position == "after_activation":
            layers[f"norm{number}_{i}"] = nn.BatchNorm2d(outputs)
    if position == "block_end":
        layers[f"norm{number}"] = nn.BatchNorm2d(outputs)
    layers[f"pool{number}"] = nn.MaxPool2d(2)
    return layers


def _head(config: NamedVgg | FreeVgg, width: int, classes: int) -> nn.Sequential:
    match config.head:
        case GlobalAveragePool():
            layers: OrderedDict[str, nn.Module] = OrderedDict(
                pool=nn.AdaptiveAvgPool2d(1), flatten=nn.Flatten(), out=nn.Linear(width, classes)
            )
        case FullyConnected(hidden=hidden, pool=side):
            layers = OrderedDict(pool=nn.AdaptiveAvgPool2d(side), flatten=nn.Flatten())
            flat = width * side * side
            dropout = None if config.dropout is None else config.dropout.classifier
            layers |= hidden_layers(hidden, flat, activation=config.activation, dropout=dropout)
            layers["out"] = nn.Linear(hidden[-1] if hidden else flat, classes)
    return nn.Sequential(layers)
