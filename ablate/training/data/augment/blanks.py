"""Parts of an image hidden: cutout and random erasing."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor

from ablate.training.config import Cutout, Erasing
from ablate.training.data.augment.boxes import Boxes, random_boxes
from ablate.training.numerics import send


def cut_out(pixels: Tensor, config: Cutout, generator: torch.Generator, *, mean: Tensor | None = None) -> Tensor:
    """Blank out a square around a random pixel of each image, cut at the edges (DeVries & Taylor 2017)."""
    count, _, height, width = pixels.shape
    rows = torch.randint(0, height, (count,), generator=generator)
    columns = torch.randint(0, width, (count,), generator=generator)
    side = torch.full((count,), config.side)
    boxes = Boxes(rows - side // 2, columns - side // 2, side, side, torch.ones(count, dtype=torch.bool))
    return blank(pixels, boxes, fill=config.fill, mean=mean)


def erase(pixels: Tensor, config: Erasing, generator: torch.Generator, *, mean: Tensor | None = None) -> Tensor:
    """Blank out a rectangle inside each chosen image (Zhong et al. 2020), drawn as torchvision's RandomErasing.

    An image for which ten tries find no rectangle is left as it is.
    """
    count, _, height, width = pixels.shape
    chosen = torch.rand(count, generator=generator) < config.probability
    low, high = config.ratio
    boxes = random_boxes(
        count,
        (height, width),
        scale=tuple(config.scale),
        ratio=(1 / high, 1 / low),  # theirs is height over width
        generator=generator,
        margin=1,
    )
    return blank(pixels, boxes._replace(fits=boxes.fits & chosen), fill=config.fill, mean=mean)


def blank(pixels: Tensor, boxes: Boxes, *, fill: Literal["black", "mean"], mean: Tensor | None) -> Tensor:
    """The images with their boxes filled: black, or with the mean of the normalisation."""
    inside = send(boxes.inside(pixels.shape[-2], pixels.shape[-1]), pixels.device)
    blank = mean if fill == "mean" and mean is not None else torch.zeros((), device=pixels.device)
    return torch.where(inside, blank, pixels)
