"""Tables of what the stored answers know of single images and of parts of them. Exploratory all of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from ablate.report.facts.answers import MOST_LISTED, AnswerFacts, ChangedImage, ChangedImages, Slice, SliceColumn
from ablate.report.tables.table import Column, Table, table_of
from ablate.report.wording.language import ENGLISH, Words
from ablate.report.wording.numbers import number, with_interval


def never_right_table(facts: AnswerFacts, say: Words = ENGLISH) -> Table:
    """One line per image that no run gets right, the first of them; with what most runs say."""
    found = facts.never_right[:MOST_LISTED]
    columns = [
        Column(say("column.image"), "code", [item.id for item in found]),
        Column(say("column.class"), "text", [item.label for item in found]) if any(x.label for x in found) else None,
        Column(say("answers.said"), "text", [item.said for item in found]) if any(x.said for x in found) else None,
        Column(say("answers.said_by"), "number", [right_of(item.times, item.runs, say) for item in found])
        if any(item.said for item in found)
        else Column(say("column.runs"), "number", [str(item.runs) for item in found]),
    ]
    return table_of(say("answers.never_right"), columns, name="")


def changes_table(facts: AnswerFacts, say: Words = ENGLISH) -> Table:
    """One line per comparison: how many images it fixes and breaks reliably, and how many are expected by chance."""
    columns = [
        Column(say("column.comparison"), "text", [change.name for change in facts.changes]),
        Column(say("answers.assessed"), "number", [_assessed(change, say) for change in facts.changes]),
        Column(
            say("answers.fixed"), "number",
            [_many(len(one.fixed), one.fixed_by_chance, one, say) for one in facts.changes],
        ),
        Column(
            say("answers.broken"), "number",
            [_many(len(one.broken), one.broken_by_chance, one, say) for one in facts.changes],
        ),
    ]  # fmt: skip
    return table_of(say("answers.changed"), columns, name="")


def _assessed(change: ChangedImages, say: Words) -> str:
    if not change.assessed:
        return say("answers.not_assessable", tests=say.count(change.most_tests, "test"))
    return f"{change.assessed:,} / {change.n_images:,}"


def _many(count: int, by_chance: float, change: ChangedImages, say: Words) -> str:
    if not change.assessed:
        return ""
    return say("answers.many", n=count, chance=number(by_chance, 1)) if count else "0"


def changed_table(images: Sequence[ChangedImage], title: str, say: Words = ENGLISH) -> Table:
    """One line per image that a change fixes, or breaks: in how many tests it is right before and after."""
    columns = [
        Column(say("column.image"), "code", [item.id for item in images]),
        Column(say("column.class"), "text", [item.label for item in images]) if any(x.label for x in images) else None,
        Column(say("answers.before"), "number", [right_of(item.before, item.tests, say) for item in images]),
        Column(say("answers.after"), "number", [right_of(item.after, item.tests, say) for item in images]),
    ]
    return table_of(title, columns, name="")


def right_of(right: int, tests: int, say: Words) -> str:
    """`4 of 5`."""
    return say("answers.of", n=right, of=tests)


def slice_table(column: SliceColumn, say: Words = ENGLISH) -> Table:
    """One line per value of a column with enough images, in the order of the values; the whole first."""
    variants = list(column.whole.levels)
    rows = [column.whole._replace(value=say("answers.whole")), *(row for row in column.rows if not row.reason)]
    columns = [
        Column(say("answers.value"), "text", [row.value for row in rows]),
        Column(say("column.n"), "number", [str(row.n) for row in rows]),
        *(Column(f"{name} (%)", "number", [_level(row, name) for row in rows]) for name in variants),
    ]
    return table_of(column.name, columns if len(rows) > 1 and variants else [], name="")


def _level(row: Slice, variant: str) -> str:
    found = row.levels.get(variant)
    return with_interval(found.mean, found.lo, found.hi, 1) if found is not None else ""


def answer_sheets(facts: AnswerFacts | None) -> Iterator[tuple[str, tuple[Sequence[str], Sequence[Sequence[object]]]]]:
    """File name -> headings and rows of everything, for other programs; those without rows are left out."""
    if facts is None:
        return
    never = [(one.id, one.label, one.said, one.times, one.runs) for one in facts.never_right]
    changed = [
        (change.name, word, *one)
        for change in facts.changes
        for word, images in (("fixed", change.fixed), ("broken", change.broken))
        for one in images
    ]
    slices = [
        (column.name, row.value, row.n, variant, *(found or (None,) * 3), row.reason)
        for column in facts.slices
        for row in (column.whole, *column.rows)
        for variant, found in _by_variant(row, column).items()
    ]
    of_slice = ("column", "value", "images", "variant", "accuracy (%)", "lo (%)", "hi (%)", "too_few")
    for name, headings, rows in (
        ("never-right.csv", ("image", "class", "said", "said_by_runs", "runs"), never),
        (
            "changed-images.csv",
            ("comparison", "change", "image", "class", "tests", "right_before", "right_after"),
            changed,
        ),
        ("slices.csv", of_slice, slices),
    ):
        if rows:
            yield name, (headings, rows)


def _by_variant(row: Slice, column: SliceColumn) -> Mapping[str, tuple[float, float, float] | None]:
    if row.reason:
        return {"": None}
    return {name: row.levels.get(name) for name in column.whole.levels}
