"""One step over several data sets as a page of its own: a forest of the data sets with the mean below them."""

from __future__ import annotations

import re
from math import isfinite
from typing import Any

from ablate.report.figures.forest import ForestGroup, ForestInfo, ForestRow
from ablate.report.page.blocks import Block, Bullets, Figure, Page, Sheet, Text
from ablate.report.tables.table import Band, Column, Mark, Table, table_of, with_unit
from ablate.report.wording.language import ENGLISH, Words
from ablate.report.wording.numbers import common_axis, number, with_interval
from ablate.report.wording.sentences import metric_words, size_words, threshold_words, unit_words
from ablate.results.pooling import DataSetAnswer, PooledStep, PooledStudies
from ablate.stats.method import METHOD
from ablate.stats.pooled import FOR_INTERVAL, FOR_VERDICT


def pooled_page(found: PooledStudies, say: Words = ENGLISH) -> Page:
    """The lead, the forest, a table a step, and what the numbers are of."""
    opening: list[Block] = [Text(line, "lead") for line in pooled_sentences(found, say)]
    opening += [Text(line, "warning") for line in _warnings(found, say)]
    if (info := pooled_forest(found, say)) is not None:
        opening.append(Figure(info, info.label, _caption(info, found, say), "figures/forest.png"))
    for step in found.steps:
        table = pooled_table(found, step, say)
        opening += [Text(table.title, "heading"), Sheet(table)]
    opening.append(Bullets(tuple(_notes(found, say))))
    names = found.steps[0].name if len(found.steps) == 1 else say("pool.steps", n=len(found.steps))
    return Page(
        title=say("pool.title", name=names, n=len(found.studies)),
        words=say,
        opening=tuple(opening),
        sections=(),
        footer=say("heading.sheets"),
        method=METHOD,
    )


def pooled_sentences(found: PooledStudies, say: Words = ENGLISH) -> list[str]:
    """A sentence a step: the mean difference with its interval, and the verdict where there are enough data sets."""
    return [_sentence(found, step, say) for step in found.steps]


def _sentence(found: PooledStudies, step: PooledStep, say: Words) -> str:
    n = sum(not row.reason for row in step.answers)
    if step.pooled is None:
        return say("pool.listed", name=step.name, n=n, least=FOR_INTERVAL)
    numbers = say(
        "pool.mean",
        name=step.name,
        n=n,
        metric=metric_words(found.metric),
        numbers=_numbers(step, found),
        unit=unit_words(found.metric, say),
    )
    if step.judged.reason:
        return numbers + say("join.sentence") + say("pool.no_verdict", least=FOR_VERDICT)
    verdict = say("pool.verdict", verdict=say(f"verdict.{step.judged.verdict}"), p=f"{step.judged.p_adjusted:.2g}")
    return numbers + say("join.sentence") + verdict


def _numbers(step: PooledStep, found: PooledStudies) -> str:
    assert step.pooled is not None
    own, scale = step.pooled.estimate, found.metric.scale
    return with_interval(scale * own.difference, scale * own.lo, scale * own.hi, found.metric.decimals, sign="+")


def _warnings(found: PooledStudies, say: Words) -> list[str]:
    told = [say("pool.differs", name=step.name) for step in found.steps if step.differs]
    left = dict.fromkeys(
        say("pool.left_out", study=row.study, name=step.name, reason=say.by("short_reason", row.reason))
        for step in found.steps
        for row in step.answers
        if row.reason
    )
    told += left
    if found.unidentified:
        told.append(say("pool.unidentified", studies=say.listed(found.unidentified)))
    if not found.agrees:
        told.append(say("pool.thresholds"))
    return told


