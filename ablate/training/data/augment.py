"""Random changes to a batch of pictures, one draw a picture, on the device that trains."""

from __future__ import annotations

import torch
from torch import Tensor

from ablate.training.config import Augment


def is_random(config: Augment) -> bool:
    """Whether anything is switched on."""
    return config.crop is not None or config.flip is not None


def augmented(images: Tensor, config: Augment, generator: torch.Generator) -> Tensor:
    """The batch with each switched-on change applied.

    images: (N, C, H, W), uint8, before normalisation, so that padding is black.
    generator: on the CPU; the draws are the same whatever the device.
    """
    if config.crop is not None:
        images = random_crops(images, padding=config.crop.padding, generator=generator)
    if config.flip is not None:
        images = random_flips(images, probability=config.flip.probability, generator=generator)
    return images


def random_crops(images: Tensor, *, padding: int, generator: torch.Generator) -> Tensor:
    """Pad each side by `padding` zero pixels, cut out a random window of the original size."""
    count, _, height, width = images.shape
    rows, columns = torch.randint(0, 2 * padding + 1, (2, count), generator=generator).to(images.device)
    padded = torch.nn.functional.pad(images, (padding, padding, padding, padding))
    # All windows as a view, (N, C, rows, columns, H, W): only the chosen ones are copied.
    windows = padded.unfold(2, height, 1).unfold(3, width, 1)
    return windows[torch.arange(count, device=images.device), :, rows, columns]


def random_flips(images: Tensor, *, probability: float, generator: torch.Generator) -> Tensor:
    """Mirror each picture left to right with the given probability."""
    chosen = (torch.rand(len(images), generator=generator) < probability).to(images.device)
    flipped = images.clone()
    flipped[chosen] = images[chosen].flip(-1)
    return flipped
