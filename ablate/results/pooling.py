"""One step over several data sets: which studies' answers belong together, and what they say at once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import combinations
from typing import Any, NamedTuple

from ablate.errors import StudyError, near_match
from ablate.results.question import Metric
from ablate.stats.effects import Effect
from ablate.stats.pooled import (
    FOR_INTERVAL,
    FOR_VERDICT,
    LEAST_DF,
    TOO_FEW_REPLICATES,
    TOO_FEW_SETS,
    Pooled,
    pool_data_sets,
)
from ablate.stats.verdict import JudgedContrast, judge_family

EVERY = "all"
"""What is asked for to pool every step that all studies have."""


class StudyAnswers(NamedTuple):
    """What one study says of its steps.

    declared: the step its file names for pooling, empty for none. thresholds: negligible, worthwhile, in shown units.
    digests: of the data its runs were made on; empty where its trainer names none. changes: step -> what it sets.
    """

    study: str
    declared: str
    metric: Metric
    thresholds: tuple[float | None, float | None]
    effects: Mapping[str, Effect]
    changes: Mapping[str, Mapping[str, Any]]
    digests: frozenset[str]


class DataSetAnswer(NamedTuple):
    """One data set's part. weight: its share of the mean; None where it is not pooled, and reason says why."""

    study: str
    effect: Effect
    weight: float | None
    reason: str


class PooledStep(NamedTuple):
    """One step over the data sets. pooled: None for fewer than three of them. judged: with the verdict on the mean."""

    name: str
    answers: tuple[DataSetAnswer, ...]
    pooled: Pooled | None
    judged: JudgedContrast
    differs: bool
    """Whether the studies set something else under this name."""


class PooledStudies(NamedTuple):
    """Several studies at once, one a data set.

    steps: those asked for. shared: how many all studies have, over which p is adjusted. is_declared: the one step is
    named in every study file, and judged alone. negligible, worthwhile: in shown units, where all studies agree.
    unidentified: studies whose data have no digest, so that nobody can tell whether they are the same.
    """

    studies: tuple[str, ...]
    metric: Metric
    steps: tuple[PooledStep, ...]
    shared: int
    is_declared: bool
    negligible: float | None
    worthwhile: float | None
    agrees: bool
    unidentified: tuple[str, ...]


def pool_studies(answers: Sequence[StudyAnswers], asked: Sequence[str]) -> PooledStudies:
    """Pool steps by name. A step that every study file names is judged alone, any other among all that are shared.

    asked: names of steps, or `all`. Raises StudyError for studies that cannot be pooled: fewer than two, the same data
    twice, other metrics, a step that one of them does not have.
    """
    _refuse_unlike(answers)
    shared = [name for name in answers[0].effects if all(name in one.effects for one in answers)]
    names = _named(answers, asked, shared)
    is_declared = len(names) == 1 and all(one.declared == names[0] for one in answers)
    family = names if is_declared else shared
    agrees = len({one.thresholds for one in answers}) == 1
    negligible, worthwhile = answers[0].thresholds if agrees else (None, None)
    metric = answers[0].metric
    pooled = {name: _pool(name, answers) for name in family}
    judged = judge_family(
        [None if found is None else found.estimate for found, _ in pooled.values()],
        negligible=None if negligible is None else negligible / metric.scale,
        worthwhile=None if worthwhile is None else worthwhile / metric.scale,
        goal=metric.goal,
        reasons={
            i: TOO_FEW_SETS
            for i, (_, rows) in enumerate(pooled.values())
            if sum(not row.reason for row in rows) < FOR_VERDICT
        },
    )
    verdicts = dict(zip(family, judged, strict=True))
    return PooledStudies(
        studies=tuple(one.study for one in answers),
        metric=metric,
        steps=tuple(
            PooledStep(
                name,
                pooled[name][1],
                _possible(pooled[name][0], metric),
                verdicts[name],
                _differs(name, answers),
            )
            for name in names
        ),
        shared=len(shared),
        is_declared=is_declared,
        negligible=negligible,
        worthwhile=worthwhile,
        agrees=agrees,
        unidentified=tuple(one.study for one in answers if not one.digests),
    )


