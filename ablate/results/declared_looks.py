"""Which looks a study had declared when its verdicts were first shown, to notice that they were changed since.

The file only bears witness: what is judged follows from plan and results alone.
"""

from __future__ import annotations

from pathlib import Path

from ablate.files import read_json, write_json
from ablate.stats.alpha_shares import ADDED, look_shares
from ablate.study.plan import Plan

FILE = "declared.json"
CHANGED = "planned looks changed after looking"


def remember_looks(folder: Path, plan: Plan) -> None:
    """Note the looks under which verdicts are shown now, unless others were noted before."""
    if not (folder / FILE).exists():
        write_json(folder / FILE, {"looks": list(plan.looks), "shares": list(look_shares(plan.looks, plan.shares))})


def looks_before(folder: Path, plan: Plan) -> tuple[int, ...] | None:
    """The looks under which verdicts were shown, where the plan has others now; None where it has not."""
    noted = read_json(folder / FILE)
    if not isinstance(noted, dict):
        return None
    now = {"looks": list(plan.looks), "shares": list(look_shares(plan.looks, plan.shares))}
    return None if noted == now else tuple(noted["looks"])


def why_void(before: tuple[int, ...] | None, plan: Plan) -> str:
    """Why no verdict can be given any more; empty where nothing was changed."""
    if before is None:
        return ""
    return ADDED if plan.looks[-1] > before[-1] or len(plan.looks) > len(before) else CHANGED
