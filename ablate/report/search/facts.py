"""What the page of a search says, as plain values in the unit they are shown in."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from ablate.study.flow_style import flow

State = Literal["complete", "pruned", "diverged", "failed", "refused"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Goal:
    """One objective. label: as on an axis; scale: from the stored to the shown unit."""

    name: str
    label: str
    is_more_better: bool
    scale: float
    decimals: int

    def shown(self, value: float | None) -> float | None:
        """A stored value in the shown unit."""
        return None if value is None else value * self.scale


@dataclass(frozen=True, slots=True, kw_only=True)
class ParallelAxis:
    """One parameter: its choices in order, or none where it is a number."""

    name: str
    choices: tuple[str, ...]
    log: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """When an attempt ran, in seconds since 1970."""

    start: float
    end: float


@dataclass(frozen=True, slots=True, kw_only=True)
class TrialRow:
    """One trial. values: in shown units, None unless complete. point: parameter -> value.

    curve: epoch and first objective on validation, of its first replicate. epochs: trained for it now or in
    earlier calls, all replicates together. cached: answered from the records.
    """

    number: int
    name: str
    state: State
    values: tuple[float, ...] | None
    point: Mapping[str, Any]
    curve: tuple[tuple[int, float], ...]
    spans: tuple[Span, ...]
    epochs: int
    seconds: float
    cached: bool
    reason: str
    fingerprints: tuple[str, ...]

    @property
    def value(self) -> float | None:
        """Of the first objective."""
        return None if self.values is None else self.values[0]


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportanceRow:
    """How much a parameter mattered, as shares of 1; None where it cannot be told."""

    name: str
    fanova: float | None
    ped_anova: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ConfirmedRow:
    """One confirmed setting: on validation in the search, and on the sealed part. In shown units."""

    name: str
    in_search: float
    confirmed: float | None
    lo: float | None
    hi: float | None
    n: int
    verdict: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ConfirmationFacts:
    """The confirmation. sentence: its report's first; page: from the search's folder."""

    rows: tuple[ConfirmedRow, ...]
    baseline: float | None
    winner: tuple[tuple[str, str], ...]
    """Parameter -> verdict on the winner's change of it."""
    alone: str
    later: tuple[str, ...]
    moved: tuple[str, ...] = ()
    replicates: int
    sentence: str
    page: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchFacts:
    """Everything the page of a search says. baseline: its value on validation, None where it failed.

    unchanged: the best is the baseline as it is. front: numbers of the trials
    nobody beats. place: where Optuna keeps it. best_file: best.yaml's text, None
    where no trial finished. command: runs the search. unchecked: why the sealed test part may have been read, a
    clause; empty where it is known to be unread. small: what a small version keeps of the question; empty for a study
    itself.
    """

    name: str
    question: str
    goals: tuple[Goal, ...]
    axes: tuple[ParallelAxis, ...]
    trials: tuple[TrialRow, ...]
    best: TrialRow | None
    unchanged: bool = False
    baseline: TrialRow | None
    front: frozenset[int]
    importance: tuple[ImportanceRow, ...]
    confirmation: ConfirmationFacts | None
    replicates: int
    val: float | int
    test: str
    sampler: str
    pruner: str
    stopped: str
    place: str
    best_file: str | None
    unchecked: str = ""
    small: str = ""

    @property
    def complete(self) -> tuple[TrialRow, ...]:
        """The trials that ended with a value."""
        return tuple(trial for trial in self.trials if trial.value is not None)

    def better(self, a: float, b: float) -> bool:
        """Whether a value of the first objective is better than another."""
        return a > b if self.goals[0].is_more_better else a < b


def shown_value(value: Any) -> str:
    """A parameter's value for a person, as a study file writes it; four digits tell trials apart."""
    match value:
        case str():
            return value
        case float():
            return f"{value:.4g}"
        case _:
            return flow(value)
