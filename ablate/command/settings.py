"""The settings of a command: whatever `base:` says, held against the places of the command that use it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from pydantic import ConfigDict

from ablate.command.schema import CommandBlock, metric_of
from ablate.command.words import (
    GIVEN,
    VARYING,
    Place,
    Values,
    Word,
    fill_in,
    places_in,
    read_words,
    split_words,
)
from ablate.errors import SettingError, near_match
from ablate.metrics import is_own, measured_goal
from ablate.settings import Settings, flattened
from ablate.splits.rules import FirstFold, Folds, Protocol

WHOLE = ("overrides", "config")
"""What takes every key of the base."""


class CommandConfig(Settings):
    """Settings under any names: which there are, the base of the study says."""

    model_config = ConfigDict(extra="allow")


def words_of(block: CommandBlock) -> list[Word]:
    """The command, read. Raises SettingError."""
    return read_words(split_words(block.command))


def resume_words_of(block: CommandBlock) -> list[Word]:
    """What is added where an attempt goes on, read."""
    return [] if block.resume is None else read_words(split_words(block.resume.words), key="trainer.resume.words")


def check_block(block: CommandBlock, base: Mapping[str, Any]) -> None:
    """Whether command and base fit together, and a run could vary at all.

    Raises SettingError whose key begins with `trainer.` or `base.`.
    """
    always = places_in(words_of(block))  # a run that is not resumed has no other
    places = [*always, *places_in(resume_words_of(block))]
    asked = {place.key for place in always}
    if not asked & set(VARYING):
        raise SettingError(
            "trainer.command",
            "nothing in the command differs from replicate to replicate",
            hint="Hand over one of {seed}, {replicate}, {fold}, {split}: else all replicates are the same run.",
        )
    if ("split" in {place.key for place in places}) != (block.images is not None):
        raise SettingError(
            "trainer.images" if block.images is not None else "trainer.command",
            "images: is what {split} divides, and the command has no {split}"
            if block.images is not None
            else "{split} has nothing to divide",
            hint="Write both: images: images.csv, and {split} where the script takes the file with the ids.",
        )
    for name in base:
        if name in GIVEN:
            raise SettingError(f"base.{name}", f"{{{name}}} is put in by ablate, and no key of base", hint="Rename it.")
    for dotted in _dotted_names(base):
        raise SettingError(
            f"base.{dotted}", f"the key {dotted!r} has a dot in it", hint=f"Write blocks: {_as_blocks(dotted)}."
        )
    known = flattened(base)
    for place in places:
        if place.key not in GIVEN and not _is_there(place.key, base):
            near = near_match(place.key, [*known, *GIVEN])
            raise SettingError(
                "trainer.command",
                f"{place} names no key of base",
                hint=f"{near}Write it under base: with its value, null where it is off.",
            )
    unused = [key for key in known if not asked & set(WHOLE) and not any(_uses(place, key) for place in always)]
    if unused:
        raise SettingError(
            f"base.{unused[0]}",
            f"the command never uses {unused[0]!r}, so a change of it would change nothing",
            hint=f"Write {{{unused[0]}}} into the command, or {{config}} for a file with all keys; else leave it out.",
        )


def check_replicates(block: CommandBlock, replicates: int, folds: int) -> None:
    """Raise SettingError where more replicates are asked for than there are different runs, one a fold."""
    varying = {place.key for place in places_in(words_of(block))} & set(VARYING)
    if varying == {"fold"} and replicates > folds:
        raise SettingError(
            "evidence.replicates",
            f"{replicates} replicates of a command that differs by {{fold}} alone are {folds} different runs: "
            f"replicate {folds} would be replicate 0 again",
            hint=f"Hand over {{seed}} or {{replicate}}, too, and use it; else write replicates: [{folds}].",
        )


def check_config(block: CommandBlock, base: Mapping[str, Any], settings: Settings, protocol: Protocol) -> None:
    """Whether the command can be written with these settings. Raises SettingError with the key."""
    if not isinstance(protocol.test, Folds | FirstFold) and "fold" in {
        place.key for place in places_in(words_of(block))
    }:
        raise SettingError(
            "evidence.test", "the command has {fold}, and the test images are no folds", hint="Write test: {folds: 5}."
        )
    _refuse_unprinted(block, protocol)
    config = settings.model_dump(mode="json")
    for key in _strangers(config, base):
        raise SettingError(
            key,
            f"unknown key {key!r}: base does not have it",
            hint=f"{near_match(key, flattened(base))}Write it under base: first, null where it is off.",
        )
    given = dict.fromkeys(GIVEN, "x")
    fill_in(words_of(block), Values(config, given))


def _refuse_unprinted(block: CommandBlock, protocol: Protocol) -> None:
    """Raise SettingError for a metric that no pattern of `results:` can give, whatever the script prints."""
    patterns = None if block.results is None else block.results.stdout
    if patterns is None or patterns == "json" or protocol.sealed:
        return
    groups = {
        name for one in ([patterns] if isinstance(patterns, str) else patterns) for name in re.compile(one).groupindex
    }
    measured = measured_goal(protocol.metric) is not None or is_own(protocol.metric)
    computed = block.answers is not None and measured
    asked = [protocol.metric] if protocol.metric not in block.metrics and not computed else []
    for name in [*block.metrics, *asked]:
        key = metric_of(block, name).key or name
        if key in groups:
            continue
        raise SettingError(
            "evidence.metric" if name in asked else f"trainer.metrics.{name}",
            f"the pattern of results: gives {', '.join(sorted(groups))}, and no {key!r}",
            hint=f"{near_match(key, groups)}Say how the script calls it, under trainer: `metrics: {{{name}: KEY}}`; or "
            "name a group of the pattern so, (?P<NAME>[0-9.]+).",
        )


def _strangers(config: Mapping[str, Any], base: Mapping[str, Any], path: str = "") -> Iterator[str]:
    """Keys that were added to a block of the base; a block that was replaced may have any."""
    added = [key for key in config if key not in base]
    if added and (not path or set(base) <= set(config)):
        yield f"{path}{added[0]}"
    for key, value in config.items():
        there = base.get(key)
        if isinstance(value, Mapping) and isinstance(there, Mapping) and there:
            yield from _strangers(value, there, f"{path}{key}.")


def _is_there(key: str, base: Mapping[str, Any]) -> bool:
    here: Any = base
    for part in key.split("."):
        if here is None:
            return True  # inside a block that is off
        if not isinstance(here, Mapping) or part not in here:
            return False
        here = here[part]
    return True


def _uses(place: Place, key: str) -> bool:
    """Whether a place takes a key: its own, or all of a block's."""
    return key == place.key or key.startswith(f"{place.key}.") or place.key.startswith(f"{key}.")


def _dotted_names(config: Mapping[str, Any], path: str = "") -> Iterator[str]:
    for key, value in config.items():
        if "." in key:
            yield f"{path}{key}"
        elif isinstance(value, Mapping):
            yield from _dotted_names(value, f"{path}{key}.")


def _as_blocks(dotted: str) -> str:
    *blocks, last = dotted.split(".")
    return "".join(f"{block}: {{" for block in blocks) + f"{last}: ..." + "}" * len(blocks)


def listed(names: Sequence[str], *, at_most: int = 8) -> str:
    """`a, b and 3 more`."""
    shown = ", ".join(names[:at_most])
    return f"{shown} and {len(names) - at_most} more" if len(names) > at_most else shown
