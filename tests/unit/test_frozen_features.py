"""Frozen features computed once: the same results as computed each time, and never where they would differ."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file
from torch import nn

from ablate.records import Outcome
from ablate.store.journal import read_history
from ablate.training.config import Config
from ablate.training.cost import describe_network
from ablate.training.cutting import Cut, NoCut, cut_network
from ablate.training.data.parts import load_parts
from ablate.training.freezing import Frozen, freeze, set_training
from ablate.training.frozen_features import STEADY, with_stored_features
from ablate.training.loop import train_network
from ablate.training.models import make_network
from ablate.training.numerics import set_up
from ablate.training.start import untrained
from tests.training_builders import a_config, a_live_run, a_spec
from tests.unit.test_freezing import DEEP

RESNET = {"name": "resnet18", "width": 4, "stem": "small"}


def frozen_config(freeze: dict[str, Any] | None = None, **more: Any) -> Config:
    """A frozen VGG with batch norm, and dropout before and inside its trained head.

    By SGD: Adam would take rounding for a gradient where a batch norm makes it 0, and enlarge it to a whole step.
    """
    block = freeze or {"modules": ["features"]}
    return a_config({"model": DEEP, "freeze": block, "optimizer": {"name": "sgd", "lr": 0.1}, "epochs": 3} | more)


def train(config: Config, work: Path) -> tuple[Outcome, list[Any]]:
    run = a_live_run(work, a_spec(config))
    outcome = train_network(config, run)
    return outcome, [event.data["metrics"] for event in read_history(run.folder) if event.kind == "epoch"]


def shortcut(config: Config, work: Path) -> tuple[Any, Any]:
    """The training on stored features, and the plain one."""
    run, mode = a_live_run(work, a_spec(config)), set_up(config)
    parts, trained = load_parts(config, run, mode), untrained(config, run, mode)
    return with_stored_features(config, run, parts, mode, trained), (parts, trained)


def stored(work: Path) -> list[Path]:
    return sorted((work / ".ablate" / "cache" / "features").glob("*/features.bin"))


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"freeze": {"first": 4}},
        {"freeze": {"modules": ["features"], "dropout": "off"}},
        {"freeze": {"all_but": "output", "dropout": "off"}},
        {"numerics": {"channels_last": True}},
        {"averaging": {"decay": 0.9}},
        {"data": {"image_size": 16}, "model": RESNET, "freeze": {"first": 5}},
        {"optimizer": {"name": "sgd", "lr": 0.05, "momentum": 0.9, "parts": {"head.out": {"lr": 0.1}}}},
    ],
    ids=lambda changes: ",".join(changes) or "plain",
)
def test_stored_features_give_the_results_of_computed_ones(changes: dict[str, Any], digits: Path) -> None:
    """The same accuracies in each epoch and at the end; losses and weights to the rounding that training enlarges."""
    config = frozen_config(**changes)
    assert config.freeze is not None
    block = config.freeze.model_copy(update={"cache": False})
    plain = config.model_copy(update={"freeze": block})

    quick, quick_epochs = train(config, digits)
    slow, slow_epochs = train(plain, digits)

    assert len(stored(digits)) == 1
    assert [e["train/accuracy"] for e in quick_epochs] == [e["train/accuracy"] for e in slow_epochs]
    assert quick_epochs[-1]["train/loss"] == pytest.approx(slow_epochs[-1]["train/loss"], abs=1e-5)
    assert quick.metrics["accuracy"] == slow.metrics["accuracy"]
    assert quick.metrics["loss"] == pytest.approx(slow.metrics["loss"], abs=1e-5)
    mine, theirs = load_file(quick.files["weights"]), load_file(slow.files["weights"])
    assert list(mine) == list(theirs)
    for name in mine:
        torch.testing.assert_close(mine[name], theirs[name], rtol=1e-4, atol=1e-5)


def test_logits_from_stored_features_are_those_of_the_network(digits: Path) -> None:
    """To 1e-5 in fp32, for every image of every part."""
    config = frozen_config()
    (parts, trained), (plain_parts, plain) = shortcut(config, digits)
    network, end = plain.network.eval(), trained.network.eval()

    for short, long in zip(parts[:3], plain_parts[:3], strict=True):
        chosen = torch.arange(len(long))
        with torch.inference_mode():
            torch.testing.assert_close(end(short.images_of(chosen)), network(long.images_of(chosen)), rtol=0, atol=1e-5)


def test_runs_share_features_and_other_weights_have_their_own(digits: Path) -> None:
    """Variants of a replicate that begin alike share; another replicate draws other weights."""
    work = digits
    train(frozen_config(), work)
    train(frozen_config(optimizer={"name": "sgd", "lr": 0.2}, batch_size=8), work)
    assert len(stored(work)) == 1

    config = frozen_config()
    train_network(config, a_live_run(work, a_spec(config, replicate=1)))

    assert len(stored(work)) == 2


@pytest.mark.parametrize("name", ["features.bin", "features.json"])
def test_no_changed_bit_of_stored_features_is_trained_on(name: str, digits: Path) -> None:
    """They are computed again, to the same values."""
    config = frozen_config()
    (parts, _), _ = shortcut(config, digits)
    expected = parts.fit.stored.clone()
    file = stored(digits)[0].with_name(name)
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    file.write_bytes(content)

    (parts, _), _ = shortcut(config, digits)

    assert torch.equal(parts.fit.stored, expected)


def test_a_run_that_uses_few_images_computes_only_theirs(digits: Path) -> None:
    """Of 1,797 digits this run uses 130, and stores so many features."""
    (parts, _), _ = shortcut(frozen_config(), digits)

    assert len(parts.fit.stored) == 70 - 20 + 20 + 60


def test_the_trained_end_never_runs_the_frozen_part(digits: Path) -> None:
    """No convolution is left in what the loop trains, and the parameters are shared with the whole."""
    (_, trained), (_, plain) = shortcut(frozen_config(), digits)

    assert not any(isinstance(module, nn.Conv2d) for module in trained.network.modules())
    assert trained.network.get_parameter("head.out.weight") is plain.network.get_parameter("head.out.weight")
    assert trained.whole is plain.network


# --- where the cut lies -----------------------------------------------------------------------


def cut(model: dict[str, Any], block: dict[str, Any], *, size: int = 32) -> Cut | NoCut:
    data = {"image_size": size, "channels": 3, "normalize": None}
    config = a_config(data=data, model=model, freeze=block)
    with torch.device("meta"):
        network = make_network(config)
    return cut_network(network, freeze(network, config.freeze))


@pytest.mark.parametrize(
    ("model", "block", "last"),
    [
        ({"name": "torchvision:vgg16"}, {"all_but": "output"}, "classifier.1"),
        ({"name": "torchvision:vgg16"}, {"all_but": "output", "dropout": "off"}, "classifier.5"),
        ({"name": "torchvision:vgg16"}, {"first": 10}, "features.9"),
        ({"name": "torchvision:resnet18"}, {"all_but": "output"}, "avgpool"),
        ({"name": "torchvision:resnet18"}, {"modules": ["conv1", "bn1", "layer1", "layer2.0.conv1"]}, "layer1.1.relu"),
        ({"name": "resnet18"}, {"modules": ["features"]}, "head.flatten"),
        ({"name": "food_cnn"}, {"first": 4}, "features.pool1"),
    ],
)
def test_the_cut_lies_before_the_first_trained_or_random_module(
    model: dict[str, Any], block: dict[str, Any], last: str
) -> None:
    """And inside a residual block it goes back to where one tensor carries everything."""
    found = cut(model, block)

    assert isinstance(found, Cut)
    assert found.last == last


@pytest.mark.parametrize(
    ("model", "block", "reason"),
    [
        ({"name": "food_cnn"}, {"modules": ["head"]}, r"begins with features\.conv1 \(Conv2d\), which is trained"),
        ({"name": "torchvision:swin_t"}, {"all_but": "output"}, "differs between training and evaluation"),
    ],
)
def test_where_nothing_steady_comes_first_there_is_no_cut(
    model: dict[str, Any], block: dict[str, Any], reason: str
) -> None:
    """And the plan says why."""
    found = cut(model, block, size=64)

    assert isinstance(found, NoCut)
    assert re.search(reason, found.reason)


class Noisy(nn.Module):
    """A network of somebody's own that draws in its forward pass."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.last = nn.Linear(4, 4), nn.Linear(4, 2)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Noise between the layers."""
        seen = self.first(images)
        logits: torch.Tensor = self.last(seen + torch.rand_like(seen))
        return logits


