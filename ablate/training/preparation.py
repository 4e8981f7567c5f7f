"""The look before the first run: every picture decoded, every part filled, one batch through the network."""

from __future__ import annotations

import torch
from torch import nn

from ablate.errors import TrainerError
from ablate.protocols import Run
from ablate.records import Prepared
from ablate.training.config import Config
from ablate.training.data.cache import load_pictures
from ablate.training.data.parts import load_parts, split_pictures
from ablate.training.models import make_network
from ablate.training.numerics import set_up
from ablate.training.techniques.optimizers import make_optimizer


def prepare_data(config: Config, run: Run) -> Prepared:
    """Fill the picture cache, count the parts of replicate 0, and take one training step that is thrown away.

    Raises DataError for pictures that cannot be read or split, TrainerError for a network that does
    not fit them.
    """
    pictures = load_pictures(config.data, run.cached)
    parts = split_pictures(config.data, run, pictures)
    _try_one_step(config, run)
    return Prepared(
        digest=pictures.digest,
        classes=tuple(pictures.classes),
        counts={
            "train": len(parts.fit),
            "val": len(parts.val),
            "test": len(parts.test),
            "unused": len(parts.unused),
        },
        unreadable=tuple(pictures.unreadable),
        notes=tuple(pictures.notes),
        watch=tuple(pictures.watch),
    )


def _try_one_step(config: Config, run: Run) -> None:
    mode = set_up(config)
    fit = load_parts(config, run, mode).fit
    network = mode.place(make_network(config)).train()
    optimizer = make_optimizer(config.optimizer, network.parameters())
    for size in _batch_sizes(len(fit), config.batch_size):
        chosen = torch.arange(size, device=mode.device)
        try:
            with mode.autocast():
                loss = nn.functional.cross_entropy(network(fit.images_of(chosen)), fit.targets_of(chosen))
            loss.backward()
        except torch.OutOfMemoryError:
            raise
        except (RuntimeError, ValueError) as error:
            raise TrainerError(
                f"the network cannot be trained on {config.data.image_size}x{config.data.image_size} pictures "
                f"in batches of {size}: {error}",
                hint="Check data.image_size against the number of pooling layers, and the batch size.",
            ) from error
    optimizer.step()


def _batch_sizes(images: int, batch_size: int) -> list[int]:
    """The sizes an epoch has: whole batches, and what is left for the last one (one image is too few for BN)."""
    whole = [batch_size] if images >= batch_size else []
    rest = images % batch_size
    return whole + ([rest] if rest else [])
