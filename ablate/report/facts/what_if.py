"""What a page needs to judge again by other thresholds; thresholds in the unit of the estimates."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from ablate.stats.verdict import Goal, Verdict
from ablate.stats.what_if import LookSeen


class FamilySeen(NamedTuple):
    """One family. keys: its comparisons, as `Compared.key`. words: their verdicts, and whether `but negligible`.

    latest: of the looks, the last counts whose runs are there.
    """

    keys: tuple[str, ...]
    words: tuple[tuple[Verdict, bool], ...]
    looks: tuple[LookSeen, ...]
    latest: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class WhatIf:
    """Every family of a study by its own metric. scale: from the unit of the estimates to the one that is shown."""

    goal: Goal
    alpha: float
    futility: float
    negligible: float | None
    worthwhile: float | None
    scale: float
    families: tuple[FamilySeen, ...]
