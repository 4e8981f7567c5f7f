"""Dotted overrides: `optimizer.lr: 0.1` replaces the value at its path, nothing is merged."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from copy import deepcopy
from typing import Any

from ablate.errors import SettingError

Complete = Callable[[dict[str, Any]], Mapping[str, Any] | None]
"""From a sparse configuration to the same one with every default, or None where it is not valid."""


class OverrideError(SettingError):
    """An override cannot be applied; `key` is the dotted path as the user wrote it."""


def apply_overrides(
    config: Mapping[str, Any], overrides: Mapping[str, Any], *, complete: Complete
) -> dict[str, Any]:
    """A copy of `config` with each override's value at its path.

    config: what the user wrote, sparse; a block that only stands among the defaults is taken from
    there, so that a path may lead into it.
    Raises OverrideError where a path leads through null or a value, and where one override lies
    inside another. A key that does not exist is put where the path leads: validation knows better.
    """
    _refuse_overlaps(overrides)
    result = deepcopy(dict(config))
    for key, value in overrides.items():
        _apply_one(result, key, deepcopy(value), complete)
    return result


def join_overrides(*bundles: Mapping[str, Any]) -> dict[str, Any]:
    """One bundle that does what all do in turn: later values win, also over what lies inside them.

    A later override inside an earlier one goes into the earlier one's value.
    """
    joined: dict[str, Any] = {}
    for bundle in bundles:
        for key, value in bundle.items():
            around = next((k for k in joined if key.startswith(f"{k}.")), None)
            if around is None:
                joined = {k: v for k, v in joined.items() if k != key and not k.startswith(f"{key}.")}
                joined[key] = deepcopy(value)
                continue
            holder = {around: joined[around]}
