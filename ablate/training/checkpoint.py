"""The state of a run between two steps, saved and restored without loss."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from ablate.safety.plain_files import refuse_inflated
from ablate.training.freezing import NOTHING, Frozen


@dataclass(slots=True)
class TrainingProgress:
    """How far a run has come. Epochs and steps count from 0 and name what comes next.

    loss_sum and correct_sum belong to the unfinished epoch; the best_ fields to `weights: best`;
    history, the metrics of each finished epoch, to early stopping and to a schedule that watches the loss;
    watched, right and wrong test images after each epoch as packed bits, to a protocol that asks for them.
    """

    epoch: int = 0
    step: int = 0
    steps_done: int = 0
    images_seen: int = 0
    loss_sum: float = 0.0
    correct_sum: int = 0
    seconds: float = 0.0
    best_epoch: int = 0
    best_value: float | None = None
    best_state: dict[str, Tensor] | None = None
    history: list[dict[str, float]] = field(default_factory=list)
    watched: list[Tensor] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class TrainingState:
    """Everything with a state of its own, and what the network began with.

    frozen: the part of the network that is not trained. weights_digest: of first weights that came
    from elsewhere; empty where they were drawn. average: the moving average of the weights, where
    one is kept. whole: the network that `network` is the trained end of, where its frozen part is
    computed once; else None. least: images that a training step needs.
    """

    network: nn.Module
    optimizer: torch.optim.Optimizer
    scaler: torch.amp.GradScaler
    progress: TrainingProgress
    average: nn.Module | None = None
    frozen: Frozen = NOTHING
    weights_digest: str = ""
    whole: nn.Module | None = None
    least: int = 1

    @property
    def tested(self) -> nn.Module:
        """The network that is validated, tested and saved: the average where one is kept."""
        return self.network if self.average is None else self.average


def most_bytes(trained: TrainingState) -> int:
    """What a checkpoint may hold: the weights, two moments of each, and a second set, the best or the average."""
    return 4 * sum(int(tensor.nbytes) for tensor in trained.network.state_dict().values())


def save(path: Path, trained: TrainingState) -> None:
    """Write the state; the caller makes it atomic."""
    progress = trained.progress
    torch.save(
        {
            "network": trained.network.state_dict(),
            "optimizer": trained.optimizer.state_dict(),
            "scaler": trained.scaler.state_dict(),
            "average": None if trained.average is None else trained.average.state_dict(),
            "weights_digest": trained.weights_digest,
            "progress": {one.name: getattr(progress, one.name) for one in fields(progress)},
        },
        path,
    )


def fits(path: Path, trained: TrainingState) -> bool:
    """Whether a checkpoint is of a training that began with the same weights."""
    # Mapped, so that of a large file only what is asked for is read.
    state: dict[str, Any] = torch.load(path, weights_only=True, map_location="cpu", mmap=True)
    return bool(state.get("weights_digest", "") == trained.weights_digest)


def restore(path: Path, trained: TrainingState) -> None:
    """Load the state that `save` wrote into freshly built objects.

    Does nothing where that run began with other weights: see `fits`. Of a network with a frozen part the
    checkpoint may hold the whole or only what is trained; the rest is what it was.
    """
    refuse_inflated(path)
    # An explicit True: an environment variable could turn the default back into unpickling.
    state: dict[str, Any] = torch.load(path, weights_only=True, map_location="cpu")
    if state.get("weights_digest", "") != trained.weights_digest:
        return
    restore_weights(state["network"], trained)
    trained.optimizer.load_state_dict(state["optimizer"])
    if state["scaler"]:  # empty where the loss is not scaled
        trained.scaler.load_state_dict(state["scaler"])
    if trained.average is not None:
        _load(trained.average, state["average"], trained.frozen)
    for name, value in state["progress"].items():
        setattr(trained.progress, name, value)


def restore_weights(state: Mapping[str, Tensor], trained: TrainingState) -> None:
    """Give the network the weights of an earlier moment of this run."""
    _load(trained.network, state, trained.frozen)


def _load(network: nn.Module, state: Mapping[str, Tensor], frozen: Frozen) -> None:
    if frozen == NOTHING:
        network.load_state_dict(state)
    else:
        own = network.state_dict()
        network.load_state_dict({name: state[name] for name in own if name in state}, strict=False)


def copy_of(network: nn.Module) -> dict[str, Tensor]:
    """The weights as they are now, on the CPU."""
    return {name: tensor.detach().to("cpu", copy=True) for name, tensor in network.state_dict().items()}
