"""What of a study fits into a given time: replicates, looks, if need be fewer variants; and what each would show."""

from __future__ import annotations

import heapq
import shlex
from collections.abc import Collection, Mapping, Sequence
from copy import copy
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from ablate.results.survey import RunInventory
from ablate.stats.alpha_shares import look_shares, looks_at_close
from ablate.workflows.closing import has_end, has_shown_results
from ablate.workflows.executor import workers_here
from ablate.workflows.options import Options
from ablate.workflows.plan_summary import seconds_a_run, smallest_steps
from ablate.workflows.session import Session

FEWEST = 2
"""Replicates below which chance cannot be told from a difference."""


def time_budget(session: Session, options: Options, within: str, seconds: float) -> dict[str, Any]:
    """What fits, as plain data: the `within` of `ablate plan --json`. within: the time as it was written."""
    found = session.survey(replace(options, look=len(session.plan.looks), only=(), replicates=()))
    times = seconds_a_run(session, found)
    workers = options.workers or workers_here(session, options)
    budget = _Budget(session, found, times, workers, within, seconds)
    note = _why_none(session, times)
    proposals = [] if note else _go_on(budget) if has_shown_results(session) else _proposals(budget)
    if not note and not proposals:
        note = _too_short(budget)
    return {
        "time": within,
        "seconds": seconds,
        "workers": workers,
        "seconds_a_run": {name: round(value, 3) for name, value in times.items()},
        "basis": "from the finished runs of this study" if times else "",
        "proposals": proposals,
        "note": note,
    }


def scheduled_seconds(runs: Sequence[float], workers: int) -> float:
    """How long runs take that are begun in this order, each as soon as one of the workers is free."""
    free = [0.0] * max(1, workers)
    for seconds in runs:
        heapq.heappush(free, heapq.heappop(free) + seconds)
    return max(free)


def complete_within(
    session: Session, found: RunInventory, times: Mapping[str, float], seconds: float, workers: int
) -> int:
    """How many replicates of every variant will be complete after so many seconds; FEWEST stands for more, too."""
    budget = _Budget(session, found, times, workers, "", seconds)
    return max((n for n in range(1, FEWEST + 1) if budget.fits(n)), default=0)


@dataclass(frozen=True, slots=True)
class _Budget:
    session: Session
    found: RunInventory
    times: Mapping[str, float]
    workers: int
    within: str
    seconds: float

    def left(self, replicates: int, names: Collection[str] | None = None) -> list[float]:
        """Seconds of each run that is still to be made for so many replicates, in the order they are begun."""
        done = {(variant, spec.replicate.index) for variant, spec, _ in self.found.cached}
        order = sorted(self.times, key=lambda name: -self.times[name])
        wanted = [name for name in order if names is None or name in names]
        return [self.times[name] for index in range(replicates) for name in wanted if (name, index) not in done]

    def fits(self, replicates: int, names: Collection[str] | None = None) -> bool:
        return scheduled_seconds(self.left(replicates, names), self.workers) <= self.seconds

    def most(self) -> int:
        """The most replicates of every variant that fit, of those planned."""
        return max((n for n in range(1, self.session.plan.looks[-1] + 1) if self.fits(n)), default=0)

    def steps(self, looks: Sequence[int], shares: Sequence[float] = ()) -> tuple[list[dict[str, Any]], str]:
        """What a plan with these looks would show."""
        other = copy(self.session)
        other.plan = replace(self.session.plan, looks=tuple(looks), shares=tuple(shares))
        return smallest_steps(other, self.found)


def _why_none(session: Session, times: Mapping[str, float]) -> str:
    if session.plan.closed is not None:
        return "the study was closed for time: nothing more is trained for it"
    if not times:
        command = _command(session, only=[session.plan.variants[0].name])
        return (
            f"no run of this study has finished, so nothing is known of the seconds a run takes; begin with {command}"
        )
    return ""


def _proposals(budget: _Budget) -> list[dict[str, Any]]:
    """Before results were shown: looks and replicates of all variants, an end, or fewer variants."""
    session, fit = budget.session, budget.most()
    looks, found = session.plan.looks, []
    if fit >= FEWEST:
        chosen = (*(look for look in looks if look < fit), fit)
        found.append(_proposal(budget, "looks", chosen))
        if len(chosen) > 1:
            found.append(_proposal(budget, "one look", (fit,)))
        if fit < looks[-1] and not has_end(session):
            found.append(_at_the_end(budget, fit))
    if fit < looks[0]:
        found += _fewer_variants(budget)
    return found


