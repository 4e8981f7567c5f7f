"""The figures of a search as numbers: what is drawn where, before any ink."""

from __future__ import annotations

from collections.abc import Sequence
from math import isfinite
from typing import NamedTuple

from ablate.report.search.facts import ParallelAxis, SearchFacts, TrialRow, shown_value

MOST_AXES = 8
MOST_CURVES = 60


class HistoryInfo(NamedTuple):
    """Every trial's value in the order of their numbers, the best so far, the baseline's value.

    edge: where the axis ends towards the bad, None where all are shown.
    """

    numbers: tuple[int, ...]
    values: tuple[float, ...]
    best: tuple[float, ...]
    given_up: tuple[tuple[int, float], ...]
    baseline: float | None
    label: str
    edge: float | None = None


class Ticks(NamedTuple):
    """An axis: positions with words where it is a choice."""

    label: str
    log: bool
    words: tuple[str, ...]


class SliceInfo(NamedTuple):
    """One parameter against the value. order: when each trial ran, from 0 to 1. edge: as in the history."""

    ticks: Ticks
    x: tuple[float, ...]
    y: tuple[float, ...]
    order: tuple[float, ...]
    best: tuple[float, float]
    label: str
    edge: float | None = None


class ContourInfo(NamedTuple):
    """Two parameters and the value."""

    across: Ticks
    up: Ticks
    x: tuple[float, ...]
    y: tuple[float, ...]
    z: tuple[float, ...]
    best: tuple[float, float]
    label: str
    is_more_better: bool = True


class ParallelInfo(NamedTuple):
    """One line per trial over all parameters, each scaled to 0..1; coloured by value."""

    axes: tuple[Ticks, ...]
    ends: tuple[tuple[str, str], ...]
    lines: tuple[tuple[tuple[float, ...], float], ...]
    best: int
    is_more_better: bool
    label: str


class TimelineInfo(NamedTuple):
    """Who was at work when. bars: worker, start, end in seconds since the first, and how the trial ended."""

    bars: tuple[tuple[int, float, float, str], ...]
    workers: int


class TrialCurvesInfo(NamedTuple):
    """Learning curves: epochs and values, and how the trial ended; the best one apart."""

    lines: tuple[tuple[tuple[int, ...], tuple[float, ...], str], ...]
    best: tuple[tuple[int, ...], tuple[float, ...]] | None
    shown: int
    total: int
    label: str


class ImportanceInfo(NamedTuple):
    """Shares a parameter, the most important first."""

    names: tuple[str, ...]
    fanova: tuple[float, ...]
    ped_anova: tuple[float, ...]


class FrontInfo(NamedTuple):
    """Two objectives: all trials, and those nobody beats in order, with their names. edge: as in the history."""

    x: tuple[float, ...]
    y: tuple[float, ...]
    front: tuple[tuple[float, float, str], ...]
    baseline: tuple[float, float] | None
    labels: tuple[str, str]
    edge: float | None = None


def history_info(facts: SearchFacts) -> HistoryInfo | None:
    """None where no trial finished."""
    rows = [trial for trial in facts.complete if trial.number >= 0]
    if not rows:
        return None
    values = [float(row.value or 0.0) for row in rows]
    best: list[float] = []
    for value in values:
        best.append(value if not best or facts.better(value, best[-1]) else best[-1])
    given_up = [(row.number, row.curve[-1][1]) for row in facts.trials if row.state == "pruned" and row.curve]
    baseline = facts.baseline.value if facts.baseline is not None else None
    numbers = tuple(row.number for row in rows)
    label, edge = facts.goals[0].label, worst_shown(facts, values)
    return HistoryInfo(numbers, tuple(values), tuple(best), tuple(given_up), baseline, label, edge)


