"""The other network families: their published sizes, the order of their layers, and networks by name."""

from __future__ import annotations

import sys
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from ablate.errors import TrainerError
from ablate.training.config import Config
from ablate.training.cost import describe_network
from ablate.training.models import make_network
from ablate.training.models.parts import initialise, make_activation

SHORT = {"Conv2d": "conv", "BatchNorm2d": "norm", "MaxPool2d": "pool", "ReLU": "act", "LeakyReLU": "act", "SiLU": "act"}


def a_config(model: dict[str, Any], *, classes: int = 10, size: int = 32, **more: Any) -> Config:
    """A training of a network that is never begun."""
    data = {"source": {"name": "digits"}, "classes": classes, "image_size": size} | more.pop("data", {})
    return Config.model_validate(
        {"data": data, "model": model, "optimizer": {"name": "sgd", "lr": 0.1}, "epochs": 1} | more
    )


def a_network(model: dict[str, Any], *, device: str = "meta", **more: Any) -> nn.Module:
    """The network, without memory unless a device is named."""
    with torch.device(device):
        return make_network(a_config(model, **more))


def layers_of(part: nn.Module) -> list[str]:
    return [SHORT.get(type(layer).__name__, type(layer).__name__) for layer in part.children()]


@pytest.mark.parametrize(
    ("model", "classes", "size", "expected"),
    [
        ({"name": "vgg16net"}, 10, 32, 14_777_162),
        ({"name": "food_cnn"}, 11, 128, 12_833_803),
        ({"name": "resnet18", "bias": True}, 11, 128, 11_186_955),
        ({"name": "resnet18"}, 1000, 224, 11_689_512),
        ({"name": "resnet34"}, 1000, 224, 21_797_672),
        ({"name": "torchvision:vgg16"}, 1000, 224, 138_357_544),
    ],
)
def test_parameter_counts_are_the_published_ones(model: dict[str, Any], classes: int, size: int, expected: int) -> None:
    """Each network has as many parameters as its source says, and gives a logit for each class."""
    network = a_network(model, classes=classes, size=size).eval()

    assert sum(parameter.numel() for parameter in network.parameters()) == expected
    assert network(torch.empty(2, 3, size, size, device="meta")).shape == (2, classes)


def test_vgg16net_has_its_convolutions_without_activations_between_them() -> None:
    """Convolutions, max-pool, batch norm, ReLU: two blocks of two convolutions, three of three."""
    features = a_network({"name": "vgg16net"}).get_submodule("features")

    ends = ["pool", "norm", "act"]
    assert layers_of(features) == 2 * [*2 * ["conv"], *ends] + 3 * [*3 * ["conv"], *ends]


def test_vgg16net_pads_its_1x1_convolutions_and_its_later_pools() -> None:
    """Which makes 512 maps of 4x4 out of 32x32 pixels."""
    features = a_network({"name": "vgg16net"}).get_submodule("features")
    convolutions = [layer for layer in features.children() if isinstance(layer, nn.Conv2d)]
    pools = [layer for layer in features.children() if isinstance(layer, nn.MaxPool2d)]

    assert [layer.kernel_size[0] for layer in convolutions] == [3, 3, 3, 3, 3, 3, 1, 3, 3, 1, 3, 3, 1]
    assert {layer.padding for layer in convolutions} == {(1, 1)}
    assert [layer.out_channels for layer in convolutions] == [64, 64, *5 * [128], *3 * [256], *3 * [512]]
    assert [pool.padding for pool in pools] == [0, 1, 1, 1, 1]
    assert features(torch.empty(1, 3, 32, 32, device="meta")).shape == (1, 512, 4, 4)


def test_vgg16net_drops_after_each_hidden_layer() -> None:
    """Linear, ReLU, plain dropout, twice; and it averages nothing at its own image size."""
    network = a_network({"name": "vgg16net"})

    head = network.get_submodule("head")
    assert layers_of(head)[2:] == [*2 * ["Linear", "act", "Dropout"], "Linear"]
    assert [layer.p for layer in head.children() if isinstance(layer, nn.Dropout)] == [0.5, 0.5]
    pool = head.get_submodule("pool")
    maps = torch.randn(2, 3, 4, 4)
    assert torch.equal(pool(maps), maps)


def test_food_cnn_is_five_blocks_and_three_linear_layers() -> None:
    """Convolution, batch norm, ReLU, max-pool; 8192 -> 1024 -> 512 -> 11."""
    network = a_network({"name": "food_cnn"}, classes=11, size=128)

    assert layers_of(network.get_submodule("features")) == 5 * ["conv", "norm", "act", "pool"]
    linear = [layer for layer in network.get_submodule("head").children() if isinstance(layer, nn.Linear)]
    assert [(layer.in_features, layer.out_features) for layer in linear] == [(8192, 1024), (1024, 512), (512, 11)]


