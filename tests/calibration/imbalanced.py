"""Simulated studies of ten classes, the largest twenty times the smallest, by metrics of unequal classes.

Each image of each class looks like each class a bit; variants share that, have a taste of their own, and runs their
luck. What the difference of two variants is, a large simulated population says.
"""

from __future__ import annotations

import os
import sys
from functools import cache
from typing import Literal, NamedTuple

import numpy as np

from ablate.records import Cell, Finished
from ablate.scoring.answers import Answers
from ablate.scoring.registry import find_metric
from ablate.splits.rules import Folds, Replicate, Share
from ablate.stats.cells import Cells
from ablate.stats.engine import estimate
from ablate.stats.replicate_level import estimate_replicates
from ablate.stats.score_book import ScoreBook, ScoreRow
from ablate.stats.scores import arrange
from tests.calibration.grouped import STUDIES, measured_in_parallel
from tests.calibration.measuring import share
from tests.calibration.table import markdown

Generator = Literal["normal", "heavy tails"]
Form = Literal["fixed", "folds"]

CLASSES, FOLDS = 10, 5
SHARES = 20.0 ** (-np.arange(CLASSES) / (CLASSES - 1))
SHARES = SHARES / SHARES.sum()
STEP = np.array([[-1.0, 1.0]])
METRICS = ("balanced_accuracy", "macro_f1", "auroc", "sensitivity:9", "quadratic_kappa", "log_loss")
SKILL = np.array([np.linspace(2.6, 1.8, CLASSES), np.linspace(2.6, 2.4, CLASSES)])
"""Of each variant with each class: the second is better with rare ones."""


class ImbalancedStudy(NamedTuple):
    """One cell: `studies` pairs of variants on n images in all. equal: both are the first."""

    n: int
    form: Form = "fixed"
    generator: Generator = "normal"
    equal: bool = False
    replicates: int = 5
    studies: int = 400


class Population(NamedTuple):
    """Images with their classes. looks: (n, classes), the same to all variants; tastes: (2, n, classes)."""

    target: np.ndarray
    looks: np.ndarray
    tastes: np.ndarray


def drawn(rng: np.random.Generator, setting: ImbalancedStudy, *shape: int) -> np.ndarray:
    """Of variance 1; with heavy tails Student's t with 3 degrees of freedom."""
    return rng.normal(0, 1, shape) if setting.generator == "normal" else rng.standard_t(3, shape) / np.sqrt(3)


def a_population(rng: np.random.Generator, setting: ImbalancedStudy) -> Population:
    """Images drawn at random, so that the number of each class is."""
    target = rng.choice(CLASSES, setting.n, p=SHARES)
    looks = drawn(rng, setting, setting.n, CLASSES)
    return Population(target, looks, 0.6 * drawn(rng, setting, 2, setting.n, CLASSES))


def run_answers(
    rng: np.random.Generator, setting: ImbalancedStudy, seen: Population, variant: int, chosen: np.ndarray
) -> Answers:
    """One run on some images; probabilities in half precision."""
    target = seen.target[chosen]
    own = 0 if setting.equal else variant
    logit = seen.looks[chosen] + seen.tastes[variant, chosen] + 0.6 * drawn(rng, setting, len(chosen), CLASSES)
    logit = logit + rng.normal(0, 0.15, CLASSES)
    logit[np.arange(len(chosen)), target] += SKILL[own, target] + rng.normal(0, 0.1)
    odds = np.exp(logit - logit.max(axis=1, keepdims=True))
    prob = (odds / odds.sum(axis=1, keepdims=True)).astype(np.float16).astype(np.float64)
    return Answers(target, logit.argmax(axis=1), prob / prob.sum(axis=1, keepdims=True))


def a_study(rng: np.random.Generator, setting: ImbalancedStudy) -> dict[tuple[str, int], tuple[np.ndarray, Answers]]:
    """Which images each run was tested on, and its answers."""
    seen = a_population(rng, setting)
    folds = np.zeros(setting.n, np.int64)
    for c in range(CLASSES):
        places = np.flatnonzero(seen.target == c)
        folds[places] = (rng.permutation(len(places)) + rng.integers(FOLDS)) % FOLDS
    found = {}
    for r in range(setting.replicates):
        chosen = np.arange(setting.n) if setting.form == "fixed" else np.flatnonzero(folds == r % FOLDS)
        for variant, name in enumerate("AB"):
            found[name, r] = (chosen, run_answers(rng, setting, seen, variant, chosen))
    return found


def cells_by(study: dict[tuple[str, int], tuple[np.ndarray, Answers]], name: str, form: Form) -> Cells:
    """The study as the engine takes it, by one metric."""
    metric = find_metric(name)
    assert metric is not None
    rows = {}
    for key, (images, answers) in study.items():
        found = metric.measure(answers)
        rows[key] = ScoreRow(images, found.value + found.influence, answers=answers)
    done = Finished(folder=None, metrics={})  # type: ignore[arg-type]
    cells = [Cell(variant=variant, replicate=Replicate(index=r), result=done) for variant, r in study]
    test = Folds(count=FOLDS) if form == "folds" else Share(share=0.2)
    return arrange(ScoreBook(rows, {}, metric), cells, ["A", "B"], test, frozenset())


