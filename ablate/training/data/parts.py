"""From cached images and a split to batches on the training device."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple
from typing import Protocol as Contract

import numpy as np
import torch
from torch import Tensor, nn

from ablate.protocols import Run
from ablate.splits.rules import Protocol, Replicate
from ablate.splits.split import Pool, Split, split, units_of
from ablate.training.config import Config, DataConfig, Normalization
from ablate.training.config.model import encoder_of
from ablate.training.data.augment import is_random
from ablate.training.data.cache import DecodedImages, load_images
from ablate.training.numerics import Mode
from ablate.training.text.encoders import FittedEncoder, fit_encoder

IMAGENET = Normalization(mean=[0.485, 0.456, 0.406], std=[0.229, 0.224, 0.225])

READY_BYTES = 256 * 2**20
"""A part below this size is normalised once; a larger one batch by batch (same arithmetic)."""

RESIDENT_BYTES = 4 * 2**30
"""Images below this size live on the GPU as uint8."""


@dataclass(frozen=True, slots=True)
class Subset:
    """Some of the images of a data set, in a fixed order.

    Members are chosen by their places in it, a tensor (n,) where the images lie: see `places`.

    stored: all images, (M, S, S, C) uint8, on the device that trains or, where they are too many for it, on the
    CPU. rows: the members' places in it, (N,), and their targets, both on the same device.
    mean, std: (C, 1, 1) or None. side: what images are resized to on the device, None where they are
    stored at that size; stored is then (M, H, W, C) of their own size.
    ready: the members normalised, batch first, or None. text: what their texts became, (N, width) float32, where the
    targets lie; None for a network that takes none. frames: of a clip, which stand below each other; 1: images.
    """

    stored: Tensor
    rows: Tensor
    targets: Tensor
    mean: Tensor | None
    std: Tensor | None
    mode: Mode
    side: int | None = None
    ready: Tensor | None = None
    text: Tensor | None = None
    frames: int = 1

    def __len__(self) -> int:
        return len(self.rows)

    def places(self) -> Tensor:
        """Every member's place, in order, where the images lie: choosing there asks no other device."""
        return torch.arange(len(self), device=self.rows.device)

    def targets_of(self, chosen: Tensor) -> Tensor:
        """(n,) int64 class indices, or with several labels an image (n, K) float32 of 0 and 1, on the device."""
        return self.mode.send(self.targets.index_select(0, chosen))

    def text_of(self, chosen: Tensor) -> tuple[Tensor, ...]:
        """What the network takes beside the images: nothing, or their texts' numbers (n, width), on the device."""
        return () if self.text is None else (self.mode.send(self.text.index_select(0, chosen)),)

    def images_of(self, chosen: Tensor) -> Tensor:
        """(n, C, S, S) float32, normalised, on the device."""
        # index_select throughout: indexing with a tensor does the same and takes many times as long.
        if self.ready is None:
            return self.normalised(self.pixels_of(chosen))
        return self.mode.as_images(self.ready.index_select(0, self.mode.send(chosen)))

    def pixels_of(self, chosen: Tensor) -> Tensor:
        """(n, C, S, S) uint8, on the device; of their own size with `resize: device`."""
        return self.mode.images(self.stored.index_select(0, self.rows.index_select(0, chosen)))

    def normalised(self, pixels: Tensor) -> Tensor:
        """uint8 pixels as torchvision's ToTensor and Normalize would give them, bit for bit; resized where asked.

        Pixels in floating point are in [0, 1] already.
        """
        scaled = pixels if pixels.is_floating_point() else pixels.to(torch.float32).div_(255)
        if self.side is not None:
            scaled = resized(scaled, self.side)
        if self.mean is None or self.std is None:
            return scaled
        return scaled.sub_(self.mean).div_(self.std)


class SplitRequest(Contract):
    """What a split is drawn for: a run, or the spec of one."""

    @property
    def replicate(self) -> Replicate:
        """Which split."""
        ...

    @property
    def protocol(self) -> Protocol:
        """What is tested and validated on."""
        ...


class First(NamedTuple):
    """The seat of the first replicate under a protocol."""

    protocol: Protocol
    replicate: Replicate = Replicate(index=0)


class Subsets(NamedTuple):
    """The parts of one run; val is empty where none was asked for. encoder: of their texts, where it takes any."""

    fit: Subset
    val: Subset
    test: Subset
    images: DecodedImages
    split: Split
    encoder: FittedEncoder | None = None


