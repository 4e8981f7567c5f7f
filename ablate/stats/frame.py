"""From the records of runs to tables and arrays: one row per run, one score a test image."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from ablate.records import Cell, Failed, Finished
from ablate.splits.rules import Folds, TestRule
from ablate.stats.scores import Scored, arrange, other_images, read_scores

if TYPE_CHECKING:
    import pandas as pd


def results_frame(cells: Sequence[Cell]) -> pd.DataFrame:
    """One row per run: variant, replicate, status, metrics, epoch, cost, stamp. Failed runs have no numbers.

    Metrics are as the trainer reports them, rates as fractions; times are in seconds, memory in bytes. `replicate`
    counts from 0, `epoch` from 1. `ablate.run_study(...).cells` are the cells of a study.
    """
    import pandas as pd

    return pd.DataFrame([_row(cell) for cell in cells])


def _row(cell: Cell) -> dict[str, Any]:
    row: dict[str, Any] = {
        "variant": cell.variant,
        "replicate": cell.replicate.index,
        "stream": cell.replicate.stream,
    }
    match cell.result:
        case Finished() as run:
            return row | {
                "status": "finished",
                "reason": "",
                **run.metrics,
                "epoch": run.epoch,
                "seconds": run.seconds,
                "parameters": run.cost.parameters,
                "flops": run.cost.flops,
                "steps": run.cost.steps,
                "images_seen": run.cost.images_seen,
                "peak_bytes": run.cost.peak_bytes,
                "train_seconds": run.cost.train_seconds,
                "device": run.stamp.device,
                "source_digest": run.stamp.source_digest,
                "data_digest": run.stamp.data_digest,
                "test_digest": run.test_digest,
                "folder": str(run.folder),
            }
        case Failed() as run:
            return row | {"status": "failed", "reason": f"{run.reason}: {run.message}", "folder": str(run.folder)}
        case _:
            return row | {"status": "missing", "reason": "not run yet"}


class Numbers(NamedTuple):
    """One metric of every run: [variant][replicate], None where there is none."""

    variants: tuple[str, ...]
    values: tuple[tuple[float | None, ...], ...]


def run_numbers(cells: Sequence[Cell], variants: Sequence[str], metric: str) -> Numbers:
    """One number per run, replicates in order."""
    grid, replicates = _grid(cells)
    values = tuple(
        tuple(
            run.metrics.get(metric) if isinstance(run := grid.get((variant, r)), Finished) else None for r in replicates
        )
        for variant in variants
    )
    return Numbers(tuple(variants), values)


def missing_numbers(cells: Sequence[Cell], variants: Sequence[str], metric: str, test: TestRule) -> dict[str, str]:
    """Variant -> on which replicates its runs ended without this metric, for those that have it on others.

    A run ended without it where the trainer left it out, or returned None or NaN because it is undefined there.
    """
    grid, replicates = _grid(cells)
    found = {}
    for variant in variants:
        runs = {r: grid.get((variant, r)) for r in replicates}
        without = [r for r, run in runs.items() if run is not None and _is_without(run, metric)]
        if without and any(isinstance(run, Finished) for run in runs.values()):
            found[variant] = f"{metric} is missing on {places(without, test)} ({variant})"
    return found


def _is_without(run: Finished | Failed, metric: str) -> bool:
    if isinstance(run, Finished):
        return metric not in run.metrics
    name = re.escape(metric)
    return re.search(rf"the trainer returned (?:{name} = (?:nan|None)\b|no '{name}')", run.message) is not None


def places(replicates: Sequence[int], test: TestRule) -> str:
    """`folds 1 and 3`; of a later repetition `replicate 4 (fold 1)`."""
    if not isinstance(test, Folds):
        named = [f"{r}" for r in replicates]
        word = "replicate"
    elif max(replicates) < test.count:
        named, word = [f"{r}" for r in replicates], "fold"
    else:
        named, word = [f"{r} (fold {r % test.count})" for r in replicates], "replicate"
    if len(named) == 1:
        return f"{word} {named[0]}"
    return f"{word}s {', '.join(named[:-1])} and {named[-1]}"


def image_scores(cells: Sequence[Cell], variants: Sequence[str], test: TestRule) -> Scored | None:
    """The stored score of every test image; None where a finished run has stored none.

    The test images of a replicate are those most variants agree on; a variant with others is left
    out, and named, never cut to a common subset.
    """
    book = read_scores(cells)
    if book is None:
        return None
    different = different_tests(cells, variants) | other_images(book)
    return Scored(arrange(book, cells, variants, test, different), different)


def different_tests(cells: Sequence[Cell], variants: Sequence[str]) -> frozenset[str]:
    """The variants tested on other images than most, in whatever replicate; runs that do not say are passed over."""
    grid, replicates = _grid(cells)
    different: set[str] = set()
    for r in replicates:
        runs = {v: run for v in variants if isinstance(run := grid.get((v, r)), Finished) and run.test_digest}
        digest = _agreed(runs)
        different |= {v for v, run in runs.items() if run.test_digest != digest}
    return frozenset(different)


def _grid(cells: Sequence[Cell]) -> tuple[dict[tuple[str, int], Any], list[int]]:
    grid = {(cell.variant, cell.replicate.index): cell.result for cell in cells}
    return grid, sorted({r for _, r in grid})


def _agreed(runs: Mapping[str, Finished]) -> str:
    digests = [run.test_digest for run in runs.values()]
    return max(dict.fromkeys(digests), key=digests.count, default="")
