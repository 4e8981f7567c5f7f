"""How to go on with a study, as plain values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from ablate.report.facts.exploratory import VisibleStep
from ablate.stats.verdict import Needed, Verdict

MOST_FURTHER = 50
MOST_TIMES = 10
"""More further replicates than these, or than so many times those there are, nobody makes to settle one question."""


def beyond_practice(needed: Needed | None, replicates: int) -> bool:
    """Whether a comparison would take more further replicates than are reasonable; replicates: those there are."""
    if needed is None or needed.unit != "replicates":
        return False
    return needed.number > min(MOST_FURTHER, MOST_TIMES * replicates)


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenStep:
    """A comparison without an answer, and what an answer would take.

    visible, images_dominate: see Course; reason: see Decision.
    """

    name: str
    verdict: Verdict
    needed: Needed | None
    visible: float | None
    reason: str = ""
    images_dominate: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Settling:
    """How to go on: the command, and its price from finished runs.

    kind: finish this look; run again what failed; go on to the next planned look; declare a further one;
    only more test images help, as most of the noise is theirs; or replicates, which show a difference as small as the
    worthwhile one only beyond all practice, or never, but larger ones (both without a command).
    replicates_before, replicates: runs of each variant without and with it. seconds: one run after another.
    """

    kind: Literal["finish", "retry", "planned", "declared", "images", "larger"]
    open: tuple[OpenStep, ...]
    replicates_before: int
    replicates: int
    runs: int
    seconds: float | None
    command: str


@dataclass(frozen=True, slots=True, kw_only=True)
class NextSteps:
    """What can be done from here."""

    settling: Settling | None = None
    """How to go on; None where nothing is open."""
    reruns: Mapping[str, str] = field(default_factory=dict)
    """Variant -> the command that trains it again."""
    visible: tuple[VisibleStep, ...] = ()
    """What each planned look can show."""
