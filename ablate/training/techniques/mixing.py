"""MixUp and CutMix: each image and its target mixed with those of another image of the batch."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from ablate.training.config import CutMix, Mixing, MixUp
from ablate.training.numerics import send
from ablate.training.techniques.smoothing import as_distribution


class Mixed(NamedTuple):
    """images: (n, C, H, W); targets: (n, K) float32, shares of the classes."""

    images: Tensor
    targets: Tensor


def mix_images(
    images: Tensor, targets: Tensor, mixing: Mixing, *, classes: int, rng: np.random.Generator, frames: int = 1
) -> Mixed:
    """The batch mixed with itself in another order, one share for the whole batch.

    targets: (n,) class indices or (n, K) shares. rng: draws the share lambda from Beta(alpha, alpha),
    then the order, then the place of the rectangle. frames: of a clip, below each other; all get one rectangle.
    Mixing commutes with normalisation, so that it may come after it.
    """
    share = float(rng.beta(mixing.alpha, mixing.alpha))
    partners = send(torch.from_numpy(rng.permutation(len(images))), images.device)
    match mixing:
        case MixUp():
            images = mixed_up(images, partners, share=share)
        case CutMix():
            height, width = images.shape[-2] // frames, images.shape[-1]
            box = random_box(height, width, share=share, rng=rng)
            if frames == 1:  # taken apart and put together it would lie otherwise in memory, and sums round otherwise
                images = paste(images, partners, box=box)
            else:
                images = paste(images.unflatten(2, (frames, height)), partners, box=box).flatten(2, 3)
            share = 1 - box.area / (height * width)
    return Mixed(images, mix_targets(targets, partners, share=share, classes=classes))


def mixed_up(images: Tensor, partners: Tensor, *, share: float) -> Tensor:
    """share * image + (1 - share) * partner (Zhang et al. 2018); share 1 changes nothing."""
    return images * share + images.index_select(0, partners) * (1 - share)


class Box(NamedTuple):
    """Rows [top, bottom), columns [left, right)."""

    top: int
    bottom: int
    left: int
    right: int

    @property
    def area(self) -> int:
        """In pixels."""
        return (self.bottom - self.top) * (self.right - self.left)


def random_box(height: int, width: int, *, share: float, rng: np.random.Generator) -> Box:
    """A rectangle of 1 - share of the area and the image's shape, around a uniform centre, cut at the edges.

    Source: Yun et al. 2019, Algorithm A1. What is cut off goes into the share of the targets.
    """
    side = (1 - share) ** 0.5
    rows, columns = int(height * side), int(width * side)
    row, column = int(rng.integers(height)), int(rng.integers(width))
    top, bottom = (min(max(edge, 0), height) for edge in (row - rows // 2, row + rows // 2))
    left, right = (min(max(edge, 0), width) for edge in (column - columns // 2, column + columns // 2))
    return Box(top, bottom, left, right)


def paste(images: Tensor, partners: Tensor, *, box: Box) -> Tensor:
    """Each image with the rectangle of its partner; an empty rectangle changes nothing."""
    result = images.clone()
    rows, columns = slice(box.top, box.bottom), slice(box.left, box.right)
    result[..., rows, columns] = images[..., rows, columns].index_select(0, partners)
    return result


def mix_targets(targets: Tensor, partners: Tensor, *, share: float, classes: int) -> Tensor:
    """(n, K): share of the image's own target, the rest of its partner's."""
    own = as_distribution(targets, classes)
    return own * share + own.index_select(0, partners) * (1 - share)