def test_a_resnet_halves_at_its_stem_its_pool_and_three_stages() -> None:
    """224 pixels become 7; with the small stem, 32 become 4."""
    for stem, size, left in (("large", 224, 7), ("small", 32, 4)):
        features = a_network({"name": "resnet18", "stem": stem}, size=size).get_submodule("features")

        assert features(torch.empty(1, 3, size, size, device="meta")).shape == (1, 512, left, left)


def test_a_resnet_is_that_of_torchvision() -> None:
    """With the same weights it gives the same logits, in training as in use."""
    torch.manual_seed(0)
    theirs = a_network({"name": "torchvision:resnet18"}, device="cpu")
    ours = a_network({"name": "resnet18"}, device="cpu")
    renamed = zip(ours.state_dict(), theirs.state_dict().values(), strict=True)
    ours.load_state_dict(dict(renamed))
    images = torch.randn(2, 3, 64, 64)

    torch.testing.assert_close(ours(images), theirs(images))
    torch.testing.assert_close(ours.eval()(images), theirs.eval()(images))


@pytest.mark.parametrize("bias", [False, True])
def test_biased_convolutions_are_a_choice(*, bias: bool) -> None:
    """Every convolution of a ResNet has a bias, or none has."""
    network = a_network({"name": "resnet18", "bias": bias})

    assert {layer.bias is not None for layer in network.modules() if isinstance(layer, nn.Conv2d)} == {bias}


@pytest.mark.parametrize("family", ["vgg16net", "food_cnn", "resnet18"])
def test_a_norm_of_null_leaves_none(family: str) -> None:
    """Off is null, in every family."""
    network = a_network({"name": family, "norm": None})

    assert not any(isinstance(layer, nn.BatchNorm2d) for layer in network.modules())


@pytest.mark.parametrize("family", ["vgg11", "vgg16net", "food_cnn", "resnet18"])
def test_the_width_is_that_of_the_first_convolution(family: str) -> None:
    """Half the width leaves a network of about a quarter of the parameters."""
    more = {"vgg11": {"head": {"name": "gap"}}, "food_cnn": {"hidden": []}}.get(family, {})
    full, half = (a_network({"name": family, "width": width} | more) for width in (64, 32))

    first = next(layer for layer in half.modules() if isinstance(layer, nn.Conv2d))
    assert first.out_channels == 32
    counts = [sum(parameter.numel() for parameter in network.parameters()) for network in (half, full)]
    assert 0.24 < counts[0] / counts[1] < 0.27


@pytest.mark.parametrize("family", ["vgg11", "vgg16net", "food_cnn", "resnet18"])
@pytest.mark.parametrize(("name", "kind"), [("relu", nn.ReLU), ("leaky_relu", nn.LeakyReLU), ("silu", nn.SiLU)])
def test_every_activation_of_a_network_is_the_one_asked_for(family: str, name: str, kind: type[nn.Module]) -> None:
    """In the features as in the head."""
    head = {"head": {"name": "fc", "hidden": [8]}} if family == "vgg11" else {}
    network = a_network({"name": family, "activation": name, "width": 2} | head)

    kinds = {type(layer) for layer in network.modules()} & {nn.ReLU, nn.LeakyReLU, nn.SiLU}
    assert kinds == {kind}


def test_activations_by_hand() -> None:
    """max(x, 0); x or 0.01 x; x / (1 + exp(-x))."""
    x = torch.tensor([-2.0, 0.0, 3.0])

    given = [make_activation(name)(x.clone()) for name in ("relu", "leaky_relu", "silu")]
    torch.testing.assert_close(given[0], torch.tensor([0.0, 0.0, 3.0]))
    torch.testing.assert_close(given[1], torch.tensor([-0.02, 0.0, 3.0]))
    torch.testing.assert_close(given[2], x / (1 + torch.exp(-x)))


@pytest.mark.parametrize("layer", [nn.Conv2d(30, 50, 3), nn.Linear(270, 450)])
def test_he_weights_have_variance_2_by_fan_in_and_xavier_ones_2_by_both(layer: nn.Module) -> None:
    """Both with a mean of 0 and biases of 0; Xavier's are bounded, He's are normal."""
    torch.manual_seed(0)
    weight, bias = layer.weight, layer.bias
    assert isinstance(weight, torch.Tensor)
    fan_in, fan_out = 270, 450

    initialise(layer, "he")
    he = weight.detach().clone()
    initialise(layer, "xavier")

    assert float(he.var()) == pytest.approx(2 / fan_in, rel=0.05)
    assert float(he.abs().max()) > 3.5 * (2 / fan_in) ** 0.5
    assert float(weight.detach().var()) == pytest.approx(2 / (fan_in + fan_out), rel=0.05)
    assert float(weight.detach().abs().max()) <= (6 / (fan_in + fan_out)) ** 0.5
    assert isinstance(bias, torch.Tensor)
    assert not bias.any()


