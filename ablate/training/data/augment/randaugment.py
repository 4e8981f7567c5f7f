"""RandAugment: a few operations of one magnitude, chosen anew for each image (Cubuk et al. 2020)."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import NamedTuple

import torch
from torch import Tensor

from ablate.training.config.augmentation import RandAugment
from ablate.training.numerics import send

BINS = 30
"""Magnitudes run from 0 to this."""


class Operation(NamedTuple):
    """One operation of the paper's list.

    strength: what a share of the largest magnitude means. signed: whether it acts in either direction.
    """

    apply: Callable[[Tensor, float], Tensor]
    strength: Callable[[float], float] = lambda share: share
    signed: bool = False


def rand_augment(pixels: Tensor, config: RandAugment, generator: torch.Generator) -> Tensor:
    """`operations` times an operation of each image's own, among fourteen, with a direction of its own.

    The operations and their strengths are torchvision's. They are defined on bytes: pixels are rounded.
    """
    images = (pixels * 255).round().to(torch.uint8)
    table = list(operations().values())
    for _ in range(config.operations):
        choice = torch.randint(0, len(table), (len(images),), generator=generator)
        negative = torch.rand(len(images), generator=generator) <= 0.5
        images = _applied(images, table, choice, negative, config.magnitude)
    return images.to(torch.float32).div_(255)


def _applied(images: Tensor, table: list[Operation], choice: Tensor, negative: Tensor, magnitude: int) -> Tensor:
    """One round: the images that drew the same operation and direction together."""
    result = images.clone()
    for number, operation in enumerate(table):
        strength = operation.strength(magnitude / BINS)
        for sign in (1, -1) if operation.signed else (0,):
            mine = choice == number
            if sign:
                mine &= negative if sign < 0 else ~negative
            if mine.any():
                rows = send(mine.nonzero().squeeze(1), images.device)
                result[rows] = operation.apply(images[rows], -strength if sign < 0 else strength)
    return result


def operations() -> Mapping[str, Operation]:
    """The paper's list by torchvision's names, on uint8 images (N, C, H, W)."""
    # Imported here: it takes seconds, and only this technique needs it.
    from torchvision.transforms.v2 import functional

    def sheared(images: Tensor, x: float, y: float) -> Tensor:
        angles = [math.degrees(math.atan(x)), math.degrees(math.atan(y))]
        result: Tensor = functional.affine(
            images, angle=0.0, translate=[0, 0], scale=1.0, shear=angles, center=[0.0, 0.0]
        )
        return result

    def shifted(images: Tensor, x: float, y: float) -> Tensor:
        pixels = [int(x * images.shape[-1]), int(y * images.shape[-2])]
        result: Tensor = functional.affine(images, angle=0.0, translate=pixels, scale=1.0, shear=[0.0, 0.0])
        return result

    def either_way(apply: Callable[[Tensor, float], Tensor], largest: float) -> Operation:
        return Operation(apply, lambda share: largest * share, signed=True)

    return {
        "Identity": Operation(lambda images, _: images),
        "ShearX": either_way(lambda images, by: sheared(images, by, 0), 0.3),
        "ShearY": either_way(lambda images, by: sheared(images, 0, by), 0.3),
        "TranslateX": either_way(lambda images, by: shifted(images, by, 0), 150 / 331),
        "TranslateY": either_way(lambda images, by: shifted(images, 0, by), 150 / 331),
        "Rotate": either_way(functional.rotate, 30.0),
        "Brightness": either_way(lambda images, by: functional.adjust_brightness(images, 1 + by), 0.9),
        "Color": either_way(lambda images, by: functional.adjust_saturation(images, 1 + by), 0.9),
        "Contrast": either_way(lambda images, by: functional.adjust_contrast(images, 1 + by), 0.9),
        "Sharpness": either_way(lambda images, by: functional.adjust_sharpness(images, 1 + by), 0.9),
        "Posterize": Operation(lambda images, share: functional.posterize(images, round(8 - 4 * share))),
        "Solarize": Operation(lambda images, share: functional.solarize(images, 255 * (1 - share))),
        "AutoContrast": Operation(lambda images, _: functional.autocontrast(images)),
        "Equalize": Operation(lambda images, _: functional.equalize(images)),
    }
