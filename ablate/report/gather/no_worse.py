"""Of which comparisons a report tells whether they are no worse: those that get cheaper, and those that are asked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import copysign

from ablate.records import Contrast
from ablate.report.facts.effect import CostChange, CostName, NoWorseClaim
from ablate.report.facts.findings import VariantRow
from ablate.results.question import Metric
from ablate.stats.effects import Effect

NO_SIZE = "no tolerable loss was stated"

SEVERAL = ("interactions", "order", "beyond pairs")
"""Families of questions about several changes at once: they have no price of their own."""

MARGINS: Mapping[CostName, float] = {"parameters": 0.01, "flops": 0.01, "seconds": 0.2}
"""The share by which a cost must change to count. What is counted is exact; wall time is noise, and must change by a
fifth in every replicate, of which there are two at least.

Which comparisons are told of may follow from what the runs took, because the claim is adjusted over all of them.
"""


def no_worse_claim(effect: Effect, rows: Mapping[str, VariantRow], metric: Metric) -> NoWorseClaim | None:
    """The claim of one comparison; None where nothing gets cheaper and nobody asked."""
    contrast, judged = effect.contrast, effect.judged
    asked, tolerable = contrast.ask == "no_worse", judged.rules.tolerable
    costs = cost_changes(contrast, rows)
    is_cheaper = any(change.share < 0 for change in costs) and tolerable is not None
    if contrast.family in SEVERAL or not (asked or is_cheaper):
        return None
    is_known = judged.no_worse != "not_assessable"
    return NoWorseClaim(
        word=judged.no_worse,
        asked=asked,
        tolerable=None if tolerable is None else tolerable * metric.scale,
        p=judged.p_no_worse if is_known else None,
        p_inferior=judged.p_inferior if is_known else None,
        costs=costs,
        reason=judged.reason or ("" if is_known else NO_SIZE),
    )


def cost_changes(contrast: Contrast, rows: Mapping[str, VariantRow]) -> tuple[CostChange, ...]:
    """What a run of the variant takes more or less than one of the reference, beyond the margins."""
    found = []
    for cost, margin in MARGINS.items():
        priced = [(weight, _price(rows, name, cost)) for name, weight in contrast.weights.items()]
        terms = [weight * price for weight, price in priced if price is not None]
        if len(terms) < len(priced):
            continue
        share = _share(terms)
        if abs(share) >= margin and (cost != "seconds" or _in_every_replicate(contrast, rows, share, margin)):
            found.append(CostChange(cost, share))
    return tuple(found)


def _share(terms: Sequence[float]) -> float:
    """What is added, of what is taken away; 0 where nothing is."""
    before = -sum(term for term in terms if term < 0)
    return sum(terms) / before if before > 0 else 0.0


def _in_every_replicate(contrast: Contrast, rows: Mapping[str, VariantRow], share: float, margin: float) -> bool:
    """Whether the time of the runs changes by the margin, the way their mean does, in each replicate that has all."""
    runs = {name: rows[name].run_seconds for name in contrast.weights}
    common = set.intersection(*(set(seconds) for seconds in runs.values()))
    shares = [_share([weight * runs[name][i] for name, weight in contrast.weights.items()]) for i in common]
    return len(shares) > 1 and all(copysign(1.0, share) * one >= margin for one in shares)


def _price(rows: Mapping[str, VariantRow], name: str, cost: CostName) -> float | None:
    found: float | None = getattr(rows[name], cost) if name in rows else None
    return found
