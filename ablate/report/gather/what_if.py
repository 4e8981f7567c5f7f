"""What a page needs to judge a study again by other thresholds, from what was judged."""

from __future__ import annotations

from collections.abc import Sequence

from ablate.report.facts.what_if import FamilySeen, WhatIf
from ablate.report.gather.judged import Judged, total_contrast
from ablate.report.gather.rows import key_of
from ablate.stats.alpha_shares import look_shares
from ablate.stats.effects import Effect, estimate_effects
from ablate.stats.verdict import Rules
from ablate.stats.what_if import looks_seen


def what_if_of(judged: Judged) -> WhatIf | None:
    """None where nothing has a verdict."""
    if not any(effect.judged.verdict != "not_assessable" for effect in judged.effects):
        return None
    question = judged.question
    rules = Rules(
        negligible=question.negligible,
        worthwhile=question.worthwhile,
        tolerable=question.tolerable,
        goal=question.goal,
    )
    families: dict[str, list[Effect]] = {}
    for effect in judged.effects:
        families.setdefault(effect.contrast.family, []).append(effect)
    found = [_family(effects, judged, rules) for effects in families.values()]
    if (total := total_contrast(judged)) is not None:
        effects = estimate_effects(judged.cells, [total], question, look=judged.look, book=judged.book)
        found.append(_family(effects, judged, rules, latest=True))
    return WhatIf(
        goal=question.goal,
        alpha=rules.alpha,
        futility=rules.futility,
        negligible=question.negligible,
        worthwhile=question.worthwhile,
        scale=judged.metric.scale,
        families=tuple(found),
    )


def _family(effects: Sequence[Effect], judged: Judged, rules: Rules, *, latest: bool = False) -> FamilySeen:
    question = judged.question
    shares = look_shares(question.looks, question.shares)
    asked = [i for i, effect in enumerate(effects) if effect.contrast.ask == "no_worse"]
    last = question.planned or (question.looks[-1], shares[-1])
    return FamilySeen(
        keys=tuple(key_of(effect.contrast.family, i) for i, effect in enumerate(effects)),
        words=tuple((effect.judged.verdict, effect.judged.supplement == "negligible") for effect in effects),
        looks=looks_seen([effect.seen for effect in effects], rules, shares, last=last, asked=asked),
        latest=latest,
    )
