"""What would settle the comparisons that are open, and what that costs, from the runs that finished."""

from __future__ import annotations

import os
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from ablate.records import Contrast
from ablate.report.facts.effect import EffectRow
from ablate.report.facts.findings import Evidence, VariantRow
from ablate.report.facts.next_steps import OpenStep, Settling, beyond_practice
from ablate.report.facts.runs import RunRow
from ablate.stats.looks import SO_FAR
from ablate.stats.verdict import SINGLE_RUN
from ablate.study.study import Study

Kind = Literal["finish", "retry", "planned", "declared", "images", "larger"]


FEW = 5
"""Replicates to plan where one alone was made: the fewest that see an effect of a few points."""


def settling_of(
    effects: Sequence[EffectRow],
    contrasts: Sequence[Contrast],
    variants: Sequence[VariantRow],
    runs: Sequence[RunRow],
    evidence: Evidence,
    commands: CommandLines,
) -> Settling | None:
    """How to go on; None where every comparison is decided or can never be, and of a study that is closed.

    First come runs of this look that have not been made, then failed ones that leave too few, then the next
    planned look, then a further one that has to be declared. effects and contrasts line up.
    """
    if evidence.closed is not None:
        return None
    seconds = _seconds_by_variant(variants)

    def price(kind: Kind, steps: Sequence[EffectRow], made: Sequence[str], target: int, command: str) -> Settling:
        return Settling(
            kind=kind,
            open=tuple(_open_step(effect) for effect in steps),
            replicates_before=evidence.replicates,
            replicates=target,
            runs=len(made),
            seconds=sum(seconds[name] for name in made) if seconds else None,
            command=command,
        )

    open_ = [
        effect
        for effect in effects
        if effect.decision.verdict in ("undecided", "not_assessable") and not effect.course.stopped
    ]
    missing = [run.variant for run in runs if run.status == "missing"]
    if missing:
        only = _unless_all(missing, variants)
        return price("finish", open_, missing, evidence.replicates, commands.run(only=only, look=evidence.look))
    failed = [run.variant for run in runs if run.status == "failed"]
    starved = [effect for effect in open_ if effect.measured.n < 2 <= evidence.replicates]
    if failed and starved:
        command = commands.run(only=_unless_all(failed, variants), look=evidence.look, retry=True)
        return price("retry", starved, failed, evidence.replicates, command)

    planned = evidence.look < len(evidence.looks)
    waiting, hopeless = _split_by_what_helps(open_, effects, evidence, planned=planned)
    if not waiting:
        kind: Kind = "images" if all(effect.course.images_dominate for effect in hopeless) else "larger"
        return price(kind, hopeless, [], evidence.replicates, "") if hopeless else None
    weights = [contrast.weights for effect, contrast in zip(effects, contrasts, strict=True) if effect in waiting]
    involved = list({name: None for names in weights for name in names})
    target = evidence.looks[evidence.look] if planned else _target(waiting, evidence)
    # The looks so far are declared together with a new one, so that they are paid for.
    looks = () if planned else (*(evidence.looks if evidence.looks[-1] > 1 else ()), target)
    command = commands.run(
        only=_unless_all(involved, variants), look=evidence.look + 1 if planned else len(looks), replicates=looks
    )
    added = involved * (target - evidence.replicates)
    steps = [effect for effect in open_ if effect in hopeless or effect in waiting]  # their order in the study
    return price("planned" if planned else "declared", steps, added, target, command)


def _split_by_what_helps(
    open_: Sequence[EffectRow], effects: Sequence[EffectRow], evidence: Evidence, *, planned: bool
) -> tuple[list[EffectRow], list[EffectRow]]:
    """What further replicates settle in practice, and what they do not. planned: whether a look is left."""
    hopeless = [
        effect for effect in open_ if effect.course.needed is not None and effect.course.needed.unit == "images"
    ]
    # A gain that is ruled out may still be a loss: a further look asks about it beside those that are open.
    losing = [
        effect
        for effect in effects
        if effect.decision.verdict == "no_worthwhile_gain" and effect.course.next_look is not None
    ]
    waiting = [effect for effect in open_ if effect not in hopeless and _more_runs_help(effect)]
    if not planned:
        # Nobody makes hundreds of runs for one answer.
        hopeless += [effect for effect in waiting if beyond_practice(effect.course.needed, evidence.replicates)]
        waiting = [effect for effect in waiting if effect not in hopeless]
    return waiting + (losing if waiting else []), hopeless


