"""The plain network of the Food-11 homework: five convolutions, then linear layers; for 128x128 images."""

from __future__ import annotations

from collections import OrderedDict

from torch import nn

from ablate.training.config import FoodCnn
from ablate.training.models.parts import Classifier, hidden_layers, initialise, make_activation
from ablate.training.parameters import FOOD_CNN_WIDTHS, SIDE


def make_food_cnn(config: FoodCnn, *, channels: int, classes: int) -> Classifier:
    """The network; from other image sizes its feature map is averaged to 4x4."""
    features: OrderedDict[str, nn.Module] = OrderedDict()
    inputs = channels
    for number, width in enumerate(FOOD_CNN_WIDTHS, start=1):
        outputs = width * config.width
        features[f"conv{number}"] = nn.Conv2d(inputs, outputs, kernel_size=3, padding=1)
        if config.norm is not None:
            features[f"norm{number}"] = nn.BatchNorm2d(outputs)
        features[f"act{number}"] = make_activation(config.activation)
        features[f"pool{number}"] = nn.MaxPool2d(2)
        inputs = outputs
    head: OrderedDict[str, nn.Module] = OrderedDict(pool=nn.AdaptiveAvgPool2d(SIDE), flatten=nn.Flatten())
    flat = inputs * SIDE**2
    head |= hidden_layers(config.hidden, flat, activation=config.activation, dropout=config.dropout)
    head["out"] = nn.Linear(config.hidden[-1] if config.hidden else flat, classes)
    network = Classifier(nn.Sequential(features), nn.Sequential(head))
    initialise(network, config.init)
    return network
