"""Random numbers and rectangles, one for each image."""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
from torch import Tensor

TRIES = 10
"""As in torchvision: how often a rectangle is drawn before it is given up."""


def uniform(count: int, *ranges: tuple[float, float], generator: torch.Generator) -> list[Tensor]:
    """For each range (count,) numbers between its ends; on the CPU."""
    drawn = torch.rand(len(ranges), count, generator=generator)
    return [low + (high - low) * numbers for (low, high), numbers in zip(ranges, drawn, strict=True)]


class Boxes(NamedTuple):
    """One rectangle an image, in pixels, on the CPU, each (N,) int64; fits: (N,) whether one was found."""

    top: Tensor
    left: Tensor
    height: Tensor
    width: Tensor
    fits: Tensor

    def or_central(self, size: tuple[int, int], outer: tuple[int, int]) -> Boxes:
        """With a central one of `size` (height, width) in place of those that were not found."""
        height, width = size
        return Boxes(
            torch.where(self.fits, self.top, (outer[0] - height) // 2),
            torch.where(self.fits, self.left, (outer[1] - width) // 2),
            torch.where(self.fits, self.height, height),
            torch.where(self.fits, self.width, width),
            torch.ones_like(self.fits),
        )

    def inside(self, height: int, width: int) -> Tensor:
        """(N, 1, height, width) bool: the pixels that lie in the image's box; none where there is no box."""
        rows, columns = torch.arange(height), torch.arange(width)
        in_rows = (rows >= self.top[:, None]) & (rows < (self.top + self.height)[:, None])
        in_columns = (columns >= self.left[:, None]) & (columns < (self.left + self.width)[:, None])
        return (in_rows[:, :, None] & in_columns[:, None, :] & self.fits[:, None, None])[:, None]


def random_boxes(
    count: int,
    largest: tuple[int, int],
    *,
    scale: tuple[float, ...],
    ratio: tuple[float, float],
    generator: torch.Generator,
    margin: int = 0,
) -> Boxes:
    """Rectangles inside an image of `largest` (height, width): area uniform, log of width over height uniform.

    Each is the first of ten draws that leaves at least `margin` pixels of either side.
    """
    outer = torch.tensor(largest, dtype=torch.float64)
    share, shape, down, right = torch.rand(4, count, TRIES, generator=generator, dtype=torch.float64)
    areas = outer.prod() * (scale[0] + (scale[1] - scale[0]) * share)
    low, high = math.log(ratio[0]), math.log(ratio[1])
    wide = torch.exp(low + (high - low) * shape)
    widths, heights = torch.sqrt(areas * wide).round(), torch.sqrt(areas / wide).round()
    room_down, room_right = outer[0] - heights, outer[1] - widths
    fits = (widths > 0) & (heights > 0) & (room_down >= margin) & (room_right >= margin)
    first = fits.to(torch.int8).argmax(1, keepdim=True)

    def chosen(numbers: Tensor) -> Tensor:
        return numbers.floor().to(torch.int64).gather(1, first).squeeze(1)

    top, left = chosen(down * (room_down + 1)), chosen(right * (room_right + 1))
    return Boxes(top, left, chosen(heights), chosen(widths), fits.any(1))
