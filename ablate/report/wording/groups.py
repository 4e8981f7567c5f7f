"""Groups of test images in sentences."""

from __future__ import annotations

from ablate.report.facts.findings import Findings
from ablate.report.wording.language import ENGLISH, Words
from ablate.report.wording.numbers import number, with_interval


def group_lines(findings: Findings, say: Words = ENGLISH) -> list[str]:
    """How many there are, what they are worth, and what the differences are when each group weighs the same."""
    found, metric, unit = findings.evidence.groups, findings.study.metric, findings.evidence.unit
    if unit is not None:
        return [say("groups.scored", unit=unit.name, how=say(f"groups.{unit.by}"))]
    if found is None:
        return []
    told = {
        "n": say.count(found.n, "group"),
        "images": say.count(findings.evidence.images or 0, "test_image"),
        "effective": number(found.effective, 1),
        "largest": f"{found.largest:.0%}",
        "design_effect": number(found.design_effect, 1),
    }
    if found.kind == "copies":
        return [say("groups.copies", **told)]
    lines = [say("groups.unit", **told)]
    if found.alike:
        steps = [
            f"{row.name} {with_interval(row.difference, row.lo, row.hi, metric.decimals, sign='+')}"
            for row in found.alike
        ]
        lines.append(say("groups.alike", steps=say.listed(steps, at_most=len(steps))))
    return lines
