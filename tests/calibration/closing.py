"""Studies without any difference that are closed at a time no result chose: how often they call one, by two generators.

`python -m tests.calibration.closing` prints the table of docs/statistics.md.
"""

from __future__ import annotations

import sys
from collections.abc import Collection, Sequence
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from typing import Literal, NamedTuple

import numpy as np

from ablate.stats.alpha_shares import look_shares, looks_at_close
from ablate.stats.cells import Cells
from ablate.stats.engine import estimate
from ablate.stats.looks import Found, LookState, judge_looks
from tests.calibration.grouped import STEP, GroupedStudy, grouped_cells
from tests.calibration.measuring import (
    DIFFERENT,
    LOOKS,
    RULES,
    Design,
    Form,
    Setting,
    _made,
    one_thread,
    share,
    simulated,
    weights_of,
)
from tests.calibration.table import markdown

Budget = Literal["any", "within the first look", "after the first look"]
SHARES = look_shares(LOOKS)


class ClosedStudies(NamedTuple):
    """One cell of the table. budget: how many runs there is time for, drawn before each study."""

    design: Design | Literal["pairs, heavy tails"]
    form: Form
    budget: Budget = "any"
    noise: str = "1.5"
    seed: int = 61
    studies: int = 1000


class ClosedStudy(NamedTuple):
    """What became of one study. replicates: judged at the close, or at the last planned look."""

    answers: list[LookState]
    replicates: int
    is_closed: bool


def false_findings(setting: ClosedStudies) -> dict[str, float]:
    """The share of studies that call a difference, the share that was closed for time, and their mean replicates."""
    rng = np.random.default_rng(setting.seed)
    wrong = closed = replicates = 0
    for _ in range(setting.studies):
        cells, weights = _drawn(setting, rng)
        found = until_time_is_over(cells, weights, _runs_in_time(setting, rng, len(cells.scores)))
        wrong += any(answer.judged.verdict in DIFFERENT for answer in found.answers)
        closed += found.is_closed
        replicates += found.replicates if found.is_closed else 0
    n = setting.studies
    return {"family": wrong / n, "closed": closed / n, "replicates": replicates / max(1, closed)}


def until_time_is_over(cells: Cells, weights: np.ndarray, runs: int) -> ClosedStudy:
    """One study, look by look, until it has used up so many runs: then its complete replicates are judged."""
    made = np.zeros(len(cells.scores), dtype=int)
    answers: list[LookState] = []

    def estimate_at(number: int, _: Collection[int] | None) -> Found:
        return estimate(_made(cells, np.minimum(made, looks[number - 1])), weights), {}

    looks: tuple[int, ...] = LOOKS
    for number, look in enumerate(LOOKS, start=1):
        open_ = [i for i, answer in enumerate(answers) if answer.is_open] if answers else list(range(len(weights)))
        wanted = np.flatnonzero(np.abs(weights[open_]).sum(axis=0))
        if not len(wanted):
            break
        before = LOOKS[number - 2] if number > 1 else 0
        complete = before + min(look - before, runs // len(wanted))
        runs -= (complete - before) * len(wanted)
        made[wanted] = complete
        if complete < look:
            looks, shares = looks_at_close(LOOKS, SHARES, max(2, complete))
            made = np.maximum(made, 2)
            answers = judge_looks(estimate_at, RULES, looks, shares, up_to=len(looks), planned=(LOOKS[-1], SHARES[-1]))
            return ClosedStudy(answers, looks[-1], True)
        answers = judge_looks(estimate_at, RULES, LOOKS, SHARES, up_to=number)
    return ClosedStudy(answers, max(made.tolist()), False)


def _drawn(setting: ClosedStudies, rng: np.random.Generator) -> tuple[Cells, np.ndarray]:
    if setting.design == "pairs, heavy tails":
        study = GroupedStudy("equal", 180, LOOKS[-1], setting.form, "heavy tails")
        return grouped_cells(rng, study), STEP
    one = Setting(what="", form=setting.form, noise=setting.noise, design=setting.design)
    return simulated(one, rng, levels=[0.46] * 6, replicates=LOOKS[-1]), weights_of(setting.design)


def _runs_in_time(setting: ClosedStudies, rng: np.random.Generator, variants: int) -> int:
    least, most = {
        "any": (2, LOOKS[-1]),
        "within the first look": (2, LOOKS[0] - 1),
        "after the first look": (LOOKS[0], LOOKS[1]),
    }[setting.budget]
    return int(rng.integers(least * variants, most * variants + 1))


def closed_settings(studies: int = 1000) -> list[ClosedStudies]:
    """Every cell of the table."""
    forms: tuple[Form, ...] = ("fixed", "folds")
    budgets: tuple[Budget, ...] = ("any", "within the first look", "after the first look")
    chosen: list[ClosedStudies] = []
    for form in forms:
        chosen += [ClosedStudies("chain", form, budget, studies=studies) for budget in budgets]
        chosen.append(ClosedStudies("chain", form, noise="0", studies=studies))
        chosen.append(ClosedStudies("one_at_a_time", form, studies=studies))
        chosen.append(ClosedStudies("pairs, heavy tails", form, studies=4 * studies))
    return chosen


def measured_in_parallel(settings: Sequence[ClosedStudies], workers: int = 2) -> list[dict[str, float]]:
    """Every cell, by several processes."""
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn"), initializer=one_thread) as pool:
        return list(pool.map(false_findings, settings))


def closed_table(settings: Sequence[ClosedStudies], found: Sequence[dict[str, float]]) -> str:
    """The table of docs/statistics.md."""
    head = ["design", "test images", "run noise (points)", "time for", "closed", "mean replicates", "false findings"]
    rows = [
        [
            s.design.replace("_", " "), s.form, "" if "pairs" in s.design else s.noise,
            "2 to 10 replicates" if s.budget == "any" else s.budget,
            share(m["closed"]), f"{m['replicates']:.1f}", share(m["family"]),
        ]
        for s, m in zip(settings, found, strict=True)
    ]  # fmt: skip
    return markdown(head, rows)


if __name__ == "__main__":
    chosen = closed_settings(int(sys.argv[1]) if len(sys.argv) > 1 else 1000)
    sys.stdout.write(closed_table(chosen, measured_in_parallel(chosen)))
