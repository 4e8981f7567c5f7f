"""Noise, a draw for every pixel."""

from __future__ import annotations

import torch
from torch import Tensor

from ablate.training.numerics import send


def add_noise(pixels: Tensor, *, std: float, generator: torch.Generator) -> Tensor:
    """Add normal noise to each channel of each pixel; clip to [0, 1]. With std 0 nothing changes."""
    noise = send(torch.randn(pixels.shape, generator=generator), pixels.device)
    return (pixels + std * noise).clamp(0, 1)


def add_salt_and_pepper(pixels: Tensor, *, share: float, generator: torch.Generator) -> Tensor:
    """Set each pixel, all channels together, to white or to black with a chance of share / 2 each."""
    count, _, height, width = pixels.shape
    drawn = send(torch.rand((count, 1, height, width), generator=generator), pixels.device)
    return pixels.masked_fill(drawn < share / 2, 0.0).masked_fill(drawn >= 1 - share / 2, 1.0)
