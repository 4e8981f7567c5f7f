"""What would settle the comparisons that are open, and what that costs, from the runs that finished."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ablate.records import Contrast
from ablate.report.commands import Commands
from ablate.report.facts import EffectRow, Evidence, OpenStep, RunRow, Settling, VariantRow

FEW = 5
"""Replicates to plan where one alone was made: the fewest that see an effect of a few points."""


def settling_of(
    effects: Sequence[EffectRow],
    contrasts: Sequence[Contrast],
    variants: Sequence[VariantRow],
    runs: Sequence[RunRow],
    evidence: Evidence,
    commands: Commands,
) -> Settling | None:
    """How to go on; None where every comparison is decided or can never be.

    First come runs of this look that have not been made, then the next planned look, then a further one
    that has to be declared. effects and contrasts line up.
    """
    seconds = _seconds_by_variant(variants)
    missing = [run for run in runs if run.status == "missing"]
    if missing:
        only = _unless_all({run.variant for run in missing}, variants)
        return Settling(
            kind="finish",
            open=_open(effects, {"undecided", "not_assessable"}),
            replicates=evidence.replicates,
            runs=len(missing),
            seconds=_total(seconds, [run.variant for run in missing]),
            command=commands.run(only=only, look=evidence.look),
        )
    waiting = [(e, c) for e, c in zip(effects, contrasts, strict=True) if _more_runs_help(e)]
    hopeless = [e for e in effects if e.verdict == "undecided" and e.needed is not None and e.needed.unit == "images"]
    if not waiting and not hopeless:
        return None
    steps = _open([effect for effect in effects if effect in hopeless or any(effect is e for e, _ in waiting)])
    if not waiting:
        return Settling(kind="images", open=steps, replicates=evidence.replicates, runs=0, seconds=None, command="")
    involved = {name for _, contrast in waiting for name in contrast.weights}
    only = _unless_all(involved, variants)
    planned = evidence.look < len(evidence.looks)
    target = evidence.looks[evidence.look] if planned else _target([e for e, _ in waiting], evidence)
    added = [name for name in involved for _ in range(target - evidence.replicates)]
    if planned:
        command = commands.run(only=only, look=evidence.look + 1)
    else:
        # The looks so far are declared with the new one, so that they are paid for.
        looks = [*(evidence.looks if evidence.looks[-1] > 1 else ()), target]
        command = commands.run(only=only, look=len(looks), replicates=looks)
    return Settling(
        kind="planned" if planned else "declared",
        open=steps,
        replicates=target,
        runs=len(added),
        seconds=_total(seconds, added),
        command=command,
    )


def _more_runs_help(effect: EffectRow) -> bool:
    if effect.verdict == "not_assessable":
        return effect.reason == "single run"
    return effect.verdict == "undecided" and (effect.needed is None or effect.needed.unit == "replicates")


def _target(waiting: Sequence[EffectRow], evidence: Evidence) -> int:
    """Replicates to declare beyond the last planned look: as many as the noise asks for, else twice as many."""
    if evidence.replicates == 1:
        return FEW
    further = max((effect.needed.number for effect in waiting if effect.needed is not None), default=0)
    return evidence.replicates + (further or evidence.replicates)


def _open(effects: Sequence[EffectRow], verdicts: set[str] | None = None) -> tuple[OpenStep, ...]:
    return tuple(
        OpenStep(name=effect.name, verdict=effect.verdict, needed=effect.needed)
        for effect in effects
        if verdicts is None or effect.verdict in verdicts
    )


def _unless_all(names: set[str], variants: Sequence[VariantRow]) -> list[str]:
    """The names in the plan's order; none where all are meant, which needs no `--only`."""
    ordered = [row.name for row in variants if row.name in names]
    return [] if len(ordered) == len(variants) else ordered


def _seconds_by_variant(variants: Sequence[VariantRow]) -> Mapping[str, float]:
    """Mean seconds of a run; a variant without a finished run is taken to be like the others."""
    known = [row.seconds for row in variants if row.seconds is not None]
    if not known:
        return {}
    mean = sum(known) / len(known)
    return {row.name: mean if row.seconds is None else row.seconds for row in variants}


def _total(seconds: Mapping[str, float], runs: Sequence[str]) -> float | None:
    return sum(seconds[name] for name in runs) if seconds else None
