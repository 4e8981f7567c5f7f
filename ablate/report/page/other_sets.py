"""A section for each other test set: what it is, its verdicts, its levels at both prevalences."""

from __future__ import annotations

from collections.abc import Iterator

from ablate.report.facts.findings import Findings, OtherSet
from ablate.report.page.blocks import Block, Bullets, Section, Sheet, Text, section
from ablate.report.tables.other_sets import prevalence_table, set_slug, set_tables
from ablate.report.wording.language import Words
from ablate.report.wording.other_sets import set_lines, set_title


def other_set_sections(findings: Findings, say: Words) -> Iterator[Section | None]:
    """In the order of the study file."""
    for number, one in enumerate(findings.other_sets, start=1):
        slug = set_slug(number, one.facts.name)
        yield section(set_title(one.facts, say), f"set-{number}", list(_blocks(one, slug, findings, say)))


def _blocks(one: OtherSet, slug: str, findings: Findings, say: Words) -> Iterator[Block]:
    yield Bullets(tuple(set_lines(one, findings, say)))
    tables = list(set_tables(one, slug, say))
    for table in tables:
        yield Text(table.title, "subheading")
        yield Sheet(table)
    if tables:
        yield Text(say("note.brackets"), "note")
    levels = prevalence_table(one, slug, findings, say)
    if levels.rows:
        yield Text(levels.title, "subheading")
        yield Sheet(levels)
        yield Text(levels.note, "note")