@cache
def truth(setting: ImbalancedStudy) -> dict[str, float]:
    """The difference of each metric on a large population, over many runs."""
    if setting.equal:
        return dict.fromkeys(METRICS, 0.0)
    rng, large = np.random.default_rng(99), setting._replace(n=40_000)
    seen = a_population(rng, large)
    values: dict[str, list[float]] = {name: [] for name in METRICS}
    for _ in range(24):
        pair = [run_answers(rng, large, seen, variant, np.arange(large.n)) for variant in (0, 1)]
        for name, found in values.items():
            metric = find_metric(name)
            assert metric is not None
            found.append(metric.measure(pair[1]).value - metric.measure(pair[0]).value)
    return {name: float(np.mean(found)) for name, found in values.items()}


def measure_imbalanced(setting: ImbalancedStudy) -> dict[str, float]:
    """By metric: coverage, half-width (in the unit of the metric) and differences at 5 %; studies passed over.

    A study in which a class is missing from a test is passed over: its metric is another one.
    """
    rng = np.random.default_rng([setting.n, setting.form == "folds", setting.generator == "normal", setting.equal])
    aim = truth(setting._replace(n=0, studies=0, form="fixed", replicates=5))
    sums = dict.fromkeys((f"{what} {name}" for name in METRICS for what in ("coverage", "width", "found")), 0.0)
    counted = thin = 0
    for _ in range(setting.studies):
        study = a_study(rng, setting)
        if any(len(np.unique(answers.target)) < CLASSES for _, answers in study.values()):
            thin += 1
            continue
        counted += 1
        for name in METRICS:
            (one,) = estimate(cells_by(study, name, setting.form), STEP)
            assert one is not None
            sums[f"coverage {name}"] += one.lo <= aim[name] <= one.hi
            sums[f"width {name}"] += (one.hi - one.lo) / 2
            sums[f"found {name}"] += one.p <= 0.05
    return {key: total / max(counted, 1) for key, total in sums.items()} | {"counted": counted, "thin": thin}


def imbalanced_settings(studies: int) -> list[ImbalancedStudy]:
    """The cells of docs/statistics.md."""
    generators: tuple[Generator, ...] = ("normal", "heavy tails")
    forms: tuple[tuple[Form, tuple[int, ...]], ...] = (("fixed", (360, 1000, 2000)), ("folds", (1000, 2000)))
    return [
        ImbalancedStudy(n, form, generator, equal, studies=studies)
        for generator in generators
        for form, sizes in forms
        for n in sizes
        for equal in (False, True)
    ]


def imbalanced_table(found: dict[ImbalancedStudy, dict[str, float]]) -> str:
    """As docs/statistics.md shows it: coverage of the true difference (half-width) / equal ones found."""
    rows = []
    for setting, numbers in found.items():
        if setting.equal:
            continue
        null = found[setting._replace(equal=True)]
        cells = [
            f"{share(numbers[f'coverage {name}'])} ({numbers[f'width {name}']:.3f}) / {share(null[f'found {name}'])}"
            for name in METRICS
        ]
        rows.append([setting.generator, setting.form, str(setting.n), *cells])
    head = ["generator", "test images", "n", *METRICS]
    return markdown(head, rows)


def found_by_runs(studies: int, *, n: int = 360) -> dict[str, float]:
    """Equal variants on one fixed test set that a t-test over one number a run calls different at 5 %, by metric."""
    rng, setting = np.random.default_rng(7), ImbalancedStudy(n, equal=True)
    names = ("balanced_accuracy", "macro_f1", "auroc")
    hits = dict.fromkeys(names, 0)
    for _ in range(studies):
        study = a_study(rng, setting)
        for name in names:
            metric = find_metric(name)
            assert metric is not None
            numbers = [[metric.measure(a).value for (own, _), (_, a) in study.items() if own == v] for v in "AB"]
            (found,) = estimate_replicates(numbers, STEP, pairing="unpaired")
            assert found is not None
            hits[name] += found.p <= 0.05
    return {name: count / studies for name, count in hits.items()}


def measure_beside_accuracy(studies: int) -> dict[str, float]:
    """Coverage for equal variants on 2,000 fixed images, where the luck of runs is most of what is unknown."""
    rng, setting = np.random.default_rng(5), ImbalancedStudy(2000, equal=True)
    hits = dict.fromkeys(("accuracy", "balanced_accuracy", "macro_f1"), 0)
    for _ in range(studies):
        study = a_study(rng, setting)
        images = tuple(images for (name, _), (images, _) in study.items() if name == "A")
        right = [
            tuple((a.predicted == a.target).astype(float) for (name, _), (_, a) in study.items() if name == variant)
            for variant in "AB"
        ]
        cells = {"accuracy": Cells(scores=tuple(right), images=images)}
        cells |= {name: cells_by(study, name, "fixed") for name in ("balanced_accuracy", "macro_f1")}
        for name, one in cells.items():
            (found,) = estimate(one, STEP)
            assert found is not None
            hits[name] += found.lo <= 0 <= found.hi
    return {name: count / studies for name, count in hits.items()}


if __name__ == "__main__":
    if len(sys.argv) > 1:
        sys.stdout.write(f"{measure_beside_accuracy(int(sys.argv[1]))}\n{found_by_runs(int(sys.argv[1]))}\n")
        sys.exit()
    wanted = int(os.environ.get(STUDIES, "400"))
    sys.stdout.write(imbalanced_table(measured_in_parallel(measure_imbalanced, imbalanced_settings(wanted // 2))))
