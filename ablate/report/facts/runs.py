"""Single runs, as plain values in the unit they are shown in."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True, kw_only=True)
class RunRow:
    """One run that was planned up to this look. metrics: in shown units, empty unless it finished.

    spared: not made, and not needed, because every comparison of its variant was decided at an earlier look.
    traceback: of a failure, empty where there is none.
    """

    variant: str
    replicate: int
    status: Literal["finished", "failed", "missing", "spared"]
    reason: str
    message: str
    metrics: Mapping[str, float]
    epoch: int | None
    seconds: float | None
    folder: str
    traceback: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class History:
    """One finished run, epoch by epoch: metric name (`val/accuracy`) -> one value per epoch, or None."""

    variant: str
    replicate: int
    epochs: tuple[int, ...]
    metrics: Mapping[str, tuple[float | None, ...]]


@dataclass(frozen=True, slots=True, kw_only=True)
class RunFacts:
    """The runs of a study."""

    rows: tuple[RunRow, ...]
    """Every run planned up to this look."""
    histories: tuple[History, ...] = ()
    """The finished runs, epoch by epoch."""
    explained: tuple[tuple[str, str], ...] = ()
    """Pages about single runs: the run's name, and the path from the report's folder."""
    deployed: tuple[tuple[str, str], ...] = ()
    """Pages about variants as files to be used: the variant's name, and the path from the report's folder."""

    @property
    def failed(self) -> tuple[RunRow, ...]:
        """Runs that ended without a result."""
        return tuple(run for run in self.rows if run.status == "failed")

    @property
    def missing(self) -> tuple[RunRow, ...]:
        """Runs that this look waits for."""
        return tuple(run for run in self.rows if run.status == "missing")

    @property
    def spared(self) -> tuple[RunRow, ...]:
        """Runs that an earlier look made needless."""
        return tuple(run for run in self.rows if run.status == "spared")
