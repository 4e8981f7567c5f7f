"""The VGG family: its published sizes, and where each choice puts its layers."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import nn

from ablate.training.config import Config
from ablate.training.models import make_network

FC = {"name": "fc", "hidden": [4096, 4096]}
BLOCK_END = {"name": "batch", "position": "block_end"}


def a_network(*, classes: int = 17, channels: int = 3, device: str = "meta", **model: Any) -> nn.Module:
    """A VGG without memory, unless a device is named."""
    config = Config.model_validate(
        {
            "data": {"source": {"name": "digits"}, "classes": classes, "image_size": 32, "channels": channels},
            "model": {"name": "vgg16", "head": FC} | model,
            "optimizer": {"name": "sgd", "lr": 0.1},
            "epochs": 1,
        }
    )
    with torch.device(device):
        return make_network(config)


def parameters_of(network: nn.Module) -> int:
    return sum(parameter.numel() for parameter in network.parameters())


def layers_of(part: nn.Module) -> list[str]:
    short = {"Conv2d": "conv", "BatchNorm2d": "norm", "ReLU": "act", "MaxPool2d": "pool", "Dropout": "dropout"}
    return [short.get(type(layer).__name__, type(layer).__name__) for layer in part.children()]


@pytest.mark.parametrize(
    ("model", "classes", "expected"),
    [
        ({}, 17, 134_330_193),
        ({"norm": BLOCK_END}, 17, 134_333_137),
        ({"norm": BLOCK_END, "dropout": {"features": 0.5}}, 17, 134_333_137),
        ({"norm": BLOCK_END, "head": {"name": "fc", "hidden": []}}, 17, 15_144_145),
        ({"norm": BLOCK_END, "head": {"name": "gap"}}, 17, 14_726_353),
        ({}, 10, 134_301_514),
        ({}, 1000, 138_357_544),
        ({"name": "vgg11"}, 1000, 132_863_336),
        ({"name": "vgg13"}, 1000, 133_047_848),
        ({"name": "vgg19"}, 1000, 143_667_240),
        ({"norm": {"name": "batch"}}, 1000, 138_365_992),
    ],
)
def test_parameter_counts_are_the_published_ones(model: dict[str, Any], classes: int, expected: int) -> None:
    """Each published network has as many parameters as its source says."""
    network = a_network(classes=classes, **model)

    assert parameters_of(network) == expected


@pytest.mark.parametrize(
    ("norm", "block"),
    [
        (None, ["conv", "act", "conv", "act", "pool"]),
        ("after_conv", ["conv", "norm", "act", "conv", "norm", "act", "pool"]),
        ("after_activation", ["conv", "act", "norm", "conv", "act", "norm", "pool"]),
        ("block_end", ["conv", "act", "conv", "act", "norm", "pool"]),
    ],
)
def test_the_norm_stands_where_its_position_says(norm: str | None, block: list[str]) -> None:
    """The order of layers within a block follows from `norm.position` alone."""
    block_norm = None if norm is None else {"name": "batch", "position": norm}

    network = a_network(name="vgg", blocks=[2, 2], norm=block_norm)

    assert layers_of(network.get_submodule("features")) == 2 * block


def test_a_norm_at_the_blocks_end_comes_once_a_block() -> None:
    """VGG16 has five such norms, one for each pooling."""
    layers = layers_of(a_network(norm=BLOCK_END).get_submodule("features"))

    assert layers.count("norm") == 5
    assert all(layers[i + 1] == "pool" for i, layer in enumerate(layers) if layer == "norm")


def test_dropout_on_features_stands_between_the_last_block_and_the_heads_pooling() -> None:
    """It drops values of the last feature map, and changes no parameter."""
    network = a_network(dropout={"features": 0.5})

    features = network.get_submodule("features")
    assert layers_of(features)[-2:] == ["pool", "dropout"]
    assert features.get_submodule("dropout").p == 0.5
    assert "dropout" not in layers_of(network.get_submodule("head"))


def test_dropout_in_the_classifier_follows_each_hidden_layer() -> None:
    """Neither before the first linear layer nor behind the last."""
    network = a_network(dropout={"classifier": 0.25})

    assert layers_of(network.get_submodule("head")) == [
        "AdaptiveAvgPool2d",
        "Flatten",
        *["Linear", "act", "dropout"] * 2,
        "Linear",
    ]
    assert "dropout" not in layers_of(network.get_submodule("features"))


def test_a_gap_head_is_a_mean_and_one_layer() -> None:
    """Global average pooling leaves one value a feature map."""
    network = a_network(device="cpu", name="vgg", blocks=[1], width=2, head={"name": "gap"}, classes=3)
    features, images = network.get_submodule("features"), torch.randn(4, 3, 8, 8)
    weight, bias = network.get_submodule("head.out").parameters()

    logits = network(images)

    torch.testing.assert_close(logits, features(images).mean((2, 3)) @ weight.T + bias)


def test_widths_double_up_to_eight_times_the_first() -> None:
    """`width` is the first block's; the fourth block and those behind it have eight times as many."""
    network = a_network(width=3, blocks=[1] * 6, name="vgg")

    widths = [module.out_channels for module in network.modules() if isinstance(module, nn.Conv2d)]
    assert widths == [3, 6, 12, 24, 24, 24]


def test_blocks_give_the_number_of_convolutions_and_each_block_halves_the_side() -> None:
    """Three blocks take 32 pixels to 4, whatever their depth."""
    network = a_network(name="vgg", blocks=[1, 3, 2], width=2)

    features = network.get_submodule("features")
    assert layers_of(features).count("conv") == 6
    assert features(torch.empty(1, 3, 32, 32, device="meta")).shape == (1, 8, 4, 4)


@pytest.mark.parametrize("channels", [1, 3])
def test_output_has_a_logit_for_each_class(channels: int) -> None:
    """Grey and colour images alike become (N, classes)."""
    network = a_network(channels=channels, classes=5, name="vgg11", width=2)

    assert network(torch.empty(2, channels, 32, 32, device="meta")).shape == (2, 5)


def test_the_same_seed_gives_the_same_first_weights() -> None:
    """Weights come from torch's global generator and from nothing else."""
    torch.manual_seed(3)
    first = a_network(device="cpu", name="vgg", blocks=[1], width=2, head={"name": "gap"})
    torch.manual_seed(3)
    second = a_network(device="cpu", name="vgg", blocks=[1], width=2, head={"name": "gap"})

    assert all(torch.equal(a, b) for a, b in zip(first.parameters(), second.parameters(), strict=True))
