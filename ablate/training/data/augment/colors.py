"""Changes of colour, by a factor of each image's own."""

from __future__ import annotations

import torch
from torch import Tensor

from ablate.training.config import ColorJitter
from ablate.training.data.augment.boxes import uniform
from ablate.training.numerics import send

GREY = (0.2989, 0.587, 0.114)
"""Shares of red, green and blue in brightness, as torchvision has them (ITU-R 601-2)."""


def jitter_colors(pixels: Tensor, config: ColorJitter, generator: torch.Generator) -> Tensor:
    """Brightness, contrast, saturation and hue of each image, in this order, those that are not null.

    The factors are drawn from [max(0, 1 - x), 1 + x], the hue from [-x, x]; all four are drawn, so that
    switching one off leaves the others as they are.
    """
    strengths = (config.brightness or 0.0, config.contrast or 0.0, config.saturation or 0.0)
    ranges = [(max(0.0, 1 - strength), 1 + strength) for strength in strengths]
    hue = config.hue or 0.0
    factors = uniform(len(pixels), *ranges, (-hue, hue), generator=generator)
    brightness, contrast, saturation, turn = send(torch.stack(factors), pixels.device).view(4, -1, 1, 1, 1)
    if config.brightness is not None:
        pixels = with_brightness(pixels, brightness)
    if config.contrast is not None:
        pixels = with_contrast(pixels, contrast)
    if config.saturation is not None:
        pixels = with_saturation(pixels, saturation)
    if config.hue is not None:
        pixels = with_hue(pixels, turn)
    return pixels


def with_brightness(pixels: Tensor, factor: Tensor) -> Tensor:
    """Every pixel times the image's factor; 0 is black, 1 changes nothing. factor: (N, 1, 1, 1)."""
    return (pixels * factor).clamp(0, 1)


def with_contrast(pixels: Tensor, factor: Tensor) -> Tensor:
    """Every pixel's distance from the image's mean grey times the factor; 1 changes nothing."""
    return blended(pixels, grey_of(pixels).mean((1, 2, 3), keepdim=True), factor)


def with_saturation(pixels: Tensor, factor: Tensor) -> Tensor:
    """Every pixel's distance from its own grey times the factor; 0 is grey, 1 changes nothing."""
    return blended(pixels, grey_of(pixels), factor)


def blended(pixels: Tensor, other: Tensor, factor: Tensor) -> Tensor:
    """factor * pixels + (1 - factor) * other, in [0, 1]."""
    return (pixels * factor + other * (1 - factor)).clamp(0, 1)


def grey_of(pixels: Tensor) -> Tensor:
    """(N, 1, H, W) the brightness of every pixel."""
    if pixels.shape[1] == 1:
        return pixels
    shares = send(torch.tensor(GREY), pixels.device).view(1, 3, 1, 1)
    return (pixels * shares).sum(1, keepdim=True)


def with_hue(pixels: Tensor, turn: Tensor) -> Tensor:
    """Every pixel's hue turned by a share of the colour circle; 0 changes nothing. turn: (N, 1, 1, 1)."""
    value, spread = pixels.amax(1, keepdim=True), pixels.amax(1, keepdim=True) - pixels.amin(1, keepdim=True)
    red, green, blue = pixels.split(1, 1)
    # Sixths of the circle from red, by the largest channel (Smith 1978); grey has no hue: any will do.
    divisor = spread.clamp(min=1e-12)
    sixths = torch.where(
        value == red,
        (green - blue) / divisor,
        torch.where(value == green, 2 + (blue - red) / divisor, 4 + (red - green) / divisor),
    )
    # A channel lies below the value by the spread, within a sixth of the opposite colour not at all.
    places = send(torch.tensor([5.0, 3.0, 1.0]), pixels.device).view(1, 3, 1, 1)
    away = (places + sixths + 6 * turn) % 6
    return value - spread * torch.minimum(away, 4 - away).clamp(0, 1)
