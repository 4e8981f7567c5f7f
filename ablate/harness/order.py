"""In what order runs are begun: replicate by replicate, within one the longest first."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ablate.inspection import Description
from ablate.records import Prepared, RunSpec, Variant


def work_of(
    variants: Sequence[Variant], prepared: Mapping[str, Prepared], described: Mapping[str, Description | None]
) -> dict[str, float]:
    """Variant -> how much work a run of it is, in units of its own: epochs times images, times the network's FLOPs
    where they are known of every variant. 0 for those of which nothing is known.
    """
    flops = [one.flops if (one := described.get(variant.name)) is not None else None for variant in variants]
    network = dict(zip((one.name for one in variants), flops, strict=True)) if all(flops) else {}
    return {
        variant.name: _passes(variant.config, prepared.get(variant.name)) * (network.get(variant.name) or 1)
        for variant in variants
    }


def longest_first(runs: Sequence[tuple[str, RunSpec]], work: Mapping[str, float]) -> list[tuple[str, RunSpec]]:
    """The runs, replicate by replicate as planned, for a look needs whole replicates; within one the longest first.

    A long run that is begun last keeps one processor at work while the others have nothing left to do.
    Source: Graham 1969, at most 4/3 of the shortest time there can be.
    """
    return sorted(runs, key=lambda run: (run[1].replicate.index, -work.get(run[0], 0.0)))


def _passes(config: Mapping[str, Any], prepared: Prepared | None) -> float:
    epochs = config.get("epochs")
    images = 0 if prepared is None else prepared.counts.get("train", 0)
    return float(epochs * images) if isinstance(epochs, int) else 0.0
