"""What fits into a given time, as `ablate plan --within` prints it: proposals with the lines to paste."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ablate.cli.show import say
from ablate.cli.translation import translated


def show_budget(budget: Mapping[str, Any], metric: str) -> None:
    """Each proposal with its price, what it would show, and how to take it up."""
    from ablate.report.wording.numbers import counted, duration

    at_once = "one run at a time" if budget["workers"] == 1 else f"{budget['workers']} runs at once"
    known = budget["seconds_a_run"].values()
    basis = f", {sum(known) / len(known):.3g} s a run {budget['basis']}" if known else ""
    say(f"Within {budget['time']}, {translated(at_once)}{translated(basis)}:")
    for number, row in enumerate(budget["proposals"], start=1):
        say(
            f"{number}. {translated(_title(row))}: {counted(row['runs'], 'run')} to train, about "
            f"{duration(row['estimate_seconds'])}. {translated(_shows(row, metric))}"
        )
        if row["left_out"]:
            say(f"   Left out, and still counted in the family: {', '.join(row['left_out'])}")
        if row["evidence"]:
            say(f"   In the study file, under evidence:  {'  and  '.join(row['evidence'])}")
        say(f"   {row['command']}")
    if budget["note"]:
        say(f"{budget['note'][:1].upper()}{budget['note'][1:]}.")


def _title(row: Mapping[str, Any]) -> str:
    looks = " and ".join(map(str, row["replicates"]))
    match row["kind"]:
        case "end":
            return f"As planned until the time is over, about {row['replicates'][-1]} replicates, judged for good"
        case "go on":
            return f"The planned look at {looks} replicates"
        case "fewer variants":
            return f"{len(row['variants'])} variants, {looks} replicates"
        case "one look":
            return f"All variants, a single look at {looks} replicates"
    several = f"All variants, looks at {looks} replicates"
    return several if len(row["replicates"]) > 1 else f"All variants, a single look at {looks} replicates"


def _shows(row: Mapping[str, Any], metric: str) -> str:
    from ablate.metrics import is_rate

    known = [step for step in row["visible_step"] if step["points"] is not None]
    if not known:
        return "The smallest difference it would show is not known yet."
    sizes = [
        f"{step['points']:.3g} points at {step['replicates']}"
        if is_rate(metric)
        else f"{step['points']:.3g} in {metric} at {step['replicates']}"
        for step in known
    ]
    sizes = [translated(size) for size in sizes]
    return f"Smallest difference shown: {', '.join(sizes)}."