def _proposal(budget: _Budget, kind: str, looks: Sequence[int], names: Sequence[str] = ()) -> dict[str, Any]:
    """names: the variants to train, none for all."""
    session, given = budget.session, budget.session.plan.shares
    shares = given if len(given) == len(looks) else ()
    left, changed = budget.left(looks[-1], names or None), tuple(looks) != session.plan.looks
    lines = [f"replicates: [{', '.join(map(str, looks))}]", *(["shares: null"] if given and not shares else [])]
    return _row(budget, kind, looks, shares, left) | {
        "variants": list(names) or [one.name for one in session.plan.variants],
        "left_out": [one.name for one in session.plan.variants if names and one.name not in names],
        "evidence": lines if changed else [],
        "command": _command(session, looks=looks if changed else (), look=len(looks), only=names, free=not shares),
    }


def _row(
    budget: _Budget, kind: str, looks: Sequence[int], shares: Sequence[float], left: Sequence[float]
) -> dict[str, Any]:
    steps, basis = budget.steps(looks, shares)
    return {
        "kind": kind,
        "replicates": list(looks),
        "runs": len(left),
        "estimate_seconds": round(scheduled_seconds(left, budget.workers), 1),
        "visible_step": steps,
        "visible_basis": basis,
    }


def _at_the_end(budget: _Budget, fit: int) -> dict[str, Any]:
    """The looks as planned, and whatever is complete when the time is over."""
    session = budget.session
    plan = session.plan
    looks, shares = looks_at_close(plan.looks, look_shares(plan.looks, plan.shares), fit)
    return _row(budget, "end", looks, shares, budget.left(fit)) | {
        "variants": [one.name for one in plan.variants],
        "left_out": [],
        "evidence": [f"until: {budget.within}"],
        "command": _command(session, more=f"--for {shlex.quote(budget.within)} --final"),
    }


def _fewer_variants(budget: _Budget) -> list[dict[str, Any]]:
    """The first comparisons of the plan, as many as fit with the replicates of the first look, else with the fewest."""
    plan = budget.session.plan
    for replicates in dict.fromkeys((max(FEWEST, plan.looks[0]), FEWEST)):
        for count in range(len(plan.contrasts) - 1, 0, -1):
            needed = {name for contrast in plan.contrasts[:count] for name in contrast.weights}
            names = [one.name for one in plan.variants if one.name in needed]
            if len(names) < len(plan.variants) and budget.fits(replicates, names):
                return [_proposal(budget, "fewer variants", (replicates,), names)]
    return []


def _go_on(budget: _Budget) -> list[dict[str, Any]]:
    """Once results were shown the looks stay as planned: the furthest one that fits."""
    session, best = budget.session, None
    for number, replicates in enumerate(session.plan.looks, start=1):
        to_run = [budget.times[name] for name, _ in session.survey(Options(look=number)).to_run]
        if to_run and scheduled_seconds(to_run, budget.workers) <= budget.seconds:
            shares = look_shares(session.plan.looks, session.plan.shares)
            steps, basis = budget.steps(session.plan.looks, shares)
            best = {
                "kind": "go on",
                "replicates": [replicates],
                "runs": len(to_run),
                "estimate_seconds": round(scheduled_seconds(to_run, budget.workers), 1),
                "visible_step": [step for step in steps if step["replicates"] == replicates],
                "visible_basis": basis,
                "variants": [one.name for one in session.plan.variants],
                "left_out": [],
                "evidence": [],
                "command": _command(session, look=number),
            }
    return [] if best is None else [best]


def _too_short(budget: _Budget) -> str:
    session, plan = budget.session, budget.session.plan
    if has_shown_results(session):
        if not session.survey(Options(look=len(plan.looks))).to_run:
            return "every run that the plan still asks for has finished"
        return (
            "the next planned look does not fit, and looks stay as planned once results were shown; this much of it "
            f"does: {_command(session, look=len(plan.looks), more=f'--for {shlex.quote(budget.within)}')}"
        )
    first = plan.contrasts[0] if plan.contrasts else None
    if first is None:
        return "the study compares nothing"
    seconds = scheduled_seconds(budget.left(FEWEST, first.weights), budget.workers)
    return f"not even {first.name!r} fits with {FEWEST} replicates of each of its variants: that takes {seconds:.0f} s"


def _command(
    session: Session,
    *,
    looks: Sequence[int] = (),
    look: int = 1,
    only: Sequence[str] = (),
    free: bool = False,
    more: str = "",
) -> str:
    """A command as a shell reads it where this one was typed. free: drop shares that do not fit other looks."""
    from ablate.report.gather.next_steps import command_lines  # scientific packages, which a plan does not need

    study = session.study
    sets = study.sets
    if looks and free and study.evidence.shares is not None:
        sets = (*(item for item in sets if not item.startswith("evidence.shares=")), "evidence.shares=null")
    lines = command_lines(study, study.document.name, sets)
    words = [lines.run(only=only, look=look, replicates=looks), more]
    if session.work != Path.cwd().resolve():
        words.append(f"--work {shlex.quote(str(session.work))}")
    return " ".join(filter(None, words))
