"""The whole training on a second device, played by torch's meta device: nothing left on the CPU, nobody waits."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from pydantic import ValidationError
from safetensors.torch import save_file

from ablate.records import Outcome
from ablate.splits.rules import Share
from ablate.training.config import Augment, Config, Numerics
from ablate.training.data import parts
from ablate.training.evaluate import evaluate, latency_seconds
from ablate.training.loop import train_network
from ablate.training.models import make_network
from ablate.training.numerics import set_up
from ablate.training.stored import StoredNetwork
from ablate.training.views import averaged_probabilities, views_of
from tests.card import CARD, FakeCard, MixedDevicesError, WatchedRun, a_card
from tests.image_fixtures import write_image_folder
from tests.layout_fixtures import write_shapes_table
from tests.settings_examples import alternatives, kinds
from tests.training_builders import PROTOCOL, a_config, a_live_run, a_spec

NETWORK = {"name": "vgg", "blocks": [1, 1], "width": 2, "norm": {"name": "batch"}, "head": {"name": "gap"}}
BASE: Mapping[str, Any] = {
    "model": NETWORK,
    "optimizer": {"name": "sgd", "lr": 1.0},
    "batch_size": 4,
    "epochs": 2,
    "device": str(CARD),
}
"""Two steps per epoch, and one batch of validation."""

FEW = replace(PROTOCOL, test=Share(share=4), val=4)

NO_TECHNIQUES = {"data", "device", "batch_size", "epochs", "quantization_aware"}
"""The last is one: torch's fake quantisation has no kernel for the meta device."""
BY_HAND = {
    ("ByName", "name"): "torchvision:squeezenet1_1",
    ("Weights", "file"): "weights.safetensors",
    ("Weights", "torchvision"): None,
    ("Weights", "run"): None,
    ("Freeze", "modules"): ["features"],
    ("Config", "class_weights"): "balanced",
    ("Numerics", "micro_batch"): 2,
    ("Numerics", "compile"): False,
    ("Fusion", "text"): None,
}
OF_OTHER_DATA = {"fusion", "vgg3d", "frames_lstm"}
"""Networks of texts and of clips: not of the images here."""
NEW_TENSOR, READING = "tensor(..., device=meta)", "aten._local_scalar_dense.default"


