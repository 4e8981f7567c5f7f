"""Tables of strings from findings: what Markdown, HTML, LaTeX, CSV and the terminal print alike.

Cells are plain text; escaping is the printer's business. Every number of a result stands beside its
interval and its n. Here the first screen: the comparisons, step by step.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, NamedTuple

from ablate.report.facts.effect import EffectRow
from ablate.report.facts.findings import Findings, Published, VariantRow
from ablate.report.wording.language import ENGLISH, Words
from ablate.report.wording.no_worse import no_worse_words
from ablate.report.wording.numbers import (
    Axis,
    bar,
    change,
    common_axis,
    compact,
    duration,
    number,
    on_one_line,
    shortened,
    with_interval,
)
from ablate.report.wording.robustness import again_words
from ablate.report.wording.sentences import metric_title, metric_words, size_words, unit_words, verdict_words
from ablate.stats.verdict import Verdict

Kind = Literal["text", "number", "code", "bar", "verdict"]


class Mark(NamedTuple):
    """What a row of a table says beyond its text: the interval to draw, the verdict to colour.

    lo, hi: None where the interval goes on for ever; lo_all, hi_all: for the whole family at once. key: by which a
    page knows the comparison, empty where it need not.
    """

    verdict: Verdict
    point: float | None
    lo: float | None
    hi: float | None
    lo_all: float | None
    hi_all: float | None
    dots: tuple[float, ...] = ()
    diamond: bool = False
    """Whether the interval is drawn as a diamond, as a mean over data sets is."""
    key: str = ""


class Band(NamedTuple):
    """A stretch of the axis with a meaning. kind: `none`, differences that count as none, or `small`, gains too
    small to be worth having."""

    lo: float
    hi: float
    kind: Literal["none", "small"]


class Table(NamedTuple):
    """Rows of plain text. kinds: how each column is set.

    `code` is drawn in characters of one width, `bar` is an interval on `axis`, drawn from `marks` where a
    page can draw. name: what its file is called, without ending. marks: one a row, or none at all. bands: drawn
    behind all marks. asides: one a row or none at all, said beside its verdict on a page.
    """

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    note: str = ""
    kinds: tuple[Kind, ...] = ()
    name: str = ""
    marks: tuple[Mark | None, ...] = ()
    axis: Axis | None = None
    bands: tuple[Band, ...] = ()
    asides: tuple[tuple[str, ...], ...] = ()


class Column(NamedTuple):
    """One column while a table is put together."""

    name: str
    kind: Kind
    cells: Sequence[str]


def table_of(title: str, columns: Sequence[Column | None], note: str = "", name: str = "") -> Table:
    """The columns that are there, as rows."""
    kept = [column for column in columns if column is not None]
    return Table(
        title=title,
        columns=tuple(column.name for column in kept),
        rows=tuple(zip(*(column.cells for column in kept), strict=True)),
        note=note,
        kinds=tuple(column.kind for column in kept),
        name=name,
    )


class StepLine(NamedTuple):
    """A line of the first screen: a variant that others start from, or a comparison with its own variant."""

    name: str
    variant: VariantRow | None
    effect: EffectRow | None


def steps_tables(findings: Findings, say: Words = ENGLISH) -> tuple[Table, ...]:
    """A line a comparison, a table a family, all intervals on one axis."""
    return tuple(_family_table(findings, family, say) for family in findings.families)


def _family_table(findings: Findings, family: str, say: Words) -> Table:
    metric, axis = findings.study.metric, effects_axis(findings)
    lines = step_lines(findings, family, say)
    named = with_unit(metric_title(metric), metric.unit)
    left_out = family == "leave one out"
    level = say("column.level_without", metric=named) if left_out else named
    difference = say("column.worth") if left_out else say("column.difference")
    columns = [
        Column(say("column.step") if family == "chain" else say("column.change"), "text", [x.name for x in lines]),
        None
        if not any(line.variant for line in lines)
        else Column(level, "number", [level_words(line.variant, findings) for line in lines]),
        Column(with_unit(difference, unit_words(metric, say)), "number", _differences(lines, findings)),
        Column(axis_words(axis, findings, say), "bar", _bars(lines, axis, width=25)),
        Column(say("column.n"), "number", _counts(lines)),
        Column(
            say("column.verdict_keep") if left_out else say("column.verdict"),
            "verdict",
            [verdict_words(x.effect, say) if x.effect else "" for x in lines],
        ),
        None
        if not any(line.effect and line.effect.repeat for line in lines)
        else Column(
            say("column.again"), "text", [again_words(line.effect.repeat, say) if line.effect else "" for line in lines]
        ),
        None
        if not any(line.effect and line.effect.no_worse for line in lines)
        else Column(
            say("column.no_worse"),
            "text",
            [no_worse_words(line.effect.no_worse, say) if line.effect else "" for line in lines],
        ),
        *_cost_columns(lines, family, say),
        None
        if not any(line.variant and line.variant.published for line in lines)
        else Column(
            say("column.published"),
            "number",
            [published_words(line.variant.published if line.variant else None, findings, say) for line in lines],
        ),
    ]
    name = f"steps-{family.replace(' ', '-')}"
    table = table_of(say.by("family", family, family.capitalize()), columns, _steps_note(findings, family, say), name)
    return table._replace(marks=tuple(mark_of(line.effect) for line in lines), axis=axis, bands=bands_of(findings))


def bands_of(findings: Findings) -> tuple[Band, ...]:
    """Both thresholds as stretches of the axis, the wider one first; gains lie where the metric's goal is."""
    none, least = findings.evidence.negligible or 0.0, findings.evidence.worthwhile or 0.0
    ends = (0.0, least) if findings.study.metric.goal == "max" else (-least, 0.0)
    return tuple(filter(lambda band: band.hi > band.lo, (Band(*ends, "small"), Band(-none, none, "none"))))


