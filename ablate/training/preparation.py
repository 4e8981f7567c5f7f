"""The look before the first run: every picture decoded, every part filled, one batch through the network."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from typing import NamedTuple

import torch

from ablate.errors import AblateError, TrainerError
from ablate.protocols import Run
from ablate.records import Folds, Prepared, Protocol, Replicate
from ablate.splits.split import Split
from ablate.training.batching import fewest_images, notes_on_batches, sizes_to_try
from ablate.training.config import Config
from ablate.training.cost import describe_network
from ablate.training.data.cache import Pictures, load_kinds, load_told
from ablate.training.data.depth import notes_on_kinds
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
    kinds = load_kinds(config.data, run.cached)
    pictures = load_told(config.data, run.cached, kinds)
    parts = split_pictures(config.data, run, pictures)
    counts = _fit_counts(config, run, pictures, parts)
    least = fewest_images(config, counts)
    weights_digest = _try_steps(config, run, counts, least)
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
        notes=(*pictures.notes, *notes_on_kinds(kinds, config.data.depth), *notes_on_batches(config, counts, least)),
        watch=(*pictures.watch, *_watched(config, run)),
        weights_digest=weights_digest,
        pending=config.weights is not None and not weights_digest,
    )


class _Fold(NamedTuple):
    """Another replicate of a run that is looked at before the first."""

    replicate: Replicate
    protocol: Protocol


def _watched(config: Config, run: Run) -> tuple[str, ...]:
    return () if config.weights is None else watched(config.weights, run)


def _fit_counts(config: Config, run: Run, pictures: Pictures, parts: Split) -> list[int]:
    """Images fitted on: by this replicate, then by those of the other folds."""
    rule = run.protocol.test
    counts = [len(parts.fit)]
    for fold in range(1, rule.count if isinstance(rule, Folds) else 1):
        with suppress(AblateError):  # a fold that cannot be had may never be asked for
            counts.append(len(split_pictures(config.data, _Fold(Replicate(index=fold), run.protocol), pictures).fit))
    return counts


def _try_steps(config: Config, run: Run, counts: Sequence[int], least: int) -> str:
    """Train on one batch of each size there will be; the digest of the weights the network began with."""
    mode = set_up(config)
    parts = load_parts(config, run, mode)
    block = config.weights
    if block is not None and block.run is not None and run.earlier(block.run) is None:
        config = config.model_copy(update={"weights": None})  # it may be trained before this one's turn comes
    trained = replace(untrained(config, run, mode, parts.pictures.classes), least=least)
    set_training(trained.network, trained.frozen)
    weights = trained_weights(trained.optimizer)
    for size in sizes_to_try(config, counts, least):
        chosen = torch.arange(size, device=mode.device) % len(parts.fit)  # another fold may hold more
        try:
            batch = make_batch(config, parts.fit, mode, trained, chosen, Draws(run.replicate, 0, 0))
            take_step(config, mode, trained, weights, batch)
        except torch.OutOfMemoryError:
            raise
        except (RuntimeError, ValueError) as error:
            raise TrainerError(
                f"the network cannot be trained on {config.data.image_size}x{config.data.image_size} pictures "
                f"in batches of {min(size, config.numerics.micro_batch or size)}: {error}",
                hint="Check data.image_size against the number of pooling layers, and the batch size.",
            ) from error
    return trained.weights_digest