def test_first_weights_by_default_are_torchs_own() -> None:
    """`default` draws nothing, so that a study without `init` keeps its weights."""
    torch.manual_seed(3)
    plain = a_network({"name": "vgg", "blocks": [1], "width": 2, "head": {"name": "gap"}}, device="cpu")
    torch.manual_seed(3)
    convolution, linear = nn.Conv2d(3, 2, 3, padding=1), nn.Linear(2, 10)

    assert torch.equal(plain.get_parameter("features.conv1_1.weight"), convolution.weight)
    assert torch.equal(plain.get_parameter("head.out.bias"), linear.bias)


# --- by name ----------------------------------------------------------------------------------


def test_a_network_of_torchvision_takes_options() -> None:
    """They are handed to its builder."""
    network = a_network({"name": "torchvision:vgg16", "options": {"dropout": 0.25}})

    assert {layer.p for layer in network.modules() if isinstance(layer, nn.Dropout)} == {0.25}


def test_a_network_of_ones_own_is_told_what_the_data_are(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """make(channels, classes, image_size, **options) -> Module."""
    (tmp_path / "nets_of_mine.py").write_text(
        "from torch import nn\n"
        "def make(*, channels, classes, image_size, bias):\n"
        "    return nn.Sequential(nn.Flatten(), nn.Linear(channels * image_size**2, classes, bias=bias))\n"
        "def forgets(**_):\n    pass\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    options = {"options": {"bias": False}}
    try:
        description = describe_network(a_config({"name": "nets_of_mine:make"} | options, size=8))

        assert description.parameters == 3 * 8 * 8 * 10
        with pytest.raises(TrainerError, match=r"'nets_of_mine:forgets' returned NoneType, not a torch.nn.Module"):
            a_network({"name": "nets_of_mine:forgets"})
        with pytest.raises(TrainerError, match=r"has no function 'mak'.*Did you mean 'make'"):
            a_network({"name": "nets_of_mine:mak"})
    finally:
        sys.modules.pop("nets_of_mine", None)


@pytest.mark.parametrize(
    ("model", "said"),
    [
        ({"name": "torchvision:vg16"}, r"torchvision has no classification model 'vg16'.*Did you mean 'vgg16'"),
        ({"name": "torchvision:vgg16", "options": {"drp": 1}}, r"cannot be built: .*'drp'.*model\.options"),
        ({"name": "timm:vgg16"}, r"needs timm, which is not installed.*pip install timm"),
        ({"name": "no_such_pkg.nets:make"}, r"there is no module 'no_such_pkg'.*--work"),
    ],
)
def test_a_network_that_cannot_be_had_is_refused(
    model: dict[str, Any], said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Naming what is missing and what to do."""
    monkeypatch.setitem(sys.modules, "timm", None)

    with pytest.raises(TrainerError, match=said):
        a_network(model)


def test_torchvisions_networks_want_colour() -> None:
    """A grey data set is refused with the setting to change."""
    with pytest.raises(TrainerError, match=r"data\.channels is 1.*Set data.channels: 3"):
        a_network({"name": "torchvision:vgg16"}, data={"channels": 1})


# --- what is refused before any training ------------------------------------------------------


def test_a_network_with_more_than_logits_is_refused() -> None:
    """Auxiliary outputs would be trained on by nobody."""
    options = {"init_weights": False, "aux_logits": True}

    with pytest.raises(TrainerError, match=r"gives GoogLeNetOutputs .*aux_logits: false"):
        describe_network(a_config({"name": "torchvision:googlenet", "options": options}, size=64))


def test_an_image_too_small_for_a_network_by_name_is_refused() -> None:
    """With the size, and what the network said."""
    with pytest.raises(TrainerError, match=r"cannot be used on 16x16 images: .*data\.image_size"):
        describe_network(a_config({"name": "torchvision:vgg16"}, size=16))


def test_blocks_follow_each_other_at_matching_widths() -> None:
    """What a block of a ResNet gives is what the next one takes."""
    features = a_network({"name": "resnet34"}).get_submodule("features")
    blocks = [block for name, block in features.named_children() if name.startswith("block")]

    assert len(blocks) == 16
    for one, following in pairwise(blocks):
        assert one.get_submodule("conv2").out_channels == following.get_submodule("conv1").in_channels
