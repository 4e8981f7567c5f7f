"""Beside each word: how likely the same study, on new images and with new runs, says it again."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from ablate.report.facts.effect import EffectRow, Repeat
from ablate.stats.alpha_shares import look_shares
from ablate.stats.drawn_studies import Design
from ablate.stats.effects import Effect, Question
from ablate.stats.repeats import Repeated, repeat_chances


def with_repeats(
    rows: Sequence[EffectRow], effects: Sequence[Effect], question: Question, look: int
) -> tuple[EffectRow, ...]:
    """The rows of some effects, each with the chances that its word comes out again."""
    repeats: dict[int, Repeated | None] = {}
    for family in dict.fromkeys(effect.contrast.family for effect in effects):
        members = [i for i, effect in enumerate(effects) if effect.contrast.family == family]
        repeats |= dict(zip(members, _chances([effects[i] for i in members], question, look), strict=True))
    return tuple(
        replace(row, repeat=_shown(found)) if (found := repeats[i]) is not None else row for i, row in enumerate(rows)
    )


def _shown(found: Repeated) -> Repeat:
    opposite = found.opposite
    return Repeat((found.same.least, found.same.most), opposite and (opposite.least, opposite.most))


def _chances(family: Sequence[Effect], question: Question, look: int) -> Sequence[Repeated | None]:
    names = list(dict.fromkeys(name for effect in family for name in effect.contrast.weights))
    directions = np.array([[effect.contrast.weights.get(name, 0.0) for name in names] for effect in family])
    design = Design(
        rules=family[0].judged.rules,
        looks=question.looks,
        shares=look_shares(question.looks, question.shares),
        up_to=look,
        directions=directions,
        planned=question.planned,
        asked=[i for i, effect in enumerate(family) if effect.contrast.ask == "no_worse"],
    )
    return repeat_chances([effect.estimate for effect in family], [effect.judged.verdict for effect in family], design)
