"""How far the words of a study carry, from what was judged."""

from __future__ import annotations

from collections.abc import Sequence

from ablate.report.facts.effect import EffectRow
from ablate.report.facts.robustness import Flip, OtherThresholds, Robustness
from ablate.report.gather.judged import FACTORS, Judged
from ablate.stats.effects import Effect
from ablate.stats.looks import WAITING


def robustness_of(judged: Judged, total: EffectRow | None) -> Robustness | None:
    """None before anything is judged."""
    rows = [*judged.rows, *([total] if total is not None else [])]
    families = {row.compared.family for row in rows if row.decision.verdict != "not_assessable"}
    if not families:
        return None
    question = judged.question
    stated = [size for size in (question.negligible, question.worthwhile) if size is not None]
    return Robustness(
        kinds=1 + len(stated) + 2 * any(row.no_worse is not None for row in rows),
        families=len(families),
        thresholds=tuple(
            _under(judged, effects, factor) for effects, factor in zip(judged.others, FACTORS, strict=False)
        ),
    )


def _under(judged: Judged, effects: Sequence[Effect], factor: float) -> OtherThresholds:
    flips: list[Flip] = []
    for row, before, after in zip(judged.rows, judged.effects, effects, strict=True):
        if before.judged.verdict == "not_assessable":
            continue
        if (now := _word(before)) != (then := _word(after)):
            flips.append(Flip(row.compared.name, now, then))
        asked = row.no_worse is not None
        if asked and (claimed := before.judged.no_worse) != (other := _claim(after)):
            flips.append(Flip(row.compared.name, claimed, other, "no_worse"))

    def shown(size: float | None) -> float | None:
        return None if size is None else factor * size * judged.metric.scale

    question = judged.question
    return OtherThresholds(shown(question.negligible), shown(question.worthwhile), tuple(flips))


def _word(effect: Effect) -> str:
    """The word as it is read; a step that would be followed further is undecided with these runs."""
    if effect.judged.reason == WAITING:
        return "undecided"
    return "negligible" if effect.judged.supplement == "negligible" else effect.judged.verdict


def _claim(effect: Effect) -> str:
    return "undecided" if effect.judged.reason == WAITING else effect.judged.no_worse
