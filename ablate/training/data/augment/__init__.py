"""Random changes to a batch of images, one draw an image, on the device that trains.

Everything works on pixels in [0, 1] (crop and flip on the bytes they came from) before
normalisation, in one fixed order, which is that of the keys of `augment`: first what moves pixels,
then what changes colours, then noise, then what hides a part of the image.
"""

from __future__ import annotations

import torch
from torch import Tensor

from ablate.training.config import Augment
from ablate.training.data.augment.blanks import cut_out, erase
from ablate.training.data.augment.colors import jitter_colors
from ablate.training.data.augment.geometry import apply_affine, random_crops, random_flips, resized_crops, rotate
from ablate.training.data.augment.noise import add_noise, add_salt_and_pepper
from ablate.training.data.augment.randaugment import rand_augment
from ablate.training.seeding import StepRandom

__all__ = ["augment_batch", "is_random"]


def is_random(config: Augment) -> bool:
    """Whether anything is switched on."""
    return any(block is not None for block in vars(config).values())  # asked at each step: pydantic's own takes 15 us


def augment_batch(
    images: Tensor, config: Augment, draws: StepRandom, *, mean: Tensor | None = None, frames: int = 1
) -> Tensor:
    """The batch with each switched-on change applied.

    images: (N, C, H, W), uint8. Returns uint8 where only crop and flip are on, else float32 in [0, 1].
    draws: on the CPU; they are the same whatever the device. mean: (C, 1, 1), of the normalisation.
    frames: of a clip, below each other: what moves, hides or colours is drawn once a clip, noise for each pixel.
    """
    if frames > 1:
        return _augment_clips(images, config, draws, mean, frames)
    layout = torch.channels_last if images.is_contiguous(memory_format=torch.channels_last) else torch.contiguous_format
    if config.crop is not None or config.flip is not None:
        images = _cropped_and_flipped(images, config, draws.shared())
    if all(block is None for key, block in config if key not in ("crop", "flip")):
        return images
    pixels = images.to(torch.float32).div_(255)
    pixels = _noisy(_recolored(_reshaped(pixels, config, draws), config, draws), config, draws)
    pixels = _blanked(pixels, config, draws, mean)
    return pixels.contiguous(memory_format=layout)


def _augment_clips(clips: Tensor, config: Augment, draws: StepRandom, mean: Tensor | None, frames: int) -> Tensor:
    """Frames as channels of their clip where pixels are moved or hidden, as further rows where colours change."""
    channels = clips.shape[1]
    means = None if mean is None else mean.repeat_interleave(frames, 0)

    def beside(stacked: Tensor) -> Tensor:
        folded: Tensor = stacked.unflatten(2, (frames, -1)).flatten(1, 2)
        return folded

    def below(folded: Tensor) -> Tensor:
        stacked: Tensor = folded.unflatten(1, (channels, frames)).flatten(2, 3)
        return stacked

    if config.crop is not None or config.flip is not None:
        clips = below(_cropped_and_flipped(beside(clips), config, draws.shared()))
    if all(block is None for key, block in config if key not in ("crop", "flip")):
        return clips
    pixels = below(_reshaped(beside(clips.to(torch.float32).div_(255)), config, draws))
    if config.randaugment is not None:
        single = pixels.unflatten(2, (frames, -1)).movedim(2, 1)
        single = rand_augment(single, config.randaugment, draws.own("randaugment"))
        pixels = single.movedim(1, 2).flatten(2, 3)
    if config.color is not None:
        pixels = jitter_colors(pixels, config.color, draws.own("color"))
    return below(_blanked(beside(_noisy(pixels, config, draws)), config, draws, means)).contiguous()


def _cropped_and_flipped(images: Tensor, config: Augment, generator: torch.Generator) -> Tensor:
    if config.crop is not None:
        images = random_crops(images, padding=config.crop.padding, generator=generator)
    if config.flip is not None:
        images = random_flips(images, probability=config.flip.probability, generator=generator)
    return images


def _reshaped(pixels: Tensor, config: Augment, draws: StepRandom) -> Tensor:
    if config.resized_crop is not None:
        pixels = resized_crops(pixels, config.resized_crop, draws.own("resized_crop"))
    if config.rotation is not None:
        pixels = rotate(pixels, config.rotation, draws.own("rotation"))
    if config.affine is not None:
        pixels = apply_affine(pixels, config.affine, draws.own("affine"))
    return pixels


def _recolored(pixels: Tensor, config: Augment, draws: StepRandom) -> Tensor:
    if config.randaugment is not None:
        pixels = rand_augment(pixels, config.randaugment, draws.own("randaugment"))
    if config.color is not None:
        pixels = jitter_colors(pixels, config.color, draws.own("color"))
    return pixels


def _noisy(pixels: Tensor, config: Augment, draws: StepRandom) -> Tensor:
    if config.noise is not None:
        pixels = add_noise(pixels, std=config.noise.std, generator=draws.own("noise"))
    if config.salt_and_pepper is not None:
        pixels = add_salt_and_pepper(pixels, share=config.salt_and_pepper.share, generator=draws.own("salt_and_pepper"))
    return pixels


def _blanked(pixels: Tensor, config: Augment, draws: StepRandom, mean: Tensor | None) -> Tensor:
    if config.cutout is not None:
        pixels = cut_out(pixels, config.cutout, draws.own("cutout"), mean=mean)
    if config.erasing is not None:
        pixels = erase(pixels, config.erasing, draws.own("erasing"), mean=mean)
    return pixels
