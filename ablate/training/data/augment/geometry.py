"""Changes that move pixels: crops, flips, and resampling along a map of each image's own."""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn import functional

from ablate.training.config import Affine, ResizedCrop, Rotation
from ablate.training.data.augment.boxes import Boxes, random_boxes, uniform
from ablate.training.numerics import send


def random_crops(images: Tensor, *, padding: int, generator: torch.Generator) -> Tensor:
    """Pad each side by `padding` zero pixels, cut out a random window of the original size."""
    count, _, height, width = images.shape
    rows, columns = send(torch.randint(0, 2 * padding + 1, (2, count), generator=generator), images.device)
    padded = functional.pad(images, (padding, padding, padding, padding))
    # All windows as a view, (N, C, rows, columns, H, W): only the chosen ones are copied.
    windows = padded.unfold(2, height, 1).unfold(3, width, 1)
    return windows[torch.arange(count, device=images.device), :, rows, columns]


def random_flips(images: Tensor, *, probability: float, generator: torch.Generator) -> Tensor:
    """Mirror each image left to right with the given probability."""
    chosen = torch.rand(len(images), generator=generator) < probability
    rows = send(chosen.nonzero().squeeze(1), images.device)  # a mask on the device would have to be counted there
    flipped = images.clone()
    flipped[rows] = images[rows].flip(-1)
    return flipped


def resized_crops(pixels: Tensor, config: ResizedCrop, generator: torch.Generator) -> Tensor:
    """Enlarge a random rectangle of each image to the whole of it (Szegedy et al. 2015).

    The rectangles are drawn as torchvision's RandomResizedCrop draws them; where ten tries fit none,
    the largest central one of an allowed shape is taken.
    """
    height, width = pixels.shape[-2:]
    low, high = config.ratio
    boxes = random_boxes(
        len(pixels), (height, width), scale=tuple(config.scale), ratio=(low, high), generator=generator
    )
    ratio = min(max(width / height, low), high)
    whole = (min(height, round(width / ratio)), min(width, round(height * ratio)))
    return enlarged(pixels, boxes.or_central(whole, (height, width)))


def enlarged(pixels: Tensor, boxes: Boxes) -> Tensor:
    """Each image's box, resized bilinearly to the size of the image, as torchvision's resized_crop."""
    height, width = pixels.shape[-2:]
    rows = _sources(boxes.top, boxes.height, height)
    columns = _sources(boxes.left, boxes.width, width)
    # grid_sample counts from -1 to 1 between the outer edges of the outer pixels.
    y, x = (2 * rows + 1) / height - 1, (2 * columns + 1) / width - 1
    grid = torch.stack([x[:, None, :].expand(-1, height, -1), y[:, :, None].expand(-1, -1, width)], dim=3)
    return functional.grid_sample(
        pixels, send(grid, pixels.device), mode="bilinear", padding_mode="border", align_corners=False
    )


def _sources(first: Tensor, size: Tensor, steps: int) -> Tensor:
    """(N, steps) where the pixels of a side of `size` pixels, stretched to `steps`, come from; none from outside."""
    places = (torch.arange(steps) + 0.5) * (size[:, None] / steps) - 0.5
    return places.clamp(min=0).minimum(size[:, None] - 1.0) + first[:, None]


def rotate(pixels: Tensor, config: Rotation, generator: torch.Generator) -> Tensor:
    """Turn each image clockwise around its middle, by an angle of its own."""
    (angles,) = uniform(len(pixels), (-config.degrees, config.degrees), generator=generator)
    return resample(pixels, inverse_maps(angles=angles), interpolation=config.interpolation)


def apply_affine(pixels: Tensor, config: Affine, generator: torch.Generator) -> Tensor:
    """Shift, shear and scale each image; what is null is not drawn into the map, but drawn all the same."""
    height, width = pixels.shape[-2:]
    translate, shear, (low, high) = config.translate or 0.0, config.shear or 0.0, config.scale or (1.0, 1.0)
    right, down, shears, scales = uniform(
        len(pixels),
        (-translate * width, translate * width),
        (-translate * height, translate * height),
        (-shear, shear),
        (low, high),
        generator=generator,
    )
    maps = inverse_maps(shears=shears, scales=scales, shifts=torch.stack([right.round(), down.round()], dim=1))
    return resample(pixels, maps, interpolation=config.interpolation)


def inverse_maps(
    *,
    angles: Tensor | None = None,
    shears: Tensor | None = None,
    scales: Tensor | None = None,
    shifts: Tensor | None = None,
) -> Tensor:
    """(N, 2, 3) from a place in the result to its source: pixels to the right and down from the middle.

    The inverse of: shear along the rows, rotate clockwise, scale, shift, as torchvision's affine.
    angles, shears: (N,) degrees. scales: (N,). shifts: (N, 2) pixels to the right and down. At least one.
    """
    given = next(one for one in (angles, shears, scales, shifts) if one is not None)
    zeros = torch.zeros(len(given))
    turn = zeros if angles is None else angles * (math.pi / 180)
    lean = zeros if shears is None else torch.tan(shears * (math.pi / 180))
    scale = zeros + 1 if scales is None else scales
    right, down = (zeros, zeros) if shifts is None else shifts.unbind(1)
    cos, sin = torch.cos(turn), torch.sin(turn)
    # The forward map is [[cos, -cos * lean - sin], [sin, -sin * lean + cos]] with determinant 1.
    a, b = (cos - sin * lean) / scale, (sin + cos * lean) / scale
    c, d = -sin / scale, cos / scale
    rows = [torch.stack([a, b, -a * right - b * down], 1), torch.stack([c, d, -c * right - d * down], 1)]
    return torch.stack(rows, 1)


def resample(pixels: Tensor, maps: Tensor, *, interpolation: str) -> Tensor:
    """Each image read along its map; black where that leads outside.

    maps: (N, 2, 3), from `inverse_maps`.
    """
    height, width = pixels.shape[-2:]
    x = torch.arange(width) - (width - 1) / 2
    y = torch.arange(height) - (height - 1) / 2
    places = torch.stack([x.expand(height, width), y[:, None].expand(height, width), torch.ones(height, width)], 2)
    sources = places.reshape(1, -1, 3) @ maps.transpose(1, 2)
    grid = (sources / torch.tensor([width / 2, height / 2])).view(-1, height, width, 2)
    return functional.grid_sample(
        pixels, send(grid, pixels.device), mode=interpolation, padding_mode="zeros", align_corners=False
    )
