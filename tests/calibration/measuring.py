"""What the statistics claim, measured: simulated studies go through the engine, the looks and the rules.

Every measurement is a pure function of its settings and a seed, so that several processes share the work.
`python -m tests.calibration.measuring` prints the table of docs/statistics.md.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Collection, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from multiprocessing import get_context
from typing import Any, Literal

import numpy as np

from ablate.stats.alpha_shares import look_shares
from ablate.stats.cells import Cells
from ablate.stats.engine import estimate
from ablate.stats.looks import Found, LookState, judge_looks
from ablate.stats.student import Estimate
from ablate.stats.verdict import Rules, judge_family
from tests.calibration.item_response import SOURCE_CHAIN, chain_weights, simulated_cells

Form = Literal["fixed", "folds"]
Design = Literal["chain", "one_at_a_time"]

NOISES: Mapping[str, float | Sequence[float]] = {
    "0": 0.0,
    "1.5": 0.015,
    "one 3x": (0.01, 0.01, 0.01, 0.03, 0.01, 0.01),
}
"""Standard deviation of a run's true accuracy, in points: none, some, and one variant noisier than the others."""
LOOKS = (3, 5, 10)
RULES = Rules(negligible=0.01, worthwhile=0.03)
DIFFERENT = ("better", "worse")


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """One cell of the table. `what` names the function below; `studies` are simulated with this seed."""

    what: str
    form: Form = "folds"
    noise: str = "0"
    replicates: int = 10
    design: Design = "chain"
    futility: bool = True
    shares: tuple[float, ...] = ()
    seed: int = 1
    studies: int = 1000


def weights_of(design: Design, n_variants: int = 6) -> np.ndarray:
    """The questions of a design: shape (n_variants - 1, n_variants)."""
    if design == "chain":
        return chain_weights(n_variants)
    return np.hstack([-np.ones((n_variants - 1, 1)), np.eye(n_variants - 1)])


def simulated(setting: Setting, rng: np.random.Generator, *, levels: Sequence[float], replicates: int) -> Cells:
    """One study of six variants, 360 test images per replicate, five folds."""
    noise = NOISES[setting.noise]
    return simulated_cells(rng, accuracies=levels, form=setting.form, n_replicates=replicates, run_sd=noise)


def coverage(setting: Setting) -> dict[str, float]:
    """The share of 95% intervals that hold the true step on new images; half the mean width of them, in points."""
    rng, weights, truth = np.random.default_rng(setting.seed), chain_weights(6), np.diff(SOURCE_CHAIN)
    hits, widths = 0, []
    for _ in range(setting.studies):
        found = estimate(simulated(setting, rng, levels=SOURCE_CHAIN, replicates=setting.replicates), weights)
        hits += sum(e.lo <= step <= e.hi for e, step in zip(_all(found), truth, strict=True))
        widths += [50 * (e.hi - e.lo) for e in _all(found)]
    return {"coverage": hits / setting.studies / len(truth), "half_width": float(np.mean(widths))}


def null_studies(setting: Setting) -> dict[str, float]:
    """The share of studies without any difference that call one, at a single look; steps beyond their own 5%.

    Also the share of steps that are rightly called no worse.
    """
    rng, weights = np.random.default_rng(setting.seed), weights_of(setting.design)
    family, steps, no_worse = 0, 0, 0
    for _ in range(setting.studies):
        found = estimate(simulated(setting, rng, levels=[0.46] * 6, replicates=setting.replicates), weights)
        judged = judge_family(found, negligible=0.01, worthwhile=0.03, tolerable=0.03)
        family += any(m.verdict in DIFFERENT for m in judged)
        no_worse += sum(m.no_worse == "non_inferior" for m in judged)
        steps += sum(e.p <= 0.05 for e in _all(found))
    n = setting.studies
    return {"family": family / n, "step": steps / n / len(weights), "no_worse": no_worse / n / len(weights)}


def null_looks(setting: Setting) -> dict[str, float]:
    """The same with planned looks, and the runs they took."""
    rng = np.random.default_rng(setting.seed)
    wrong, runs = 0, 0
    for _ in range(setting.studies):
        answers, made = through_looks(setting, simulated(setting, rng, levels=[0.46] * 6, replicates=LOOKS[-1]))
        wrong += any(answer.judged.verdict in DIFFERENT for answer in answers)
        runs += made
    return {"family": wrong / setting.studies, "runs": runs / setting.studies}