def pooled_table(found: PooledStudies, step: PooledStep, say: Words = ENGLISH) -> Table:
    """A line a data set, then the mean and what one more data set may show."""
    lines = [_line(row, found, say) for row in step.answers]
    if step.pooled is not None:
        weight = sum(not row.reason for row in step.answers)
        word = say("pool.few") if step.judged.reason else say(f"verdict.{step.judged.verdict}")
        next_one = with_interval(
            found.metric.scale * step.pooled.estimate.difference,
            found.metric.scale * step.pooled.lo_next,
            found.metric.scale * step.pooled.hi_next,
            found.metric.decimals,
            sign="+",
        )
        mark = _mean_mark(step, found)
        lines.append((say("pool.pooled", n=weight), _numbers(step, found), "", "", "", word, mark))
        lines.append((say("pool.next"), next_one, "", "", "", "", None))
    names, numbers, weights, replicates, images, words, marks = zip(*lines, strict=True)
    table = table_of(
        say("pool.table", name=step.name),
        [
            Column(say("pool.study"), "text", names),
            Column(with_unit(say("column.difference"), unit_words(found.metric, say)), "number", numbers),
            Column(say("pool.weight"), "number", weights),
            Column(say("column.n"), "number", replicates),
            Column(say("column.images"), "number", images),
            Column(say("column.verdict"), "verdict", words),
        ],
        name=f"pooled-{re.sub('[^A-Za-z0-9]+', '-', step.name).strip('-')}",
    )
    return table._replace(marks=marks)


def _line(row: DataSetAnswer, found: PooledStudies, say: Words) -> tuple[Any, ...]:
    estimate, scale, decimals = row.effect.estimate, found.metric.scale, found.metric.decimals
    word = say(f"verdict.{row.effect.judged.verdict}")
    if row.reason:
        word = say("verdict.with_reason", word=word, reason=say.by("short_reason", row.reason))
    if estimate is None:
        return (row.study, "-", "-", "0", "-", word, None)
    lo, hi = (scale * end if isfinite(end) else None for end in (estimate.lo, estimate.hi))
    mark = Mark(row.effect.judged.verdict, scale * estimate.difference, lo, hi, lo, hi)
    return (
        row.study,
        with_interval(scale * estimate.difference, lo, hi, decimals, sign="+"),
        "-" if row.weight is None else f"{100 * row.weight:.0f} %",
        str(estimate.n_replicates),
        "-" if estimate.n_images is None else f"{estimate.n_images:,}",
        word,
        mark,
    )


def _mean_mark(step: PooledStep, found: PooledStudies) -> Mark:
    assert step.pooled is not None
    own, scale = step.pooled.estimate, found.metric.scale
    lo, hi, lo_next, hi_next = (scale * end for end in (own.lo, own.hi, step.pooled.lo_next, step.pooled.hi_next))
    return Mark(step.judged.verdict, scale * own.difference, lo, hi, lo_next, hi_next, diamond=True)


def _axis(found: PooledStudies) -> Any:
    marks = [_line(row, found, ENGLISH)[-1] for step in found.steps for row in step.answers]
    marks += [_mean_mark(step, found) for step in found.steps if step.pooled is not None]
    kept = [mark for mark in marks if mark is not None]
    points = [mark.point for mark in kept]
    ends = [end for mark in kept for end in (mark.lo, mark.hi) if end is not None]
    band = found.negligible or 0.0
    return common_axis([*points, band, -band], ends) if points else None


def pooled_forest(found: PooledStudies, say: Words = ENGLISH) -> ForestInfo | None:
    """The data sets of each step and their mean as a diamond; None where there is nothing to draw."""
    axis = _axis(found)
    if axis is None:
        return None
    unit = unit_words(found.metric, say) if found.metric.unit else ""
    return ForestInfo(
        groups=tuple(ForestGroup(step.name, tuple(_rows(found, step, say))) for step in found.steps),
        axis=axis,
        label=with_unit(say("figure.difference", metric=metric_words(found.metric)), unit),
        negligible=found.negligible,
        better_is=say("what.right") if found.metric.goal == "max" else say("what.left"),
        left_out=0,
        bands=() if not found.negligible else (Band(-found.negligible, found.negligible, "none"),),
    )


def _rows(found: PooledStudies, step: PooledStep, say: Words) -> list[ForestRow]:
    rows = []
    for row in step.answers:
        study, numbers, *_, mark = _line(row, found, say)
        verdict = row.effect.judged.verdict
        rows.append(
            _row(study, mark or Mark(verdict, None, None, None, None, None), numbers, say(f"verdict.{verdict}"))
        )
    if step.pooled is not None:
        label = say("pool.pooled", n=sum(not row.reason for row in step.answers))
        word = say("pool.few") if step.judged.reason else say(f"verdict.{step.judged.verdict}")
        rows.append(_row(label, _mean_mark(step, found), _numbers(step, found), word))
    return rows


