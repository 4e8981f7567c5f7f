"""The end a study has named, and what was complete when it came: written by whoever trains it, read by everybody.

It is fixed before the first look at results. Closing is a look like the planned ones: what it judged stays judged.
"""

from __future__ import annotations

import os
from dataclasses import asdict, dataclass, fields
from datetime import datetime
from pathlib import Path
from typing import Any

from ablate.errors import StudyError
from ablate.files import read_json, write_json

FILE = "closing.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class Closing:
    """When a study ends.

    until: as it was written. end: the moment, ISO 8601 with its zone. by_option: named by `run --final`, not in the
    file. closed: when that came, empty before; replicates: how many were judged then. looks, shares: as they were
    planned, so that no later default moves what was spent. left_out: fingerprints of the runs, of those replicates,
    that had not finished.
    """

    until: str
    end: str
    by_option: bool = False
    closed: str = ""
    replicates: int = 0
    looks: tuple[int, ...] = ()
    shares: tuple[float, ...] = ()
    left_out: tuple[str, ...] = ()

    def is_over(self, now: datetime) -> bool:
        """Whether the end has come."""
        return now >= datetime.fromisoformat(self.end)


_KEYS = tuple(field.name for field in fields(Closing))


def read_closing(folder: Path) -> Closing | None:
    """What a study's folder holds of its end; None where it has named none.

    Raises StudyError for a record that is there and cannot be read: taken for none, it would reopen a closed study.
    """
    path = folder / FILE
    found = closing_from(read_json(path))
    if found is None and os.path.lexists(path):
        raise StudyError(
            f"{path}: this record of the study's end cannot be read, so whether the study was closed is not known",
            hint="Put back a copy of the file. Without one, go on in a study of another name, which takes over the "
            "finished runs; say in it what was seen before.",
        )
    return found


def closing_from(content: Any) -> Closing | None:
    """The record in plain data, whatever another version adds to it; None where it is something else."""
    try:
        content = {name: content[name] for name in _KEYS if name in content}
        lists = {name: tuple(content.get(name, ())) for name in ("looks", "shares", "left_out")}
        looks, shares = lists["looks"], lists["shares"]
        found = Closing(**content | lists)
        datetime.fromisoformat(found.end)
        is_whole = not found.closed or (len(looks) == len(shares) > 0 and all(look > 0 for look in looks))
        return found if is_whole and isinstance(found.replicates, int) and isinstance(found.until, str) else None
    except (AttributeError, TypeError, ValueError):
        return None


def write_closing(folder: Path, closing: Closing) -> None:
    """Write it down."""
    write_json(folder / FILE, asdict(closing))
