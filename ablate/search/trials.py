"""A trial as a record: what was asked, what came of it, and why."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from ablate.records import Finished, RunSpec
from ablate.search.question import name_of
from ablate.study.space.tree import Point

State = Literal["running", "complete", "pruned", "diverged", "failed", "refused"]


@dataclass(slots=True, kw_only=True)
class TrialRecord:
    """One trial.

    specs: replicate -> its run, and results: of the runs that finished; both only until the trial has ended,
    because a search may have thousands (`SearchQuestion.runs_of` makes the runs again). values: one an
    objective, None unless complete. cached: answered from the records, nothing was trained for it. reason: why
    it failed. handle: Optuna's own object, while it is this process that asked.
    """

    number: int
    point: Point
    specs: Mapping[int, RunSpec] = field(default_factory=dict)
    state: State = "running"
    values: tuple[float, ...] | None = None
    results: dict[int, Finished] = field(default_factory=dict)
    cached: bool = False
    reason: str = ""
    handle: Any = None
    is_recalled: bool = False
    """An earlier call asked for it."""
    reported: set[int] = field(default_factory=set)
    """Steps whose intermediate values Optuna has."""

    @property
    def name(self) -> str:
        """How people call it."""
        return name_of(self.number)

    @property
    def value(self) -> float | None:
        """Of the first objective."""
        return None if self.values is None else self.values[0]

    @property
    def has_ended(self) -> bool:
        """Whether Optuna was told of its end."""
        return self.state != "running"


def have_failed(tried: Iterable[TrialRecord]) -> bool:
    """Whether a run failed, or no trial came to a value; one that diverged is an answer only beside others."""
    tried = list(tried)
    states = [trial.state for trial in tried if trial.number >= 0]
    return any(trial.state == "failed" for trial in tried) or bool(states and "complete" not in states)
