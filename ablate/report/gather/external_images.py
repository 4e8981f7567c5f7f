"""Scores of single images that somebody handed in, laid out for the engine."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ablate.readers.tested import TestedRun
from ablate.records import Contrast
from ablate.report.gather.image_parts import repetitions_of
from ablate.report.gather.stored_answers import Sums
from ablate.stats.apart import estimate_elsewhere
from ablate.stats.cells import Cells
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
    cells = Cells(scores=rows, images=images, repetition=repetitions_of(images), groups=groups)
    return cells, frozenset(different)


def answers_handed_in(runs: Sequence[TestedRun]) -> Sums:
    """The same as what the stored answers of a study's runs are added up to; which class was said is not known."""
    sums, firsts = Sums(), dict[str, int]()
    order: dict[int, list[str]] = {}
    for run in runs:
        ids = sorted(run.images or {})
        if ids and order.setdefault(run.replicate, ids) == ids and run.images is not None:
            numbers = [sums.numbers.setdefault(name, len(sums.numbers)) for name in ids]
            sums.images[run.replicate] = np.array(numbers, np.int64)
            sums.scores[run.variant, run.replicate] = np.array([run.images[name] for name in ids], np.float64)
            known = {name: group for name, group in (run.groups or {}).items() if name in sums.numbers}
            sums.groups |= {sums.numbers[i]: firsts.setdefault(g, sums.numbers[i]) for i, g in known.items()}
    return sums


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
