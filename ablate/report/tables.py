"""Tables of strings from findings: what Markdown, CSV and the terminal print alike.

Cells are plain text; escaping is the printer's business. Every number of a result stands beside its
interval and its n. Here the first screen: the comparisons, step by step.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, NamedTuple

from ablate.report.facts import EffectRow, Findings, Published, VariantRow
from ablate.report.numbers import Axis, bar, change, common_axis, compact, duration, number, shortened, with_interval
from ablate.report.words import metric_words, unit_words, verdict_words

Kind = Literal["text", "number", "code"]

FAMILIES = {
    "chain": "Step by step: each line adds one change to the line above",
    "one at a time": "One change at a time, each against the baseline",
    "leave one out": "What each change is worth among all the others: all of them, against all but this one",
    "main effects": "Each change, on average over the settings of the others",
    "interactions": "Pairs of changes: what they do together beyond the sum of the two",
    "compare": "Questions outside the design",
}


class Table(NamedTuple):
    """Rows of plain text. kinds: how each column is set; `code` is drawn in characters of one width."""

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    note: str = ""
    kinds: tuple[Kind, ...] = ()


class Column(NamedTuple):
    """One column while a table is put together."""

    name: str
    kind: Kind
    cells: Sequence[str]


def table_of(title: str, columns: Sequence[Column | None], note: str = "") -> Table:
    """The columns that are there, as rows."""
    kept = [column for column in columns if column is not None]
    return Table(
        title=title,
        columns=tuple(column.name for column in kept),
        rows=tuple(zip(*(column.cells for column in kept), strict=True)),
        note=note,
        kinds=tuple(column.kind for column in kept),
    )


class _Line(NamedTuple):
    """A line of the first screen: a variant that others start from, or a comparison with its own variant."""

    name: str
    variant: VariantRow | None
    effect: EffectRow | None


def steps_tables(findings: Findings) -> tuple[Table, ...]:
    """A line a comparison, a table a family, all intervals on one axis."""
    return tuple(_family_table(findings, family) for family in findings.families)


def _family_table(findings: Findings, family: str) -> Table:
    metric, axis = findings.metric, effects_axis(findings)
    lines = _lines(findings, family)
    level = _with_unit(metric_words(metric).capitalize(), metric.unit)
    worth = "Worth of the change" if family == "leave one out" else "Difference"
    columns = [
        Column("Step" if family == "chain" else "Change", "text", [line.name for line in lines]),
        None
        if not any(line.variant for line in lines)
        else Column(level, "number", [level_words(line.variant, findings) for line in lines]),
        Column(_with_unit(worth, unit_words(metric)), "number", _differences(lines, findings)),
        Column(axis_words(axis, findings), "code", _bars(lines, axis, width=25)),
        Column("n", "number", _counts(lines)),
        Column("Verdict", "text", [verdict_words(line.effect) if line.effect else "" for line in lines]),
        *_cost_columns(lines, family),
        None
        if not any(line.variant and line.variant.published for line in lines)
        else Column(
            "Published*",
            "number",
            [published_words(line.variant.published if line.variant else None, findings) for line in lines],
        ),
    ]
    return table_of(FAMILIES.get(family, family.capitalize()), columns, _steps_note(findings, family))


def _lines(findings: Findings, family: str) -> list[_Line]:
    effects = findings.families[family]
    left_out = family == "leave one out"
    lines = [
        _Line(
            _line_name(effect),
            findings.variant(effect.reference if left_out else effect.variant) if effect.is_pair else None,
            effect,
        )
        for effect in effects
    ]
    own = {line.variant.name for line in lines if line.variant}
    starts = [effect.variant if left_out else effect.reference for effect in effects if effect.is_pair]
    if family == "compare":
        return lines
    return [_Line(name, findings.variant(name), None) for name in dict.fromkeys(starts) if name not in own] + lines


def _line_name(effect: EffectRow) -> str:
    match effect.family:
        case "compare":
            return f"{effect.name}, against {effect.reference}"
        case "leave one out":
            return effect.reference
        case _:
            return effect.name


def _cost_columns(lines: Sequence[_Line], family: str) -> list[Column | None]:
    """What a run of the first variant takes, then what each change adds to that."""
    if family == "interactions":
        return []
    parameters, steps, seconds = [], [], []
    for _, variant, effect in lines:
        if effect is not None:
            parameters.append(change(effect.extra_parameters, compact(effect.extra_parameters, sign="+")))
            steps.append(change(effect.extra_steps, compact(effect.extra_steps, sign="+")))
            seconds.append(duration(effect.extra_seconds, sign="+"))
        elif variant is not None:
            parameters.append(compact(variant.parameters))
            steps.append(compact(variant.steps))
            seconds.append(duration(variant.seconds))
    named = (("Parameters", parameters), ("Training steps", steps), ("Time a run", seconds))
    return [Column(name, "number", cells) for name, cells in named if set(cells) != {"-"}]


def _steps_note(findings: Findings, family: str) -> str:
    legend = (
        "Brackets are 95% intervals, n counts replicates. In the drawing ● is the difference, ├──┤ its interval, "
        "┊ no difference; ◂ and ▸ mean that the interval goes on."
    )
    costs = {
        "chain": "Costs of the first line are those of one run, of the others what the step adds.",
        "interactions": "",
    }.get(family, "Costs of a change are what it adds to one run.")
    published = ""
    if any(row.published for row in findings.variants):
        published = f"*Published: {findings.published_note or 'as the study file gives it'}."
    return " ".join(filter(None, [legend, costs, published]))


def effects_axis(findings: Findings) -> Axis:
    """The axis on which all comparisons are drawn."""
    known = [effect for effect in findings.effects if effect.difference is not None]
    ends = [end for effect in known for end in (effect.lo, effect.hi) if end is not None]
    return common_axis([effect.difference or 0.0 for effect in known], ends)


def axis_words(axis: Axis, findings: Findings) -> str:
    """`-2 to +8`."""
    decimals = 0 if axis.lo == round(axis.lo) and axis.hi == round(axis.hi) else findings.metric.decimals
    return f"{number(axis.lo, decimals)} to {number(axis.hi, decimals, sign='+')}"


def level_words(row: VariantRow | None, findings: Findings) -> str:
    """`94.3 [93.1, 95.3]`; `-` for a variant without a finished run, nothing for an average."""
    if row is None:
        return ""
    return with_interval(row.mean, row.lo, row.hi, findings.metric.decimals)


def published_words(published: Published | None, findings: Findings) -> str:
    """`41.4 of 360`: a source's figure, with its number of test images where it gave a count."""
    if published is None:
        return "-"
    text = number(published.value, findings.metric.decimals)
    return text if published.images is None else f"{text} of {published.images:,}"


