"""Tables of what single test images and classes say. Exploratory all of them, and labelled so."""

from __future__ import annotations

from collections.abc import Sequence

from ablate.report.facts.exploratory import Disagreement, ImageFacts
from ablate.report.facts.findings import Findings
from ablate.report.facts.summaries import most_confused
from ablate.report.tables.table import Column, Table, table_of
from ablate.report.wording.language import ENGLISH, Words
from ablate.report.wording.numbers import number, with_interval

MOST_CONFUSIONS = 5


def classes_table(findings: Findings, say: Words = ENGLISH) -> Table:
    """One line per class: how often each variant is right on it."""
    facts = findings.exploratory.images
    rows = facts.classes if facts is not None else ()
    labels = list(dict.fromkeys(row.label for row in rows))
    by = {(row.variant, row.label): row for row in rows}
    columns = [
        Column(say("column.class"), "text", labels),
        Column(say("column.n"), "number", [str(next(r.n for r in rows if r.label == label)) for label in labels]),
        *(
            Column(
                f"{name} (%)", "number",
                [with_interval((row := by[name, label]).mean, row.lo, row.hi, 1) for label in labels],
            )
            for name in dict.fromkeys(row.variant for row in rows)
        ),
    ]  # fmt: skip
    return table_of(say("heading.classes"), columns, say("note.classes"), "classes")


def confusions_table(findings: Findings, say: Words = ENGLISH) -> Table:
    """Each shown variant's most frequent confusions."""
    facts = findings.exploratory.images
    rows = [
        (confusion.variant, true, predicted, number(share, 1))
        for confusion in (facts.confusions if facts else ())
        for true, predicted, share in most_confused(confusion, facts.labels if facts else ())[:MOST_CONFUSIONS]
    ]
    variants, true, predicted, shares = zip(*rows, strict=True) if rows else ((), (), (), ())
    columns = [
        Column(say("column.variant"), "text", variants),
        Column(say("column.true_class"), "text", true),
        Column(say("column.predicted"), "text", predicted),
        Column(say("column.times"), "number", shares),
    ]
    return table_of(say("heading.confusions"), columns, say("note.confusions"), "confusions")


def matrix_tables(facts: ImageFacts | None, say: Words = ENGLISH) -> tuple[Table, ...]:
    """A confusion matrix a variant: of 100 images of the row's class, how many were taken for the column's."""
    if facts is None:
        return ()
    tables = []
    for position, confusion in enumerate(facts.confusions):
        size = len(confusion.counts)
        labels = [facts.labels[i] for i in range(size)]
        totals = [max(1, sum(row)) for row in confusion.counts]
        columns = [Column(say("column.true_class"), "text", labels)]
        for j, label in enumerate(labels):
            cells = [number(100 * row[j] / total, 0) for row, total in zip(confusion.counts, totals, strict=True)]
            columns.append(Column(label, "number", cells))
        title = say("heading.matrix", name=confusion.variant)
        note = say("note.matrix", replicates=say.count(confusion.runs, "replicate"))
        tables.append(table_of(title, columns, note, f"confusion-{position + 1}"))
    return tuple(tables)


def disagreements_table(findings: Findings, say: Words = ENGLISH) -> Table:
    """One line per image: who is right about it, and who is not."""
    found = findings.exploratory.images.disagreements if findings.exploratory.images is not None else ()
    columns = [
        Column(say("column.image"), "code", [item.id for item in found]),
        Column(say("column.class"), "text", [item.label for item in found]) if any(x.label for x in found) else None,
        Column(say("column.right_by"), "text", [say.listed(_names(item, right=True)) for item in found]),
        Column(say("column.wrong_by"), "text", [say.listed(_names(item, right=False)) for item in found]),
    ]
    return table_of(say("heading.disagree"), columns, say("note.disagree"), "disagreements")


def _names(item: Disagreement, *, right: bool) -> Sequence[str]:
    return [name for name, share in item.right.items() if (share > 0.5) == right]
