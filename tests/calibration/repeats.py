"""Whether the chance that a word comes out again is what it says: studies whose effects are drawn, done twice.

`python -m tests.calibration.repeats` prints the table of docs/statistics.md.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from ablate.stats.alpha_shares import look_shares
from ablate.stats.drawn_studies import Design
from ablate.stats.repeats import repeat_chances
from tests.calibration.item_response import chain_weights
from tests.calibration.measuring import DIFFERENT, LOOKS, RULES, Form, Setting, share, simulated, through_looks
from tests.calibration.table import markdown

EFFECTS: Mapping[str, tuple[float, float]] = {
    "N(0, 2²)": (0.0, 0.02),
    "N(0, 4²)": (0.0, 0.04),
    "60 % none": (0.6, 0.04),
}
"""Name -> the share of steps that do nothing, and the standard deviation of the others' effects."""
STUDIES = 400
LEAST, MOST = 0.05, 0.95
"""Accuracies that a chain may reach."""
FIFTH = 300
"""Steps that a fifth must hold to be judged."""


class Told(NamedTuple):
    """One step of a study: what was foretold of its word, and whether the second study said it."""

    least: float
    most: float
    opposite: float
    again: bool
    reversed: bool
    called: bool


def levels_of(rng: np.random.Generator, none: float, sd: float, steps: int = 5) -> np.ndarray:
    """The accuracies of a chain whose steps are drawn."""
    while True:
        effects = np.where(rng.random(steps) < none, 0.0, rng.normal(0, sd, steps))
        levels = np.concatenate([[0.0], np.cumsum(effects)])
        levels = levels - levels.mean() + 0.5
        if levels.min() > LEAST and levels.max() < MOST:
            return np.round(levels, 3)


def foretold(name: str, form: Form, *, studies: int = STUDIES, seed: int = 97, noise: str = "1.5") -> list[Told]:
    """Pairs of studies with the same true effects, other images and other runs: the first foretells the second."""
    rng, weights = np.random.default_rng(seed), chain_weights(6)
    setting = Setting(what="", form=form, noise=noise)
    design = Design(rules=RULES, looks=LOOKS, shares=look_shares(LOOKS), up_to=len(LOOKS), directions=weights)
    told = []
    for _ in range(studies):
        levels = levels_of(rng, *EFFECTS[name]).tolist()
        first, second = (
            through_looks(setting, simulated(setting, rng, levels=levels, replicates=LOOKS[-1]))[0] for _ in range(2)
        )
        words = [answer.judged.verdict for answer in first]
        chances = repeat_chances([answer.judged.estimate for answer in first], words, design)
        for word, chance, other in zip(words, chances, second, strict=True):
            assert chance is not None
            then = other.judged.verdict
            opposite = {word, then} == set(DIFFERENT)
            most = chance.opposite.most if chance.opposite else 0.0
            told.append(Told(*chance.same, most, word == then, opposite, word in DIFFERENT))
    return told


def fifths(told: list[Told]) -> list[tuple[float, float, float, int]]:
    """Least and most chance, and the share that came out again, for each fifth by the middle of the range."""
    ordered = sorted(told, key=lambda one: one.least + one.most)
    parts = [ordered[i * len(ordered) // 5 : (i + 1) * len(ordered) // 5] for i in range(5)]
    return [
        (
            float(np.mean([x.least for x in part])),
            float(np.mean([x.most for x in part])),
            float(np.mean([x.again for x in part])),
            len(part),
        )
        for part in parts
        if part
    ]


def outside(least: float, most: float, again: float) -> float:
    """How far what happened lies outside what was foretold."""
    return max(least - again, again - most, 0.0)


def table(*, studies: int = STUDIES) -> str:
    """A line for each distribution of effects: all steps, then those called better or worse."""
    head = ["effects", "test images", "steps", "again", *(f"fifth {i}" for i in range(1, 6)), "furthest outside"]
    rows = []
    forms: tuple[Form, ...] = ("fixed", "folds")
    for name in EFFECTS:
        for form in forms:
            told = foretold(name, form, studies=studies)
            for what, some in (("all", told), ("better or worse", [one for one in told if one.called])):
                found = fifths(some)
                cells = [f"{share(a)} to {share(b)}: {share(c)}" for a, b, c, _ in found]
                far = max(outside(a, b, c) for a, b, c, _ in found)
                again = share(float(np.mean([one.again for one in some])))
                rows.append([name, form, f"{what} ({len(some)})", again, *cells, share(far)])
    return markdown(head, rows)


if __name__ == "__main__":
    sys.stdout.write(table(studies=int(sys.argv[1]) if len(sys.argv) > 1 else STUDIES))
