"""Residual networks of BasicBlocks (He et al. 2016), with or without biases in their convolutions."""

from __future__ import annotations

from collections import OrderedDict

from torch import Tensor, nn

from ablate.training.config.model import Resnet
from ablate.training.models.parts import Classifier, initialise, make_activation
from ablate.training.parameters import RESNET_BLOCKS


class BasicBlock(nn.Module):
    """Two 3x3 convolutions beside a shortcut; the first halves the side where its stride is 2."""

    def __init__(self, config: Resnet, inputs: int, outputs: int, *, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, outputs, kernel_size=3, stride=stride, padding=1, bias=config.bias)
        self.norm1 = _norm(config, outputs)
        self.act1 = make_activation(config.activation)
        self.conv2 = nn.Conv2d(outputs, outputs, kernel_size=3, padding=1, bias=config.bias)
        self.norm2 = _norm(config, outputs)
        self.shortcut: nn.Module = nn.Identity()
        if stride != 1 or inputs != outputs:
            self.shortcut = nn.Sequential(
                nn.Conv2d(inputs, outputs, kernel_size=1, stride=stride, bias=config.bias), _norm(config, outputs)
            )
        self.act2 = make_activation(config.activation)

    def forward(self, images: Tensor) -> Tensor:
        """(N, inputs, S, S) to (N, outputs, S / stride, S / stride)."""
        residual = self.norm2(self.conv2(self.act1(self.norm1(self.conv1(images)))))
        summed: Tensor = self.act2(residual + self.shortcut(images))
        return summed


def make_resnet(config: Resnet, *, channels: int, classes: int) -> Classifier:
    """The network; modules of `features` are the stem's layers, then the blocks one by one."""
    features = _stem(config, channels)
    inputs = config.width
    for stage, blocks in enumerate(RESNET_BLOCKS[config.name], start=1):
        outputs = config.width * 2 ** (stage - 1)
        for number in range(1, blocks + 1):
            stride = 2 if stage > 1 and number == 1 else 1
            features[f"block{stage}_{number}"] = BasicBlock(config, inputs, outputs, stride=stride)
            inputs = outputs
    head: OrderedDict[str, nn.Module] = OrderedDict(pool=nn.AdaptiveAvgPool2d(1), flatten=nn.Flatten())
    if config.dropout is not None:
        head["dropout"] = nn.Dropout(config.dropout)
    head["out"] = nn.Linear(inputs, classes)
    network = Classifier(nn.Sequential(features), nn.Sequential(head))
    initialise(network, config.init)
    return network


def _stem(config: Resnet, channels: int) -> OrderedDict[str, nn.Module]:
    large = config.stem == "large"
    kernel, stride, padding = (7, 2, 3) if large else (3, 1, 1)
    layers: OrderedDict[str, nn.Module] = OrderedDict(
        conv=nn.Conv2d(channels, config.width, kernel, stride=stride, padding=padding, bias=config.bias),
        norm=_norm(config, config.width),
        act=make_activation(config.activation),
    )
    if large:
        layers["pool"] = nn.MaxPool2d(kernel_size=3, stride=2, padding=1)
    return layers


def _norm(config: Resnet, channels: int) -> nn.Module:
    return nn.Identity() if config.norm is None else nn.BatchNorm2d(channels)
