"""All randomness of a run: stateless, a function of replicate, purpose, epoch and step.

No generator's state has to be saved: a run that resumes draws what it would have drawn.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from ablate.splits.rules import Replicate


def seed_init(replicate: Replicate) -> None:
    """Seed torch's global generators for the network's first weights."""
    torch.manual_seed(replicate.seed("init"))


def dropout_seed(replicate: Replicate, epoch: int) -> int:
    """The seed of an epoch's dropout; each step adds its number."""
    return replicate.seed("dropout", epoch)


def seed_dropout(seed: int, step: int, device: torch.device) -> None:
    """Seed the device's global generator, which dropout draws from, for one step.

    seed: from `dropout_seed`; hashed once an epoch, because this is done whether a network drops or not.
    """
    # Not torch.manual_seed: it seeds every kind of device there might be, which takes 0.3 ms.
    if device.type == "cuda":
        index = torch.cuda.current_device() if device.index is None else device.index
        torch.cuda.default_generators[index].manual_seed(seed + step)
    elif device.type == "mps":
        torch.mps.manual_seed(seed + step)
    else:
        torch.default_generator.manual_seed(seed + step)


def epoch_order(replicate: Replicate, epoch: int, size: int) -> Tensor:
    """The order of the training images in one epoch: a permutation of range(size)."""
    return torch.randperm(size, generator=order_generator(replicate, epoch))


def order_generator(replicate: Replicate, epoch: int) -> torch.Generator:
    """Where one epoch's order is drawn from."""
    return _generator(replicate, "order", epoch)


class StepRandom(NamedTuple):
    """Where one step's random changes to the images are drawn from, on the CPU whatever the training device.

    A technique draws from a source of its own: switching another one off does not change its draws.
    """

    replicate: Replicate
    epoch: int
    step: int

    def shared(self) -> torch.Generator:
        """What crop and flip draw from, one after the other."""
        return _generator(self.replicate, "augment", self.epoch, self.step)

    def own(self, technique: str) -> torch.Generator:
        """What one technique alone draws from."""
        return _generator(self.replicate, "augment", self.epoch, self.step, technique)

    def numpy(self, technique: str) -> np.random.Generator:
        """The same, for distributions torch draws from no generator."""
        return np.random.default_rng(self.replicate.seed("augment", self.epoch, self.step, technique))


def robustness_generator(replicate: Replicate) -> torch.Generator:
    """Where the starts of the attacks on the test images are drawn from."""
    return _generator(replicate, "augment", "robustness")


def _generator(replicate: Replicate, *purpose: str | int) -> torch.Generator:
    return torch.Generator().manual_seed(replicate.seed(*purpose))
