"""The look before the first run: every picture decoded, every part filled, one batch through the network."""

from __future__ import annotations

import torch

from ablate.errors import TrainerError
from ablate.protocols import Run
from ablate.records import Prepared
from ablate.training.config import Config
from ablate.training.cost import describe_network
from ablate.training.data.cache import load_pictures
from ablate.training.data.parts import load_parts, split_pictures
from ablate.training.freezing import set_training
from ablate.training.loop import make_batch, take_step
from ablate.training.numerics import set_up
from ablate.training.seeding import Draws
from ablate.training.start import untrained
from ablate.training.techniques.optimizers import trained_weights
from ablate.training.weights import watched


def prepare_data(config: Config, run: Run) -> Prepared:
    """Fill the picture cache, count the parts of replicate 0, and take one training step that is thrown away.

    Raises DataError for pictures that cannot be read or split, TrainerError for a network that does
    not fit them.
    """
    describe_network(config)  # refuses what cannot be built, before any picture is decoded
    pictures = load_pictures(config.data, run.cached)
    parts = split_pictures(config.data, run, pictures)
    weights_digest = _try_one_step(config, run)
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
        watch=(*pictures.watch, *_watched(config, run)),
        weights_digest=weights_digest,
        pending=config.weights is not None and not weights_digest,
    )


def _watched(config: Config, run: Run) -> tuple[str, ...]:
    return () if config.weights is None else watched(config.weights, run)


def _try_one_step(config: Config, run: Run) -> str:
    """Train on one batch of each size there will be; the digest of the weights the network began with."""
    mode = set_up(config)
    parts = load_parts(config, run, mode)
    block = config.weights
    if block is not None and block.run is not None and run.earlier(block.run) is None:
        config = config.model_copy(update={"weights": None})  # it may be trained before this one's turn comes
    trained = untrained(config, run, mode, parts.pictures.classes)
    set_training(trained.network, trained.frozen)
    weights = trained_weights(trained.optimizer)
    for size in _batch_sizes(len(parts.fit), config.batch_size):
        chosen = torch.arange(size, device=mode.device)
        try:
            batch = make_batch(config, parts.fit, mode, trained, chosen, Draws(run.replicate, 0, 0))
            take_step(config, mode, trained, weights, batch)
        except torch.OutOfMemoryError:
            raise
        except (RuntimeError, ValueError) as error:
            raise TrainerError(
                f"the network cannot be trained on {config.data.image_size}x{config.data.image_size} pictures "
                f"in batches of {config.numerics.micro_batch or size}: {error}",
                hint="Check data.image_size against the number of pooling layers, and the batch size.",
            ) from error
    return trained.weights_digest


def _batch_sizes(images: int, batch_size: int) -> list[int]:
    """The sizes an epoch has: whole batches, and what is left for the last one (one image is too few for BN)."""
    whole = [batch_size] if images >= batch_size else []
    rest = images % batch_size
    return whole + ([rest] if rest else [])
