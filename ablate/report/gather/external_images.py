"""Scores of single images that somebody handed in, laid out for the engine."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ablate.readers.tested import TestedRun
from ablate.records import Contrast
from ablate.stats.apart import estimate_elsewhere
from ablate.stats.cells import Cells, Index
from ablate.stats.score_book import ScoreRow
from ablate.stats.student import Estimate


def arrange_handed_in(runs: Sequence[TestedRun], variants: Sequence[str]) -> tuple[Cells, frozenset[str]]:
    """The scores as the engine takes them, and the variants tested on other images than most."""
    replicates = sorted({run.replicate for run in runs})
    grid = {(run.variant, run.replicate): run.images or {} for run in runs}
    numbers: dict[str, int] = {}
    ids: dict[int, list[str]] = {}
    different: set[str] = set()
    for r in replicates:
        sets = {v: tuple(sorted(grid[v, r])) for v in variants if (v, r) in grid}
        most = max(dict.fromkeys(sets.values()), key=list(sets.values()).count)
        different |= {v for v, found in sets.items() if found != most}
        ids[r] = list(most)
    images = tuple(np.array([numbers.setdefault(i, len(numbers)) for i in ids[r]], np.int64) for r in replicates)
    rows = tuple(
        tuple(
            np.array([grid[v, r][i] for i in ids[r]], np.float64) if (v, r) in grid and v not in different else None
            for r in replicates
        )
        for v in variants
    )
    known = {image: group for run in runs for image, group in (run.groups or {}).items()}
    firsts: dict[str, int] = {}
    groups = tuple(
        np.array([firsts.setdefault(known[i], numbers[i]) if i in known else numbers[i] for i in ids[r]], np.int64)
        for r in (replicates if known else ())
    )
    cells = Cells(scores=rows, images=images, repetition=_repetitions(images), groups=groups)
    return cells, frozenset(different)


def _repetitions(images: Sequence[Index]) -> tuple[int, ...]:
    """Which shuffle each fold was cut from: a new one begins where images come again."""
    found: list[int] = []
    seen: set[int] = set()
    number = 0
    for row in images:
        if seen & set(row.tolist()):
            number, seen = number + 1, set()
        seen |= set(row.tolist())
        found.append(number)
    return tuple(found)


def estimate_other_tests(runs: Sequence[TestedRun], contrast: Contrast, cells: Cells) -> Estimate | None:
    """A contrast between variants that were tested on different images."""
    numbers: dict[str, int] = {}
    rows = {}
    for run in runs:
        images = {numbers.setdefault(name, len(numbers)): score for name, score in sorted((run.images or {}).items())}
        order = sorted(images)
        scores = np.array([images[i] for i in order], np.float64)
        firsts: dict[str, int] = {}
        names = list(numbers)
        groups = None
        if run.groups is not None:
            groups = np.array([firsts.setdefault(run.groups[names[i]], i) for i in order], np.int64)
        rows[run.variant, run.replicate] = ScoreRow(np.array(order, np.int64), scores, groups)
    shuffles = dict(zip(sorted({run.replicate for run in runs}), cells.repetition, strict=True))
    return estimate_elsewhere(rows, contrast.weights, lambda r: shuffles[r])
