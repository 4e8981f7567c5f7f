"""Simulated studies whose test images come in groups, or are few: what the engine says of them, by two generators.

A group is easier or harder as a whole, and suits one variant more than another: its images are right or wrong together.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from typing import Any, Literal, NamedTuple

import numpy as np
from scipy.special import expit

from ablate.stats.cells import Cells
from ablate.stats.engine import estimate
from ablate.stats.verdict import judge_family
from tests.calibration.item_response import chain_weights, simulated_cells
from tests.calibration.measuring import one_thread, share
from tests.calibration.table import markdown

Generator = Literal["item response", "heavy tails"]
Form = Literal["fixed", "folds"]
Sizes = Literal["equal", "lognormal", "one of 30 %"]

STEP = np.array([[-1.0, 1.0]])
IMAGES = 360
FOLDS = 5
STUDIES = "CALIBRATION_STUDIES"
"""Studies a cell, in the environment; 400 without it, and 2,000 for the table of docs/statistics.md."""


class GroupedStudy(NamedTuple):
    """One cell of the table: `studies` pairs of equal variants. noise: logits of run-by-group luck."""

    sizes: Sizes
    groups: int
    replicates: int = 5
    form: Form = "fixed"
    generator: Generator = "item response"
    noise: float = 0.0
    seed: int = 1
    studies: int = 400


def sizes_of(rng: np.random.Generator, sizes: Sizes, groups: int, images: int = IMAGES) -> np.ndarray:
    """The group of each image."""
    match sizes:
        case "equal":
            shares = np.ones(groups)
        case "lognormal":
            shares = rng.lognormal(0, 1, groups)
        case "one of 30 %":
            shares = np.full(groups, 0.7 / (groups - 1))
            shares[0] = 0.3
    counts = np.maximum(2, np.round(images * shares / shares.sum()).astype(int))
    return np.repeat(np.arange(groups), counts)


def grouped_cells(rng: np.random.Generator, setting: GroupedStudy) -> Cells:
    """Two variants of one true accuracy; half of what images differ by, and of how they suit a variant, is by group.

    `heavy tails`: Student's t with 3 degrees of freedom in the place of the normal, a second variant whose taste is
    1.5 times as strong, and a run's own luck with each image.
    """
    group = sizes_of(rng, setting.sizes, setting.groups)
    n, half = len(group), np.sqrt(0.5)
    heavy = setting.generator == "heavy tails"

    def draw(*shape: int) -> np.ndarray:
        return rng.standard_t(3, shape) / np.sqrt(3) if heavy else rng.normal(0, 1, shape)

    def shared(*shape: int) -> np.ndarray:
        """Of variance 1: half by group, half by image."""
        return half * draw(*shape, setting.groups)[..., group] + half * draw(*shape, n)

    taste = shared(2) * (np.array([[1.0], [1.5]]) if heavy else 1.0)
    # Both variants are as good on average: the taste of either is symmetric around none.
    ability = 2.0 * shared() + taste
    folds = _folds(rng, group) if setting.form == "folds" else None
    scores: tuple[list[np.ndarray], list[np.ndarray]] = ([], [])
    images, repetition = [], []
    for r in range(setting.replicates):
        q, fold = divmod(r, FOLDS)
        if folds is not None and fold == 0 and q:
            folds = _folds(rng, group)
        tested = np.arange(n) if folds is None else np.flatnonzero(folds[group] == fold)
        logit = ability[:, tested] + rng.normal(0, 0.1, (2, 1))
        logit = logit + setting.noise * draw(2, setting.groups)[:, group[tested]]
        if heavy:
            logit = logit + 0.7 * draw(2, len(tested))
        for row, correct in zip(scores, rng.random(logit.shape) < expit(logit), strict=True):
            row.append(correct.astype(np.float64))
        images.append(tested)
        repetition.append(q)
    return Cells(
        scores=(tuple(scores[0]), tuple(scores[1])),
        images=tuple(images),
        repetition=tuple(repetition),
        groups=tuple(group[tested] for tested in images),
    )


def _folds(rng: np.random.Generator, group: np.ndarray) -> np.ndarray:
    """The fold of each group, as the harness deals them: no group is divided, every fold has some."""
    number = int(group.max()) + 1
    return rng.permutation(np.arange(number) % FOLDS)


def without_groups(cells: Cells) -> Cells:
    """The same study as if every image were on its own."""
    return Cells(scores=cells.scores, images=cells.images, repetition=cells.repetition)


def measure_groups(setting: GroupedStudy) -> dict[str, float]:
    """Of pairs of equal variants, how many differ at 5 %: by groups, and by images. And coverage, and half-width."""
    rng = np.random.default_rng([setting.seed, setting.groups, setting.replicates])
    sums = dict.fromkeys(("by_group", "by_image", "coverage", "half_width", "effective", "verdicts"), 0.0)
    for _ in range(setting.studies):
        cells = grouped_cells(rng, setting)
        (found,), (naive,) = estimate(cells, STEP), estimate(without_groups(cells), STEP)
        assert found is not None
        assert naive is not None
        assert found.grouped is not None
        (one,) = judge_family([found], negligible=0.01, worthwhile=0.03)
        sums["by_group"] += found.p <= 0.05
        sums["by_image"] += naive.p <= 0.05
        sums["coverage"] += found.lo <= 0 <= found.hi
        sums["half_width"] += 50 * (found.hi - found.lo)
        sums["effective"] += found.grouped.effective
        sums["verdicts"] += one.verdict in ("better", "worse")
    return {name: total / setting.studies for name, total in sums.items()}


class SmallStudy(NamedTuple):
    """Six equal variants on few images, most of which all of them get right."""

    form: Form
    images: int
    accuracy: float
    replicates: int
    studies: int = 200


def measure_small(setting: SmallStudy) -> dict[str, float]:
    """How often few images are answered wrongly: coverage, steps and families beyond 5 %, and `same`."""
    rng, steps = np.random.default_rng([setting.images, setting.replicates]), chain_weights(6)
    n_test = setting.images if setting.form == "fixed" else setting.images // FOLDS
    sums = dict.fromkeys(("coverage", "step", "family", "same", "half_width"), 0.0)
    for _ in range(setting.studies):
        cells = simulated_cells(
            rng,
            accuracies=[setting.accuracy] * 6,
            form=setting.form,
            n_replicates=setting.replicates,
            n_test=n_test,
        )
        found = [one for one in estimate(cells, steps) if one is not None]
        words = [one.verdict for one in judge_family(found, negligible=0.01, worthwhile=0.03)]
        sums["coverage"] += float(np.mean([one.lo <= 0 <= one.hi for one in found]))
        sums["step"] += float(np.mean([one.p <= 0.05 for one in found]))
        sums["half_width"] += float(np.mean([50 * (one.hi - one.lo) for one in found]))
        sums["family"] += any(word in ("better", "worse") for word in words)
        sums["same"] += "same" in words
    return {name: total / setting.studies for name, total in sums.items()}


def grouped_settings(studies: int) -> list[GroupedStudy]:
    """The cells of docs/statistics.md."""
    chosen: list[GroupedStudy] = []
    generators: tuple[Generator, ...] = ("item response", "heavy tails")
    fixed: tuple[tuple[Sizes, int, int], ...] = (
        ("equal", 10, 5), ("equal", 20, 5), ("equal", 40, 5),
        ("lognormal", 10, 5), ("lognormal", 20, 3), ("lognormal", 20, 5), ("lognormal", 20, 10), ("lognormal", 40, 5),
        ("one of 30 %", 10, 5), ("one of 30 %", 20, 5), ("one of 30 %", 40, 5),
    )  # fmt: skip
    folds: tuple[tuple[Sizes, int, int], ...] = (
        ("equal", 20, 10), ("lognormal", 20, 5), ("lognormal", 20, 10), ("one of 30 %", 20, 10),
    )  # fmt: skip
    for generator in generators:
        chosen += [GroupedStudy(*cell, generator=generator, studies=studies) for cell in fixed]
        chosen += [GroupedStudy(*cell, "folds", generator, studies=studies) for cell in folds]
        chosen += [GroupedStudy("lognormal", 20, k, generator=generator, noise=1.0, studies=studies) for k in (3, 10)]
    return chosen


def small_settings(studies: int) -> list[SmallStudy]:
    """Few images, and few of them answered unlike."""
    forms: tuple[Form, ...] = ("fixed", "folds")
    return [SmallStudy(form, 50, accuracy, k, studies) for form in forms for accuracy in (0.9, 0.98) for k in (3, 10)]


def grouped_table(found: dict[GroupedStudy, dict[str, float]]) -> str:
    """As docs/statistics.md shows it."""
    head = ["generator", "test images", "groups (effective)", "replicates", "by images", "by groups", "coverage",
            "half-width (points)"]  # fmt: skip
    rows = []
    for setting, numbers in found.items():
        sizes = f"{setting.groups} {setting.sizes}{', run-by-group luck' if setting.noise else ''}"
        rates = [share(numbers[name]) for name in ("by_image", "by_group", "coverage")]
        groups = f"{sizes} ({numbers['effective']:.1f})"
        rows.append([setting.generator, setting.form, groups, str(setting.replicates), *rates,
                     f"{numbers['half_width']:.1f}"])  # fmt: skip
    return markdown(head, rows)


def small_table(found: dict[SmallStudy, dict[str, float]]) -> str:
    """As docs/statistics.md shows it."""
    head = ["test images", "accuracy", "replicates", "coverage", "half-width (points)", "false findings", "`same`"]
    rows = [
        [f"{setting.form}, {setting.images}", f"{setting.accuracy:.0%}", str(setting.replicates),
         share(numbers["coverage"]), f"{numbers['half_width']:.1f}", share(numbers["family"]), share(numbers["same"])]
        for setting, numbers in found.items()
    ]  # fmt: skip
    return markdown(head, rows)


def measured_in_parallel(
    measure: Callable[[Any], dict[str, float]], settings: Sequence[Any], *, workers: int = 2
) -> dict[Any, dict[str, float]]:
    """Every cell, by several processes."""
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn"), initializer=one_thread) as pool:
        return dict(zip(settings, pool.map(measure, settings), strict=True))


if __name__ == "__main__":
    wanted = int(os.environ.get(STUDIES, "400"))
    sys.stdout.write(grouped_table(measured_in_parallel(measure_groups, grouped_settings(wanted))))
    sys.stdout.write("\n" + small_table(measured_in_parallel(measure_small, small_settings(wanted))))
