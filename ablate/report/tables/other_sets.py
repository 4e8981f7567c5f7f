"""Tables of another test set: its comparisons, its variants at both prevalences, and both as data."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from ablate.report.facts.findings import Findings, OtherSet
from ablate.report.tables.sheets import EFFECT_COLUMNS, fields_of_row, make_sheet
from ablate.report.tables.table import Column, Table, steps_tables, table_of, with_unit
from ablate.report.wording.language import ENGLISH, Words
from ablate.report.wording.numbers import number
from ablate.report.wording.sentences import metric_title

FILE = "also_test.csv"


def set_slug(number_of: int, name: str) -> str:
    """What tells a set's files from another's: its place, and what of its name any disk can hold."""
    return "-".join(filter(None, [str(number_of), re.sub("[^A-Za-z0-9]+", "-", name).strip("-").lower()]))


def set_tables(one: OtherSet, slug: str, say: Words = ENGLISH) -> Iterator[Table]:
    """A table a family, named for its file."""
    if one.findings is not None:
        for table in steps_tables(one.findings, say):
            yield table._replace(name=f"{table.name}-on-{slug}")


def prevalence_table(one: OtherSet, slug: str, findings: Findings, say: Words = ENGLISH) -> Table:
    """A line a variant: its level as the set is, and as it would be with the study's shares of the classes."""
    rows, metric = one.facts.prevalence, findings.study.metric
    named = with_unit(metric_title(metric), metric.unit)
    columns = [
        Column(say("column.variant"), "text", [row.variant for row in rows]),
        Column(say("other_set.here", metric=named), "number", [number(row.here, metric.decimals) for row in rows]),
        Column(say("other_set.there", metric=named), "number", [number(row.there, metric.decimals) for row in rows]),
        Column(say("column.n"), "number", [str(row.n) for row in rows]),
    ]
    shares = say.listed(
        [f"{name} {100 * here:.1f}% / {100 * there:.1f}%" for name, (here, there) in one.facts.shares.items()],
        at_most=10,
    )
    note = say("other_set.prevalence_note", shares=shares) if rows else ""
    return table_of(say("other_set.prevalence"), columns, note, f"prevalence-on-{slug}")


def set_sheets(findings: Findings) -> Mapping[str, Table]:
    """File name -> every comparison on every other test set, in the columns of effects.csv."""
    rows = [
        [one.facts.name, *fields_of_row(effect, EFFECT_COLUMNS.values())]
        for one in findings.other_sets
        if one.findings is not None
        for effect in one.findings.effects
    ]
    return {FILE: make_sheet("also_test", ["set", *EFFECT_COLUMNS], rows)} if rows else {}


def set_json(one: OtherSet, judged: Mapping[str, Any] | None) -> dict[str, Any]:
    """A set as plain data. judged: the JSON of its findings, None where no run was scored on it."""
    facts = one.facts
    found: dict[str, Any] = {} if judged is None else {key: judged[key] for key in ("metric", "variants", "effects")}
    return {
        "name": facts.name,
        "images": facts.images,
        "groups": facts.groups or None,
        "classes": dict(facts.counts),
        "scored": facts.scored,
        "runs": facts.wanted,
        "digest": facts.digest,
        "copies": facts.copies,
        "changed": facts.is_other_now,
        "number": facts.number,
        "earlier": [use._asdict() for use in facts.earlier],
        "prevalence": [row._asdict() for row in facts.prevalence],
        "metric": found.get("metric"),
        "variants": found.get("variants", []),
        "effects": found.get("effects", []),
    }
