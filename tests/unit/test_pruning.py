"""Pruning removes channels: known counts, the answers of what is left, what cannot be pruned, pruned runs."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file
from torch import nn

from ablate.errors import NotInstalled, TrainerError
from ablate.execute import worker
from ablate.settings import identity_of
from ablate.store.journal import read_result
from ablate.store.run_names import write_names
from ablate.store.work_folder import Store
from ablate.training.compress.pruning import prune_channels
from ablate.training.config import Config
from ablate.training.cost import describe_network, weightless
from ablate.training.freezing import output_layer
from ablate.training.models import make_network
from ablate.training.stored import open_network
from tests.training_builders import a_config, a_spec, a_task, an_attempt, finished

COLOUR: Mapping[str, Any] = {"channels": 3, "image_size": 32, "normalize": None}
FC: Mapping[str, Any] = {"name": "fc", "hidden": [24, 12], "pool": 2}

NETWORKS: Mapping[str, Mapping[str, Any]] = {
    "vgg, fc": {"name": "vgg", "blocks": [1, 2], "width": 10, "head": FC, "dropout": {"classifier": 0.5}},
    "vgg, BN at block ends": {
        "name": "vgg", "blocks": [2, 1], "width": 10, "norm": {"name": "batch", "position": "block_end"}, "head": FC,
    },
    "vgg, GAP": {
        "name": "vgg", "blocks": [1, 1], "width": 10, "norm": {"name": "batch", "position": "after_activation"},
        "dropout": {"features": 0.5}, "head": {"name": "gap"},
    },
    "vgg16": {"name": "vgg16", "width": 4, "norm": {"name": "batch"}, "head": {**FC, "pool": 1}},
    "resnet18": {"name": "resnet18", "width": 6, "stem": "small"},
    "resnet34 without norm": {"name": "resnet34", "width": 4, "stem": "small", "norm": None, "activation": "silu"},
    "food_cnn": {"name": "food_cnn", "width": 4, "hidden": [20, 10]},
    "vgg16net": {"name": "vgg16net", "width": 4},
    "torchvision, depthwise and gates": {"name": "torchvision:mobilenet_v3_small"},
    "torchvision, joined maps": {"name": "torchvision:squeezenet1_1"},
}  # fmt: skip


def config_of(model: Mapping[str, Any], **changes: Any) -> Config:
    """Colour images of 32 pixels."""
    return a_config(changes, data=COLOUR, model=model)


def layers_of(network: nn.Module) -> dict[str, Any]:
    """Convolutions and linear layers but the last, by name."""
    last = output_layer(network)
    named = network.named_modules()
    return {name: one for name, one in named if isinstance(one, nn.Conv2d | nn.Linear) and name != last}


def outputs(network: nn.Module) -> dict[str, int]:
    """How many channels each of them gives."""
    return {name: one.weight.shape[0] for name, one in layers_of(network).items()}


def with_silent_channels(network: nn.Module, share: float) -> nn.Module:
    """The network with the first channels of each layer giving zero: removing them can change no answer."""
    with torch.no_grad():
        for layer in layers_of(network).values():
            silent = round(share * layer.weight.shape[0])
            layer.weight[:silent] = 0
            if layer.bias is not None:
                layer.bias.normal_()
                layer.bias[:silent] = 0
    return network.eval()


@pytest.mark.parametrize("name", NETWORKS)
def test_a_network_without_its_silent_channels_answers_as_before(name: str) -> None:
    """The weakest go, in every layer, and behind them the inputs that belong to them, through every kind of joint."""
    torch.manual_seed(0)
    network = with_silent_channels(make_network(config_of(NETWORKS[name])), 0.3)
    images = torch.randn(3, 3, 32, 32)
    before, widths = network(images), outputs(network)

    pruned = prune_channels(network, 0.3, channels=3, image_size=32)

    torch.testing.assert_close(network(images), before, rtol=1e-4, atol=1e-6)
    assert outputs(network) == {layer: width - round(0.3 * width) for layer, width in widths.items()}
    assert pruned.kept == ()
    assert pruned.channels == {one: (widths[one], after) for one, after in outputs(network).items()}


def test_the_counts_of_a_small_vgg() -> None:
    """Worked out by hand: 16, 32 and 64 channels and 128 hidden units, each less three tenths to the nearest."""
    head = {"name": "fc", "hidden": [128], "pool": 2}
    model = {"name": "vgg", "blocks": [1, 1, 1], "width": 16, "norm": {"name": "batch"}, "head": head}
    config = a_config(data={"image_size": 16}, model=model, weights={"run": "a/b", "prune": {"channels": 0.3}})

    found = describe_network(config)

    convolutions = (9 * 1 + 1) * 11 + (9 * 11 + 1) * 22 + (9 * 22 + 1) * 45
    assert found.parameters == convolutions + 2 * (11 + 22 + 45) + (4 * 45 + 1) * 90 + (90 + 1) * 10
    products = 256 * 9 * 1 * 11 + 64 * 9 * 11 * 22 + 16 * 9 * 22 * 45 + 180 * 90 + 90 * 10
    assert found.flops == 2 * products


def test_the_least_l1_norm_goes() -> None:
    """Not the least L2 norm: many small weights count more than one large."""
    config = config_of({"name": "vgg", "blocks": [1, 1], "width": 4, "head": {"name": "gap"}})
    network = make_network(config)
    first = network.get_submodule("features.conv1_1")
    assert isinstance(first, nn.Conv2d)
    with torch.no_grad():
        first.weight[:] = 0.5
        first.weight[2] = 0.0
        first.weight[2, 0, 0, 0] = 13.0  # L1 13 against 13.5, L2 13 against 2.6

    prune_channels(network, 0.25, channels=3, image_size=32)

    assert first.weight.shape[0] == 3
    assert first.weight.amax().tolist() == 0.5


def test_a_config_that_prunes_makes_the_thin_network_with_and_without_memory() -> None:
    """How many channels are left does not depend on the weights."""
    config = config_of(NETWORKS["resnet18"], weights={"run": "a/b", "prune": {"channels": 0.5}})

    thin, empty = make_network(config), weightless(config)

    assert [one.shape for one in thin.parameters()] == [one.shape for one in empty.parameters()]
    assert set(outputs(thin).values()) == {3, 6, 12, 24}


def test_what_cannot_be_pruned_is_named() -> None:
    """Grouped convolutions, and what feeds them, keep their channels; the rest is pruned."""
    with torch.device("meta"):
        network = make_network(config_of({"name": "torchvision:resnext50_32x4d"}))

    pruned = prune_channels(network, 0.3, channels=3, image_size=32)

    assert len(pruned.kept) == 32
    assert {"layer1.0.conv1", "layer1.0.conv2"} <= set(pruned.kept)
    assert pruned.channels["layer1.0.conv3"] == (256, 179)


class OneLayer(nn.Sequential):
    """Nothing but its output layer."""


class Counting(nn.Module):
    """A network whose code names a number of channels."""

    def __init__(self) -> None:
        super().__init__()
        self.conv, self.out = nn.Conv2d(3, 8, 3), nn.Linear(8, 10)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Logits."""
        logits: torch.Tensor = self.out(self.conv(images).mean((2, 3)).view(-1, 8))
        return logits


