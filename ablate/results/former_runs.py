"""Runs that were finished before a default changed, and so are none of the study's as it reads today."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from ablate.records import Finished
from ablate.results.survey import CurrentProvenance, best_result
from ablate.settings import ChangedDefault
from ablate.store.work_folder import Store
from ablate.study.former_defaults import Former, in_words, sets_to_keep, way_to_keep
from ablate.study.plan import Plan


class FormerRuns(NamedTuple):
    """runs: how many of those to train have finished by the defaults of before.

    begun: some were tried by the defaults of now. differences: in what else those finished differ from what a run
    would be made with now, so that they are taken with --reuse alone.
    """

    runs: int
    changes: tuple[ChangedDefault, ...]
    begun: bool
    differences: tuple[str, ...] = ()

    @property
    def sentence(self) -> str:
        """How many, and why they do not count."""
        many = "1 run was" if self.runs == 1 else f"{self.runs} runs were"
        return f"{many} finished before a default changed: {in_words(self.changes)}"

    def remedy(self, base: Mapping[str, Any], command: str) -> str:
        """All that keeps them, and what trains them again.

        base: what the study has there. command: the one that runs it.
        """
        keep = f"To keep those runs, write {way_to_keep(self.changes, base)}"
        command_to_keep, why = command, ""
        if self.differences:
            changed = " and ".join(self.differences)
            command_to_keep, why = f"{command} --reuse", f" (--reuse, as {changed} changed since, too)"
        return (
            f"{keep}, then `{command_to_keep}`{why}; without a change to the file, add "
            f"`{sets_to_keep(self.changes)}` to each command. "
            f"To train them again by the new default: `{command} --retrain`."
        )


def former_runs(former: Former, plan: Plan, store: Store, origin: CurrentProvenance, *, look: int) -> FormerRuns | None:
    """What the work folder has of a plan's runs by the defaults of before; None where that is nothing.

    former: the same plan, by those defaults.
    """
    there = store.begun()
    begun, finished = False, 0
    differences: dict[str, None] = {}
    for (_, now), (variant, before) in zip(plan.runs(look), former.plan.runs(look), strict=True):
        if now.fingerprint in there:
            begun = True
        elif before.fingerprint in there:
            found = best_result(store.results(before.fingerprint), origin, variant.name)
            if isinstance(found, Finished):
                finished += 1
                differences |= dict.fromkeys(origin.differences(variant.name, found))
    return FormerRuns(finished, former.changes, begun, tuple(differences)) if finished else None
