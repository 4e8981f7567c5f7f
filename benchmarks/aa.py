"""How often chance is called a find on real trainings, and whether standard errors fit them.

The baseline of a shipped study is trained `--copies` times on each of three folds under other luck, by `ablate run`
itself, and half as often the same with its first change. From these trainings are cut

- **A/A studies**: a baseline and five variants that are all the same, three replicates. Whatever is called better or
  worse is a false finding.
- **split halves** of the comparison of the two: half of each fold's images and other trainings in each half, so that
  z = (est1 - est2) / sqrt(se1^2 + se2^2) is Student's t where the standard errors are right. A/A studies do not
  show that: copies of one variant have no images of their own on which they are better.

The studies overlap in their trainings, so that a binomial interval would be far too short: trainings are left out in
groups, and the rate is taken again (jackknife). All of it is on one data set: redrawn training sets are not in it.

    python benchmarks/aa.py                      # 120 and 60 trainings, 2,000 studies
    python benchmarks/aa.py --work FOLDER        # keep the trainings there, and use those that are there
    python benchmarks/aa.py --small              # a check that all of it works; its figures mean nothing
"""

from __future__ import annotations

import argparse
import json
import re
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
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
from ablate.stats.verdict import judge
from ablate.store.outcome_columns import read_columns
from ablate.study.study import Study

SHIPPED = Path(__file__).parents[1] / "studies" / "quickstart.yaml"
FOLDS = 3
GROUPS = 10
"""Groups of trainings, each left out in turn."""

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
    parser.add_argument("--studies", type=int, default=2000)
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
    steps = min(5, copies - copies // GROUPS - 1)
    weights = WEIGHTS[design](steps)

    def one(kept: NDArray[np.int64]) -> tuple[bool, float]:
        chosen = [rng.choice(kept, steps + 1, replace=False) for _ in folds]
        scores = tuple(
            tuple(fold.scores[own[variant]] for fold, own in zip(folds, chosen, strict=True))
            for variant in range(steps + 1)
        )
        found = estimate(Cells(scores=scores, images=tuple(fold.images for fold in folds)), weights)
        judged = judge(found, negligible=0.01, worthwhile=0.03)
        alone = [answer.p < 0.05 for answer in found if answer is not None]
        return any(step.verdict in ("better", "worse") for step in judged), float(np.mean(alone))

    found = jackknife(copies, lambda kept, n: np.array([one(kept) for _ in range(n)], np.float64), studies)
    return {"steps": steps, "studies": found[0]._asdict(), "comparisons": found[1]._asdict()}


def split_halves(variants: Sequence[Sequence[Fold]], *, halves: int, rng: np.random.Generator) -> dict[str, Any]:
    """z of two halves against Student's t: shares beyond its 5 and 20 % bounds, and how its middle lies.

    A half has half of each fold's images and one training of each variant on each fold; training sets are the same.
    """
    copies = min(len(fold.scores) for folds in variants for fold in folds)

    def one(kept: NDArray[np.int64]) -> float:
        first, second = [], []
        for index, fold in enumerate(variants[0]):
            order = rng.permutation(len(fold.images))
            middle = len(order) // 2
            runs = rng.choice(kept, 2, replace=False)
            for half, run, images in ((first, runs[0], order[:middle]), (second, runs[1], order[middle:])):
                half.append((fold.images[images], [own[index].scores[run][images] for own in variants]))
        a, b = answer(first), answer(second)
        error = a.standard_error**2 + b.standard_error**2
        df = error**2 / (a.standard_error**4 / a.df + b.standard_error**4 / b.df)
        return 2 * float(stats.t.sf(abs(a.difference - b.difference) / sqrt(error), df))

    def beyond(kept: NDArray[np.int64], count: int) -> NDArray[np.float64]:
        p = np.array([one(kept) for _ in range(count)])
        return np.stack([p < 0.05, p < 0.2, p < 0.5], axis=1).astype(np.float64)

    found = jackknife(copies, beyond, halves)
    return {f"beyond {name} %": rate._asdict() for name, rate in zip((5, 20, 50), found, strict=True)}


def answer(half: Sequence[tuple[NDArray[np.int64], Sequence[NDArray[np.float64]]]]) -> Estimate:
    """The second variant against the first, from one half."""
    scores = tuple(tuple(own[variant] for _, own in half) for variant in (0, 1))
    (found,) = estimate(Cells(scores=scores, images=tuple(images for images, _ in half)), np.array([[-1.0, 1.0]]))
    assert found is not None
    return found


def jackknife(copies: int, drawn: Callable[[NDArray[np.int64], int], NDArray[np.float64]], studies: int) -> list[Rate]:
    """Each rate over all trainings, with a 95 % interval from leaving out one group of trainings after the other.

    drawn: from the trainings that are kept, the outcomes of so many studies cut from them, (studies, rates); a quarter
    as many where a group is left out. What the drawing adds to the spread of the rates is taken off, and the rate's
    own counted in the end.
    """
    everything = np.arange(copies)
    groups = np.array_split(everything, min(GROUPS, copies))
    whole = drawn(everything, studies)
    left = [drawn(np.setdiff1d(everything, group), studies // 4) for group in groups]
    means = np.array([found.mean(0) for found in left])
    n = len(groups)
    spread = (n - 1) / n * np.square(means - means.mean(0)).sum(0)
    drawing = whole.var(0)
    error = np.sqrt(np.maximum(spread - (n - 1) * drawing / len(left[0]), 0) + drawing / len(whole))
    half = stats.t.ppf(0.975, n - 1) * error
    return [
        Rate(float(rate), max(0.0, float(rate - by)), min(1.0, float(rate + by)))
        for rate, by in zip(whole.mean(0), half, strict=True)
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
