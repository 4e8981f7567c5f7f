"""What judges again in the page, as JSON values: the looks of every family, and the sizes a threshold may take."""

from __future__ import annotations

from math import floor, log10
from typing import Any

from ablate.report.facts.findings import Findings
from ablate.report.facts.what_if import FamilySeen, WhatIf
from ablate.report.wording.language import Words
from ablate.report.wording.sentences import threshold_words
from ablate.stats.what_if import LookSeen, Withheld

STEPS = 50
"""A slider has about so many."""


def what_if_json(findings: Findings, say: Words) -> dict[str, Any] | None:
    """None where nothing can be judged again. Numbers in the unit of the estimates; see `templates/rejudge.js`."""
    asked = findings.what_if
    if asked is None:
        return None
    names = ("goal", "alpha", "futility", "negligible", "worthwhile")
    return {name: getattr(asked, name) for name in names} | {
        "sizes": {name: _sizes(findings, asked, getattr(asked, name), say) for name in ("negligible", "worthwhile")},
        "families": [_family(one) for one in asked.families],
    }


def _family(family: FamilySeen) -> dict[str, Any]:
    return {
        "keys": family.keys,
        "words": family.words,
        "latest": family.latest,
        "looks": [look_json(look) for look in family.looks],
    }


def look_json(look: LookSeen) -> dict[str, Any]:
    """A look of a family as the page's script takes it."""
    members = [{"assessable": not isinstance(one, Withheld), **one._asdict()} for one in look.members]
    return {"share": look.share, "members": members}


def _sizes(findings: Findings, asked: WhatIf, registered: float | None, say: Words) -> list[tuple[float, str]]:
    """Round sizes from 0 to twice what was stated or seen, the registered one among them as it was stated."""
    stated = [size * asked.scale for size in (asked.negligible, asked.worthwhile) if size is not None]
    seen = [abs(row.measured.difference) for row in findings.effects if row.measured.difference is not None]
    step = _round_step(max(2 * max(stated, default=0.0), max(seen, default=0.0), 1e-9) / STEPS)
    step = max(step, 10.0**-findings.study.metric.decimals)
    top = max(2 * max(stated, default=0.0), max(seen, default=0.0))
    shown = {round(i * step, 10) for i in range(int(top / step + 1e-9) + 2)}
    sizes = {size / asked.scale for size in shown}
    if registered is not None:
        sizes = {size for size in sizes if abs(size - registered) * asked.scale > step / 100} | {registered}
    return [(size, threshold_words(size * asked.scale, findings.study.metric, say)) for size in sorted(sizes)]


def _round_step(size: float) -> float:
    power = 10.0 ** floor(log10(size))
    return next(factor * power for factor in (1, 2, 5, 10) if factor * power >= size * 0.999)
