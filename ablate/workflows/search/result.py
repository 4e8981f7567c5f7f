"""What a search is asked to do, and what came of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ablate.search import (
    Importance,
    SearchQuestion,
    TrialRecord,
)

if TYPE_CHECKING:
    from ablate.report.gather.assemble import Findings


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchOptions:
    """How to search, beside how to run.

    trials: the total, or None for what the study says. storage: an Optuna URL, or None for a journal file in
    the work folder. name: another name for the search. ablate_winner: ask which of the winner's changes matter.
    """

    trials: int | None = None
    storage: str | None = None
    name: str | None = None
    ablate_winner: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchRun:
    """What a search came to.

    tried: every trial that ended, of so many `wanted` (without a baseline beside them). best: of the first
    objective, None where no trial finished. front: the trials nobody beats. trained: runs trained now.
    answered: suggestions that equalled a finished run; known_to_fail: a failed one. stopped: why it ended
    before its last trial, or empty. unchecked: why the sealed test part may have been read, or empty.
    """

    question: SearchQuestion
    tried: tuple[TrialRecord, ...]
    wanted: int
    best: TrialRecord | None
    front: tuple[TrialRecord, ...]
    importance: tuple[Importance, ...]
    confirmation: Confirmation | None
    trained: int
    answered: int
    known_to_fail: int
    stopped: str
    place: str
    page: Path
    delivered: bool
    exit_code: int
    unchecked: str = ""

    @property
    def name(self) -> str:
        """The search's name."""
        return self.question.name

    @property
    def metric(self) -> str:
        """What it is judged by first."""
        return self.question.objectives[0].name


@dataclass(frozen=True, slots=True, kw_only=True)
class Confirmation:
    """What the confirmation came to. settings: name -> value on validation in the search; the best first.

    later: trials that would be among the top now, but ended after the sealed part was read. moved: what is to be
    said of settings that the search's storage, begun anew meanwhile, has under another number or not at all.
    alone: why the winner's changes were not asked about one by one; empty where they were, or nobody asked.
    """

    settings: Mapping[str, float]
    replicates: int
    later: tuple[str, ...]
    alone: str
    findings: Findings
    report: Path
    moved: tuple[str, ...] = ()
    delivered: bool = True
    """False where the tracking store did not take all of it."""
