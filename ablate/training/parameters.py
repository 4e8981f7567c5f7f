"""How many parameters a network has, by arithmetic: `ablate plan` does not wait for torch to be told that.

Known for our own families of images; None for all else, which torch has to build. The tables of their layers are
those the networks are built by.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import pairwise

from ablate.training.config import Config
from ablate.training.config.model import FoodCnn, FreeVgg, FullyConnected, NamedVgg, Resnet, Vgg16Net

VGG_BLOCKS = {
    "vgg11": [1, 1, 2, 2, 2],
    "vgg13": [2, 2, 2, 2, 2],
    "vgg16": [2, 2, 3, 3, 3],
    "vgg19": [2, 2, 4, 4, 4],
}
"""Convolutions in each of the five blocks, by the number of layers with weights."""

RESNET_BLOCKS = {"resnet18": (2, 2, 2, 2), "resnet34": (3, 4, 6, 3)}
"""BasicBlocks in each of the four stages."""

VGG16NET_KERNELS = ((3, 3), (3, 3), (3, 3, 1), (3, 3, 1), (3, 3, 1))
"""Convolutions of each block; every one is padded by 1, the 1x1 ones too, which enlarges the map."""

VGG16NET_WIDTHS = (1, 2, 2, 4, 8)
"""Channels of each block, in multiples of the first."""

FOOD_CNN_WIDTHS = (1, 2, 4, 8, 8)
"""Channels of each block, in multiples of the first."""

SIDE = 4
"""Side of the feature map that the linear layers of the last two were made for."""


def vgg_widths(blocks: int, width: int) -> list[int]:
    """Channels each block of a VGG gives: doubled by each, up to eight times the first."""
    return [width * min(2**i, 8) for i in range(blocks)]


def parameter_count(config: Config) -> int | None:
    """All of them; None where arithmetic does not know: other networks, and what changes or freezes one."""
    if config.freeze is not None or config.weights is not None or config.quantization_aware is not None:
        return None
    if getattr(config.optimizer, "parts", None):
        return None  # whether each names layers, only the network can tell
    channels, classes = config.data.channels, config.data.classes
    match config.model:
        case NamedVgg() | FreeVgg() as model:
            return _vgg(model, channels, classes)
        case Vgg16Net() as model:
            return _vgg16net(model, channels, classes)
        case FoodCnn() as model:
            return _food_cnn(model, channels, classes)
        case Resnet() as model:
            return _resnet(model, channels, classes)
        case _:
            return None


def _conv(inputs: int, outputs: int, kernel: int = 3, *, bias: bool = True) -> int:
    return inputs * outputs * kernel**2 + outputs * bias


def _linear(widths: Sequence[int]) -> int:
    return sum(inputs * outputs + outputs for inputs, outputs in pairwise(widths))


def _norms(channels: Iterable[int]) -> int:
    """A scale and a shift a channel."""
    return 2 * sum(channels)


def _vgg(model: NamedVgg | FreeVgg, channels: int, classes: int) -> int:
    depths = model.blocks if isinstance(model, FreeVgg) else VGG_BLOCKS[model.name]
    widths = vgg_widths(len(depths), model.width)
    count = 0
    for depth, (inputs, outputs) in zip(depths, pairwise([channels, *widths]), strict=True):
        count += _conv(inputs, outputs) + (depth - 1) * _conv(outputs, outputs)
        if model.norm is not None:
            count += _norms([outputs] * (1 if model.norm.position == "block_end" else depth))
    if isinstance(model.head, FullyConnected):
        return count + _linear([widths[-1] * model.head.pool**2, *model.head.hidden, classes])
    return count + _linear([widths[-1], classes])


def _vgg16net(model: Vgg16Net, channels: int, classes: int) -> int:
    count, inputs = 0, channels
    for kernels, width in zip(VGG16NET_KERNELS, VGG16NET_WIDTHS, strict=True):
        outputs = width * model.width
        for kernel in kernels:
            count += _conv(inputs, outputs, kernel)
            inputs = outputs
        count += _norms([outputs] if model.norm is not None else [])
    return count + _linear([inputs * SIDE**2, *[16 * model.width] * 2, classes])


def _food_cnn(model: FoodCnn, channels: int, classes: int) -> int:
    widths = [width * model.width for width in FOOD_CNN_WIDTHS]
    count = sum(_conv(inputs, outputs) for inputs, outputs in pairwise([channels, *widths]))
    count += _norms(widths if model.norm is not None else [])
    return count + _linear([widths[-1] * SIDE**2, *model.hidden, classes])


def _resnet(model: Resnet, channels: int, classes: int) -> int:
    def normed(inputs: int, outputs: int, kernel: int) -> int:
        norm = _norms([outputs]) if model.norm is not None else 0
        return _conv(inputs, outputs, kernel, bias=model.bias) + norm

    inputs = model.width
    count = normed(channels, inputs, 7 if model.stem == "large" else 3)
    for stage, blocks in enumerate(RESNET_BLOCKS[model.name]):
        outputs = model.width * 2**stage
        for number in range(blocks):
            count += normed(inputs, outputs, 3) + normed(outputs, outputs, 3)
            if inputs != outputs or (stage and not number):
                count += normed(inputs, outputs, 1)
            inputs = outputs
    return count + _linear([inputs, classes])
