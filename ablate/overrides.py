"""Dotted overrides: `optimizer.lr: 0.1` replaces the value at its path, nothing is merged."""

from __future__ import annotations

from collections.abc import Mapping
from copy import deepcopy
from typing import Any

from ablate.errors import StudyError, near_match


class OverrideError(StudyError):
    """An override cannot be applied; `key` is the dotted path as the user wrote it."""

    def __init__(self, key: str, message: str, *, hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.key = key


def apply_overrides(
    config: Mapping[str, Any], overrides: Mapping[str, Any], *, defaults: Mapping[str, Any]
) -> dict[str, Any]:
    """A copy of `config` with each override's value at its path.

    config: what the user wrote, sparse. defaults: the same configuration complete; a block that
    is only there is started with its name, so that a path may lead into it.
    Raises OverrideError where a path leads through null, a value or a key that does not exist.
    """
    result = deepcopy(dict(config))
    for key, value in overrides.items():
        _apply_one(result, key, deepcopy(value), defaults)
    return result


def _apply_one(config: dict[str, Any], key: str, value: Any, defaults: Mapping[str, Any]) -> None:
    *blocks, last = key.split(".")
    known: Any = defaults
    block = config
    for depth, name in enumerate(blocks):
        path = ".".join(blocks[: depth + 1])
        known = known.get(name) if isinstance(known, Mapping) else None
        if name not in block:
            block[name] = _start_block(known, key, path, block, defaults if depth == 0 else None)
        if block[name] is None:
            raise OverrideError(
                key,
                f"{key!r} leads through {path!r}, which is null here",
                hint=f"Set the whole block instead: {path}: {{{'.'.join(key.split('.')[depth + 1 :])}: ...}}",
            )
        if not isinstance(block[name], dict):
            raise OverrideError(key, f"{key!r} leads through {path!r}, which is a value, not a block")
        block = block[name]
    block[last] = value


def _start_block(known: Any, key: str, path: str, siblings: Mapping[str, Any], top: Mapping[str, Any] | None) -> Any:
    if isinstance(known, Mapping):
        return {"name": known["name"]} if "name" in known else {}
    if known is not None:
        raise OverrideError(key, f"{key!r} leads through {path!r}, which is a value, not a block")
    names = set(siblings) | set(top or {})
    if top is not None and path not in names:
        raise OverrideError(
            key,
            f"unknown key {key!r}: there is no {path!r}",
            hint=f"{near_match(path, names)}Known keys: {', '.join(sorted(names))}.",
        )
    return None


def flattened(config: Mapping[str, Any], path: str = "") -> dict[str, Any]:
    """Dotted key -> value; lists and empty blocks stay whole."""
    flat: dict[str, Any] = {}
    for key, value in config.items():
        if isinstance(value, Mapping) and value:
            flat |= flattened(value, f"{path}{key}.")
        else:
            flat[path + key] = value
    return flat
