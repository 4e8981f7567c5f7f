"""Values in YAML's flow style, the one way every part writes them: best.yaml, MLflow's tags, the page of a search."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

_BARE = re.compile(r"[A-Za-z][\w./+-]*(?:[: ][\w./+-]+)*", re.ASCII)
_TAKEN = ("null", "true", "false", "none", "yes", "no", "on", "off", "nan", "inf")


def flow(value: Any) -> str:
    """A value as a study file may hold it: JSON, but for the quotes of plain words."""
    match value:
        case Mapping():
            return "{" + ", ".join(f"{flow(key)}: {flow(item)}" for key, item in value.items()) + "}"
        case list() | tuple():
            return "[" + ", ".join(map(flow, value)) + "]"
        case str():
            return _word(value)
        case None | bool() | int() | float():
            return json.dumps(value)
        case _:
            return _word(str(value))


def without_off(value: Any) -> Any:
    """The value without what is off: keys that are null, at any depth."""
    match value:
        case Mapping():
            return {key: without_off(item) for key, item in value.items() if item is not None}
        case list() | tuple():
            return [without_off(item) for item in value]
        case _:
            return value


def _word(text: str) -> str:
    """Bare where no reader could take it for anything but itself, else quoted."""
    return text if _BARE.fullmatch(text) and text.lower() not in _TAKEN else json.dumps(text, ensure_ascii=False)
