"""How many images make a step: whole batches, and what is left over for the last one."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from ablate.errors import TrainerError
from ablate.training.config import Config
from ablate.training.cost import empty_inputs, weightless
from ablate.training.freezing import freeze, set_training


def batch_sizes(images: int, size: int, *, least: int = 1) -> list[int]:
    """Whole batches of `size`, then the rest; a rest of fewer than `least` joins the batch before it."""
    whole, rest = divmod(images, size)
    if not rest:
        return [size] * whole
    if whole and rest < least:
        return [size] * (whole - 1) + [size + rest]
    return [size] * whole + [rest]


def fewest_images(config: Config, counts: Sequence[int]) -> int:
    """How many images a training step needs, where an epoch would leave one alone; 1 where none would.

    counts: images to train on. 2 where the network cannot be trained on a single image: batch norm on a map of
    one pixel has nothing to compare it with. Raises TrainerError where there is but one image for such a network.
    """
    if not any(leaves_one_alone(config, images) for images in counts) or takes_single_images(config):
        return 1
    if 1 in counts:
        raise TrainerError(
            "there is 1 image to train on, and the network cannot be trained on a single image",
            hint="Raise data.train, or choose a network without batch norm.",
        )
    return 2


def leaves_one_alone(config: Config, images: int) -> bool:
    """Whether an epoch of so many images has a step, or a part of one, on a single image beside larger ones."""
    pieces = config.numerics.micro_batch or config.batch_size
    if pieces == 1:  # all of them are: asked for, and `describe` knows whether the network can take it
        return False
    return any(1 in batch_sizes(size, pieces) for size in set(batch_sizes(images, config.batch_size)))


def takes_single_images(config: Config) -> bool:
    """Whether the network can be trained on one image at a time; found out without memory or data."""
    network = weightless(config)
    set_training(network, freeze(network, config.freeze))
    try:
        with torch.inference_mode():
            logits = network(*empty_inputs(config, 1))
    except (RuntimeError, ValueError, IndexError, AssertionError):
        return False
    return tuple(logits.shape) == (1, config.data.classes)


def sizes_to_try(config: Config, counts: Sequence[int], least: int) -> list[int]:
    """Sizes of batches to try before training: those of the first count, and of the others a single or an added one."""
    size = config.batch_size
    first = batch_sizes(counts[0], size, least=least)
    odd = {one for images in counts[1:] for one in batch_sizes(images, size, least=least) if one == 1 or one > size}
    return list(dict.fromkeys([*first, *sorted(odd)]))


def notes_on_batches(config: Config, counts: Sequence[int], least: int) -> list[str]:
    """A sentence where single images join the batch before them."""
    alone = sum(leaves_one_alone(config, images) for images in counts)
    if least == 1 or not alone:
        return []
    where = f"in {alone} of {len(counts)} folds " if len(counts) > 1 else ""
    return [
        f"{where}an epoch would leave 1 image for its last batch, and the network cannot be trained on a single "
        "image (batch norm has nothing to compare it with): it joins the batch before it"
    ]
