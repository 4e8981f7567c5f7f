"""The look before the first run: every image decoded, every part filled, one batch through the network."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from typing import NamedTuple

import torch

from ablate.errors import AblateError, TrainerError, together
from ablate.protocols import Run
from ablate.records import Prepared
from ablate.splits.rules import Folds, Protocol, Replicate
from ablate.splits.split import Split
from ablate.store.checked_copy import Cached
from ablate.training.batching import fewest_images, notes_on_batches, sizes_to_try
from ablate.training.config import Config, DataConfig
from ablate.training.config.model import encoder_of
from ablate.training.cost import describe_network
from ablate.training.data.cache import DecodedImages, copy_key, open_told
from ablate.training.data.depth import notes_on_kinds
from ablate.training.data.near_groups import torn_note
from ablate.training.data.parts import First, SplitRequest, load_parts, split_images
from ablate.training.data.problems import Problems
from ablate.training.data.same import former_digests
from ablate.training.data.scan import Progress
from ablate.training.freezing import set_training
from ablate.training.loop import make_batch, take_step
from ablate.training.memory import is_out_of_memory, largest_that_fits, out_of_memory
from ablate.training.numerics import set_up
from ablate.training.seeding import StepRandom
from ablate.training.start import untrained
from ablate.training.techniques.optimizers import trained_weights
from ablate.training.text.encoders import files_of
from ablate.training.weights import watched


def prepare_data(config: Config, run: Run) -> Prepared:
    """Fill the image cache, count the parts of replicate 0, and take one training step that is thrown away.

    Raises DataError for images that cannot be read or split, TrainerError for a network that does
    not fit them.
    """
    problems = Problems()
    with problems.gathered():
        describe_network(config)  # refuses what cannot be built
    images, parts, found = _looked_at(config.data, run, run.cached, problems, progress=run.alive)
    counts = _fit_counts(config, run, images, parts)
    least = fewest_images(config, counts)
    weights_digest = _try_steps(config, run, counts, least)
    return replace(
        found,
        notes=(*found.notes, *notes_on_batches(config, counts, least)),
        watch=(*found.watch, *_watched(config, run)),
        weights_digest=weights_digest,
        pending=_awaits_run(config, run),
    )


def look_at_data(config: Config, protocol: Protocol, cached: Cached) -> Prepared:
    """What a look at the data alone finds, split as replicate 0 is split. Raises all that is wrong with them."""
    return _looked_at(config.data, First(protocol), cached, Problems())[2]


def _looked_at(
    config: DataConfig, seat: SplitRequest, cached: Cached, problems: Problems, *, progress: Progress | None = None
) -> tuple[DecodedImages, Split, Prepared]:
    """Every image decoded and every part filled. Raises the problems there were, and all that it finds."""
    images, kinds = open_told(config, cached, problems, progress=progress)
    try:
        parts = split_images(config, seat, images)
    except AblateError as error:
        raise together([*problems.errors, error]) from error
    problems.refuse()
    return (
        images,
        parts,
        Prepared(
            digest=images.digest,
            classes=tuple(images.classes),
            counts={
                "train": len(parts.fit),
                "val": len(parts.val),
                "test": len(parts.test),
                "unused": len(parts.unused),
            },
            unreadable=tuple(images.unreadable),
            notes=(*images.notes, *notes_on_kinds(kinds, config.depth), *_torn(config, seat, images, cached)),
            watch=tuple(images.watch),
            former=former_digests(images, config, cached),
            test_classes=_class_counts(images, parts.test),
        ),
    )


def _class_counts(images: DecodedImages, part: Sequence[int]) -> dict[str, int]:
    """How many images of a part are of each class; an image of several counts for each of them."""
    targets = images.targets[list(part)]
    if targets.ndim == 1:
        numbers = range(len(images.classes))
        return {name: int((targets == number).sum()) for name, number in zip(images.classes, numbers, strict=True)}
    return {name: int((targets[:, i] > 0.5).sum()) for i, name in enumerate(images.classes)}


def _torn(config: DataConfig, seat: SplitRequest, images: DecodedImages, cached: Cached) -> list[str]:
    return torn_note(copy_key(config, images.listed), seat.protocol, cached) if config.groups is None else []


class _Fold(NamedTuple):
    """Another replicate of a run that is looked at before the first."""

    replicate: Replicate
    protocol: Protocol


def _watched(config: Config, run: Run) -> tuple[str, ...]:
    weights = () if config.weights is None else watched(config.weights, run)
    return (*weights, *files_of(encoder_of(config.model)))


def _awaits_run(config: Config, run: Run) -> bool:
    """Whether it begins with the weights of a run that is not there yet."""
    block = config.weights
    return block is not None and block.run is not None and run.earlier(block.run) is None


def _fit_counts(config: Config, run: Run, images: DecodedImages, parts: Split) -> list[int]:
    """Images fitted on: by this replicate, then by those of the other folds."""
    rule = run.protocol.test
    counts = [len(parts.fit)]
    for fold in range(1, rule.count if isinstance(rule, Folds) else 1):
        with suppress(AblateError):  # a fold that cannot be had may never be asked for
            counts.append(len(split_images(config.data, _Fold(Replicate(index=fold), run.protocol), images).fit))
    return counts


def _try_steps(config: Config, run: Run, counts: Sequence[int], least: int) -> str:
    """Train on one batch of each size there will be; the digest of the weights the network began with."""
    mode = set_up(config)
    parts = load_parts(config, run, mode, ready=False)
    pending = _awaits_run(config, run)
    if pending:
        config = config.model_copy(update={"weights": None})  # it may be trained before this one's turn comes
    trained = replace(untrained(config, run, mode, parts.images.classes), least=least)
    set_training(trained.network, trained.frozen)
    weights = trained_weights(trained.optimizer)
    for size in sizes_to_try(config, counts, least):
        chosen = torch.arange(size, device=parts.fit.rows.device) % len(parts.fit)  # another fold may hold more

        def step(asked: Config, chosen: torch.Tensor = chosen) -> None:
            batch = make_batch(asked, parts.fit, mode, trained, chosen, StepRandom(run.replicate, 0, 0))
            take_step(asked, mode, trained, weights, batch)

        try:
            step(config)
        except (RuntimeError, ValueError) as error:
            if is_out_of_memory(error):
                fits = largest_that_fits(step, config, size, mode.device)
                raise out_of_memory(config, size, fits, mode.device) from None
            raise TrainerError(
                f"the network cannot be trained on {config.data.image_size}x{config.data.image_size} images "
                f"in batches of {min(size, config.numerics.micro_batch or size)}: {error}",
                hint=_remedy(str(error)),
            ) from error
    return "" if pending else trained.weights_digest


def _remedy(error: str) -> str:
    if "view size is not compatible" in error:
        return (
            "In the network write .flatten(1) or .reshape(...) in place of .view(...); or `numerics: "
            "{channels_last: false}` into base."
        )
    return "Check data.image_size against the number of pooling layers, and the batch size."
