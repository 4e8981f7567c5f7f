"""Training aware of INT8 (Jacob et al. 2018): layers compute with rounded weights and inputs, gradients ignore that."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

INPUT_LEVELS = 255
"""Inputs are rounded to 8 bits without a sign, as the engines do on CPUs."""
TINY = torch.finfo(torch.float32).tiny


class AwareConv2d(nn.Conv2d):
    """A convolution that rounds while it trains, and computes as ever when it answers."""

    levels: int

    def forward(self, input: Tensor) -> Tensor:
        """As of `nn.Conv2d`."""
        weight = rounded_weight(self.weight, self.levels) if self.training else self.weight
        answer: Tensor = self._conv_forward(rounded_input(input) if self.training else input, weight, self.bias)
        return answer


class AwareLinear(nn.Linear):
    """A linear layer that rounds while it trains, and computes as ever when it answers."""

    levels: int

    def forward(self, input: Tensor) -> Tensor:
        """As of `nn.Linear`."""
        weight = rounded_weight(self.weight, self.levels) if self.training else self.weight
        answer: Tensor = functional.linear(rounded_input(input) if self.training else input, weight, self.bias)
        return answer


AWARE: dict[type[nn.Module], type[nn.Module]] = {nn.Conv2d: AwareConv2d, nn.Linear: AwareLinear}


def make_aware(network: nn.Module, *, bits: int) -> nn.Module:
    """Have every convolution and linear layer round while it trains, in place; nothing in the state dict changes.

    bits: of a weight. What stands in for these layers, as inside attention, is left as it is.
    """
    for module in network.modules():
        kind = AWARE.get(type(module))
        if kind is not None:
            module.__class__ = kind
            module.levels = 2 ** (bits - 1) - 1
    return network


def rounded_weight(weight: Tensor, levels: int) -> Tensor:
    """To whole multiples of a scale of each output channel's, -levels to levels, so that the largest is kept.

    Batch norm behind the layer multiplies whole channels: folded into the weights, it leaves the multiples as they
    are. The gradient passes as if nothing were rounded.
    """
    largest = weight.detach().float().abs().flatten(1).amax(dim=1)
    scale = (largest / levels).clamp_min(TINY)
    zero = torch.zeros_like(scale, dtype=torch.int32)
    return torch.fake_quantize_per_channel_affine(weight.float(), scale, zero, 0, -levels, levels).to(weight.dtype)


def rounded_input(images: Tensor) -> Tensor:
    """To 256 levels from the least to the largest value of the batch, 0 being one of them."""
    low, high = torch.aminmax(images.detach().float())
    low, high = low.clamp_max(0), high.clamp_min(0)
    scale = ((high - low) / INPUT_LEVELS).clamp_min(TINY)
    zero = (-low / scale).round().clamp(0, INPUT_LEVELS).to(torch.int32)
    return torch.fake_quantize_per_tensor_affine(images.float(), scale, zero, 0, INPUT_LEVELS).to(images.dtype)