def load_parts(config: Config, run: Run, mode: Mode, *, ready: bool = True) -> Subsets:
    """Open the image cache, split by the run's replicate, put each part in reach of the device.

    ready: whether all of them will be needed, and may be normalised now.
    """
    images = load_images(config.data, run.cached)
    parts = split_images(config.data, run, images)
    stored = resident(_shared(images), mode)
    mean, std = statistics_of(config.data, mode.device)
    side = config.data.image_size if config.data.resize == "device" else None
    texts = encoder_of(config.model)
    encoder = None if texts is None else fit_encoder(texts, _texts_of(images, parts.fit))

    def part(indices: Sequence[int]) -> Subset:
        rows = torch.tensor(indices, dtype=torch.int64)
        targets = torch.from_numpy(images.targets).index_select(0, rows)
        text = None
        if encoder is not None:
            encoded = encoder.encode([images.ids[i] for i in indices], _texts_of(images, indices))
            text = torch.from_numpy(encoded).to(stored.device)
        targets, rows = targets.to(stored.device), rows.to(stored.device)
        return Subset(stored, rows, targets, mean, std, mode, side, text=text, frames=config.data.frames)

    limit = READY_BYTES if ready else 0
    fit = prepare_subset(part(parts.fit), limit=0 if is_random(config.augment) else limit)
    val, test = (prepare_subset(part(indices), limit=limit) for indices in (parts.val, parts.test))
    return Subsets(fit, val, test, images, parts, encoder)


def _texts_of(images: DecodedImages, indices: Sequence[int]) -> list[str]:
    return [images.texts[i] for i in indices] if images.texts else []


def split_images(config: DataConfig, run: SplitRequest, images: DecodedImages) -> Split:
    """Which images this run trains, validates and tests on."""
    units = units_of(images.ids, labels_by_image(images), images.groups.tolist())
    return split(
        Pool(units, images.classes, images.official_test),
        protocol=run.protocol,
        replicate_index=run.replicate.index,
        data_seed=config.seed,
        train=None if config.train == "all" else config.train,
    )


def labels_by_image(images: DecodedImages) -> list[list[int]]:
    """The class indices of each image: one, or with several labels any number."""
    if images.targets.ndim == 1:
        return [[label] for label in images.targets.tolist()]
    return [np.flatnonzero(row).tolist() for row in images.targets]


def normalize_block(config: DataConfig) -> Normalization | None:
    """The mean and standard deviation a study asks for."""
    return IMAGENET if config.normalize == "imagenet" else config.normalize


def resized(images: Tensor, side: int) -> Tensor:
    """(n, C, H, W) float images as (n, C, side, side): bilinear, antialiased where they shrink.

    As Pillow's bilinear filter, except that nothing is rounded to whole grey values.
    """
    if images.shape[-2:] == (side, side):
        return images
    return nn.functional.interpolate(images, (side, side), mode="bilinear", antialias=True)


def statistics_of(config: DataConfig, device: torch.device) -> tuple[Tensor | None, Tensor | None]:
    """The mean and standard deviation a study asks for, (C, 1, 1) each, on the device; None where it asks for none."""
    block = normalize_block(config)
    if block is None:
        return None, None
    mean, std = (torch.tensor(values, dtype=torch.float32).view(-1, 1, 1) for values in (block.mean, block.std))
    return mean.to(device), std.to(device)


def _shared(images: DecodedImages) -> Tensor:
    """The cache's pages, shared with all other runs, as a tensor."""
    pixels = images.pixels
    if isinstance(pixels, np.memmap) and pixels.filename is not None:
        # Copy-on-write: torch warns of arrays it may not write to, and nobody writes.
        pixels = np.memmap(pixels.filename, pixels.dtype, mode="c", offset=pixels.offset, shape=pixels.shape)
    return torch.from_numpy(pixels)


def resident(stored: Tensor, mode: Mode) -> Tensor:
    """What is stored of all images, on the device where it is small enough."""
    return stored.to(mode.device) if stored.nbytes < RESIDENT_BYTES else stored


def prepare_subset(part: Subset, *, limit: int = READY_BYTES) -> Subset:
    """The part with all its images normalised now, where they need at most `limit` bytes."""
    if len(part) == 0:
        return part
    pixels = part.stored[0].numel() if part.side is None else part.side**2 * part.stored.shape[-1]
    if len(part) * pixels * 4 > limit:
        return part
    return replace(part, ready=part.mode.as_stored(part.images_of(part.places())))
