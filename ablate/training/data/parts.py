"""From cached pictures and a split to batches on the training device."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from ablate.protocols import Run
from ablate.training.config import Config, DataConfig, Normalization
from ablate.training.data.augment import augmented
from ablate.training.data.cache import Pictures, load_pictures
from ablate.training.data.split import Split, split, units_of
from ablate.training.numerics import Mode

IMAGENET = Normalization(mean=[0.485, 0.456, 0.406], std=[0.229, 0.224, 0.225])

READY_BYTES = 256 * 2**20
"""A part below this size is normalised once; a larger one batch by batch (same arithmetic)."""

RESIDENT_BYTES = 4 * 2**30
"""Pictures below this size live on the GPU as uint8."""


class Batch(NamedTuple):
    """images: (N, C, H, W) float32, normalised. targets: (N,) int64. Both on the device."""

    images: Tensor
    targets: Tensor


@dataclass(frozen=True, slots=True)
class Part:
    """Some of the pictures, by their index in the cache."""

    pixels: Tensor
    targets: Tensor
    indices: Tensor
    mean: Tensor | None
    std: Tensor | None
    mode: Mode
    ready: Tensor | None = None

    def __len__(self) -> int:
        return len(self.indices)

    def batch(self, chosen: Tensor, *, config: Config | None = None, generator: torch.Generator | None = None) -> Batch:
        """The chosen members (positions within the part); augmented where a config is given."""
        targets = self.targets[chosen]
        if self.ready is not None:
            return Batch(self.ready[chosen], targets)
        images = self.mode.images(self.pixels[self.indices[chosen]])
        if config is not None and generator is not None:
            images = augmented(images, config.augment, generator)
        return Batch(self.normalised(images), targets)

    def normalised(self, images: Tensor) -> Tensor:
        """uint8 pixels as torchvision's ToTensor and Normalize would give them."""
        scaled = images.to(torch.float32).div_(255)
        if self.mean is None or self.std is None:
            return scaled
        return scaled.sub_(self.mean).div_(self.std)


class Parts(NamedTuple):
    """The parts of one run; val is empty where none was asked for."""

    fit: Part
    val: Part
    test: Part
    pictures: Pictures
    split: Split


def load_parts(config: Config, run: Run, mode: Mode) -> Parts:
    """Open the picture cache, split by the run's replicate, put each part in reach of the device."""
    pictures = load_pictures(config.data, run.cached)
    parts = split_pictures(config.data, run, pictures)
    pixels = _resident(_shared(pictures), mode)
    mean, std = _statistics(config.data, mode.device)

    def part(indices: Sequence[int], *, random: bool = False) -> Part:
        targets = torch.from_numpy(np.asarray(pictures.targets)[list(indices)]).to(mode.device)
        plain = Part(pixels, targets, torch.tensor(indices, dtype=torch.int64), mean, std, mode)
        return plain if random else _made_ready(plain)

    random = config.augment.crop is not None or config.augment.flip is not None
    return Parts(part(parts.fit, random=random), part(parts.val), part(parts.test), pictures, parts)


def split_pictures(config: DataConfig, run: Run, pictures: Pictures) -> Split:
    """Which pictures this run trains, validates and tests on."""
    units = units_of(pictures.ids, pictures.targets.tolist(), pictures.groups.tolist())
    return split(
        units,
        protocol=run.protocol,
        replicate_index=run.replicate.index,
        data_seed=config.seed,
        train=config.train,
        official_test=frozenset(pictures.official_test or ()),
    )


def normalize_block(config: DataConfig) -> Normalization | None:
    """The mean and standard deviation a study asks for."""
    return IMAGENET if config.normalize == "imagenet" else config.normalize


def _statistics(config: DataConfig, device: torch.device) -> tuple[Tensor | None, Tensor | None]:
    block = normalize_block(config)
    if block is None:
        return None, None
    mean, std = (torch.tensor(values, dtype=torch.float32).view(-1, 1, 1) for values in (block.mean, block.std))
    return mean.to(device), std.to(device)


def _shared(pictures: Pictures) -> Tensor:
    """The cache's pages, shared with all other runs, as a tensor."""
    pixels = pictures.pixels
    if isinstance(pixels, np.memmap) and pixels.filename is not None:
        # Copy-on-write: torch warns of arrays it may not write to, and nobody writes.
        pixels = np.memmap(pixels.filename, pixels.dtype, mode="c", offset=pixels.offset, shape=pixels.shape)
    return torch.from_numpy(pixels)


def _resident(pixels: Tensor, mode: Mode) -> Tensor:
    if mode.device.type == "cuda" and pixels.nbytes < RESIDENT_BYTES:
        return pixels.to(mode.device)
    return pixels


def _made_ready(part: Part) -> Part:
    size = len(part) * part.pixels[0].numel() * 4
    if size > READY_BYTES or len(part) == 0:
        return part
    ready = part.batch(torch.arange(len(part))).images
    return Part(part.pixels, part.targets, part.indices, part.mean, part.std, part.mode, ready)