def _refuse_unlike(answers: Sequence[StudyAnswers]) -> None:
    if len(answers) < 2:
        raise StudyError(
            "--pool: several studies are pooled, one a data set",
            hint=f"From {FOR_INTERVAL} data sets there is an interval, from {FOR_VERDICT} a verdict.",
        )
    first = answers[0]
    for a, b in combinations(answers, 2):
        if a.study == b.study:
            raise StudyError(f"--pool: the study {a.study!r} is named twice", hint="Each data set counts once.")
        if a.digests & b.digests:
            raise StudyError(
                f"--pool: {a.study!r} and {b.study!r} ran on the same data (digest "
                f"{min(a.digests & b.digests)[:12]}); a data set counts once",
                hint="Leave one of the two studies out.",
            )
    for other in answers[1:]:
        for what, mine, theirs in (
            ("is judged by {}", first.metric.name, other.metric.name),
            ("wants the metric's {}", first.metric.goal, other.metric.goal),
        ):
            if mine != theirs:
                raise StudyError(
                    f"--pool: {first.study!r} {what.format(mine)} and {other.study!r} {what.format(theirs)}; "
                    "their differences have no common unit",
                    hint="Pool studies with the same evidence.metric.",
                )


def _named(answers: Sequence[StudyAnswers], asked: Sequence[str], shared: Sequence[str]) -> list[str]:
    names = list(dict.fromkeys(asked))
    if EVERY in names and not any(EVERY in one.effects for one in answers):
        if not shared:
            raise StudyError("--pool all: the studies share no step", hint="Give steps the same name in all files.")
        return list(shared)
    for name in names:
        without = [one.study for one in answers if name not in one.effects]
        if without:
            known = [step for one in answers if one.study in without for step in one.effects]
            raise StudyError(
                f"--pool {name}: there is no step {name!r} in {', '.join(without)}",
                hint=f"{near_match(name, known)}All studies have: {', '.join(shared) or 'no step in common'}.",
            )
    return names


def _pool(name: str, answers: Sequence[StudyAnswers]) -> tuple[Pooled | None, tuple[DataSetAnswer, ...]]:
    effects = [one.effects[name] for one in answers]
    reasons = [_why_not(effect) for effect in effects]
    known = [
        effect.estimate
        for effect, reason in zip(effects, reasons, strict=True)
        if effect.estimate is not None and not reason
    ]
    found = pool_data_sets([one.difference for one in known], [one.standard_error for one in known])
    weights = iter(found.weights if found is not None else ())
    rows = tuple(
        DataSetAnswer(
            study=one.study,
            effect=effect,
            weight=None if reason else next(weights, None),
            reason=reason,
        )
        for one, effect, reason in zip(answers, effects, reasons, strict=True)
    )
    return found, rows


def _possible(found: Pooled | None, metric: Metric) -> Pooled | None:
    """With interval and prediction cut at what is possible: a rate rises or falls by no more than 1."""
    if found is None or metric.unit != "%":
        return found
    own = found.estimate
    return found._replace(
        estimate=replace(own, lo=max(-1.0, own.lo), hi=min(1.0, own.hi)),
        lo_next=max(-1.0, found.lo_next),
        hi_next=min(1.0, found.hi_next),
    )


def _why_not(effect: Effect) -> str:
    """Why a data set is listed and not pooled; empty where it is pooled.

    What a study gives no verdict on for want of runs or of comparable tests is no evidence here, either.
    """
    if effect.judged.reason or effect.estimate is None:
        return effect.judged.reason
    return TOO_FEW_REPLICATES if effect.estimate.df < LEAST_DF else ""


def _differs(name: str, answers: Sequence[StudyAnswers]) -> bool:
    return any(one.changes.get(name) != answers[0].changes.get(name) for one in answers)
