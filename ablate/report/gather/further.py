"""Further metrics, each judged beside the study's own as families of its own."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from ablate.records import Prepared
from ablate.report.facts.effect import EffectRow, ExtraCost
from ablate.report.facts.exploratory import Exploratory
from ablate.report.facts.findings import Findings, Notices, VariantRow
from ablate.report.facts.runs import RunFacts
from ablate.report.gather.judged import Judged, judge_cells
from ablate.report.gather.rows import effect_rows
from ablate.results.question import thresholds_of
from ablate.stats.effects import Effect, estimate_effects
from ablate.stats.looks import WAITING
from ablate.stats.student import unit_of_chance


def further_findings(
    findings: Findings, judged: Judged, *, prepared: Mapping[str, Prepared], looks_before: tuple[int, ...] | None
) -> Iterator[Findings]:
    """The findings of a study by each metric it asks for beside its own: levels and comparisons, without their costs.

    Looks train what is open by the study's own metric alone. A comparison that waits for runs which are not made for
    that reason keeps the answer of the look before.
    """
    for name in judged.study.evidence.also:
        study = replace(judged.study, evidence=judged.study.evidence.judged_by(name))
        other = judge_cells(
            study, judged.plan, judged.cells, look=judged.look, prepared=prepared, looks_before=looks_before
        )
        effects, thresholds = latest_answers(other), thresholds_of(study)
        estimates = [effect.estimate for effect in effects if effect.estimate is not None]
        rows = effect_rows(effects, other.variants, other.metric, judged.plan.looks)
        yield replace(
            findings,
            study=replace(findings.study, metric=other.metric),
            evidence=replace(
                findings.evidence,
                negligible=thresholds.negligible,
                worthwhile=thresholds.worthwhile,
                unfit=thresholds.unfit,
                basis=unit_of_chance(estimates),
            ),
            variants=tuple(map(without_costs, other.variants)),
            effects=tuple(map(bare, rows)),
            total=None,
            runs=RunFacts(rows=()),
            notices=Notices(),
            exploratory=Exploratory(),
            robustness=None,
            what_if=None,
        )


def latest_answers(judged: Judged) -> Sequence[Effect]:
    """Each comparison by the latest look whose runs are there."""
    found = list(judged.effects)
    for look in range(judged.look - 1, 0, -1):
        if not any(effect.judged.reason == WAITING for effect in found):
            break
        earlier = estimate_effects(judged.cells, judged.plan.contrasts, judged.question, look=look, book=judged.book)
        found = [
            before if effect.judged.reason == WAITING else effect for effect, before in zip(found, earlier, strict=True)
        ]
    return found


def without_costs(row: VariantRow) -> VariantRow:
    """Without what the table of the study's own metric says of the variant, whatever the metric."""
    return replace(row, parameters=None, flops=None, steps=None, images_seen=None, seconds=None, published=None)


def bare(row: EffectRow) -> EffectRow:
    """Without what is said of the same comparison in the table of the study's own metric."""
    return replace(row, compared=replace(row.compared, key=""), extra=ExtraCost(), no_worse=None)
