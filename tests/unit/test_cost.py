"""What a network costs, without data and without memory."""

from __future__ import annotations

import torch

from ablate.training.cost import describe_network
from ablate.training.models import make_network
from tests.training_builders import LOADED, a_config


def test_parameters_are_those_of_the_network() -> None:
    """Counted on the meta device, the same as on the CPU; the layers' counts add up to them."""
    config = a_config(LOADED)
    description = describe_network(config)

    expected = sum(parameter.numel() for parameter in make_network(config).parameters())
    assert description.parameters == expected
    assert sum(layer.parameters for layer in description.layers) == expected


def test_flops_by_hand() -> None:
    """Two a multiply-add, of one image's forward pass."""
    description = describe_network(a_config())

    first = 8 * 8 * 4 * (1 * 9)
    second = 4 * 4 * 8 * (4 * 9)
    assert description.flops == 2 * (first + second + 8 * 10)


def test_layers_come_in_the_networks_order() -> None:
    """Each with its name, its kind and its own parameters."""
    layers = describe_network(a_config()).layers

    assert [layer.name for layer in layers][:3] == ["features.conv1_1", "features.act1_1", "features.pool1"]
    assert layers[0] == ("features.conv1_1", "Conv2d", 4 * 9 + 4, 4 * 9 + 4, (4, 8, 8))
    assert layers[-1] == ("head.out", "Linear", 8 * 10 + 10, 8 * 10 + 10, (10,))


def test_describing_takes_no_memory_and_draws_nothing() -> None:
    """A network of 134 million parameters is described without one of them."""
    state = torch.default_generator.get_state()
    description = describe_network(
        a_config(
            data={"channels": 3, "image_size": 224, "classes": 17, "normalize": None},
            model={"name": "vgg16", "head": {"name": "fc", "hidden": [4096, 4096]}},
        )
    )

    assert description.parameters == 134_330_193
    assert description.flops is not None
    assert round(description.flops / 1e9, 2) == 30.93
    assert torch.equal(torch.default_generator.get_state(), state)
