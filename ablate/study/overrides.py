"""Dotted overrides: `optimizer.lr: 0.1` replaces the value at its path, nothing is merged."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from copy import deepcopy
from typing import Any

from ablate.errors import SettingError

Complete = Callable[[dict[str, Any]], Mapping[str, Any]]
"""From a sparse configuration to the same one with every default."""


class OverrideError(SettingError):
    """An override cannot be applied; `key` is the dotted path as the user wrote it."""


def apply_overrides(config: Mapping[str, Any], overrides: Mapping[str, Any], *, complete: Complete) -> dict[str, Any]:
    """A copy of `config` with each override's value at its path, one after the other.

    config: what the user wrote, sparse; a block that stands only among the defaults is taken from
    there, so that a path may lead into it. A key that exists nowhere is put where its path leads:
    validation comes afterwards and knows the near match.
    Raises OverrideError where a path leads through null or a value.
    """
    result = deepcopy(dict(config))
    for key, value in overrides.items():
        _apply_one(result, key, deepcopy(value), complete)
    return result


def _apply_one(config: dict[str, Any], key: str, value: Any, complete: Complete) -> None:
    *blocks, last = key.split(".")
    block = config
    for depth, name in enumerate(blocks):
        path = blocks[: depth + 1]
        if name not in block:
            block[name] = _default_at(path, complete(config))
        if block[name] is None:
            rest = ": {".join(key.split(".")[depth + 1 :]) + ": ..." + "}" * (len(blocks) - depth)
            raise OverrideError(
                key,
                f"{key!r} leads through {'.'.join(path)!r}, which is null here",
                hint=f"Set the whole block instead: {'.'.join(path)}: {{{rest}",
            )
        if not isinstance(block[name], dict):
            raise OverrideError(
                key,
                f"{key!r} leads through {'.'.join(path)!r}, which is a value, not a block",
                hint=f"Set the value itself: {'.'.join(path)}: ...",
            )
        block = block[name]
    block[last] = value


def _default_at(path: Iterable[str], completed: Mapping[str, Any]) -> Any:
    """A copy of what the completed configuration holds at a path; an empty block where it holds nothing."""
    found: Any = completed
    for part in path:
        if not isinstance(found, Mapping) or part not in found:
            return {}
        found = found[part]
    return deepcopy(found)


def refuse_overlaps(overrides: Mapping[str, Any]) -> None:
    """Raise OverrideError where one of several overrides lies inside another: their order would matter."""
    for key in overrides:
        around = next((other for other in overrides if is_within(key, other)), None)
        if around is not None:
            raise OverrideError(
                key, f"{key!r} lies inside {around!r}, which is set as well", hint=f"Write both as one {around!r}."
            )


def is_within(key: str, block: str) -> bool:
    """Whether a dotted key leads to something within a block, not to the block itself."""
    return key.startswith(f"{block}.")
