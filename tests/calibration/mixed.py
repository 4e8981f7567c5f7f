"""How many studies hold a wrong word, of whatever kind, where some steps do nothing and others do something.

`python -m tests.calibration.mixed` prints the table of docs/statistics.md.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from ablate.stats.looks import LookState
from tests.calibration.measuring import RULES, Form, Setting, share, simulated, through_looks
from tests.calibration.repeats import EFFECTS, levels_of
from tests.calibration.table import markdown

STUDIES = 500
HARD = (0.0, 0.0, 0.01, 0.01, 0.03, -0.03)
"""Steps at which words are hardest: none, just no longer negligible, just worthwhile, just no longer tolerable."""
KINDS = ("difference", "same", "no gain", "non-inferior", "inferior")
NOTHING = 1e-9
"""Rounding of a true effect."""


def wrong_words(answers: Sequence[LookState], truth: Sequence[float]) -> set[str]:
    """The kinds of claim that are false in one study. truth: each step's effect, as a share."""
    least, gain, loss = (RULES.negligible or 0.0) - NOTHING, (RULES.worthwhile or 0.0) - NOTHING, 0.03
    found = set()
    for answer, effect in zip(answers, truth, strict=True):
        word, claim = answer.judged.verdict, answer.judged.no_worse
        wrong = {
            "difference": (word == "better" and effect <= NOTHING) or (word == "worse" and effect >= -NOTHING),
            "same": word == "same" and abs(effect) >= least,
            "no gain": word == "no_worthwhile_gain" and effect >= gain,
            "non-inferior": claim == "non_inferior" and effect <= -loss + NOTHING,
            "inferior": claim == "inferior" and effect > -loss + NOTHING,
        }
        found |= {kind for kind, is_wrong in wrong.items() if is_wrong}
    return found


def mixed(effects: str, form: Form, noise: str, *, studies: int = STUDIES, seed: int = 98) -> Mapping[str, float]:
    """The share of studies with a wrong word of each kind, of the three that make verdicts, and of all five."""
    rng = np.random.default_rng(seed)
    setting, rules = Setting(what="", form=form, noise=noise), replace(RULES, tolerable=0.03)
    counts = dict.fromkeys((*KINDS, "any verdict", "any"), 0)
    for _ in range(studies):
        levels = (
            0.42 + np.cumsum((0.0, *rng.permutation(HARD))) if effects == "hard" else levels_of(rng, *EFFECTS[effects])
        )
        cells = simulated(setting, rng, levels=np.round(levels, 3).tolist(), replicates=10)
        answers, _ = through_looks(setting, cells, rules)
        wrong = wrong_words(answers, np.diff(np.round(levels, 3)).tolist())
        for kind in wrong:
            counts[kind] += 1
        counts["any verdict"] += bool(wrong & set(KINDS[:3]))
        counts["any"] += bool(wrong)
    return {kind: count / studies for kind, count in counts.items()}


def table(*, studies: int = STUDIES) -> str:
    """A line for each distribution of effects, form and noise."""
    head = ["effects", "test images", "run noise (points)", *KINDS, "any of the first three", "any of all"]
    rows = []
    forms: tuple[Form, ...] = ("fixed", "folds")
    for effects in ("hard", *EFFECTS):
        for form in forms:
            for noise in ("0", "1.5"):
                found = mixed(effects, form, noise, studies=studies)
                rows.append([effects, form, noise, *map(share, found.values())])
    return markdown(head, rows)


if __name__ == "__main__":
    sys.stdout.write(table(studies=int(sys.argv[1]) if len(sys.argv) > 1 else STUDIES))
