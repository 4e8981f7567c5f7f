"""The state of a run between two steps: saved and restored without loss."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path

import pytest
import torch
from torch import Tensor

from ablate.training.checkpoint import TrainingProgress, TrainingState, copy_of, restore, save
from ablate.training.config import Config
from ablate.training.models import make_network
from ablate.training.numerics import set_up
from ablate.training.techniques.optimizers import make_optimizer
from tests.training_builders import LOADED, a_config

SETTINGS = {
    "adam": LOADED,
    "momentum": {**LOADED, "optimizer": {"name": "sgd", "lr": 0.1, "momentum": 0.9}},
    "channels last": {**LOADED, "numerics": {"channels_last": True}},
}


def a_trained(config: Config, *, seed: int = 0) -> TrainingState:
    """A new network, its optimizer and a count of zero."""
    torch.manual_seed(seed)
    mode = set_up(config)
    network = mode.place(make_network(config))
    return TrainingState(
        network, make_optimizer(config.optimizer, network.named_parameters()), mode.scaler(), TrainingProgress()
    )


def step(trained: TrainingState, seed: int) -> None:
    """One step on noise."""
    generator = torch.Generator().manual_seed(seed)
    torch.manual_seed(seed)
    trained.optimizer.zero_grad()
    trained.network(torch.randn(6, 1, 8, 8, generator=generator)).square().sum().backward()
    trained.optimizer.step()


def state_of(trained: TrainingState) -> list[Tensor]:
    """Every tensor of the network and of the optimizer."""
    tensors = list(trained.network.state_dict().values())
    for values in trained.optimizer.state_dict()["state"].values():
        tensors += [value for value in values.values() if isinstance(value, Tensor)]
    return tensors


@pytest.mark.parametrize("changes", SETTINGS.values(), ids=SETTINGS.keys())
def test_training_goes_on_from_a_checkpoint_as_if_nothing_had_happened(
    changes: dict[str, object], tmp_path: Path
) -> None:
    """Three steps, a checkpoint and two steps by others equal five steps, bit for bit."""
    config = a_config(changes)
    whole, half, other = a_trained(config), a_trained(config), a_trained(config, seed=9)
    for number in range(5):
        step(whole, number)
    for number in range(3):
        step(half, number)

    save(tmp_path / "checkpoint", half)
    restore(tmp_path / "checkpoint", other)
    for number in (3, 4):
        step(other, number)

    assert all(torch.equal(a, b) for a, b in zip(state_of(whole), state_of(other), strict=True))


def test_progress_comes_back_whole(tmp_path: Path) -> None:
    """Every field, the weights of the best epoch among them."""
    trained, other = a_trained(a_config()), a_trained(a_config())
    filled = TrainingProgress(
        epoch=3,
        step=4,
        steps_done=22,
        images_seen=300,
        loss_sum=1 / 3,
        correct_sum=17,
        seconds=0.25,
        best_epoch=2,
        best_value=-0.1,
        best_state=copy_of(trained.network),
        history=[{"val/loss": 0.5}, {"val/loss": 0.25}],
        watched=[torch.tensor([128, 64], dtype=torch.uint8)],
    )
    for field in fields(TrainingProgress):
        setattr(trained.progress, field.name, getattr(filled, field.name))

    save(tmp_path / "checkpoint", trained)
    restore(tmp_path / "checkpoint", other)

    for field in fields(TrainingProgress):
        before, after = getattr(filled, field.name), getattr(other.progress, field.name)
        if field.name == "watched":
            assert [bits.tolist() for bits in after] == [bits.tolist() for bits in before] == [[128, 64]]
        elif field.name != "best_state":
            assert after == before != getattr(TrainingProgress(), field.name), field.name
    assert other.progress.best_state is not None
    assert filled.best_state is not None
    assert all(torch.equal(other.progress.best_state[name], tensor) for name, tensor in filled.best_state.items())


def test_a_copy_of_the_weights_stays_as_it_was() -> None:
    """Training on does not reach into it."""
    trained = a_trained(a_config())
    copy = copy_of(trained.network)
    before = {name: tensor.clone() for name, tensor in copy.items()}
    step(trained, 0)

    assert all(torch.equal(copy[name], before[name]) for name in before)
    assert not torch.equal(copy["head.out.weight"], trained.network.state_dict()["head.out.weight"])


def test_a_checkpoint_that_would_run_code_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Only tensors and plain data are read, whatever the environment says."""
    torch.save({"network": Trap(tmp_path / "sprung")}, tmp_path / "checkpoint")
    monkeypatch.setenv("TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD", "1")

    with pytest.raises(Exception, match="Weights only load failed"):
        restore(tmp_path / "checkpoint", a_trained(a_config()))

    assert not (tmp_path / "sprung").exists()


class Trap:
    """Makes a file when it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[object, tuple[Path]]:
        return Path.touch, (self.path,)
