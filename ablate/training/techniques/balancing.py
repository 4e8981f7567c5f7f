"""Unequal classes: weights in the loss, and sampling."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor


def class_importance(targets: Tensor, weights: Literal["balanced"] | list[float], *, classes: int) -> Tensor:
    """(K,) float32 how much an image of each class counts, on the CPU.

    targets: (N,) of the fit part. balanced: N / (K * images of the class), scikit-learn's formula
    (King & Zeng 2001); a class without images counts 0, because none of them will come.
    """
    if weights != "balanced":
        return torch.tensor(weights, dtype=torch.float32)
    sizes = torch.bincount(targets.cpu(), minlength=classes)
    return torch.where(sizes > 0, len(targets) / (classes * sizes.clamp(min=1)), 0.0).to(torch.float32)


def importance_of(targets: Tensor, weights: Tensor) -> Tensor:
    """(n,) the weight of each image's class; of mixed targets (n, K) the mixture of weights."""
    return weights[targets] if targets.dim() == 1 else targets @ weights


def balanced_order(targets: Tensor, generator: torch.Generator) -> Tensor:
    """As many draws as there are images, with replacement, such that every class is equally likely.

    targets: (N,). Returns (N,) places on the CPU. Equal classes make it a plain bootstrap.
    """
    targets = targets.cpu()
    chances = 1 / torch.bincount(targets).to(torch.float64)[targets]
    return torch.multinomial(chances, len(targets), replacement=True, generator=generator)
