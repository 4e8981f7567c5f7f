"""Patients of whom few have the disease, several images of each: what metrics of unequal classes say by groups.

A patient's images are easier or harder together and suit one variant more than the other; all are of one class.
"""

from __future__ import annotations

import os
import sys
from typing import Literal, NamedTuple

import numpy as np

from ablate.records import Cell, Finished
from ablate.scoring.answers import Answers
from ablate.scoring.registry import find_metric
from ablate.splits.rules import Folds, Replicate, Share
from ablate.stats.engine import estimate
from ablate.stats.score_book import ScoreBook, ScoreRow
from ablate.stats.scores import arrange
from tests.calibration.grouped import STUDIES, measured_in_parallel
from tests.calibration.measuring import share
from tests.calibration.table import markdown

METRICS = ("sensitivity:1", "balanced_accuracy", "macro_f1", "auroc")
FOLDS = 5
STEP = np.array([[-1.0, 1.0]])


class PatientStudy(NamedTuple):
    """One cell: `studies` pairs of equal variants. sick: of the patients; sizes: images of each, 6 on average."""

    patients: int
    sick: int
    sizes: Literal["equal", "lognormal"] = "equal"
    form: Literal["fixed", "folds"] = "fixed"
    generator: Literal["normal", "heavy tails"] = "normal"
    replicates: int = 5
    studies: int = 200


Row = tuple[np.ndarray, Answers, np.ndarray]
"""Which images, the answers to them, and of which patient each is."""


def a_study(rng: np.random.Generator, setting: PatientStudy) -> dict[tuple[str, int], Row]:
    """The runs of two equal variants."""

    def draw(*shape: int) -> np.ndarray:
        heavy = setting.generator == "heavy tails"
        return rng.standard_t(3, shape) / np.sqrt(3) if heavy else rng.normal(0, 1, shape)

    count, sick = setting.patients, setting.sick
    sizes = np.full(count, 6.0) if setting.sizes == "equal" else 4.4 * rng.lognormal(0, 0.8, count)
    patient = np.repeat(np.arange(count), np.maximum(2, np.round(sizes)).astype(int))
    n, target = len(patient), (patient < sick).astype(np.int64)
    looks = draw(count)[patient] + 0.7 * draw(n)
    taste = 0.7 * draw(2, count)[:, patient] + 0.5 * draw(2, n)
    fold = np.concatenate([rng.permutation(sick), rng.permutation(count - sick)])[patient] % FOLDS
    found = {}
    for r in range(setting.replicates):
        chosen = np.arange(n) if setting.form == "fixed" else np.flatnonzero(fold == r)
        for v, name in enumerate("AB"):
            logit = looks[chosen] + taste[v, chosen] + 0.6 * draw(len(chosen)) + rng.normal(0, 0.1)
            logit = logit + (2 * target[chosen] - 1)
            prob = 1 / (1 + np.exp(-logit))
            answers = Answers(target[chosen], (logit > 0).astype(np.int64), np.stack([1 - prob, prob], axis=1))
            found[name, r] = (chosen, answers, patient[chosen])
    return found


def measure_patients(setting: PatientStudy) -> dict[str, float]:
    """By metric: pairs of equal variants that differ at 5 %, and effective groups."""
    rng = np.random.default_rng([setting.patients, setting.sick, setting.form == "folds"])
    sums = dict.fromkeys((f"{what} {name}" for name in METRICS for what in ("found", "effective")), 0.0)
    test = Folds(count=FOLDS) if setting.form == "folds" else Share(share=0.2)
    for _ in range(setting.studies):
        study = a_study(rng, setting)
        done = Finished(folder=None, metrics={})  # type: ignore[arg-type]
        cells = [Cell(variant=variant, replicate=Replicate(index=r), result=done) for variant, r in study]
        for name in METRICS:
            metric = find_metric(name)
            assert metric is not None
            rows = {}
            for key, (images, answers, patient) in study.items():
                measured = metric.measure(answers)
                rows[key] = ScoreRow(images, measured.value + measured.influence, patient, answers)
            (one,) = estimate(arrange(ScoreBook(rows, {}, metric), cells, ["A", "B"], test, frozenset()), STEP)
            assert one is not None
            assert one.grouped is not None
            sums[f"found {name}"] += one.p <= 0.05
            sums[f"effective {name}"] += one.grouped.effective
    return {key: total / setting.studies for key, total in sums.items()}


def patient_settings(studies: int) -> list[PatientStudy]:
    """The cells of docs/statistics.md."""
    return [
        PatientStudy(patients, sick, sizes, form, generator, studies=studies)  # type: ignore[arg-type]
        for patients, sick, sizes in ((30, 10, "equal"), (60, 12, "equal"), (60, 20, "lognormal"))
        for form in ("fixed", "folds")
        for generator in ("normal", "heavy tails")
    ]


def patient_table(found: dict[PatientStudy, dict[str, float]]) -> str:
    """As docs/statistics.md shows it: false findings (effective groups)."""
    rows = []
    for setting, numbers in found.items():
        rates = [f"{share(numbers[f'found {name}'])} ({numbers[f'effective {name}']:.1f})" for name in METRICS]
        patients = f"{setting.patients} {setting.sizes}, {setting.sick} sick"
        rows.append([setting.generator, setting.form, patients, *rates])
    return markdown(["generator", "test images", "patients", *METRICS], rows)


if __name__ == "__main__":
    wanted = int(os.environ.get(STUDIES, "400"))
    sys.stdout.write(patient_table(measured_in_parallel(measure_patients, patient_settings(wanted // 2))))
