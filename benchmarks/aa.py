"""How often chance is called a find on real trainings, and whether standard errors fit them.

The baseline of a shipped study is trained `--copies` times on each of three folds under other luck, by `ablate run`
itself, and half as often the same with its first change. From these trainings are cut

- **A/A studies**: a baseline and five variants that are all the same, three replicates. Whatever is called better or
  worse is a false finding.
- **split halves** of the comparison of the two: half of each fold's images and other trainings in each half, so that
  z = (est1 - est2) / sqrt(se1^2 + se2^2) is Student's t where the standard errors are right. A/A studies do not
  show that: copies of one variant have no images of their own on which they are better.

The studies overlap in their trainings, so that a binomial interval would be too short: trainings are left out one
after the other, and the rate is taken again (jackknife). All of it is on one data set: redrawn training sets are not
in it.

    python benchmarks/aa.py                      # 120 and 60 trainings, 6,000 studies
    python benchmarks/aa.py --work FOLDER        # keep the trainings there, and use those that are there
    python benchmarks/aa.py --small              # a check that all of it works; its figures mean nothing
"""

from __future__ import annotations

import argparse
import json
import re
import sys
import tempfile
from collections.abc import Mapping, Sequence
from math import sqrt
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from ablate import Options, load_study, make_plan, run_study
from ablate.records import Finished
from ablate.stats.cells import Cells
from ablate.stats.engine import estimate
from ablate.stats.student import Estimate
from ablate.stats.verdict import judge_family
from ablate.store.outcome_columns import read_columns
from ablate.study.study import Study

SHIPPED = Path(__file__).parents[1] / "studies" / "quickstart.yaml"
FOLDS = 3
BOUNDS = (5, 20, 50)
"""Percent: which bounds of t are looked at."""

WEIGHTS = {
    "chain": lambda steps: np.diff(np.eye(steps + 1), axis=0),
    "one at a time": lambda steps: np.hstack([-np.ones((steps, 1)), np.eye(steps)]),
}


class Fold(NamedTuple):
    """What all trainings of one variant on one fold answered.

    images: (n,) numbers of the test images. scores: (trainings, n), right (1) or wrong (0).
    """

    images: NDArray[np.int64]
    scores: NDArray[np.float64]


class Rate(NamedTuple):
    """A share of studies, with its jackknife interval over trainings."""

    share: float
    lo: float
    hi: float