def _row(label: str, mark: Mark, numbers: str, words: str) -> ForestRow:
    return ForestRow(
        label=label,
        difference=mark.point,
        lo=mark.lo,
        hi=mark.hi,
        lo_all=mark.lo_all,
        hi_all=mark.hi_all,
        by_replicate=(),
        verdict=mark.verdict,
        numbers=numbers,
        words=words,
        diamond=mark.diamond,
    )


def _caption(info: ForestInfo, found: PooledStudies, say: Words) -> str:
    """How to read the figure: names only what is drawn."""
    keys = ["pool.caption"] + ["pool.caption_mean"] * any(step.pooled is not None for step in found.steps)
    parts = [say(key, side=info.better_is) for key in keys]
    if info.negligible is not None:
        parts.append(say("pool.caption_band", n=threshold_words(info.negligible, found.metric, say)))
    return say("join.sentence").join(parts)


def _notes(found: PooledStudies, say: Words) -> list[str]:
    told = []
    for step in found.steps:
        if step.pooled is not None:
            scale, decimals = found.metric.scale, found.metric.decimals
            told.append(
                say(
                    "pool.between",
                    name=step.name,
                    tau=size_words(scale * step.pooled.tau, found.metric, say),
                    p=f"{step.pooled.p_alike:.2g}",
                    lo=number(scale * step.pooled.lo_next, decimals, sign="+"),
                    hi=number(scale * step.pooled.hi_next, decimals, sign="+"),
                )
            )
    if any(step.pooled is not None for step in found.steps):
        told.append(say("pool.population"))
        told.append(say("pool.declared") if found.is_declared else say("pool.undeclared", n=found.shared))
    return told


def pooled_json(found: PooledStudies) -> dict[str, Any]:
    """The same as plain data: rates in percent, differences in points, null for what there is not."""
    return {
        "method": METHOD,
        "metric": {"name": found.metric.name, "goal": found.metric.goal, "unit": found.metric.unit},
        "studies": list(found.studies),
        "negligible": found.negligible,
        "worthwhile": found.worthwhile,
        "declared": found.is_declared,
        "shared_steps": found.shared,
        "unidentified": list(found.unidentified),
        "steps": [
            {
                "name": step.name,
                "same_change": not step.differs,
                "data_sets": [_set_json(row, found.metric.scale) for row in step.answers],
                "pooled": _mean_json(step, found.metric.scale),
            }
            for step in found.steps
        ],
    }


def _set_json(row: DataSetAnswer, scale: float) -> dict[str, Any]:
    estimate = row.effect.estimate
    numbers: dict[str, Any] = dict.fromkeys(("difference", "standard_error", "lo", "hi"))
    if estimate is not None:
        numbers = {name: getattr(estimate, name) * scale for name in numbers}
    return {
        "study": row.study,
        **{name: value if value is not None and isfinite(value) else None for name, value in numbers.items()},
        "n": 0 if estimate is None else estimate.n_replicates,
        "images": None if estimate is None else estimate.n_images,
        "weight": row.weight,
        "verdict": row.effect.judged.verdict,
        "left_out": row.reason,
    }


def _mean_json(step: PooledStep, scale: float) -> dict[str, Any] | None:
    if step.pooled is None:
        return None
    own = step.pooled.estimate
    return {
        "difference": scale * own.difference,
        "standard_error": scale * own.standard_error,
        "lo": scale * own.lo,
        "hi": scale * own.hi,
        "df": own.df,
        "p": own.p,
        "p_adjusted": step.judged.p_adjusted,
        "n": own.n_replicates,
        "tau": scale * step.pooled.tau,
        "q": step.pooled.q,
        "p_alike": step.pooled.p_alike,
        "lo_next": scale * step.pooled.lo_next,
        "hi_next": scale * step.pooled.hi_next,
        "verdict": step.judged.verdict,
        "reason": step.judged.reason,
    }
