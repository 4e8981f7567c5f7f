"""The section on more images: the levels at each share, and a range for up to twice as many."""

from __future__ import annotations

from typing import Any

from ablate.report.facts.findings import Findings
from ablate.report.facts.learning import LearningCurve
from ablate.report.figures.numbers import CurveLine, CurvesInfo, Panel
from ablate.report.page.blocks import Block, Bullets, Figure, Section, Sheet, Text, section
from ablate.report.tables.table import Column, Table, table_of, with_unit
from ablate.report.wording.language import ENGLISH, Words
from ablate.report.wording.numbers import number, with_interval
from ablate.report.wording.sentences import metric_title, metric_words, size_words, unit_words
from ablate.stats.learning import EXPONENTS


def learning_section(findings: Findings, say: Words = ENGLISH) -> Section | None:
    """None for every design but the one of shares of the images."""
    found = findings.exploratory.learning
    if found is None:
        return None
    blocks: list[Block | None] = [Text(learning_sentence(findings, say))]
    if (info := learning_info(findings, say)) is not None:
        caption = say("learning.caption") if found.gains else say("learning.caption_levels")
        blocks.append(Figure(info, say("learning.figure", metric=info.label), caption, "figures/curves-images.png"))
    blocks += [Sheet(learning_table(findings, say)), Bullets(tuple(_notes(found, say)))]
    return section(say("learning.title"), "more-images", blocks)


def learning_sentence(findings: Findings, say: Words = ENGLISH) -> str:
    """What twice the images may bring, and whether that is worth having."""
    found = findings.exploratory.learning
    assert found is not None
    metric = findings.study.metric
    if (far := found.farthest) is None:
        return say("learning.no_curve", metric=metric_words(metric))
    told = say(
        "learning.sentence",
        metric=metric_words(metric),
        lo=number(far.lo, metric.decimals, sign="+"),
        hi=number(far.hi, metric.decimals, sign="+"),
        least=number(far.least, metric.decimals, sign="+"),
        most=number(far.most, metric.decimals, sign="+"),
        unit=unit_words(metric, say),
    )
    if found.worthwhile is None or found.answer == "unknown":
        return told
    answer = say(f"learning.{found.answer}", size=size_words(found.worthwhile, metric, say))
    return told + say("join.sentence") + answer


def learning_lines(findings: Findings, say: Words = ENGLISH) -> list[str]:
    """The same as a line of the first screen; none for any other design."""
    return [] if findings.exploratory.learning is None else [learning_sentence(findings, say)]


def learning_table(findings: Findings, say: Words = ENGLISH) -> Table:
    """A line a share, then a line for each number of images that is predicted."""
    found = findings.exploratory.learning
    assert found is not None
    metric = findings.study.metric
    last = found.points[-1]
    lines = [
        (
            f"{100 * point.size:.0f} %",
            "-" if point.images is None else f"{point.images:,}",
            "-" if point.steps is None else f"{point.steps:,.0f}",
            with_interval(point.mean, point.lo, point.hi, metric.decimals),
            "",
        )
        for point in found.points
    ]
    lines += [
        (
            f"{100 * gain.at:.0f} %",
            "-" if last.images is None else f"{round(gain.at * last.images):,}",
            "",
            "",
            f"{number(gain.lo, metric.decimals, sign='+')} … {number(gain.hi, metric.decimals, sign='+')}",
        )
        for gain in found.gains
    ]
    shares, images, steps, levels, gains = zip(*lines, strict=True)
    unit = unit_words(metric, say)
    return table_of(
        say("learning.table"),
        [
            Column(say("learning.share"), "text", shares),
            Column(say("learning.images"), "number", images),
            Column(say("learning.steps"), "number", steps),
            Column(with_unit(metric_title(metric), metric.unit), "number", levels),
            Column(with_unit(say("learning.gain"), unit), "number", gains) if found.gains else None,
        ],
        name="more-images",
    )


def _notes(found: LearningCurve, say: Words) -> list[str]:
    told = []
    if found.gains:
        followed = found.gains[-1].exponents
        names = [f"{exponent:g}" for exponent in followed]
        told.append(say("learning.curves", exponents=say.listed(names)))
        if len(followed) < len(EXPONENTS):
            told.append(say("learning.dropped", n=len(followed), of=len(EXPONENTS)))
    told.append(say("learning.equal_steps") if found.equal_steps else say("learning.equal_epochs"))
    told.append(say("learning.limits"))
    return told


def learning_info(findings: Findings, say: Words = ENGLISH) -> CurvesInfo | None:
    """The measured levels with their intervals, and the range beyond them; None where images were not counted."""
    found = findings.exploratory.learning
    if found is None or any(point.images is None for point in found.points):
        return None
    metric, last = findings.study.metric, found.points[-1]
    at_hand = last.images or 0
    sizes = tuple(point.images or 0 for point in found.points)
    measured = CurveLine(
        part="validation",
        epochs=sizes,
        mean=tuple(point.mean for point in found.points),
        lo=tuple(point.mean if point.lo is None else point.lo for point in found.points),
        hi=tuple(point.mean if point.hi is None else point.hi for point in found.points),
    )
    lines = [measured]
    if found.gains:
        lines.append(
            CurveLine(
                part="training",
                epochs=(at_hand, *(round(gain.at * at_hand) for gain in found.gains)),
                mean=(last.mean, *(last.mean + (gain.least + gain.most) / 2 for gain in found.gains)),
                lo=(last.mean, *(last.mean + gain.lo for gain in found.gains)),
                hi=(last.mean, *(last.mean + gain.hi for gain in found.gains)),
            )
        )
    ends = [value for line in lines for value in (*line.lo, *line.hi)]
    margin = 0.05 * (max(ends) - min(ends)) or 1.0
    return CurvesInfo(
        metric=metric.name,
        label=with_unit(metric_title(metric), metric.unit),
        panels=(Panel(title=say("learning.panel"), n=found.n, lines=tuple(lines), before=None),),
        epochs=(min(sizes), lines[-1].epochs[-1]),
        limits=(min(ends) - margin, max(ends) + margin),
        log=False,
        left_out=0,
        legend={"validation": say("learning.measured"), "training": say("learning.range")},
        epoch_label=say("learning.images"),
    )


def learning_json(findings: Findings) -> dict[str, Any]:
    """The same as plain data; no key for any other design."""
    found = findings.exploratory.learning
    if found is None:
        return {}
    told = {
        "exploratory": True,
        "replicates": found.n,
        "equal_steps": found.equal_steps,
        "points": [point._asdict() for point in found.points],
        "gains": [gain._asdict() | {"exponents": list(gain.exponents)} for gain in found.gains],
        "worthwhile": found.worthwhile,
        "answer": found.answer,
    }
    return {"more_images": told}