class Unsteady(nn.Module):
    """A layer nobody knows."""

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Anything might happen here."""
        return images * 2


def test_what_draws_in_a_forward_pass_of_ones_own_is_seen() -> None:
    """A random function ends the steady part; so does a layer of which nothing is known."""
    network = Noisy()
    frozen = freeze_first(network, "first")
    found = cut_network(network, frozen)
    assert isinstance(found, Cut)
    assert found.last == "first"
    assert "rand_like" in found.then

    chain = nn.Sequential(nn.Linear(4, 4), Unsteady(), nn.Linear(4, 2))
    found = cut_network(chain, freeze_first(chain, "0"))
    assert isinstance(found, Cut)
    assert found.last == "0"
    assert "not known" in found.then


def freeze_first(network: nn.Module, name: str) -> Frozen:
    network.get_submodule(name).requires_grad_(requires_grad=False)
    frozen = Frozen((name,))
    set_training(network, frozen)
    return frozen


# --- where it would change the result ---------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"augment": {"flip": {}}}, "augment changes the images anew"),
        ({"mixing": {"name": "mixup", "alpha": 0.2}}, "mixing changes what the network is shown"),
        ({"adversarial": {"eps": 0.1, "steps": 1, "step_size": 0.1}}, "adversarial changes"),
        ({"robustness": {"eps": 0.1, "steps": 1, "step_size": 0.1}}, "robustness changes"),
        ({"freeze": {"modules": ["features"], "cache": False}}, r"freeze\.cache is false"),
    ],
)
def test_features_are_not_stored_where_that_would_change_the_result(
    changes: dict[str, Any], reason: str, digits: Path
) -> None:
    """The network is left whole, and the description says why."""
    config = frozen_config(**changes)
    (parts, trained), (plain_parts, plain) = shortcut(config, digits)

    assert (parts, trained.network) == (plain_parts, plain.network)
    assert re.search(f"recomputed in each epoch: {reason}", describe_network(config).notes[0])


def test_every_block_is_either_known_to_be_steady_or_forbids_the_cache() -> None:
    """A new block must be put on one side by whoever writes it; until then it forbids."""
    forbidding = {"augment", "mixing", "adversarial", "robustness"}

    assert set(Config.model_fields) - STEADY == forbidding