def read_arguments() -> argparse.Namespace:
    """The options."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--copies", type=int, default=40, help="trainings of the baseline on each fold")
    parser.add_argument("--studies", type=int, default=6000)
    parser.add_argument("--epochs", type=int, help="default: as the study says")
    parser.add_argument("--workers", type=int)
    parser.add_argument("--work", type=Path, metavar="FOLDER")
    parser.add_argument("--json", type=Path, metavar="FILE")
    parser.add_argument("--small", action="store_true", help="ten copies, one epoch, 20 studies")
    asked = parser.parse_args()
    if asked.small:
        asked.copies, asked.epochs, asked.studies = 10, 1, 20
    return asked


def main() -> None:
    """Train what is missing, cut the studies, print the figures."""
    asked = read_arguments()
    with tempfile.TemporaryDirectory() as fresh:
        work = asked.work or Path(fresh)
        work.mkdir(parents=True, exist_ok=True)
        shipped = load_study(SHIPPED)
        change = shipped.factors[0].name
        often = {"baseline": asked.copies, change: max(4, asked.copies // 2)}
        variants = [trained(shipped, name, copies, asked, work) for name, copies in often.items()]
    rng = np.random.default_rng(20261129)
    found: dict[str, Any] = {"copies": asked.copies, "studies": asked.studies, "change": change}
    for design in WEIGHTS:
        found[design] = false_findings(variants[0], design, studies=asked.studies, rng=rng)
    found["halves"] = split_halves(variants, halves=asked.studies, rng=rng)
    sys.stdout.write(f"{page(found)}\n")
    if asked.json is not None:
        asked.json.write_text(json.dumps(found, indent=1), encoding="utf-8")


def trained(shipped: Study, variant: str, copies: int, asked: argparse.Namespace, work: Path) -> list[Fold]:
    """Every training of a variant of the shipped study, by `ablate run`: the design `aa`, copies under other luck.

    The design has as many copies as the study has factors, which are there to be counted and never set.
    """
    base = dict(make_plan(shipped).variant(variant).config)
    if asked.epochs is not None:
        base["epochs"] = asked.epochs
    factors = {f"copy {number}": {"optimizer.weight_decay": number * 1e-6} for number in range(1, copies)}
    content = {
        "study": f"aa-{re.sub('[^a-z0-9]+', '-', variant.lower())}",
        "base": base,
        "chain": factors,
        "evidence": {"test": {"folds": FOLDS}, "val": shipped.evidence.val, "replicates": [FOLDS]},
    }
    path = work / f"{content['study']}.yaml"
    path.write_text(json.dumps(content), encoding="utf-8")
    ran = run_study(
        load_study(path, design="aa"), work=work, options=Options(track=False, workers=asked.workers, stale="reuse")
    )
    if ran.exit_code:
        raise SystemExit(ran.exit_code)
    folds = []
    for index in range(FOLDS):
        runs = [cell.result for cell in ran.cells if cell.replicate.index == index]
        columns = [
            read_columns(run.folder / run.images, "id", "score")
            for run in runs
            if isinstance(run, Finished) and run.images is not None
        ]
        ids = columns[0]["id"]
        assert all(np.array_equal(one["id"], ids) for one in columns)
        numbers = np.arange(len(ids)) + 10**6 * index  # a fold has images of its own
        folds.append(Fold(numbers, np.stack([one["score"] for one in columns]).astype(np.float64)))
    return folds


def false_findings(folds: Sequence[Fold], design: str, *, studies: int, rng: np.random.Generator) -> dict[str, Any]:
    """The share of A/A studies that call at least one of their comparisons better or worse, and comparisons alone."""
    copies = len(folds[0].scores)
    steps = min(5, copies - 2)
    weights = WEIGHTS[design](steps)

    outcomes, used = np.empty((studies, 2)), np.zeros((studies, FOLDS, copies), np.bool_)
    for study in range(studies):
        chosen = [rng.choice(copies, steps + 1, replace=False) for _ in folds]
        scores = tuple(
            tuple(fold.scores[own[variant]] for fold, own in zip(folds, chosen, strict=True))
            for variant in range(steps + 1)
        )
        found = estimate(Cells(scores=scores, images=tuple(fold.images for fold in folds)), weights)
        words = [step.verdict for step in judge_family(found, negligible=0.01, worthwhile=0.03)]
        alone = [answer.p < 0.05 for answer in found if answer is not None]
        outcomes[study] = any(word in ("better", "worse") for word in words), np.mean(alone)
        for place, own in zip(used[study], chosen, strict=True):
            place[own] = True
    families, comparisons = jackknife(outcomes, used)
    return {"steps": steps, "studies": families._asdict(), "comparisons": comparisons._asdict()}


def split_halves(variants: Sequence[Sequence[Fold]], *, halves: int, rng: np.random.Generator) -> dict[str, Any]:
    """z of two halves against Student's t: shares beyond its 5 and 20 % bounds, and how its middle lies.

    A half has half of each fold's images and one training of each variant on each fold; training sets are the same.
    """
    copies = min(len(fold.scores) for folds in variants for fold in folds)

    outcomes, used = np.empty((halves, 3)), np.zeros((halves, FOLDS, copies), np.bool_)
    for number in range(halves):
        first, second = [], []
        for index, fold in enumerate(variants[0]):
            order = rng.permutation(len(fold.images))
            middle = len(order) // 2
            runs = rng.choice(copies, 2, replace=False)
            used[number, index, runs] = True
            for half, run, images in ((first, runs[0], order[:middle]), (second, runs[1], order[middle:])):
                half.append((fold.images[images], [own[index].scores[run][images] for own in variants]))
        a, b = answer(first), answer(second)
        error = a.standard_error**2 + b.standard_error**2
        df = error**2 / (a.standard_error**4 / a.df + b.standard_error**4 / b.df)
        p = 2 * float(stats.t.sf(abs(a.difference - b.difference) / sqrt(error), df))
        outcomes[number] = [p < bound / 100 for bound in BOUNDS]
    found = jackknife(outcomes, used)
    return {f"beyond {bound} %": rate._asdict() for bound, rate in zip(BOUNDS, found, strict=True)}


def answer(half: Sequence[tuple[NDArray[np.int64], Sequence[NDArray[np.float64]]]]) -> Estimate:
    """The second variant against the first, from one half."""
    scores = tuple(tuple(own[variant] for _, own in half) for variant in (0, 1))
    (found,) = estimate(Cells(scores=scores, images=tuple(images for images, _ in half)), np.array([[-1.0, 1.0]]))
    assert found is not None
    return found


def jackknife(outcomes: NDArray[np.float64], used: NDArray[np.bool_]) -> list[Rate]:
    """Each rate over all studies, with a 95 % interval from leaving out one training after the other.

    outcomes: (studies, rates). used: (studies, folds, trainings), which of them a study was cut from. Without a
    training the rate is that of the studies that do not use it. What this owes to the drawing of the studies is
    known, and taken off; the rate's own is counted in the end. Trainings of different folds are independent.
    """
    drawing = outcomes.var(0) / len(outcomes)
    variance = np.zeros(outcomes.shape[1])
    trainings = used.shape[2]
    for fold in range(used.shape[1]):
        left = np.array([outcomes[~used[:, fold, one]].mean(0) for one in range(trainings)])
        shares = used[:, fold].mean(0)
        noise = drawing * (shares / (1 - shares)).sum()
        variance += (trainings - 1) / trainings * (np.square(left - left.mean(0)).sum(0) - noise)
    half = stats.t.ppf(0.975, trainings - 1) * np.sqrt(np.maximum(variance, 0) + drawing)
    return [
        Rate(float(rate), max(0.0, float(rate - by)), min(1.0, float(rate + by)))
        for rate, by in zip(outcomes.mean(0), half, strict=True)
    ]


def page(found: Mapping[str, Any]) -> str:
    """The figures as Markdown."""
    rows = [
        (f"A/A studies with a false finding, {design}", found[design]["studies"], "at most .05") for design in WEIGHTS
    ]
    rows += [
        (f"A/A comparisons with p < .05, {design}", found[design]["comparisons"], "at most .05") for design in WEIGHTS
    ]
    rows += [
        (f"split halves, `{found['change']}` against the baseline, {name} of t", rate, f".{int(name.split()[1]):02d}")
        for name, rate in found["halves"].items()
    ]
    lines = ["| share of | measured | 95 % interval over trainings | if all is right |", "| --- | --- | --- | --- |"]
    lines += [f"| {what} | {rate['share']:.3f} | {rate['lo']:.3f} to {rate['hi']:.3f} | {right} |"
              for what, rate, right in rows]  # fmt: skip
    head = f"{found['copies']} trainings of the baseline on each of {FOLDS} folds; {found['studies']:,} studies a row."
    return "\n".join([head, "", *lines])


if __name__ == "__main__":
    main()
