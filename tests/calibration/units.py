"""Simulated studies judged by one answer a patient, or by a metric of the user's own: how often equal variants differ.

Patients are easier or harder as a whole and suit one variant more than the other; a run has luck of its own with each.
"""

from __future__ import annotations

from typing import Literal, NamedTuple

import numpy as np
from scipy.special import expit

from ablate.scoring.answers import Answers
from ablate.scoring.own import measure
from ablate.scoring.unit import By, Unit, join_answers
from ablate.stats.cells import Cells
from ablate.stats.engine import estimate

STEP = np.array([[-1.0, 1.0]])


class UnitStudy(NamedTuple):
    """One cell: `studies` pairs of equal variants on fixed test images. by: None where each image is scored."""

    judged: Literal["accuracy", "kappa"]
    by: By | None
    patients: int
    replicates: int = 5
    heavy: bool = False
    studies: int = 400


def kappa(target: np.ndarray, prob: np.ndarray, group: np.ndarray) -> float:
    """Cohen's, as somebody would write it."""
    del group
    said = prob.argmax(axis=1)
    observed = (said == target).mean()
    by_chance = sum((said == c).mean() * (target == c).mean() for c in range(prob.shape[1]))
    return float((observed - by_chance) / (1 - by_chance))


def drawn_answers(rng: np.random.Generator, setting: UnitStudy) -> list[list[Answers]]:
    """[variant][replicate]: two classes, 30 % positive; one to some thirty images a patient, where `by` joins them."""

    def draw(*shape: int) -> np.ndarray:
        return rng.standard_t(3, shape) / np.sqrt(3) if setting.heavy else rng.normal(0, 1, shape)

    sizes = np.ones(setting.patients, int)
    if setting.by is not None:
        sizes = np.clip(np.round(rng.lognormal(1, 0.8, setting.patients)), 1, 30).astype(int)
    patient = np.repeat(np.arange(setting.patients), sizes)
    ill = (np.arange(setting.patients) % 10 < 3).astype(int)
    target, sign = ill[patient], 2 * ill - 1
    shared, taste, scan = draw(setting.patients), 0.5 * draw(2, setting.patients), 0.5 * draw(len(patient))
    names = np.array([f"patient {i:03d}" for i in range(setting.patients)])[patient]
    found: list[list[Answers]] = [[], []]
    for _ in range(setting.replicates):
        luck = 0.5 * draw(2, setting.patients) + rng.normal(0, 0.1, (2, 1))
        for variant in (0, 1):
            signal = sign * (0.9 + shared + taste[variant] + luck[variant])
            positive = expit(signal[patient] + scan + 0.5 * draw(len(patient)))
            prob = np.stack([1 - positive, positive], axis=1)
            found[variant].append(Answers(target, prob.argmax(axis=1), prob, None if setting.by is None else names))
    return found


def unit_cells(rng: np.random.Generator, setting: UnitStudy) -> Cells:
    """The same as the engine takes them."""
    scores: list[list[np.ndarray]] = [[], []]
    for variant, runs in enumerate(drawn_answers(rng, setting)):
        for answers in runs:
            one = answers
            if setting.by is not None:
                ids = np.arange(len(answers.target)).astype(np.str_)
                _, one = join_answers(ids, answers, Unit("patient", setting.by))
            if setting.judged == "accuracy":
                scores[variant].append((one.predicted == one.target).astype(np.float64))
            else:
                value, influence = measure("own:kappa", kappa, one)
                scores[variant].append(value + influence)
    images = tuple(np.arange(setting.patients) for _ in range(setting.replicates))
    return Cells(scores=(tuple(scores[0]), tuple(scores[1])), images=images)


def measure_units(setting: UnitStudy) -> dict[str, float]:
    """How many of the pairs of equal variants differ at 5 %, and how wide their intervals are, in points."""
    rng = np.random.default_rng([7, setting.patients, setting.replicates])
    sums = dict.fromkeys(("differ", "half_width"), 0.0)
    for _ in range(setting.studies):
        (found,) = estimate(unit_cells(rng, setting), STEP)
        assert found is not None
        sums["differ"] += found.p <= 0.05
        sums["half_width"] += 50 * (found.hi - found.lo)
    return {name: total / setting.studies for name, total in sums.items()}


def unit_settings(studies: int) -> list[UnitStudy]:
    """The cells of docs/statistics.md."""
    return [
        UnitStudy(judged, by, patients, k, heavy, studies if judged == "accuracy" else studies // 2)
        for heavy in (False, True)
        for judged, by, patients, k in (
            ("accuracy", "mean", 40, 3),
            ("accuracy", "max", 40, 5),
            ("accuracy", "vote", 100, 5),
            ("kappa", "mean", 60, 5),
            ("kappa", None, 120, 3),
        )
    ]