def worst_shown(facts: SearchFacts, values: Sequence[float]) -> float | None:
    """Where the axis of values ends so that the good ones can be told apart; None where all can be shown.

    As far below the best again as three in four trials reach, with half of it to spare: a few that failed to
    learn would else press all the others into one line. The baseline and the best are always inside.
    """
    ranked = sorted(values, reverse=facts.goals[0].is_more_better)
    usual = ranked[(3 * (len(ranked) - 1)) // 4]
    edge = ranked[0] + 1.5 * (usual - ranked[0])
    if usual == ranked[0] or abs(ranked[-1] - ranked[0]) < 2 * abs(edge - ranked[0]):
        return None
    base = facts.baseline.value if facts.baseline is not None else None
    return edge if base is None or facts.better(base, edge) else None


def slice_infos(facts: SearchFacts) -> tuple[SliceInfo, ...]:
    """The two most important parameters against the value."""
    return tuple(info for axis in important(facts)[:2] if (info := _slice(facts, axis)) is not None)


def important(facts: SearchFacts) -> list[ParallelAxis]:
    """The parameters, the most important first; as in the file where that is not known."""
    rank = {row.name: i for i, row in enumerate(facts.importance)}
    # What only stands under one choice says little of the others: it comes last.
    under = {row.name for row in facts.importance if row.fanova is None}
    return sorted(facts.axes, key=lambda axis: (axis.name in under, rank.get(axis.name, len(rank))))


def _slice(facts: SearchFacts, axis: ParallelAxis) -> SliceInfo | None:
    rows = _with_value(facts, [axis])
    if len(rows) < 2 or facts.best is None:
        return None
    last = max(row.number for row in rows) or 1
    best = facts.best if axis.name in facts.best.point else rows[0]
    return SliceInfo(
        ticks=_ticks(axis),
        x=tuple(_position(axis, row) for row in rows),
        y=tuple(float(row.value or 0.0) for row in rows),
        order=tuple(row.number / last for row in rows),
        best=(_position(axis, best), float(best.value or 0.0)),
        label=facts.goals[0].label,
        edge=worst_shown(facts, [float(row.value or 0.0) for row in rows]),
    )


def contour_info(facts: SearchFacts) -> ContourInfo | None:
    """The two most important parameters together; None where there are not two, or too few trials."""
    axes = important(facts)[:2]
    if len(axes) < 2:
        return None
    rows = _with_value(facts, axes)
    if len(rows) < 4 or facts.best is None or any(axis.name not in facts.best.point for axis in axes):
        return None
    across, up = axes
    x, y = (tuple(_position(axis, row) for row in rows) for axis in axes)
    if len(set(x)) < 2 or len(set(y)) < 2:
        return None
    return ContourInfo(
        across=_ticks(across),
        up=_ticks(up),
        x=x,
        y=y,
        z=tuple(float(row.value or 0.0) for row in rows),
        best=(_position(across, facts.best), _position(up, facts.best)),
        label=facts.goals[0].label,
        is_more_better=facts.goals[0].is_more_better,
    )


def parallel_info(facts: SearchFacts) -> ParallelInfo | None:
    """Parameters that every finished trial has; None for fewer than two of them."""
    axes = [axis for axis in important(facts) if all(axis.name in row.point for row in facts.complete if row.point)]
    axes = axes[:MOST_AXES]
    rows = _with_value(facts, axes)
    if len(axes) < 2 or len(rows) < 2 or facts.best is None:
        return None
    columns = []
    ends = []
    for axis in axes:
        places = [_scaled(axis, _position(axis, row)) for row in rows]
        low, high = min(places), max(places)
        columns.append([(place - low) / (high - low) if high > low else 0.5 for place in places])
        raw = [_position(axis, row) for row in rows]
        ends.append((_word(axis, min(raw)), _word(axis, max(raw))))
    lines = tuple((tuple(column[i] for column in columns), float(row.value or 0.0)) for i, row in enumerate(rows))
    best = next((i for i, row in enumerate(rows) if row.number == facts.best.number), 0)
    ticks = tuple(_ticks(axis) for axis in axes)
    goal = facts.goals[0]
    return ParallelInfo(ticks, tuple(ends), lines, best, goal.is_more_better, goal.label)


def timeline_info(facts: SearchFacts) -> TimelineInfo | None:
    """Attempts laid on as few lines as ran side by side; time in which nothing ran is cut out."""
    spans = sorted((span.start, span.end, trial.state) for trial in facts.trials for span in trial.spans)
    if not spans:
        return None
    cut, until, free = 0.0, spans[0][0], [0.0]
    first = spans[0][0]
    free.clear()
    bars = []
    for start, end, state in spans:
        if start > until:
            cut += start - until
        until = max(until, end)
        begin, finish = start - first - cut, end - first - cut
        worker = next((i for i, busy in enumerate(free) if busy <= begin + 1e-6), len(free))
        if worker == len(free):
            free.append(0.0)
        free[worker] = finish
        bars.append((worker, begin, finish, state))
    return TimelineInfo(tuple(bars), len(free))


def search_curves_info(facts: SearchFacts) -> TrialCurvesInfo | None:
    """The latest curves, those of trials that were given up among them."""
    rows = [row for row in facts.trials if row.curve and not (facts.best and row.number == facts.best.number)]
    best = _line(facts.best) if facts.best is not None and facts.best.curve else None
    if not rows and best is None:
        return None
    shown = rows[-MOST_CURVES:]
    lines = tuple((*_line(row), row.state) for row in shown)
    total = len(rows) + (best is not None)
    return TrialCurvesInfo(lines, best, len(shown) + (best is not None), total, facts.goals[0].label)


def importance_info(facts: SearchFacts) -> ImportanceInfo | None:
    """None where nothing is known of any parameter."""
    if not facts.importance:
        return None
    return ImportanceInfo(
        tuple(row.name for row in facts.importance),
        tuple(row.fanova or 0.0 for row in facts.importance),
        tuple(row.ped_anova or 0.0 for row in facts.importance),
    )


def front_info(facts: SearchFacts) -> FrontInfo | None:
    """None for one objective."""
    if len(facts.goals) < 2 or not facts.complete:
        return None
    pairs = [(row, row.values) for row in facts.complete if row.values is not None and len(row.values) > 1]
    front = sorted((values[1], values[0], row.name) for row, values in pairs if row.number in facts.front)
    of_base = facts.baseline.values if facts.baseline is not None else None
    return FrontInfo(
        x=tuple(values[1] for _, values in pairs),
        y=tuple(values[0] for _, values in pairs),
        front=tuple(front),
        baseline=(of_base[1], of_base[0]) if of_base is not None else None,
        labels=(facts.goals[1].label, facts.goals[0].label),
        edge=worst_shown(facts, [values[0] for _, values in pairs]),
    )


def _with_value(facts: SearchFacts, axes: Sequence[ParallelAxis]) -> list[TrialRow]:
    return [row for row in facts.complete if all(axis.name in row.point for axis in axes) and row.point]


def _ticks(axis: ParallelAxis) -> Ticks:
    return Ticks(axis.name, axis.log, axis.choices)


def _position(axis: ParallelAxis, row: TrialRow) -> float:
    value = row.point[axis.name]
    return float(axis.choices.index(shown_value(value))) if axis.choices else float(value)


def _scaled(axis: ParallelAxis, position: float) -> float:
    from math import log10

    return log10(position) if axis.log and position > 0 else position


def _word(axis: ParallelAxis, position: float) -> str:
    return axis.choices[int(position)] if axis.choices else f"{position:.3g}"


def _line(row: TrialRow) -> tuple[tuple[int, ...], tuple[float, ...]]:
    known = [(epoch, value) for epoch, value in row.curve if isfinite(value)]
    return tuple(epoch for epoch, _ in known), tuple(value for _, value in known)