def mark_of(effect: EffectRow | None) -> Mark | None:
    """What is drawn of a comparison."""
    if effect is None:
        return None
    dots = effect.measured.by_replicate if len(effect.measured.by_replicate) > 1 else ()
    ends = (effect.measured.lo, effect.measured.hi, effect.measured.lo_all, effect.measured.hi_all)
    return Mark(effect.decision.verdict, effect.measured.difference, *ends, dots, key=effect.compared.key)


def step_lines(findings: Findings, family: str, say: Words) -> list[StepLine]:
    """What a family starts from, its comparisons, and for a chain all of them together."""
    effects = findings.families[family]
    left_out = family == "leave one out"
    lines = [
        StepLine(
            _line_name(effect, say),
            findings.variant(effect.compared.reference if left_out else effect.compared.variant)
            if effect.compared.is_pair
            else None,
            effect,
        )
        for effect in effects
    ]
    own = {line.variant.name for line in lines if line.variant}
    starts = [
        effect.compared.variant if left_out else effect.compared.reference
        for effect in effects
        if effect.compared.is_pair
    ]
    if family == "compare":
        return lines
    first = [_first_line(findings.variant(name), name, say) for name in dict.fromkeys(starts) if name not in own]
    last = []
    if family == "chain" and findings.total is not None:
        name = say("cell.total_two" if len(effects) == 2 else "cell.total", n=say.in_words(len(effects)))
        last = [StepLine(name, findings.variant(findings.total.compared.variant), findings.total)]
    return first + lines + last


def _first_line(variant: VariantRow | None, name: str, say: Words) -> StepLine:
    """What the others start from, by what this design calls it and by the name its runs have."""
    if variant is not None and variant.alias:
        name = say("cell.also", alias=variant.alias, name=name)
    return StepLine(name, variant, None)


def _line_name(effect: EffectRow, say: Words) -> str:
    match effect.compared.family:
        case "compare":
            return say("cell.compare", name=effect.compared.name, reference=effect.compared.reference)
        case "leave one out":
            return say("cell.without", name=effect.compared.name)
        case _:
            return effect.compared.called


def _cost_columns(lines: Sequence[StepLine], family: str, say: Words) -> list[Column | None]:
    """What a run of the first variant takes, then what each change adds to that."""
    if family == "interactions":
        return []
    parameters, steps, seconds = [], [], []
    same = say("cell.same")
    for _, variant, effect in lines:
        if effect is not None:
            parameters.append(change(effect.extra.parameters, compact(effect.extra.parameters, sign="+"), same))
            steps.append(change(effect.extra.steps, compact(effect.extra.steps, sign="+"), same))
            seconds.append(duration(effect.extra.seconds, sign="+"))
        elif variant is not None:
            parameters.append(compact(variant.parameters))
            steps.append(compact(variant.steps))
            seconds.append(duration(variant.seconds))
    named = (("parameters", parameters), ("steps", steps), ("time", seconds))
    return [Column(say(f"column.{name}"), "number", cells) for name, cells in named if set(cells) != {"-"}]


