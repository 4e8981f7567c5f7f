"""Frozen parts: which parameters stay as they are, and how their layers behave while the rest is trained."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import nn

from ablate.errors import StudyError
from ablate.training.config import Freeze
from ablate.training.cost import describe_network
from ablate.training.freezing import freeze, output_layer, set_training
from ablate.training.models import make_network
from tests.training_builders import a_config

DEEP = {
    "name": "vgg",
    "blocks": [1, 1],
    "width": 4,
    "norm": {"name": "batch"},
    "dropout": {"features": 0.5, "classifier": 0.5},
    "head": {"name": "fc", "hidden": [6], "pool": 1},
}


def a_network() -> nn.Module:
    torch.manual_seed(0)
    return make_network(a_config(model=DEEP))


def trained_names(**block: Any) -> list[str]:
    """The modules whose parameters are still trained."""
    network = a_network()
    freeze(network, Freeze(**block))
    return list(dict.fromkeys(n.rpartition(".")[0] for n, p in network.named_parameters() if p.requires_grad))


@pytest.mark.parametrize(
    ("block", "expected"),
    [
        ({"modules": ["features"]}, ["head.fc1", "head.out"]),
        ({"modules": ["features", "head.fc1"]}, ["head.out"]),
        ({"all_but": "output"}, ["head.out"]),
        ({"all_but": ["head"]}, ["head.fc1", "head.out"]),
        ({"first": 2}, ["features.conv2_1", "features.norm2_1", "head.fc1", "head.out"]),
        ({"first": 5}, ["features.norm2_1", "head.fc1", "head.out"]),
    ],
)
def test_exactly_what_is_named_is_frozen(block: dict[str, Any], expected: list[str]) -> None:
    """By module, by count of the first modules of `features`, or by exception; a prefix is a whole word."""
    assert trained_names(**block) == expected


def test_a_frozen_batch_norm_keeps_its_statistics_and_uses_them() -> None:
    """While the trained one next to it normalises by the batch and learns it."""
    network = a_network()
    frozen = freeze(network, Freeze(first=4))
    set_training(network, frozen)
    before = {name: tensor.clone() for name, tensor in network.state_dict().items()}

    network(torch.randn(8, 1, 8, 8))

    moved = {
        name.rpartition(".")[0] for name, now in network.state_dict().items() if not torch.equal(now, before[name])
    }
    assert moved == {"features.norm2_1"}
    assert not network.get_submodule("features.norm1_1").training


@pytest.mark.parametrize(("dropout", "drops"), [("active", True), ("off", False)])
def test_dropout_in_a_frozen_part_does_as_the_study_says(dropout: str, *, drops: bool) -> None:
    """Active by default, as torch's train() leaves it; dropout of the trained part always drops."""
    network = a_network()
    frozen = freeze(network, Freeze(modules=["features"], dropout=dropout))  # type: ignore[arg-type]
    set_training(network, frozen)

    assert network.get_submodule("features.dropout").training is drops
    assert network.get_submodule("head.dropout1").training


def test_the_output_layer_is_the_last_one_with_parameters() -> None:
    """Whatever a family calls it."""
    assert output_layer(a_network()) == "head.out"


@pytest.mark.parametrize(
    ("block", "said"),
    [
        ({"modules": ["features.pool1"]}, r"nothing would be frozen.*Its parts: features, head"),
        ({"modules": ["features", "head"]}, r"freeze every parameter, and nothing would be trained"),
        ({"all_but": ["head.act1"]}, r"freeze every parameter"),
        ({"all_but": ["features", "head"]}, r"nothing would be frozen"),
        ({"modules": ["feature"]}, r"no module 'feature'\. Did you mean 'features'\?"),
        ({"first": 10}, r"freeze\.first \(10\): the network's `features` has 9 modules"),
    ],
)
def test_what_freezes_nothing_or_everything_is_refused(block: dict[str, Any], said: str) -> None:
    """With the parts there are, and before there is any data."""
    with pytest.raises(StudyError, match=said):
        describe_network(a_config(model=DEEP, freeze=block))


def test_a_frozen_norm_may_see_single_images() -> None:
    """A batch of one is refused only where a trained batch norm would compare it with itself."""
    config = a_config(model=DEEP, freeze={"all_but": "output"}, batch_size=1)

    assert describe_network(config).trained == 6 * 10 + 10
    with pytest.raises(StudyError, match=r"batch_size \(1\) is too small for batch norm \(features\.norm2_1\)"):
        describe_network(a_config(model=DEEP, freeze={"first": 2}, batch_size=1))


def test_the_fine_tune_of_a_published_network_trains_its_last_layer_alone() -> None:
    """torchvision's VGG16 for 17 classes: 69,649 of 134,330,193 parameters."""
    config = a_config(
        data={"classes": 17, "image_size": 224, "channels": 3, "normalize": None},
        model={"name": "torchvision:vgg16"},
        freeze={"all_but": "output"},
    )
    description = describe_network(config)

    assert (description.parameters, description.trained) == (134_330_193, 69_649)
    assert description.notes == (
        "frozen features are computed once, up to classifier.1 (16 kB per image); "
        "then comes classifier.2 (Dropout), which draws at random",
    )
