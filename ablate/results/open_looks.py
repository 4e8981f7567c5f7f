"""Which variants each planned look has to train: a pure function of the plan and of what is finished.

The first look trains every variant, a later one only those of a comparison that is still open. Nothing is
remembered between calls, so an interruption at any place needs no repair.
"""

from __future__ import annotations

from ablate.results.survey import CurrentProvenance, collect
from ablate.store.work_folder import Store
from ablate.study.plan import Plan
from ablate.study.study import Study


def wanted_by_look(
    study: Study, plan: Plan, store: Store, origin: CurrentProvenance | None, *, look: int
) -> tuple[frozenset[str], ...]:
    """For each look up to `look`, the variants it has to train.

    Where an earlier look is not complete yet, the comparisons that wait for it count as open.
    """
    everyone = frozenset(variant.name for variant in plan.variants)
    wanted = [everyone]
    if look > 1:  # scientific packages, which a first look does not need before its runs
        from ablate.results.question import question_of
        from ablate.stats.effects import estimate_effects, open_variants

        question = question_of(study, plan)
        for number in range(1, look):
            cells = collect(plan, store, origin, look=number)
            effects = estimate_effects(cells, plan.contrasts, question, look=number)
            wanted.append(open_variants(effects, [variant.name for variant in plan.variants]))
    return tuple(wanted)