def five_effects(setting: Setting) -> dict[str, float]:
    """The power for each step of the source's chain, with planned looks, and the runs they took.

    Also the coverage of the plain 95% interval at the stop, and how often a step is called the wrong way.
    """
    rng, truth = np.random.default_rng(setting.seed), np.diff(SOURCE_CHAIN)
    power, runs, held, reversed_ = np.zeros(len(truth)), 0, 0, 0
    for _ in range(setting.studies):
        answers, made = through_looks(setting, simulated(setting, rng, levels=SOURCE_CHAIN, replicates=LOOKS[-1]))
        for i, (answer, step) in enumerate(zip(answers, truth, strict=True)):
            one = answer.judged.estimate
            assert one is not None
            found = answer.judged.verdict in DIFFERENT
            power[i] += found and (one.difference > 0) == (step > 0)
            reversed_ += found and (one.difference > 0) != (step > 0)
            held += one.lo <= step <= one.hi
        runs += made
    shares = {f"power {100 * step:+.1f}": value / setting.studies for step, value in zip(truth, power, strict=True)}
    n = setting.studies
    return shares | {"runs": runs / n, "coverage": held / n / len(truth), "reversed": reversed_ / n / len(truth)}


def negative_claims(setting: Setting) -> dict[str, float]:
    """How often `same` and `no worthwhile gain` are said of steps that just reach the thresholds (3 points each).

    Read as losses, the same steps just reach the tolerable one: how often they are called no worse, and inferior.
    """
    rng, weights = np.random.default_rng(setting.seed), chain_weights(6)
    levels = [0.40 + 0.03 * i for i in range(6)]
    same = no_gain = no_worse = inferior = 0
    for _ in range(setting.studies):
        found = estimate(simulated(setting, rng, levels=levels, replicates=setting.replicates), weights)
        judged = judge_family(found, negligible=0.03, worthwhile=0.03)
        same += any(member.p_same <= 0.05 for member in judged)
        no_gain += any(member.p_no_gain <= 0.05 for member in judged)
        losses = judge_family(found, negligible=0.01, worthwhile=0.03, tolerable=0.03, goal="min")
        no_worse += any(member.no_worse == "non_inferior" for member in losses)
        inferior += any(member.no_worse == "inferior" for member in losses)
    counts = {"same": same, "no_gain": no_gain, "no_worse": no_worse, "inferior": inferior}
    return {name: count / setting.studies for name, count in counts.items()}


def no_worse_looks(setting: Setting) -> dict[str, float]:
    """The same with planned looks where every step asks whether it is no worse: losses of 3 points each, then of none.

    false: studies that call a step no worse though its loss is just the tolerable one. power: steps without any loss
    that are called no worse, in studies that ask, and (unasked) in those that do not; runs: of those that ask.
    """
    rng = np.random.default_rng(setting.seed)
    wrong, runs, found = 0, 0, {"power": 0, "unasked": 0}
    rules = replace(RULES, goal="min", tolerable=0.03)
    for _ in range(setting.studies):
        losing = simulated(setting, rng, levels=[0.40 + 0.03 * i for i in range(6)], replicates=LOOKS[-1])
        answers, _ = through_looks(setting, losing, rules, asked=range(5))
        wrong += any(answer.judged.no_worse == "non_inferior" for answer in answers)
        equal = simulated(setting, rng, levels=[0.46] * 6, replicates=LOOKS[-1])
        for name, asked in (("power", range(5)), ("unasked", range(0))):
            answers, made = through_looks(setting, equal, rules, asked=asked)
            found[name] += sum(answer.judged.no_worse == "non_inferior" for answer in answers)
            runs += made if name == "power" else 0
    n = setting.studies
    shares = {name: count / n / 5 for name, count in found.items()}
    return {"false": wrong / n, "runs": runs / n} | shares


def no_worse_pairs(setting: Setting) -> dict[str, float]:
    """The same for pairs of equal variants by another, heavy-tailed generator, asked whether they lose nothing at all.

    With a tolerable loss of 0 two equal variants lose just that.
    """
    from tests.calibration.grouped import STEP, GroupedStudy, grouped_cells  # which imports this module

    rng = np.random.default_rng(setting.seed)
    study = GroupedStudy(
        sizes="equal", groups=180, replicates=setting.replicates, form=setting.form, generator="heavy tails"
    )
    found = {"non_inferior": 0, "inferior": 0}
    for _ in range(setting.studies):
        (one,) = judge_family(
            estimate(grouped_cells(rng, study), STEP), negligible=0.01, worthwhile=0.03, tolerable=0.0
        )
        if one.no_worse in found:
            found[one.no_worse] += 1
    return {name: count / setting.studies for name, count in found.items()}


NO_WORSE = (no_worse_looks, no_worse_pairs)


def replication(setting: Setting) -> dict[str, float]:
    """The same study twice, on the same pool of images with other seeds: equal verdicts, and reversals."""
    rng, weights, k = np.random.default_rng(setting.seed), chain_weights(6), setting.replicates
    equal = reversals = 0
    for _ in range(setting.studies):
        cells = simulated(setting, rng, levels=SOURCE_CHAIN, replicates=2 * k)
        halves = [
            judge_family(estimate(part_of(cells, part), weights), negligible=0.01, worthwhile=0.03)
            for part in (slice(0, k), slice(k, 2 * k))
        ]
        for one, other in zip(*halves, strict=True):
            equal += one.verdict == other.verdict
            reversals += {one.verdict, other.verdict} == set(DIFFERENT)
    n = setting.studies * len(weights)
    return {"equal": equal / n, "reversals": reversals / n}


