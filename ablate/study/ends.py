"""When a study ends, where it names an end: a moment, or a span of time from its first run."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from ablate.study.durations import read_duration

_MOMENT = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d)?(Z|[+-]\d\d:\d\d)?")
_BEGUN = datetime(2000, 1, 1)


class Closed(NamedTuple):
    """A study that was closed for time. end: the moment it had named; looks, shares: as they were planned.

    left_out: fingerprints of the runs that had not finished by then, whatever became of them later.
    """

    end: str
    looks: tuple[int, ...]
    shares: tuple[float, ...]
    left_out: frozenset[str] = frozenset()


def checked_end(value: Any) -> str:
    """The text of an end. Raises ValueError for what is neither a moment nor a span of time."""
    text = str(value).strip()
    try:
        end_of(text, _BEGUN)
    except (ValueError, OverflowError):
        raise ValueError(
            f"{value!r} is not an end; write a moment such as 2026-12-01T18:00, or a time from the first run: 9h"
        ) from None
    return text


def end_of(text: str, begun: datetime) -> datetime:
    """The moment at which a study ends; without a time zone it is this machine's. A span counts from `begun`."""
    if _MOMENT.fullmatch(text):
        return datetime.fromisoformat(text).astimezone()
    return begun.astimezone() + timedelta(seconds=read_duration(text))


def moment_words(end: str) -> str:
    """A moment as people read it: `2026-12-01 18:00 (+01:00)`."""
    at = datetime.fromisoformat(end)
    return f"{at:%Y-%m-%d %H:%M} ({at.isoformat()[-6:]})"