@pytest.mark.parametrize(
    ("make", "share", "said"),
    [
        (lambda: config_of({"name": "torchvision:vit_b_16", "options": {"image_size": 32}}), 0.3,
         r"besides convolutions, linear layers and batch norms it has the network itself \(VisionTransformer\), "
         r"encoder \(Encoder\).* and \d+ more"),
        (lambda: config_of({"name": "torchvision:shufflenet_v2_x0_5"}), 0.3, r"cannot be followed from layer to layer"),
        (lambda: config_of({"name": "vgg", "blocks": [1, 1], "width": 1, "head": {"name": "gap"}}), 0.6,
         r"weights\.prune\.channels \(0\.6\) would take all 1 channels of features\.conv1_1"),
        (lambda: OneLayer(nn.Flatten(), nn.Linear(3 * 32 * 32, 10)), 0.3, r"no convolution or hidden linear layer"),
        (Counting, 0.5, r"with fewer channels it does not work any more"),
    ],
)  # fmt: skip
def test_a_network_that_cannot_be_pruned_is_refused(make: Any, share: float, said: str) -> None:
    """By what is in the way, before any work."""
    made = make()
    with torch.device("meta"):
        network = made if isinstance(made, nn.Module) else make_network(made)

    with pytest.raises(TrainerError, match=said):
        prune_channels(network, share, channels=3, image_size=32)


def test_without_its_package_pruning_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    """The extra is named."""
    monkeypatch.setitem(sys.modules, "torch_pruning", None)

    with pytest.raises(NotInstalled, match=r"torch-pruning.*\[deploy\]"):
        make_network(config_of(NETWORKS["vgg, GAP"], weights={"run": "a/b", "prune": {"channels": 0.3}}))


# --- runs that begin with pruned weights ----------------------------------------------------------


def test_a_config_that_prunes_nothing_is_the_config_it_was() -> None:
    """Fingerprints of runs that begin with others' weights stay."""
    assert identity_of(a_config(weights={"run": "a/b", "prune": None}))["weights"] == {"run": "a/b"}


def test_a_run_begins_with_what_is_left_of_another(digits: Path) -> None:
    """Its stored network is thin, opens as such, and its cost is that of the thin network."""
    donor = a_spec(a_config(epochs=1))
    write_names(Store(digits).study("donor"), "donor", "donor.yaml", {"baseline": {"0": donor.fingerprint}})
    whole = an_attempt(a_task(digits, donor))
    assert worker.main(whole) == 0
    weights = {"run": "donor/baseline", "prune": {"channels": 0.25}}
    config = a_config(weights=weights, optimizer={"name": "sgd", "lr": 1e-30}, epochs=1)
    spec = a_spec(config)
    attempt = an_attempt(a_task(digits, spec))

    assert worker.main(attempt) == 0

    result = finished(read_result(attempt))
    stored = load_file(attempt / "weights.safetensors")["features.conv1_1.weight"]
    first = load_file(whole / "weights.safetensors")["features.conv1_1.weight"]
    strongest = first.abs().flatten(1).sum(1).argsort(descending=True)[:3].sort().values
    assert torch.equal(stored, first[strongest])
    assert result.cost.parameters == describe_network(config).parameters == 3 * 10 + 6 * 28 + 10 * 7
    assert outputs(open_network(spec, result).network) == {"features.conv1_1": 3, "features.conv2_1": 6}
