"""Pages as they were told before the first screen was what it is, to verify reports of then.

Numbers are what is verified: words are today's wherever they hold the same ones in the same order.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace

from ablate.report.facts.findings import Findings
from ablate.report.figures.forest import ForestInfo, forest_caption
from ablate.report.page.blocks import Block, Bullets, Claim, Figure, Page, Section, Sheet, Text
from ablate.report.page.html import html_page
from ablate.report.page.render import study_page
from ablate.report.tables.table import Table, axis_words, steps_tables, terminal_steps
from ablate.report.wording.evidence import banners, warnings
from ablate.report.wording.headline import first_sentence
from ablate.report.wording.language import ENGLISH, Words
from ablate.report.wording.numbers import Axis, common_axis, number
from ablate.report.wording.sentences import (
    against_words,
    firmest,
    metric_words,
    setting_words,
    size_words,
)
from ablate.report.wording.verdicts import VERDICTS

_SINCE = re.compile(
    r"<script\b.*?</script>| script-src '[^']*';| data-(?:of|name|mark)=\"[^\"]*\"|(?<=</a>)(?= <span aria-hidden)",
    re.DOTALL,
)
"""What pages did not have: a script with what it reads. Links of the contents had a line each."""


def earlier_page(findings: Findings, say: Words = ENGLISH) -> Page:
    """The whole report, as `study_page` gives it now."""
    page = study_page(findings, say)
    told = [block for block in page.opening if isinstance(block, Text) and block.kind == "figures"]
    return replace(
        page,
        opening=(*_opening(findings, say), *told),
        sections=tuple(_section(found, findings, say) for found in page.sections),
        what_if=None,
        contents=(),
    )


def earlier_html(page: Page) -> str:
    """Such a page as HTML without what came later."""
    return _SINCE.sub(lambda match: "" if match.group() else "\n", html_page(page))


def _opening(findings: Findings, say: Words) -> Iterator[Block]:
    for banner in banners(findings, say):
        yield Text(banner, "banner")
    if findings.study.question:
        yield Text(findings.study.question, "question")
    yield Text(first_sentence(findings, say), "lead")
    for warning in warnings(findings, say):
        yield Text(warning, "warning")
    steps = steps_tables(findings, say)
    axis = _steps_axis(findings)
    for table in steps:
        yield Text(table.title, "heading")
        yield Sheet(_on_axis(table, axis, findings, say), first=True)
        yield Text(table.note, "note")
    if not steps:
        levels = terminal_steps(findings, say)
        yield Sheet(levels, first=True)
        yield Text(levels.note, "note")


def _steps_axis(findings: Findings) -> Axis:
    """It held the intervals of single lines, and neither thresholds nor replicates."""
    effects = [*findings.effects, *([findings.total] if findings.total else [])]
    known = [effect.measured for effect in effects if effect.measured.difference is not None]
    ends = [end for one in known for end in (one.lo, one.hi) if end is not None]
    return common_axis([one.difference or 0.0 for one in known], ends)


def _on_axis(table: Table, axis: Axis, findings: Findings, say: Words) -> Table:
    heading = axis_words(axis, findings, say)
    columns = (heading if kind == "bar" else name for name, kind in zip(table.columns, table.kinds, strict=True))
    return table._replace(columns=tuple(columns), axis=axis)


def _section(found: Section, findings: Findings, say: Words) -> Section:
    match found.anchor:
        case "evidence":
            first, *others = found.blocks
            claim = Claim(say("heading.may"), may_write_then(findings, say))
            assert isinstance(first, Bullets)
            return found._replace(blocks=(first, *([claim] if claim.sentence else []), *others))
        case "comparisons":
            return found._replace(blocks=tuple(_forest(block, findings, say) for block in found.blocks))
        case _:
            return found


def _forest(block: Block, findings: Findings, say: Words) -> Block:
    """One threshold alone was drawn and told; the line of all changes had the name of the last."""
    if not isinstance(block, Figure) or not isinstance(block.info, ForestInfo):
        return block
    rows = [row for group in block.info.groups for row in group.rows if row.difference is not None]
    ends = [end for row in rows for end in (row.lo, row.hi, row.lo_all, row.hi_all) if end is not None]
    points = [value for row in rows for value in (row.difference or 0.0, *row.by_replicate)]
    band = findings.evidence.negligible or 0.0
    info = block.info._replace(axis=common_axis([*points, band, -band], ends))
    if findings.total is not None:
        name, reference = findings.total.compared.name, findings.total.compared.reference
        *groups, last = info.groups
        row = last.rows[0]._replace(label=say("cell.compare", name=name, reference=reference))
        info = info._replace(groups=(*groups, last._replace(rows=(row,))))
    alone = replace(findings, evidence=replace(findings.evidence, worthwhile=None))
    return block._replace(info=info, caption=forest_caption(block.info, alone, say))


def may_write_then(findings: Findings, say: Words = ENGLISH) -> str:
    """The sentence a paper might write: it held the plain interval of a decided difference, and no other."""
    effect = firmest(findings)
    if effect is None:
        return ""
    metric, verdict, size = findings.study.metric, effect.decision.verdict, effect.compared.family_size
    values = {
        "setting": setting_words(effect, say),
        "name": effect.compared.name,
        "metric": metric_words(metric),
        "against": "" if verdict == "undecided" else against_words(effect, say),
    }
    if verdict in ("better", "worse"):
        ends = sorted(abs(end) for end in (effect.measured.lo, effect.measured.hi) if end is not None)
        interval = say("may.interval", sizes=say("may.to").join(number(end, metric.decimals) for end in ends))
        allowed = say.in_words(size) if size > 1 else ""
        raised = (effect.measured.difference or 0.0) > 0
        return say(
            "may.raised" if raised else "may.lowered",
            **values,
            size=size_words(effect.measured.difference or 0.0, metric, say),
            intervals=say("join.clause").join(filter(None, (interval, allowed))),
        )
    shown = VERDICTS[verdict]
    limit = getattr(findings.evidence, shown.threshold) if shown.threshold else 0.0
    return say(shown.sentence, **values, limit=size_words(limit or 0.0, metric, say), intervals="")
