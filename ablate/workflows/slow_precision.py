"""What is said of a study that asks for a precision which is slower here than fp32."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ablate.execute.devices import devices
from ablate.execute.precisions import Kind, Speeds, speeds, why_slow
from ablate.study.plan import Plan
from ablate.trainer import is_built_in

SLOWER = 1.1
"""Times fp32, below which nothing is said: a measurement on a busy machine is no better."""


def precision_notes(plan: Plan) -> list[str]:
    """A sentence for each precision of the plan's variants that does not pay on this machine.

    Measures where a variant asks for another precision than fp32 and nobody has measured here yet, which takes some
    seconds; plans that do not ask wait for nothing.
    """
    if not is_built_in(plan.trainer):
        return []
    asked = {(_precision(variant.config), _kind(variant.config)) for variant in plan.variants}
    wanted = [(precision, kind) for precision, kind in asked if precision != "fp32" and kind is not None]
    notes = []
    for precision, kind in sorted(wanted):
        found = speeds(kind)
        if found is not None and (note := precision_note(precision, found)):
            notes.append(note)
    return notes


def precision_note(precision: str, found: Speeds) -> str:
    """One such sentence; empty where the precision pays."""
    where = "on this machine" if found.kind == "cpu" else "on this machine's graphics card"
    times = found.times_slower(precision)
    if times is None:
        return f"numerics.precision {precision}: torch has no such convolutions {where}; use fp32."
    if times < SLOWER:
        return ""
    factor = f"{times:.0f}" if times >= 10 else f"{times:.1f}"
    if found.kind == "cpu" and (why := why_slow(precision)):
        where = f"on this machine ({why})"
    return f"numerics.precision {precision}: {factor} times slower than fp32 {where}; use fp32."


def _precision(config: Mapping[str, Any]) -> str:
    return str((config.get("numerics") or {}).get("precision", "fp32"))


def _kind(config: Mapping[str, Any]) -> Kind | None:
    """What a run of it would be on; None for a device that is not measured here."""
    device = str(config.get("device", "auto"))
    if device.startswith("cuda") or (device == "auto" and devices()):
        return "cuda"
    return "cpu" if device in ("auto", "cpu") else None
