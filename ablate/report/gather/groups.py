"""What is to be said of groups of test images: how many, what they are worth, what they cost."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from statistics import median
from typing import Any, Literal

import numpy as np

from ablate.report.facts.groups import AlikeRow, GroupFacts
from ablate.report.gather.judged import Judged
from ablate.report.wording.language import ENGLISH, Words
from ablate.report.wording.numbers import number
from ablate.stats.cells import Cells
from ablate.stats.effects import Effect
from ablate.stats.engine import estimate
from ablate.stats.group_weighted import each_group_alike, estimate_alike
from ablate.stats.groups import FEW_GROUPS, FEWEST_GROUPS
from ablate.stats.student import Estimate


def study_groups(judged: Judged) -> GroupFacts | None:
    """Of a study's runs; None where every image is on its own."""
    if judged.book is None or not any(effect.estimate and effect.estimate.grouped for effect in judged.effects):
        return None
    alike = estimate_alike(judged.cells, judged.effects, judged.question, judged.book)
    config = judged.plan.variants[0].config
    is_ours = judged.plan.trainer.startswith("ablate.training")
    kind: Literal["groups", "copies"] = "copies" if is_ours and not names_groups(config) else "groups"
    return groups_of(judged.effects, alike, kind, judged.metric.scale)


def names_groups(config: Mapping[str, Any]) -> bool:
    """Whether a configuration of the built-in trainer says what images have in common."""
    data = config.get("data") or {}
    return bool(data.get("groups") or (data.get("source") or {}).get("group"))


def groups_handed_in(
    effects: Sequence[Effect], cells: Cells | None, variants: Sequence[str], scale: float
) -> GroupFacts | None:
    """Of a table with one row per image."""
    alike = None if cells is None else each_group_alike(cells)
    weights = [[effect.contrast.weights.get(name, 0.0) for name in variants] for effect in effects]
    answers = [None] * len(effects) if alike is None else estimate(alike, np.array(weights))
    return groups_of(effects, answers, "groups", scale)


def groups_of(
    effects: Sequence[Effect],
    alike: Sequence[Estimate | None],
    kind: Literal["groups", "copies"],
    scale: float,
) -> GroupFacts | None:
    """The groups behind the comparisons; None where there are none. alike: the same with groups of equal weight."""
    known = [found.grouped for effect in effects if (found := effect.estimate) is not None and found.grouped]
    if not known:
        return None
    most = max(known, key=lambda one: one.effective)
    rows = [
        AlikeRow(effect.contrast.name, scale * one.difference, scale * one.lo, scale * one.hi)
        for effect, one in zip(effects, alike, strict=True)
        if one is not None and one.standard_error and one.n_replicates > 1
    ]
    return GroupFacts(
        kind, most.n, most.effective, most.largest, median(one.design_effect for one in known), tuple(rows)
    )


def group_cautions(found: GroupFacts | None, say: Words = ENGLISH) -> Iterator[str]:
    """That there are few of them, or too few."""
    if found is None or found.effective >= FEW_GROUPS:
        return
    key = "caution.too_few_groups" if found.effective < FEWEST_GROUPS else "caution.few_groups"
    yield say(key, n=say.count(found.n, "group"), effective=number(found.effective, 1))
