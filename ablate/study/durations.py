"""Spans of time as people write them: `90`, `45s`, `30m`, `3h`, `1d12h`."""

from __future__ import annotations

import re

_UNITS = {"d": 86400.0, "h": 3600.0, "m": 60.0, "s": 1.0}
_PART = re.compile(r"(\d+(?:\.\d+)?)\s*([dhms])")


def read_duration(value: str | float) -> float:
    """Seconds. Raises ValueError for what is no span of time, or none at all."""
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise ValueError(f"{value!r} is not a duration; write 90 (seconds), 30m, 3h or 1d12h")
    text = str(value).strip().lower()
    if re.fullmatch(r"\d+(\.\d+)?", text):
        seconds = float(text)
    elif _PART.sub("", text).strip():
        raise ValueError(f"{value!r} is not a duration; write 90 (seconds), 30m, 3h or 1d12h")
    else:
        seconds = sum(float(number) * _UNITS[unit] for number, unit in _PART.findall(text))
    if seconds <= 0:
        raise ValueError(f"{value!r} is not a positive duration; write 90 (seconds), 30m, 3h or 1d12h")
    return seconds
