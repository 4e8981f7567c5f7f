"""What does not fit into memory, and in which pieces it would."""

from __future__ import annotations

import gc
from collections.abc import Callable

import torch

from ablate.errors import SettingError
from ablate.training.config import Config
from ablate.training.numerics import device_name


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an error says that a device, or the machine, has no memory left for a tensor."""
    return isinstance(error, torch.OutOfMemoryError) or "DefaultCPUAllocator" in str(error)


def largest_that_fits(step: Callable[[Config], None], config: Config, size: int, device: torch.device) -> int | None:
    """The largest `numerics.micro_batch`, by halving, with which a training step fits into memory; None: not even one
    of two images.

    step: takes one training step by a config. size: the images of the batch that did not fit.
    """
    piece = min(size, config.numerics.micro_batch or size) // 2
    while piece >= 2:
        release(device)
        numerics = config.numerics.model_copy(update={"micro_batch": piece})
        try:
            step(config.model_copy(update={"numerics": numerics}))
        except RuntimeError as error:
            if not is_out_of_memory(error):
                raise
            piece //= 2
        else:
            return piece
    return None


def out_of_memory(config: Config, size: int, fits: int | None, device: torch.device) -> SettingError:
    """What is said of a batch that does not fit: how large it is, on what, and which setting makes it fit.

    fits: what `largest_that_fits` found.
    """
    key = "numerics.micro_batch" if config.numerics.micro_batch else "batch_size"
    asked = min(size, config.numerics.micro_batch or size)
    side = config.data.image_size
    images = f"{asked} images of {side}x{side}"
    message = f"out of memory: a training step on {images} does not fit on {device_name(device)}"
    if fits is None:
        return SettingError(key, message, hint="Two images do not fit either: lower data.image_size or model.width.")
    return SettingError(
        key,
        message,
        hint=(
            f"{fits} images at a time fit, as was tried: write `numerics: {{micro_batch: {fits}}}` into base:, for all "
            f"variants alike (--set numerics.micro_batch={fits}). Gradients add up to those of the whole batch; batch "
            "norm then compares the images of a piece."
        ),
    )


def release(device: torch.device) -> None:
    """Give back what a step that failed has left behind."""
    gc.collect()
    if device.type == "cuda":
        torch.cuda.empty_cache()
    elif device.type == "mps":
        torch.mps.empty_cache()
