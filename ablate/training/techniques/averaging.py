"""A moving average of the weights (Polyak & Juditsky 1992; exponential, as Tarvainen & Valpola 2017)."""

from __future__ import annotations

import copy

import torch
from torch import nn


def first_average(network: nn.Module) -> nn.Module:
    """The average before the first step: a copy of the network."""
    average = copy.deepcopy(network).eval()
    for weight in average.parameters():
        weight.requires_grad = False
    return average


def decay_at(step: int, *, decay: float) -> float:
    """How much of the average a step keeps, steps counted from 0.

    Grows as (1 + step) / (10 + step) up to `decay`, so that the first weights do not weigh for
    thousands of steps (the rule of TensorFlow's ExponentialMovingAverage with num_updates).
    """
    return min(decay, (1 + step) / (10 + step))


@torch.no_grad()
def update_average(average: nn.Module, network: nn.Module, *, step: int, decay: float) -> None:
    """average = kept * average + (1 - kept) * network, over all floating-point state.

    Running statistics of batch norm are averaged with the weights they belong to; counters are
    copied. With decay 0 the average is the network.
    """
    new = 1 - decay_at(step, decay=decay)
    averages, currents = [], []
    for old, now in zip(average.state_dict().values(), network.state_dict().values(), strict=True):
        if old.is_floating_point():
            averages.append(old)
            currents.append(now)
        else:
            old.copy_(now)
    torch._foreach_lerp_(averages, currents, new)
