"""Networks: one family a file; `make_network` is the only place that knows them all."""

from __future__ import annotations

from typing import assert_never

from torch import nn

from ablate.errors import TrainerError
from ablate.training.compress.pruning import prune_channels
from ablate.training.config import Config
from ablate.training.config.model import (
    ByName,
    FoodCnn,
    FramesLstm,
    FreeVgg,
    Fusion,
    ImageModel,
    NamedVgg,
    Resnet,
    Vgg3d,
    Vgg16Net,
)
from ablate.training.models.by_name import make_by_name
from ablate.training.models.clips import make_frames_lstm, make_vgg3d, takes_clips
from ablate.training.models.food_cnn import make_food_cnn
from ablate.training.models.fusion import make_fusion
from ablate.training.models.resnet import make_resnet
from ablate.training.models.vgg import make_vgg
from ablate.training.models.vgg16net import make_vgg16net


def make_network(config: Config) -> nn.Module:
    """The untrained network a config asks for, pruned where it says so.

    Input (N, C, S, S), and texts' numbers with some; of clips (N, C, frames * S, S), frames below each other; output
    (N, classes). Weights come from torch's global generator; the caller seeds it.
    Raises TrainerError for a network by name that cannot be had, or for one that cannot be pruned.
    """
    network = make_whole_network(config)
    prune_as_asked(network, config)
    return network


def prune_as_asked(network: nn.Module, config: Config) -> None:
    """Take the channels out of a whole network that `weights.prune` names; nothing where it names none."""
    if config.weights is None or config.weights.prune is None:
        return
    given = "texts beside images" if isinstance(config.model, Fusion) else "clips" if config.data.frames > 1 else ""
    if given:
        raise TrainerError(f"the network cannot be pruned: it is given {given}", hint="Leave weights.prune out.")
    share, data = config.weights.prune.channels, config.data
    prune_channels(network, share, channels=data.channels, image_size=data.image_size)


def make_whole_network(config: Config) -> nn.Module:
    """The network before any pruning."""
    model, channels, classes = config.model, config.data.channels, config.data.classes
    match model:
        case Fusion():
            image = None if model.image is None else _of_images(model.image, config)
            return make_fusion(model, image, classes=classes)
        case Vgg3d():
            return make_vgg3d(model, channels=channels, classes=classes, frames=config.data.frames)
        case FramesLstm():
            return make_frames_lstm(model, channels=channels, classes=classes, frames=config.data.frames)
        case _:
            return _of_images(model, config)


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
            network = make_by_name(model, channels=channels, classes=classes, image_size=config.data.image_size)
            return network if config.data.frames == 1 else takes_clips(network, config.data.frames)
        case _:
            assert_never(model)
