"""What a study gains by how it spends its error rate over the looks, and by bounds that know what its steps share.

`python -m tests.calibration.spending` prints the two tables of docs/statistics.md that say so.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import combinations
from typing import Any, Literal

import numpy as np
from scipy.special import ndtr

from ablate.stats.alpha_shares import look_shares
from ablate.stats.engine import estimate
from ablate.stats.verdict import holm
from tests.calibration.item_response import SOURCE_CHAIN, chain_weights
from tests.calibration.measuring import DIFFERENT, LOOKS, Form, Setting, part_of, share, simulated, through_looks
from tests.calibration.table import markdown

SPENDINGS: Mapping[str, tuple[float, ...]] = {
    ".2, .3, .5": (0.2, 0.3, 0.5),
    ".1, .2, .7": (0.1, 0.2, 0.7),
    ".02, .13, .85": (0.02, 0.13, 0.85),
}
STUDIES = 500
NULL = [0.46] * 6
TRUTH = np.diff(SOURCE_CHAIN)
MEDIUM = [i for i, step in enumerate(TRUTH) if round(1000 * abs(step)) == 39]
"""The two steps of 3.9 points, of which power is told."""
SPENT = {"fixed": (0.43, 0.65, 1.0), "folds": (0.3, 0.5, 1.0)}
"""What the looks at 3, 5 and 10 replicates know, as a share of what the last one knows."""
DRAWS = 200_000


@dataclass(slots=True)
class Tally:
    """What some studies came to by one way of spending."""

    power: int = 0
    first: int = 0
    large_at_first: int = 0
    wrong: int = 0
    runs: int = 0
    null_runs: int = 0
    early: list[float] = field(default_factory=list)
    late: list[float] = field(default_factory=list)
    all_: list[float] = field(default_factory=list)


def spend(form: Form, noise: str, *, studies: int = STUDIES, seed: int = 70) -> dict[tuple[str, bool], Tally]:
    """Every way of spending, with futility and without, on the same studies: the chain, and one without any step."""
    rng = np.random.default_rng(seed)
    found = {(name, futility): Tally() for futility in (False, True) for name in SPENDINGS}
    at = Setting(what="", form=form, noise=noise)
    for _ in range(studies):
        for levels in (SOURCE_CHAIN, NULL):
            cells = simulated(at, rng, levels=levels, replicates=LOOKS[-1])
            known: dict[bytes, Any] = {}
            for (name, futility), tally in found.items():
                setting = replace(at, futility=futility, shares=SPENDINGS[name])
                answers, runs = through_looks(setting, cells, known=known)
                if levels is NULL:
                    tally.wrong += any(answer.judged.verdict in DIFFERENT for answer in answers)
                    tally.null_runs += runs
                    continue
                tally.runs += runs
                for i in MEDIUM:
                    judged, sign = answers[i].judged, np.sign(TRUTH[i])
                    assert judged.estimate is not None
                    shown = judged.verdict in DIFFERENT and judged.estimate.difference * sign > 0
                    tally.power += shown
                    tally.first += shown and answers[i].look == 1
                    beyond = 100 * float(judged.estimate.difference * sign - abs(TRUTH[i]))
                    tally.all_.append(beyond)
                    if shown:
                        (tally.early if answers[i].look < len(LOOKS) else tally.late).append(beyond)
                large = answers[int(np.argmax(TRUTH))]
                tally.large_at_first += large.judged.verdict == "better" and large.look == 1
    return found


def spending_table(*, studies: int = STUDIES) -> str:
    """Power against runs, for each way of spending."""
    head = [
        "test images", "run noise (points)", "futility", "shares", "power at 3.9", "of it at the first look",
        "+10.6 at the first look", "runs of 60", "null: runs", "null: false findings",
        "3.9 shown early: exaggerated by", "shown at the last look", "over all studies",
    ]  # fmt: skip
    rows = []
    for form in ("fixed", "folds"):
        for noise in ("0", "1.5"):
            for (name, futility), tally in spend(form, noise, studies=studies).items():
                n = studies * len(MEDIUM)
                rows.append(
                    [
                        form, noise, "yes" if futility else "no", name, share(tally.power / n), share(tally.first / n),
                        share(tally.large_at_first / studies), f"{tally.runs / studies:.1f}",
                        f"{tally.null_runs / studies:.1f}", share(tally.wrong / studies),
                        *(f"{np.mean(x):+.1f} ({len(x)})" if x else "-" for x in (tally.early, tally.late)),
                        f"{np.mean(tally.all_):+.2f}",
                    ]
                )  # fmt: skip
    return markdown(head, rows)


def critical_values(
    weights: np.ndarray, information: Sequence[float], shares: Sequence[float], *, alpha: float = 0.05
) -> dict[tuple[int, ...], float]:
    """Members of a family -> the value that the least of their p / share, over the looks, undercuts with chance alpha.

    The statistics are jointly normal (a Gaussian copula of the p-values): members correlate as their weights say,
    looks as the information they share.
    """
    directions = weights / np.linalg.norm(weights, axis=1, keepdims=True)
    members = np.linalg.cholesky(directions @ directions.T + 1e-9 * np.eye(len(weights)))
    known = np.array(information)
    looks = np.linalg.cholesky(np.sqrt(np.minimum.outer(known, known) / np.maximum.outer(known, known)))
    rng = np.random.default_rng(1)
    least = np.empty((DRAWS, len(weights)))
    for part in np.array_split(np.arange(DRAWS), 20):
        normal = looks @ rng.normal(size=(len(part), len(known), len(weights))) @ members.T
        least[part] = (2 * ndtr(-np.abs(normal)) / np.array(shares)[None, :, None]).min(axis=1)
    every = range(len(weights))
    subsets = [subset for size in range(1, len(weights) + 1) for subset in combinations(every, size)]
    return {subset: float(np.quantile(least[:, subset].min(axis=1), alpha)) for subset in subsets}


def step_down(p: np.ndarray, critical: Mapping[tuple[int, ...], float]) -> np.ndarray:
    """Which members are rejected: the least of those left, as long as it undercuts what they share."""
    left, rejected = list(range(len(p))), np.zeros(len(p), dtype=bool)
    while left:
        least = min(left, key=lambda i: p[i])
        if p[least] > critical[tuple(left)]:
            break
        rejected[least] = True
        left.remove(least)
    return rejected


def joint(form: Form, noise: str, looks: Sequence[int], shares: Sequence[float], *, studies: int) -> dict[str, float]:
    """Holm and the joint step-down bound with the same spending, on the same runs: power at 3.9, false findings."""
    rng, weights = np.random.default_rng(75), chain_weights(6)
    known = [SPENT[form][LOOKS.index(look)] for look in looks]
    critical = critical_values(weights, known, shares)
    at, found = Setting(what="", form=form, noise=noise), {"holm": 0, "joint": 0, "holm_null": 0, "joint_null": 0}
    for _ in range(studies):
        for levels in (SOURCE_CHAIN, NULL):
            cells = simulated(at, rng, levels=levels, replicates=looks[-1])
            p = np.array([[e.p for e in estimate(part_of(cells, slice(0, k)), weights) if e] for k in looks])
            least = np.minimum(1, p / np.array(shares)[:, None]).min(axis=0)
            calls = {"holm": np.array(holm(list(least))) <= 0.05, "joint": step_down(least, critical)}
            for name, rejected in calls.items():
                if levels is NULL:
                    found[f"{name}_null"] += bool(rejected.any())
                else:
                    found[name] += int(rejected[MEDIUM].sum())
    scale = {"holm": len(MEDIUM), "joint": len(MEDIUM)}
    return {name: count / studies / scale.get(name, 1) for name, count in found.items()}


def joint_table(*, studies: int = STUDIES) -> str:
    """What a joint bound adds to Holm's method with the same shares."""
    head = ["test images", "run noise (points)", "looks", "shares", "power at 3.9: Holm", "joint", "gain",
            "null: Holm", "joint"]  # fmt: skip
    cases: list[tuple[Sequence[int], Sequence[float]]] = [((10,), (1.0,)), (LOOKS, look_shares(LOOKS))]
    cases += [(LOOKS, (0.02, 0.13, 0.85))]
    rows = []
    forms: tuple[Literal["fixed", "folds"], ...] = ("fixed", "folds")
    for form in forms:
        for noise in ("0", "1.5"):
            for looks, shares in cases:
                one = joint(form, noise, looks, shares, studies=studies)
                gain = f"{one['joint'] - one['holm']:+.3f}".replace("0.", ".")
                rows.append(
                    [
                        form, noise, ", ".join(map(str, looks)), ", ".join(f"{x:g}".lstrip("0") for x in shares),
                        share(one["holm"]), share(one["joint"]), gain, share(one["holm_null"]),
                        share(one["joint_null"]),
                    ]
                )  # fmt: skip
    return markdown(head, rows)


if __name__ == "__main__":
    number = int(sys.argv[1]) if len(sys.argv) > 1 else STUDIES
    sys.stdout.write(f"{spending_table(studies=number)}\n")
    sys.stdout.flush()
    sys.stdout.write(joint_table(studies=number))
