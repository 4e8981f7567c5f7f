"""What verdicts would make of an assumption they do not make: sentences, never verdicts."""

from __future__ import annotations

from collections.abc import Sequence

from ablate.report.facts.effect import EffectRow
from ablate.report.facts.findings import VariantRow
from ablate.report.wording.language import ENGLISH, Words
from ablate.report.wording.numbers import with_interval
from ablate.results.question import Metric
from ablate.splits.rules import Folds, TestRule
from ablate.stats.resampled import resampled_interval

SHOWN = ("better", "worse")


def training_sets_remark(
    effects: Sequence[EffectRow], variants: Sequence[VariantRow], test: TestRule, metric: Metric, say: Words = ENGLISH
) -> list[str]:
    """The steps that are called better or worse, with intervals for new training sets; of folds, which share images."""
    counts = {row.name: row.counts for row in variants}
    found = []
    for effect in effects if isinstance(test, Folds) else ():
        sizes = counts.get(effect.compared.variant, {})
        differences = effect.measured.by_replicate
        if (
            effect.decision.verdict not in SHOWN
            or len(differences) < 2
            or not sizes.get("train")
            or "test" not in sizes
        ):
            continue
        lo, hi = resampled_interval(differences, train=sizes["train"], test=sizes["test"])
        shown = with_interval(effect.measured.difference, lo, hi, metric.decimals, sign="+")
        found.append(say("remark.training_set", name=effect.compared.called, change=shown))
    return [say("remark.training_sets", steps=say.listed(found))] if found else []
