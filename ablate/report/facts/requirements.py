"""What a command is asked to be sure of before others go on, such as `GAP head: better`."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple, get_args

from ablate.errors import StudyError, near_match
from ablate.report.facts.effect import EffectRow
from ablate.report.facts.findings import Findings
from ablate.stats.verdict import Verdict

NO_WORSE = "no_worse"
ANSWERS = (*get_args(Verdict), NO_WORSE)
"""What may be required: a verdict, or that the tolerable loss is ruled out."""

_EXAMPLES = "Examples: 'GAP head: better', 'pruned: better or same', 'int8: no worse'."


class Requirement(NamedTuple):
    """Which comparison, and the answers that will do. text: as it was asked for."""

    text: str
    name: str
    answers: tuple[str, ...]


def read_requirement(text: str) -> Requirement:
    """`NAME: ANSWER`, or several answers joined by `or`. Raises StudyError for other words."""
    name, _, rest = (part.strip() for part in text.rpartition(":"))
    answers = [re.sub(r"[\s-]+", "_", answer.strip().lower()) for answer in re.split(r"\bor\b|[,|]", rest)]
    if not name or not all(answers):
        raise StudyError(f"--require {text!r} is not of the form 'NAME: ANSWER'", hint=_EXAMPLES)
    for answer in answers:
        if answer not in ANSWERS:
            choices = ", ".join(choice.replace("_", " ") for choice in ANSWERS)
            raise StudyError(
                f"--require {text!r}: {answer.replace('_', ' ')!r} is no answer",
                hint=f"{near_match(answer, ANSWERS)}There are: {choices}.",
            )
    return Requirement(text, name, tuple(answers))


def unmet(findings: Findings, requirements: Sequence[Requirement]) -> list[str]:
    """A sentence for each comparison that is not as required.

    Raises StudyError for a name that no comparison has, and where nobody asked whether it is no worse.
    """
    return [told for one in requirements for effect in _named(findings, one) if (told := _shortfall(effect, one))]


def _named(findings: Findings, asked: Requirement) -> list[EffectRow]:
    effects = [*findings.effects, *([findings.total] if findings.total is not None else [])]
    found = [effect for effect in effects if asked.name in (effect.compared.name, effect.compared.called)]
    found = found or [effect for effect in effects if effect.compared.variant == asked.name]
    if not found:
        names = list(dict.fromkeys(effect.compared.called for effect in effects))
        listed = f"There are: {', '.join(names)}." if names else "Nothing is compared here."
        raise StudyError(
            f"--require {asked.text!r}: no comparison is called {asked.name!r}",
            hint=f"{near_match(asked.name, names)}{listed}",
        )
    return found


def _shortfall(effect: EffectRow, asked: Requirement) -> str:
    """What it is instead; empty where it is as required."""
    if effect.decision.verdict in asked.answers:
        return ""
    told = effect.decision.verdict_text
    if NO_WORSE in asked.answers:
        claim = effect.no_worse
        if claim is None:
            raise StudyError(
                f"--require {asked.text!r}: nobody asked whether {asked.name!r} is no worse",
                hint="`ablate judge --no-worse LOSS` asks it of results, `ask: no_worse` of a study's comparison.",
            )
        if claim.word == "non_inferior":
            return ""
        told = f"{claim.word.replace('_', ' ')} (no worse); {told}"
    name = effect.compared.name
    return f"required {asked.text!r}: {name}, compared with {effect.compared.reference}, is {told}"