def _with_unit(words: str, unit: str) -> str:
    return f"{words} ({unit.strip()})" if unit else words


def _differences(lines: Sequence[_Line], findings: Findings) -> list[str]:
    decimals = findings.metric.decimals
    effects = [line.effect for line in lines]
    return [with_interval(e.difference, e.lo, e.hi, decimals, sign="+") if e else "" for e in effects]


def _bars(lines: Sequence[_Line], axis: Axis, *, width: int) -> list[str]:
    effects = [line.effect for line in lines]
    return [bar(e.difference, e.lo, e.hi, axis, width=width) if e else "" for e in effects]


def _counts(lines: Sequence[_Line]) -> list[str]:
    return [str(line.effect.n if line.effect else line.variant.n if line.variant else 0) for line in lines]


def terminal_steps(findings: Findings) -> Table:
    """Every comparison in one table that fits a terminal of 100 columns; levels alone where nothing is compared."""
    metric, axis = findings.metric, effects_axis(findings)
    lines = [line for family in findings.families for line in _lines(findings, family)]
    lines = lines or [_Line(row.name, row, None) for row in findings.variants]
    level = _with_unit(shortened(metric_words(metric), 13), metric.unit)
    columns = [
        Column("step", "text", [shortened(line.name, 16) for line in lines]),
        Column(level, "number", [level_words(line.variant, findings) for line in lines]),
        Column(_with_unit("change", unit_words(metric)), "number", _differences(lines, findings)),
        Column(axis_words(axis, findings), "code", _bars(lines, axis, width=13)),
        Column("n", "number", _counts(lines)),
        Column("verdict", "text", [verdict_words(x.effect, with_reason=False) if x.effect else "" for x in lines]),
    ]
    return table_of(findings.study, columns, "Brackets are 95% intervals, n counts replicates.")
