"""VGG_16Net: a VGG for 32x32 images with padded 1x1 convolutions and padded pools.

Inside a block the convolutions follow each other without an activation; pooling, batch norm and
activation come once, at its end. From 3x32x32 the feature map is 512x4x4.
"""

from __future__ import annotations

from collections import OrderedDict

from torch import nn

from ablate.training.config import Vgg16Net
from ablate.training.models.parts import Classifier, hidden_layers, initialise, make_activation
from ablate.training.parameters import SIDE, VGG16NET_KERNELS, VGG16NET_WIDTHS


def make_vgg16net(config: Vgg16Net, *, channels: int, classes: int) -> Classifier:
    """The network; from other image sizes its feature map is averaged to 4x4."""
    features: OrderedDict[str, nn.Module] = OrderedDict()
    inputs = channels
    for number, (kernels, width) in enumerate(zip(VGG16NET_KERNELS, VGG16NET_WIDTHS, strict=True), start=1):
        outputs = width * config.width
        for i, kernel in enumerate(kernels, start=1):
            features[f"conv{number}_{i}"] = nn.Conv2d(inputs, outputs, kernel_size=kernel, padding=1)
            inputs = outputs
        features[f"pool{number}"] = nn.MaxPool2d(2, padding=0 if number == 1 else 1)
        if config.norm is not None:
            features[f"norm{number}"] = nn.BatchNorm2d(outputs)
        features[f"act{number}"] = make_activation(config.activation)
    hidden = 2 * [16 * config.width]
    head: OrderedDict[str, nn.Module] = OrderedDict(pool=nn.AdaptiveAvgPool2d(SIDE), flatten=nn.Flatten())
    head |= hidden_layers(hidden, inputs * SIDE**2, activation=config.activation, dropout=config.dropout)
    head["out"] = nn.Linear(hidden[-1], classes)
    network = Classifier(nn.Sequential(features), nn.Sequential(head))
    initialise(network, config.init)
    return network
