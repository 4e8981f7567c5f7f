"""What each factor is worth whatever the order, beside what it is worth in its place and from the other end."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from ablate.report.facts.effect import EffectRow
from ablate.report.facts.exploratory import Confusion
from ablate.report.facts.runs import History

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Integers = NDArray[np.int64]


CONTRIBUTIONS = ("contributions", "main effects")


@dataclass(frozen=True, slots=True, kw_only=True)
class ContributionRow:
    """One factor. overall: its order-free contribution, judged within the family of all factors' contributions.

    forward, backward: its step in the chain, and in the chain from the other end; order: their difference, all
    None where the design has no chains. depends: the place makes a difference that was shown. interacts_with:
    factors with which it was shown to do more, or less, than the sum of the two.
    """

    factor: str
    overall: EffectRow
    forward: EffectRow | None
    backward: EffectRow | None
    order: EffectRow | None
    depends: bool
    interacts_with: tuple[str, ...]


def contribution_rows(effects: Sequence[EffectRow]) -> tuple[ContributionRow, ...]:
    """One row a factor, in the order of the study; empty for designs that say nothing of it."""
    by_role = {(effect.compared.family, effect.compared.factors): effect for effect in effects}
    pairs = [
        effect.compared.factors for effect in effects if effect.compared.family == "interactions" and _shown(effect)
    ]
    rows = []
    for (family, factors), effect in by_role.items():
        if family not in CONTRIBUTIONS:
            continue
        order = by_role.get(("order", factors))
        rows.append(
            ContributionRow(
                factor=factors[0],
                overall=effect,
                forward=by_role.get(("chain", factors)),
                backward=by_role.get(("reverse chain", factors)),
                order=order,
                depends=order is not None and _shown(order),
                interacts_with=tuple(
                    name for pair in pairs if factors[0] in pair for name in pair if name != factors[0]
                ),
            )
        )
    return tuple(rows)


def _shown(effect: EffectRow) -> bool:
    return effect.decision.verdict in ("better", "worse")


class EpochMean(NamedTuple):
    """One epoch over the replicates that reached it: mean, least and most."""

    epoch: int
    n: int
    mean: float
    lo: float
    hi: float


def epoch_means(histories: Sequence[History], variant: str, metric: str) -> tuple[EpochMean, ...]:
    """One variant's metric epoch by epoch, over whatever replicates have it."""
    values: dict[int, list[float]] = {}
    for history in histories:
        if history.variant == variant and metric in history.metrics:
            for epoch, value in zip(history.epochs, history.metrics[metric], strict=True):
                if value is not None:
                    values.setdefault(epoch, []).append(value)
    return tuple(
        EpochMean(epoch, len(found), sum(found) / len(found), min(found), max(found))
        for epoch, found in sorted(values.items())
    )


def most_confused(confusion: Confusion, labels: Sequence[str]) -> list[tuple[str, str, float]]:
    """(true class, taken for, times in 100), the most frequent first."""
    found = []
    for true, row in enumerate(confusion.counts):
        total = sum(row)
        for predicted, count in enumerate(row):
            if count and predicted != true:
                found.append((labels[true], labels[predicted], 100 * count / total))
    return sorted(found, key=lambda item: -item[2])
