"""What the images of a study are called, as far as its settings say."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import PurePath
from typing import Any


def data_name(config: Mapping[str, Any]) -> str:
    """The data set, the folder or the table that `data.source` names; empty for trainers without such a setting."""
    data = config.get("data")
    source = data.get("source") if isinstance(data, Mapping) else None
    if not isinstance(source, Mapping):
        return ""
    for key in ("dataset", "file", "root"):
        if source.get(key):
            return PurePath(str(source[key])).stem
    return str(source.get("name", ""))
