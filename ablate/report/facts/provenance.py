"""Which code, data and machines made the runs, as plain values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ablate.records import Stamp


@dataclass(frozen=True, slots=True, kw_only=True)
class Provenance:
    """Runs that were made alike: same code, data, versions, device and numeric settings.

    runs: variant -> number of its runs. first, last: seconds since 1970, UTC.
    """

    runs: Mapping[str, int]
    stamp: Stamp
    numerics: Mapping[str, Any]
    first: float | None
    last: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class MixedStamps:
    """Something that should be the same for runs that are compared, and is not: value -> runs."""

    what: str
    values: Mapping[str, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class StaleRun:
    """A run that was made by other code or on other data than are here now."""

    variant: str
    replicate: int
    differences: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ProvenanceFacts:
    """What made the runs of a study, and where that disagrees."""

    groups: tuple[Provenance, ...] = ()
    """Runs that were made alike."""
    mixed: tuple[MixedStamps, ...] = ()
    """What should be the same for runs that are compared, and is not."""
    stale: tuple[StaleRun, ...] = ()
    """Runs made by other code or on other data than are here now."""