def _more_runs_help(effect: EffectRow) -> bool:
    if effect.decision.verdict == "not_assessable":
        return effect.decision.reason == SINGLE_RUN or _may_grow(effect)
    return (
        effect.decision.verdict == "undecided"
        and not effect.course.stopped
        and (effect.course.needed is None or effect.course.needed.unit == "replicates")
    )


def _may_grow(effect: EffectRow) -> bool:
    """Whether the next look tests images of which there are too few so far."""
    return effect.decision.reason.startswith(SO_FAR) and effect.course.next_look is not None


def _target(waiting: Sequence[EffectRow], evidence: Evidence) -> int:
    """Replicates to declare beyond the last planned look: as many as the noise asks for, else twice as many."""
    if evidence.replicates == 1:
        return FEW
    further = max((effect.course.needed.number for effect in waiting if effect.course.needed is not None), default=0)
    return evidence.replicates + (further or evidence.replicates)


def _open_step(effect: EffectRow) -> OpenStep:
    return OpenStep(
        name=effect.compared.name,
        verdict=effect.decision.verdict,
        needed=effect.course.needed,
        visible=effect.course.visible,
        reason=effect.decision.reason,
        images_dominate=effect.course.images_dominate,
    )


def _unless_all(names: Sequence[str], variants: Sequence[VariantRow]) -> list[str]:
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


_READ_BY_SHELLS = set('"$`\\!')


@dataclass(frozen=True, slots=True, kw_only=True)
class CommandLines:
    """`ablate run` for one study file, as a shell reads it."""

    file: str
    design: str | None
    sets: tuple[str, ...] = ()
    stand_in: bool = False
    small: bool = False
    reuse: bool = False
    """Finished runs are of other code or data, and were taken as they are: without the option `run` refuses them."""

    def run(
        self, *, only: Sequence[str] = (), look: int = 1, replicates: Sequence[int] = (), retry: bool = False
    ) -> str:
        """Train what is missing: of some variants, up to a planned look, or with other planned looks."""
        words = ["ablate", "run", quote_for_shell(self.file, bare=True)]
        words += ["--stand-in"] * self.stand_in + ["--small"] * self.small
        if self.design:
            words += ["--design", self.design]
        for item in self.sets:
            if replicates and item.startswith("evidence.replicates="):
                continue  # the new looks stand in its place
            words += ["--set", quote_for_shell(item)]
        if look > 1:
            words += ["--look", str(look)]
        if replicates:
            words += ["--set", quote_for_shell(f"evidence.replicates=[{', '.join(map(str, replicates))}]")]
        for name in only:
            words += ["--only", quote_for_shell(name)]
        if retry:
            words.append("--retry-failed")
        if self.reuse:
            words.append("--reuse")
        return " ".join(words)


def commands_for(study: Study, work: Path) -> CommandLines:
    """The commands of a study; its file by the path from the work folder."""
    return command_lines(study, _relative(study.document.name, work), study.sets)


def command_lines(study: Study, file: str, sets: Sequence[str]) -> CommandLines:
    """The commands of a version of a study file, with the options that ask for it."""
    return CommandLines(
        file=file,
        design=study.design if study.design != study.own_design else None,
        sets=tuple(sets),
        stand_in=study.stand_in_is_asked,
        small=study.is_small,
    )


def _relative(name: str, work: Path) -> str:
    path = Path(name)
    if not path.is_absolute():
        return path.as_posix()
    try:
        return Path(os.path.relpath(path, work.resolve())).as_posix()
    except ValueError:  # another drive
        return path.name


def quote_for_shell(word: str, *, bare: bool = False) -> str:
    """One word for a shell: in double quotes, which every shell knows, unless it holds what they leave special.

    bare: leave a word without quotes that needs none.
    """
    if bare and shlex.quote(word) == word:
        return word
    return shlex.quote(word) if _READ_BY_SHELLS & set(word) else f'"{word}"'
