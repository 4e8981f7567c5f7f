"""All randomness of a run: stateless, a function of replicate, purpose, epoch and step.

No generator's state has to be saved: a run that resumes draws what it would have drawn.
"""

from __future__ import annotations

import torch
from torch import Tensor

from ablate.records import Replicate


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
    else:
        torch.default_generator.manual_seed(seed + step)


def epoch_order(replicate: Replicate, epoch: int, size: int) -> Tensor:
    """The order of the training images in one epoch: a permutation of range(size)."""
    return torch.randperm(size, generator=_generator(replicate, "order", epoch))


def augment_generator(replicate: Replicate, epoch: int, step: int) -> torch.Generator:
    """Where one step's augmentation draws from, on the CPU whatever the training device."""
    return _generator(replicate, "augment", epoch, step)


def _generator(replicate: Replicate, *purpose: str | int) -> torch.Generator:
    return torch.Generator().manual_seed(replicate.seed(*purpose))