def _steps_note(findings: Findings, family: str, say: Words) -> str:
    effects = findings.families[family]
    parts = [say("note.brackets"), say.by("family_note", family, say("family_note.one at a time"))]
    if family == "chain" and findings.total is not None:
        parts.append(say("note.total"))
    if any(effect.repeat for effect in effects):
        parts.append(say("note.again"))
    sizes = {effect.no_worse.tolerable for effect in effects if effect.no_worse is not None}
    if known := [size for size in sizes if size is not None]:
        parts.append(say("note.no_worse", size=size_words(max(known), findings.study.metric, say)))
    if len({effect.measured.n for effect in effects}) > 1:
        parts.append(say("note.unequal" if findings.evidence.look == 1 else "note.unequal_looks"))
    if any(row.published for row in findings.variants):
        parts.append(say("note.published", note=findings.study.published_note or say("note.published_default")))
    return say("join.sentence").join(filter(None, parts))


def effects_axis(findings: Findings) -> Axis:
    """The axis on which all comparisons are drawn."""
    effects = [*findings.effects, *([findings.total] if findings.total else [])]
    known = [effect for effect in effects if effect.measured.difference is not None]
    found = [effect.measured for effect in known]
    ends = [end for one in found for end in (one.lo, one.hi, one.lo_all, one.hi_all) if end is not None]
    bands = [end for band in bands_of(findings) for end in (band.lo, band.hi)]
    points = [one.difference or 0.0 for one in found] + [dot for one in found for dot in one.by_replicate]
    return common_axis([*points, *(bands if known else ())], ends)


def axis_words(axis: Axis, findings: Findings, say: Words) -> str:
    """`-2 to +8`."""
    decimals = 0 if axis.lo == round(axis.lo) and axis.hi == round(axis.hi) else findings.study.metric.decimals
    return f"{number(axis.lo, decimals)}{say('may.to')}{number(axis.hi, decimals, sign='+')}"


def level_words(row: VariantRow | None, findings: Findings) -> str:
    """`94.3 [93.1, 95.3]`; `-` for a variant without a finished run, nothing for an average."""
    if row is None:
        return ""
    return with_interval(row.mean, row.lo, row.hi, findings.study.metric.decimals)


def published_words(published: Published | None, findings: Findings, say: Words = ENGLISH) -> str:
    """`41.4 (360 images)`: a source's figure, with its number of test images where it gave a count."""
    if published is None:
        return "-"
    text = number(published.value, findings.study.metric.decimals)
    return text if published.images is None else say("cell.published", value=text, images=f"{published.images:,}")


def with_unit(words: str, unit: str) -> str:
    """`Accuracy (%)`."""
    return f"{words} ({unit})" if unit else words


def _differences(lines: Sequence[StepLine], findings: Findings) -> list[str]:
    decimals = findings.study.metric.decimals
    effects = [line.effect for line in lines]
    return [
        with_interval(e.measured.difference, e.measured.lo, e.measured.hi, decimals, sign="+") if e else ""
        for e in effects
    ]


def _bars(lines: Sequence[StepLine], axis: Axis, *, width: int) -> list[str]:
    effects = [line.effect for line in lines]
    return [bar(e.measured.difference, e.measured.lo, e.measured.hi, axis, width=width) if e else "" for e in effects]


def _counts(lines: Sequence[StepLine]) -> list[str]:
    return [str(line.effect.measured.n if line.effect else line.variant.n if line.variant else 0) for line in lines]


NAME_WIDTH = 16
"""So many columns of a terminal are for the names; longer ones are broken between words where they are printed."""


def terminal_steps(findings: Findings, say: Words = ENGLISH) -> Table:
    """Every comparison in one table that fits a terminal of 100 columns; levels alone where nothing is compared."""
    metric, axis = findings.study.metric, effects_axis(findings)
    lines = [line for family in findings.families for line in step_lines(findings, family, say)]
    lines = lines or [StepLine(row.name, row, None) for row in findings.variants]
    level = with_unit(shortened(metric_words(metric), 13), metric.unit)
    verdicts = [verdict_words(line.effect, say, with_reason=False) if line.effect else "" for line in lines]
    columns = [
        Column(say("column.step").lower(), "text", [on_one_line(line.name, NAME_WIDTH) for line in lines]),
        Column(level, "number", [level_words(line.variant, findings) for line in lines]),
        Column(
            with_unit(say("column.change").lower(), unit_words(metric, say)), "number", _differences(lines, findings)
        ),
        Column(axis_words(axis, findings, say), "bar", _bars(lines, axis, width=13)),
        Column(say("column.n"), "number", _counts(lines)),
        Column(say("column.verdict").lower(), "verdict", verdicts),
    ]
    table = table_of(findings.study.name, columns, say("note.brackets"), "levels")
    return table._replace(marks=tuple(mark_of(line.effect) for line in lines), axis=axis)
