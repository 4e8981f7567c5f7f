"""What a network may cost at most: `latency <= 40 ms`, `size <= 20 MB`, and which row keeps to it."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import NamedTuple

from ablate.deploy.records import DeployResult, Row
from ablate.errors import StudyError, near_match

SECONDS = {"us": 1e-6, "ms": 1e-3, "s": 1.0}
BYTES = {"B": 1, "kB": 10**3, "KB": 10**3, "MB": 10**6, "GB": 10**9, "KiB": 2**10, "MiB": 2**20, "GiB": 2**30}


class Figure(NamedTuple):
    """What can be limited. of: a row, None where it was not measured."""

    units: dict[str, float]
    of: Callable[[Row], float | None]


FIGURES = {
    "latency": Figure(SECONDS, lambda row: None if row.single is None else row.single.p50),
    "p95": Figure(SECONDS, lambda row: None if row.single is None else row.single.p95),
    "size": Figure(dict(BYTES), lambda row: float(row.bytes)),
    "memory": Figure(dict(BYTES), lambda row: None if row.peak_bytes is None else float(row.peak_bytes)),
}
EXAMPLES = "Examples: `latency <= 40 ms`, `p95 <= 0.1 s`, `size <= 20 MB`, `memory <= 1 GiB`."


class Budget(NamedTuple):
    """text: as it was asked. limit: in seconds or bytes."""

    text: str
    figure: str
    limit: float
    with_equal: bool

    def fits(self, row: Row) -> bool:
        """Whether a row keeps to it; one that was not measured does not."""
        value = FIGURES[self.figure].of(row)
        return value is not None and (value < self.limit or (self.with_equal and value == self.limit))


def read_budget(text: str) -> Budget:
    """A budget as it is written. Raises StudyError for what is none."""
    found = re.fullmatch(r"\s*(\w+)\s*(<=|<)\s*(\d+(?:\.\d+)?(?:[eE][+-]?\d+)?)\s*([A-Za-z]+)\s*", text)
    if found is None:
        raise StudyError(f"--budget {text!r} cannot be read", hint=EXAMPLES)
    name, sign, number, unit = found.groups()
    if name not in FIGURES:
        raise StudyError(
            f"--budget {text!r}: {name!r} is not measured",
            hint=f"{near_match(name, FIGURES)}Of use: {', '.join(FIGURES)}. {EXAMPLES}",
        )
    units = FIGURES[name].units
    if unit not in units:
        raise StudyError(
            f"--budget {text!r}: {name} is not measured in {unit}", hint=f"Units: {', '.join(units)}. {EXAMPLES}"
        )
    return Budget(" ".join(text.split()), name, float(number) * units[unit], sign == "<=")


def best_within(rows: Sequence[Row], budgets: Sequence[Budget]) -> Row | None:
    """The most accurate row that keeps to all of them; of equally accurate ones the fastest, then the smallest."""
    fitting = [row for row in rows if all(one.fits(row) for one in budgets)]
    return min(fitting, key=_rank, default=None)


def optimised_of(result: DeployResult) -> Row | None:
    """The row to set beside the first: what the budget chose, else the fastest that is shown to be no worse.

    None where no row is, and where none fits the budget.
    """
    if result.budget:
        return next((row for row in result.rows if row.name == result.choice), None)
    safe = [row for row in result.rows[1:] if is_no_worse(row)]
    return min(safe, key=lambda row: (row.single.p50 if row.single else 0.0, row.bytes), default=None)


def is_no_worse(row: Row) -> bool:
    """Whether a loss that would matter is ruled out."""
    return row.claim is not None and row.claim.word == "non_inferior"


def _rank(row: Row) -> tuple[float, float, int]:
    return -row.mean_accuracy, row.single.p50 if row.single else 0.0, row.bytes
