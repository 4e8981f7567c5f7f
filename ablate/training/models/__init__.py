"""Networks: one family a file; `make_network` is the only place that knows them all."""

from __future__ import annotations

from typing import assert_never

from torch import nn

from ablate.errors import TrainerError
from ablate.training.compress.pruning import prune_channels
from ablate.training.config import Config
from ablate.training.config.model import ByName, FoodCnn, FreeVgg, Fusion, ImageModel, NamedVgg, Resnet, Vgg16Net
from ablate.training.models.by_name import make_by_name
from ablate.training.models.food_cnn import make_food_cnn
from ablate.training.models.fusion import make_fusion
from ablate.training.models.resnet import make_resnet
from ablate.training.models.vgg import make_vgg
from ablate.training.models.vgg16net import make_vgg16net


def make_network(config: Config) -> nn.Module:
    """The untrained network a config asks for, pruned where it says so.

    Input (N, C, S, S), and texts' numbers with some; output (N, classes). Weights come from torch's global generator;
    the caller seeds it. Raises TrainerError for a network by name that cannot be had, or for one that cannot be pruned.
    """
    network = make_whole_network(config)
    prune_as_asked(network, config)
    return network


def prune_as_asked(network: nn.Module, config: Config) -> None:
    """Take the channels out of a whole network that `weights.prune` names; nothing where it names none."""
    if config.weights is None or config.weights.prune is None:
        return
    if isinstance(config.model, Fusion):
        raise TrainerError(
            "the network cannot be pruned: it is given texts beside images", hint="Leave weights.prune out."
        )
    share, data = config.weights.prune.channels, config.data
    prune_channels(network, share, channels=data.channels, image_size=data.image_size)


def make_whole_network(config: Config) -> nn.Module:
    """The network before any pruning."""
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