@pytest.fixture(scope="module")
def work(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A work folder beside images and the weights of a network."""
    root = tmp_path_factory.mktemp("card")
    write_image_folder(root / "images", per_class=10, kinds=("rgb_png",))
    return root


def _data(work: Path, side: int, **more: Any) -> dict[str, Any]:
    source = {"name": "image_folder", "root": str(work / "images")}
    normalize = {"mean": [0.5], "std": [0.5]}
    return {"data": {"source": source, "classes": 2, "image_size": side, "channels": 3, "normalize": normalize,
                     "train": 12, **more}}  # fmt: skip


def a_config_on_card(work: Path, changes: Mapping[str, Any], **data: Any) -> Config:
    """The changes on top of a small training on the card."""
    model = {**changes.get("model", NETWORK)}
    if ":" not in model["name"]:
        model["width"] = 2
    more = {**BASE, **changes, "model": model, **_data(work, 32 if "model" in changes else 8, **data)}
    config = a_config({**more, "weights": None})
    if changes.get("weights") is not None:
        path = work / "weights.safetensors"
        save_file(make_network(config).state_dict(), path)
        config = a_config({**more, "weights": {**changes["weights"], "file": str(path)}})
    return config


def train_on_card(config: Config, work: Path, **protocol: Any) -> tuple[FakeCard, Outcome]:
    """The whole run, and what the host waited for."""
    spec = a_spec(config, protocol=replace(FEW, **protocol))
    with a_card() as card:
        outcome = train_network(config, WatchedRun(a_live_run(work, spec), card))  # type: ignore[arg-type]
    return card, outcome


def assert_nobody_waited(card: FakeCard, config: Config) -> None:
    """Not between two steps; at an epoch's end as often with many steps as with two."""
    counted = [config.sampling, config.class_weights].count("balanced")
    assert card.operations > 100
    assert set(card.moments["step"]) <= waits_of_others(config)
    assert len(set(card.moments["first step"]) - waits_of_others(config)) <= counted
    assert len(card.moments["evaluation batch"]) <= 2
    assert len(card.moments["end of epoch"]) <= 2


def waits_of_others(config: Config) -> set[str]:
    """What torch and torchvision wait for inside a step, whatever their caller does."""
    waits = set()
    if config.augment.randaugment is not None:
        waits.add(NEW_TENSOR)  # the maps of torchvision's affine operations
    if config.numerics.precision == "fp16" and config.optimizer.name in ("rmsprop", "adagrad"):
        waits.add(READING)  # whether a gradient overflowed: the loss scaling asks, where the optimizer is not fused
    return waits


def _kinds() -> dict[str, list[Any]]:
    """Of every setting that is a technique, each kind there is; of those that hold several, one at a time."""
    found = {name: list(kinds(Config, name, BY_HAND)) for name in Config.model_fields if name not in NO_TECHNIQUES}
    found["model"] = [model for model in found["model"] if model["name"] not in OF_OTHER_DATA]
    for name, block in (("augment", Augment), ("numerics", Numerics)):
        found[name] = [
            {field: value}
            for field in block.model_fields
            for value in kinds(block, field, BY_HAND)
            if value is not None
        ]
    return found


def test_every_kind_of_every_technique_trains_on_the_card(work: Path) -> None:
    """Networks, optimizers, schedules, losses, augmentations, ... found from the settings, several in one run."""
    left = _kinds()
    while any(left.values()):
        changes: dict[str, Any] = {}
        for name, values in left.items():
            for value in values:
                try:
                    a_config_on_card(work, {**changes, name: value})
                except ValidationError:
                    continue  # beside those already chosen; in another run
                changes[name] = value
                values.remove(value)
                break
        assert changes, f"no run takes any of {left}"

        config = a_config_on_card(work, changes)
        card, _ = train_on_card(config, work)

        assert_nobody_waited(card, config)


def _alternatives() -> list[Any]:
    return [
        pytest.param({name: value}, id=f"{name}: {value}")
        for name in Config.model_fields
        if name not in NO_TECHNIQUES
        for value in alternatives(Config, name, BY_HAND)
        if value is not None and not (name == "model" and value["name"] in OF_OTHER_DATA)
    ]


@pytest.mark.slow
@pytest.mark.parametrize("changes", _alternatives())
def test_every_alternative_of_every_setting_trains_on_the_card(changes: dict[str, Any], work: Path) -> None:
    """One at a time: each activation, first weight, place of batch norm, head, number, ..."""
    if changes == {"optimizer": {"lr": 0.1, "name": "sgd", "nesterov": True}}:
        changes["optimizer"]["momentum"] = 0.5

    config = a_config_on_card(work, changes)
    card, _ = train_on_card(config, work)

    assert_nobody_waited(card, config)


@pytest.mark.parametrize("augment", [{}, {"flip": {}, "crop": {"padding": 1}}], ids=["plain", "augmented"])
@pytest.mark.parametrize("resize", ["pil", "device"])
def test_images_too_many_for_the_card_are_chosen_on_the_cpu(
    resize: str, augment: dict[str, Any], work: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No index comes back from the card: a batch goes there, and nothing else moves."""
    monkeypatch.setattr(parts, "RESIDENT_BYTES", 0)
    monkeypatch.setattr(parts.prepare_subset, "__kwdefaults__", {"limit": 0})

    config = a_config_on_card(work, {"augment": augment}, resize=resize)
    card, _ = train_on_card(config, work)

    assert_nobody_waited(card, config)


def test_images_with_several_labels_train_on_the_card(tmp_path: Path) -> None:
    """Their targets are (n, K)."""
    source = {"name": "csv", "file": str(write_shapes_table(tmp_path))}
    data = {"source": source, "classes": 3, "multi_label": True, "image_size": 8, "normalize": None, "channels": 3,
            "train": 12}  # fmt: skip
    changes = {"loss": {"name": "binary_cross_entropy"}, "mixing": {"name": "cutmix"}}

    config = a_config({**BASE, **changes, "data": data})
    card, _ = train_on_card(config, tmp_path)

    assert_nobody_waited(card, config)


@pytest.mark.filterwarnings("ignore:for .* copying from a non-meta parameter")
def test_the_best_epochs_weights_come_to_the_cpu_between_epochs(work: Path) -> None:
    """They are copied where the first epoch is the best so far; the steps wait for nothing."""
    card, outcome = train_on_card(a_config_on_card(work, {}), work, weights="best")

    assert outcome.epoch == 1
    assert card.moments["step"] == []


def test_an_evaluation_reads_its_answers_once(work: Path) -> None:
    """Not batch by batch; neither do views of a test image."""
    config = a_config_on_card(work, {})
    with a_card() as card:
        run, mode = a_live_run(work, a_spec(config, protocol=FEW)), set_up(config)
        part = parts.load_parts(config, run, mode).fit
        network = mode.place(make_network(config))
        latency_seconds(network, part, mode)
        card.moment("before")
        evaluate(network, part, mode, batch_size=2)
        card.moment("evaluation")
        stored = StoredNetwork(config, mode, network, ("cat", "dog"))
        averaged_probabilities(stored, part, views_of({"flip": True}, config, a_spec(config), part.mean))
        card.moment("views")

    assert len(card.moments["evaluation"]) == 2
    assert len(card.moments["views"]) == 1


def test_the_fake_refuses_what_a_card_refuses() -> None:
    """The meta device itself would take an index on the CPU."""
    on_card, on_cpu = torch.ones(3, device=CARD), torch.arange(3)

    assert on_card.index_select(0, on_cpu).shape == (3,)
    with a_card():
        for mixed in (
            lambda: on_card.index_select(0, on_cpu),
            lambda: on_card[on_cpu],
            lambda: torch.where(on_cpu > 0, on_card, on_card),
            lambda: on_card + torch.ones(3),
        ):
            with pytest.raises(MixedDevicesError):
                mixed()
        assert (on_card + torch.tensor(1.0)).device == CARD  # a number on the CPU goes along with the call


def test_the_fake_notes_each_wait() -> None:
    """Values that are read, and copies that are waited for."""
    on_card = torch.ones(3, device=CARD)
    waits = {
        "item": lambda: on_card.sum().item(),
        "tolist": lambda: on_card.tolist(),
        "cpu": lambda: on_card.cpu(),
        "float": lambda: float(on_card[0]),
        "blocking copy": lambda: torch.ones(3).to(CARD),
        "new tensor": lambda: torch.tensor([1.0, 2.0], device=CARD),
    }
    with a_card() as card:
        for name, wait in waits.items():
            wait()
            assert len(card.waits) == 1, name
            card.moment(name)
        torch.ones(3).to(CARD, non_blocking=True)
        on_card.sum()

        assert card.waits == []
        with pytest.raises(NotImplementedError, match="nonzero"):
            on_card[on_card > 0]  # how many there are is known to the card alone
