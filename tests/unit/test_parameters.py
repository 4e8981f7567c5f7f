"""Parameters by arithmetic are those of the network that torch builds."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ablate.training.cost import describe_network, weightless
from ablate.training.parameters import parameter_count
from tests.training_builders import a_config

WIDTHS = st.integers(1, 6)
HEADS = st.one_of(
    st.just({"name": "gap"}),
    st.builds(
        lambda hidden, pool: {"name": "fc", "hidden": hidden, "pool": pool},
        st.lists(st.integers(1, 5), max_size=3),
        st.integers(1, 3),
    ),
)
NORMS = st.sampled_from(
    [None, *({"name": "batch", "position": place} for place in ("after_conv", "after_activation", "block_end"))]
)
PLAIN_NORMS = st.sampled_from([None, {"name": "batch"}])
VGGS = st.fixed_dictionaries({"width": WIDTHS, "norm": NORMS, "head": HEADS}).flatmap(
    lambda common: st.one_of(
        st.builds(
            lambda blocks: {"name": "vgg", "blocks": blocks, **common},
            st.lists(st.integers(1, 3), min_size=1, max_size=6),
        ),
        st.builds(lambda name: {"name": name, **common}, st.sampled_from(["vgg11", "vgg13", "vgg16", "vgg19"])),
    )
)
OTHERS = st.one_of(
    st.fixed_dictionaries({"name": st.just("vgg16net"), "width": WIDTHS, "norm": PLAIN_NORMS}),
    st.fixed_dictionaries(
        {
            "name": st.just("food_cnn"),
            "width": WIDTHS,
            "norm": PLAIN_NORMS,
            "hidden": st.lists(st.integers(1, 9), max_size=3),
        }
    ),
    st.fixed_dictionaries(
        {
            "name": st.sampled_from(["resnet18", "resnet34"]),
            "width": WIDTHS,
            "norm": PLAIN_NORMS,
            "bias": st.booleans(),
            "stem": st.sampled_from(["large", "small"]),
        }
    ),
)


@given(model=st.one_of(VGGS, OTHERS), channels=st.sampled_from([1, 3]))
def test_the_count_is_that_of_the_network(model: dict[str, Any], channels: int) -> None:
    """For every family whose layers we lay out, and every choice that has parameters."""
    data = {"channels": channels, "image_size": 64, "classes": 10, "normalize": None}
    config = a_config(model=model, data=data)

    assert parameter_count(config) == sum(one.numel() for one in weightless(config).parameters())


@pytest.mark.parametrize(
    ("model", "expected"),
    [
        ({"name": "vgg16", "head": {"name": "fc", "hidden": [4096, 4096]}}, 134_330_193),
        ({"name": "vgg16", "head": {"name": "gap"}}, 14_723_409),
    ],
)
def test_published_networks_have_their_published_counts(model: dict[str, Any], expected: int) -> None:
    """VGG16 for 17 classes, as its authors sum up their tables."""
    data = {"channels": 3, "image_size": 224, "classes": 17, "normalize": None}

    assert parameter_count(a_config(model=model, data=data)) == expected


@pytest.mark.parametrize(
    "changes",
    [
        {"freeze": {"first": 1}},
        {"model": {"name": "torchvision:resnet18"}, "data": {"channels": 3, "normalize": None}},
        {"quantization_aware": {}},
        {"optimizer": {"name": "sgd", "lr": 0.1, "parts": {"head": {"lr": 0.2}}}},
    ],
    ids=lambda changes: next(iter(changes)),
)
def test_what_only_the_built_network_can_tell_is_left_to_it(changes: dict[str, Any]) -> None:
    """Frozen parts, networks by name, settings that name layers."""
    config = a_config(**changes)

    assert parameter_count(config) is None
    assert describe_network(config).parameters
