"""Networks: one family a file; `make_network` is the only place that knows them all."""

from __future__ import annotations

from typing import assert_never

from torch import nn

from ablate.training.config import Config
from ablate.training.config.model import ByName, FoodCnn, FreeVgg, Fusion, ImageModel, NamedVgg, Resnet, Vgg16Net
from ablate.training.models.by_name import make_by_name
from ablate.training.models.food_cnn import make_food_cnn
from ablate.training.models.fusion import make_fusion
from ablate.training.models.resnet import make_resnet
from ablate.training.models.vgg import make_vgg
from ablate.training.models.vgg16net import make_vgg16net


def make_network(config: Config) -> nn.Module:
    """The untrained network a config asks for; input (N, C, S, S), and texts' numbers with some; output (N, classes).

    Weights come from torch's global generator; the caller seeds it.
    Raises TrainerError for a network by name that cannot be had.
    """
    if not isinstance(config.model, Fusion):
        return _of_images(config.model, config)
    image = None if config.model.image is None else _of_images(config.model.image, config)
    return make_fusion(config.model, image, classes=config.data.classes)


def _of_images(model: ImageModel, config: Config) -> nn.Module:
    channels, classes = config.data.channels, config.data.classes
    match model:
        case NamedVgg() | FreeVgg():
            return make_vgg(model, channels=channels, classes=classes)
        case Vgg16Net():
            return make_vgg16net(model, channels=channels, classes=classes)
        case FoodCnn():
            return make_food_cnn(model, channels=channels, classes=classes)
        case Resnet():
            return make_resnet(model, channels=channels, classes=classes)
        case ByName():
            return make_by_name(model, channels=channels, classes=classes, image_size=config.data.image_size)
        case _:
            assert_never(model)
