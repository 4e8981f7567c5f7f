"""Which looks a study had declared when its verdicts were first shown, to notice that they were changed since.

The file only bears witness: what is judged follows from plan and results alone.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from ablate.files import read_json, write_json
from ablate.stats.alpha_shares import ADDED, look_shares, were_default
from ablate.study.plan import Plan

FILE = "declared.json"
CHANGED = "planned looks changed after looking"


def remember_looks(folder: Path, plan: Plan) -> None:
    """Note the looks under which verdicts are shown now, unless others were noted before."""
    if not (folder / FILE).exists():
        write_json(folder / FILE, _declared(plan))


def with_declared_shares(folder: Path, plan: Plan) -> Plan:
    """The plan with the shares under which its verdicts were first shown, where a default alone has changed since.

    Shares that the study file gives, or gave, are another matter: see `looks_before`.
    """
    noted = read_json(folder / FILE)
    if plan.shares or not isinstance(noted, dict) or noted.get("looks") != list(plan.looks):
        return plan
    shares = noted.get("shares")
    if not isinstance(shares, list) or not were_default(plan.looks, shares):
        return plan
    return replace(plan, shares=tuple(shares))


def looks_before(folder: Path, plan: Plan) -> tuple[int, ...] | None:
    """The looks under which verdicts were shown, where the plan has others now; None where it has not."""
    noted = read_json(folder / FILE)
    if not isinstance(noted, dict):
        return None
    return None if noted == _declared(plan) else tuple(noted["looks"])


def _declared(plan: Plan) -> dict[str, list[int] | list[float]]:
    """As planned, whatever the end of a study's time has made of it."""
    looks, shares = (plan.looks, plan.shares) if plan.closed is None else (plan.closed.looks, plan.closed.shares)
    return {"looks": list(looks), "shares": list(look_shares(looks, shares))}


def why_void(before: tuple[int, ...] | None, plan: Plan) -> str:
    """Why no verdict can be given any more; empty where nothing was changed."""
    if before is None:
        return ""
    looks = plan.looks if plan.closed is None else plan.closed.looks
    return ADDED if looks[-1] > before[-1] or len(looks) > len(before) else CHANGED
