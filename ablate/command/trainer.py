"""A command as a trainer: what stands in place of a module."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from typing import Any

from ablate.command import sources
from ablate.command.images import read_images
from ablate.command.run import train
from ablate.command.schema import CommandBlock, block_of, metric_of, path_of
from ablate.command.settings import CommandConfig, check_block, check_config
from ablate.errors import TrainerError
from ablate.metrics import better_direction
from ablate.protocols import Run
from ablate.records import Prepared
from ablate.settings import Settings
from ablate.trainer import Goal, Resources, Trainer


def load(path: str) -> Trainer:
    """The trainer of a record's path. Raises TrainerError."""
    return _trainer_of(block_of(path), path)


def source_digest(path: str) -> str:
    """Of the script's files."""
    return sources.source_digest(block_of(path))


def trainer_of(block: CommandBlock, base: Mapping[str, Any], asked: tuple[str, ...]) -> Trainer:
    """The trainer that a study file describes. asked: the metrics that the study names.

    Raises SettingError, whose key begins with `trainer.` or `base.`, for a command that does not fit the base.
    """
    check_block(block, base)
    made = _trainer_of(block, path_of(block), names=asked, check=partial(check_config, block, base))
    return replace(made, absent=_why_absent(block))


def _why_absent(block: CommandBlock) -> TrainerError | None:
    try:
        sources.refuse_absent(block)
    except TrainerError as error:
        return error
    return None


def _trainer_of(
    block: CommandBlock, path: str, names: tuple[str, ...] = (), check: Callable[..., None] | None = None
) -> Trainer:
    told = block.results.validation if block.results is not None else None
    return Trainer(
        path=path,
        train=partial(train, block),
        config=CommandConfig,
        metrics={name: _goal(block, name) for name in dict.fromkeys((*names, *block.metrics))} or {"accuracy": "max"},
        prepare=partial(prepare, block) if block.inputs or block.images else None,
        locate=partial(_locate, block),
        check_config=check,
        warm="ablate.command",
        about=partial(sources.told, block),
        resources=Resources(block.resources.gpus, block.resources.cpus),
        validation=told if isinstance(told, str) else next(iter((told or {}).values()), ""),
    )


def _goal(block: CommandBlock, name: str) -> Goal:
    return metric_of(block, name).goal or better_direction(name)


def _locate(block: CommandBlock, config: Settings) -> None:
    del config
    sources.input_paths(block)


def prepare(block: CommandBlock, config: Settings, run: Run) -> Prepared:
    """The digest of the data by name, size and time, and how many images each part has."""
    del config
    paths = sources.input_paths(block)
    found = list(sources.walked_inputs(paths))
    counts: dict[str, int] = {}
    if block.images is not None:
        images = read_images(sources.folder_of(block) / block.images)
        parts = run.split(images.ids, images.targets, images.groups, official=images.official)
        counts = {"train": len(parts.fit), "val": len(parts.val), "test": len(parts.test)}
    return Prepared(digest=sources.digest_of_inputs(found), counts=counts, watch=tuple(str(path) for _, path in found))
