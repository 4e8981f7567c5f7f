"""VGG16 at a quarter of its width with batch norm and global average pooling, as anybody would write it."""

from __future__ import annotations

import torch
from torch import nn


def quarter_vgg16(classes: int) -> nn.Module:
    """Thirteen convolutions of 16 to 128 channels; input (N, 3, 64, 64)."""
    layers: list[nn.Module] = []
    channels = 3
    for width, depth in ((16, 2), (32, 2), (64, 3), (128, 3), (128, 3)):
        for _ in range(depth):
            layers += [nn.Conv2d(channels, width, 3, padding=1), nn.BatchNorm2d(width), nn.ReLU(inplace=True)]
            channels = width
        layers.append(nn.MaxPool2d(2))
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(channels, classes))


MEAN = torch.tensor([0.485, 0.456, 0.406])
STD = torch.tensor([0.229, 0.224, 0.225])
