"""Targets as distributions over the classes, and label smoothing of them."""

from __future__ import annotations

import torch
from torch import Tensor

from ablate.training.config import Smoothing


def as_distribution(targets: Tensor, classes: int) -> Tensor:
    """(n, K) float32: class indices one-hot; what already is (n, K) stays as it is."""
    if targets.dim() == 2:
        return targets
    return torch.nn.functional.one_hot(targets, classes).to(torch.float32)


def smooth_targets(targets: Tensor, smoothing: Smoothing) -> Tensor:
    """Take `alpha` of each target from its classes and share it (Szegedy et al. 2016). Each row's sum stays 1.

    targets: (n, K), rows that sum to 1. among all: alpha / K to each class, the target's own
    included, as torch's `label_smoothing`; among wrong: alpha / (K - 1) to each other class, so
    that the target keeps 1 - alpha. With alpha 0 nothing changes.
    """
    classes, alpha = targets.shape[1], smoothing.alpha
    if smoothing.among == "all":
        return targets * (1 - alpha) + alpha / classes
    return targets * (1 - alpha) + (1 - targets) * alpha / (classes - 1)
