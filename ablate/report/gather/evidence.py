"""What the verdicts of a study rest on."""

from __future__ import annotations

from collections.abc import Sequence
from math import sqrt

from ablate.records import Cell, Finished
from ablate.report.facts.exploratory import VisibleStep
from ablate.report.facts.findings import Evidence, Noise
from ablate.report.gather.groups import study_groups
from ablate.report.gather.judged import Judged
from ablate.report.gather.rows import deviation
from ablate.results.question import thresholds_of
from ablate.stats.alpha_shares import look_shares
from ablate.stats.looks import visible_at_looks
from ablate.stats.scores import classes_tested
from ablate.stats.student import unit_of_chance
from ablate.study.plan import Plan
from ablate.trainer import is_command, is_told_its_part


def evidence_of(judged: Judged) -> Evidence:
    """What was fixed before the first run, how far the study has come, and how noisy its runs are."""
    study, plan = judged.study, judged.plan
    estimates = [effect.estimate for effect in judged.effects if effect.estimate is not None]
    thresholds = thresholds_of(study)
    return Evidence(
        test=plan.protocol.test,
        val=plan.protocol.val,
        weights=plan.protocol.weights if study.trainer.weights == "protocol" else study.trainer.weights,
        parts_known=_parts_known(plan, judged.cells),
        parts_told=is_told_its_part(plan.trainer),
        looks=plan.looks,
        look=judged.look,
        share=look_shares(plan.looks, plan.shares)[judged.look - 1],
        alpha=judged.effects[0].judged.rules.alpha if judged.effects else 0.05,
        negligible=thresholds.negligible,
        worthwhile=thresholds.worthwhile,
        unfit=thresholds.unfit,
        basis=unit_of_chance(estimates),
        images=max((found.n_images for found in estimates if found.n_images is not None), default=None),
        noise=_noise(judged),
        groups=study_groups(judged),
        rarest=_rarest(judged),
        unit=judged.question.unit,
        closed=plan.closed,
    )


def _rarest(judged: Judged) -> tuple[str, int] | None:
    if judged.book is None:
        return None
    replicates = {cell.replicate.index for cell in judged.cells}
    found = classes_tested(judged.book, replicates, judged.plan.protocol.test)
    return min(((one.name, one.images) for one in found), key=lambda pair: pair[1], default=None)


def _parts_known(plan: Plan, cells: Sequence[Cell]) -> bool:
    """Whether the runs were fitted and tested on the parts that the study asks for: ours are, others took them."""
    finished = [cell.result for cell in cells if isinstance(cell.result, Finished)]
    ours = plan.trainer.startswith("ablate.") and not is_command(plan.trainer)
    return ours or (bool(finished) and all(run.parts for run in finished))


def _noise(judged: Judged) -> Noise:
    differences = [effect.estimate.by_replicate for effect in judged.effects if effect.estimate is not None]
    scale = judged.metric.scale
    return Noise(
        runs=_pooled([(row.spread, row.n) for row in judged.variants]),
        differences=_pooled([(deviation([value * scale for value in found]), len(found)) for found in differences]),
    )


def _pooled(samples: Sequence[tuple[float | None, int]]) -> float | None:
    known = [(spread, n) for spread, n in samples if spread is not None]
    freedom = sum(n - 1 for _, n in known)
    return sqrt(sum((n - 1) * spread**2 for spread, n in known) / freedom) if freedom else None


def visible_of(judged: Judged) -> tuple[VisibleStep, ...]:
    """What each planned look can show, for the family of the design's own questions."""
    plan, effects = judged.plan, judged.effects
    if not effects:
        return ()
    family = [effect.estimate for effect in effects if effect.contrast.family == effects[0].contrast.family]
    steps = visible_at_looks(family, plan.looks, look_shares(plan.looks, plan.shares))
    return tuple(
        VisibleStep(replicates, None if step is None else step * judged.metric.scale)
        for replicates, step in zip(plan.looks, steps, strict=True)
    )
