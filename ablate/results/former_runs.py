"""Runs that were finished before a default changed, and so are none of the study's as it reads today."""

from __future__ import annotations

from typing import NamedTuple

from ablate.results.survey import CurrentProvenance
from ablate.settings import ChangedDefault
from ablate.store.work_folder import Store
from ablate.study.former_defaults import Former, in_words, way_to_keep
from ablate.study.plan import Plan


class FormerRuns(NamedTuple):
    """runs: how many of those to train have finished by the defaults of before.

    begun: some were tried by the defaults of now.
    """

    runs: int
    changes: tuple[ChangedDefault, ...]
    begun: bool

    @property
    def sentence(self) -> str:
        """How many, and why they do not count."""
        many = "1 run was" if self.runs == 1 else f"{self.runs} runs were"
        return f"{many} finished before a default changed: {in_words(self.changes)}"

    @property
    def remedy(self) -> str:
        """What to write to keep them."""
        return f"Write {way_to_keep(self.changes)} to keep the runs there are."


def former_runs(former: Former, plan: Plan, store: Store, origin: CurrentProvenance, *, look: int) -> FormerRuns | None:
    """What the work folder has of a plan's runs by the defaults of before; None where that is nothing.

    former: the same plan, by those defaults.
    """
    there = store.begun()
    begun, finished = False, 0
    for (_, now), (variant, before) in zip(plan.runs(look), former.plan.runs(look), strict=True):
        if now.fingerprint in there:
            begun = True
        elif before.fingerprint in there:
            found = store.finished(before.fingerprint)
            finished += any(not origin.is_elsewhere(variant.name, run) for run in found)
    return FormerRuns(finished, former.changes, begun) if finished else None