def through_looks(
    setting: Setting,
    cells: Cells,
    rules: Rules = RULES,
    *,
    asked: Collection[int] = (),
    known: dict[bytes, Any] | None = None,
) -> tuple[list[LookState], int]:
    """The verdicts after all looks, and the runs made; later looks run only what an open step needs.

    known: the estimates of these cells that were made before, by the runs behind them.
    """
    weights = weights_of(setting.design, len(cells.scores))
    made = np.zeros(len(cells.scores), dtype=int)
    known = {} if known is None else known

    def estimate_at(number: int, open_: Collection[int] | None) -> Found:
        wanted = range(len(made)) if open_ is None else np.flatnonzero(np.abs(weights[list(open_)]).sum(axis=0))
        made[list(wanted)] = LOOKS[number - 1]
        if made.tobytes() not in known:
            known[made.tobytes()] = estimate(_made(cells, made), weights)
        return known[made.tobytes()], {}

    rules = rules if setting.futility else replace(rules, futility=0.0)
    shares = look_shares(LOOKS, setting.shares)
    answers = judge_looks(estimate_at, rules, LOOKS, shares, up_to=len(LOOKS), asked=asked)
    return answers, int(made.sum())


def _made(cells: Cells, made: np.ndarray) -> Cells:
    """The study as far as its runs were made."""
    last = int(made.max())
    scores = tuple(
        tuple(row if r < number else None for r, row in enumerate(rows[:last]))
        for rows, number in zip(cells.scores, made.tolist(), strict=True)
    )
    return Cells(scores=scores, images=cells.images[:last], repetition=cells.repetition[:last])


def part_of(cells: Cells, part: slice) -> Cells:
    """A study of some of the replicates."""
    scores = tuple(rows[part] for rows in cells.scores)
    return Cells(scores=scores, images=cells.images[part], repetition=cells.repetition[part])


def _all(found: Sequence[Estimate | None]) -> list[Estimate]:
    known = [one for one in found if one is not None]
    assert len(known) == len(found)
    return known


def measure(setting: Setting) -> dict[str, float]:
    """What one cell of the table says."""
    functions: Mapping[str, Any] = {
        f.__name__: f
        for f in (coverage, null_studies, null_looks, five_effects, negative_claims, replication, *NO_WORSE)
    }
    found: dict[str, float] = functions[setting.what](setting)
    return found


def settings() -> list[Setting]:
    """Every cell of the table."""
    forms: tuple[Form, ...] = ("fixed", "folds")
    chosen = []
    for form in forms:
        for noise in NOISES:
            for k in LOOKS:
                chosen.append(Setting(what="coverage", form=form, noise=noise, replicates=k, seed=10 + k, studies=300))
                chosen.append(Setting(what="null_studies", form=form, noise=noise, replicates=k, seed=30 + k))
        for k in (3, 10):
            chosen.append(
                Setting(what="null_studies", form=form, noise="1.5", replicates=k, design="one_at_a_time", seed=50 + k)
            )
        for noise in ("0", "1.5"):
            chosen.append(Setting(what="null_looks", form=form, noise=noise, seed=60))
            chosen += [
                Setting(what="five_effects", form=form, noise=noise, futility=futility, seed=70, studies=500)
                for futility in (False, True)
            ]
        chosen.append(Setting(what="null_looks", form=form, noise="1.5", design="one_at_a_time", seed=80))
        chosen.append(Setting(what="null_looks", form=form, noise="1.5", futility=False, seed=60))
        chosen.append(Setting(what="negative_claims", form=form, noise="1.5", seed=90))
        chosen.append(Setting(what="no_worse_looks", form=form, noise="1.5", seed=92, studies=500))
        chosen.append(Setting(what="no_worse_pairs", form=form, noise="heavy tails", seed=93))
        chosen += [
            Setting(what="replication", form=form, noise="1.5", replicates=k, seed=95, studies=300) for k in (5, 10)
        ]
    return chosen


def measure_all(*, workers: int = 2) -> dict[Setting, dict[str, float]]:
    """Every cell of the table, by several processes; the costly ones first."""
    chosen = sorted(settings(), key=lambda s: -s.studies * s.replicates)
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn"), initializer=one_thread) as pool:
        return dict(zip(chosen, pool.map(measure, chosen), strict=True))


def one_thread() -> None:
    """Each process of a pool uses one core."""
    os.environ["OMP_NUM_THREADS"] = "1"


def share(value: float) -> str:
    """`.046`."""
    return f"{value:.3f}".lstrip("0") or "0"


if __name__ == "__main__":
    from tests.calibration.table import tables

    sys.stdout.write(tables(measure_all()))
