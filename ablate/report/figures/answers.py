"""ROC, precision-recall and reliability curves as numbers: what is drawn where, before any ink."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Literal, NamedTuple

from ablate.report.facts.curves import AnswerCurves, VariantCurves
from ablate.report.facts.findings import Findings
from ablate.report.wording.language import ENGLISH, Words
from ablate.stats.curves import BINS, PLACES, Band

Kind = Literal["roc", "precision-recall", "reliability"]
Places = tuple[float, ...]


class AnswerLine(NamedTuple):
    """A curve on axes from 0 to 1. lo, hi: its band, None where there is none."""

    x: tuple[float, ...]
    mean: tuple[float, ...]
    lo: tuple[float | None, ...] = ()
    hi: tuple[float | None, ...] = ()


class AnswerPanel(NamedTuple):
    """One variant; n: its replicates; before: the curve of what it is built on; bars: share of the answers by bin."""

    title: str
    n: int
    line: AnswerLine
    before: AnswerLine | None
    bars: tuple[float, ...] = ()


class AnswerCurvesInfo(NamedTuple):
    """One kind of curve, a panel a variant, every axis from 0 to 1.

    dotted: the line of guessing, or of perfect calibration, from (0, first) to (1, second). dots: whether the points of
    the curve are marked. area: variant -> the number that stands for the curve, for who cannot see it.
    """

    kind: Kind
    title: str
    x_label: str
    y_label: str
    panels: tuple[AnswerPanel, ...]
    dotted: tuple[float, float]
    dots: bool
    legend: Mapping[str, str]
    caption: str
    numbers: Mapping[str, str]

    @property
    def path(self) -> str:
        """Its file, from the report's folder."""
        return f"figures/{self.kind}.png"


def answer_curves_infos(findings: Findings, say: Words = ENGLISH) -> Iterator[AnswerCurvesInfo]:
    """The three figures, as far as there is anything to draw."""
    facts = findings.exploratory.curves
    if facts is None or not facts.rows:
        return
    if facts.ranked != "none":
        yield _info("roc", facts, say, (0.0, 1.0))
        yield _info("precision-recall", facts, say, (facts.share, facts.share))
    if any(row.bins for row in facts.rows):
        yield _info("reliability", facts, say, (0.0, 1.0))


def _info(kind: Kind, facts: AnswerCurves, say: Words, dotted: tuple[float, float]) -> AnswerCurvesInfo:
    key = kind.replace("-", "_")
    lines = {row.variant: line for row in facts.rows if (line := _line(kind, row)) is not None}
    panels = [
        AnswerPanel(
            row.variant,
            row.n,
            lines[row.variant],
            lines.get(row.reference) if row.reference is not None else None,
            _bars(row) if kind == "reliability" else (),
        )
        for row in facts.rows
        if row.variant in lines
    ]
    legend = {"validation": say("figure.mean_and_band")}
    if any(panel.before is not None for panel in panels):
        legend["before"] = say("what.before")
    legend["dotted"] = say(f"figure.{key}_dotted")
    return AnswerCurvesInfo(
        kind=kind,
        title=say(f"figure.{key}"),
        x_label=say(f"figure.{key}_x"),
        y_label=say(f"figure.{key}_y"),
        panels=tuple(panels),
        dotted=dotted,
        dots=kind == "reliability",
        legend=legend,
        caption=_caption(kind, facts, say),
        numbers={row.variant: f"{number:.3f}" for row in facts.rows if (number := _number(kind, row)) is not None},
    )


def _line(kind: Kind, row: VariantCurves) -> AnswerLine | None:
    match kind:
        case "reliability":
            if not row.bins:
                return None
            bins = row.bins
            return AnswerLine(
                tuple(one.probability for one in bins),
                tuple(one.right for one in bins),
                tuple(one.lo for one in bins),
                tuple(one.hi for one in bins),
            )
        case "roc":
            return _banded((0.0, *PLACES), row.roc, first=0.0)
        case "precision-recall":
            return _banded(PLACES, row.precision, skipped=1)  # at a recall of 0 there is no precision


def _banded(
    x: Sequence[float], band: Band | None, *, first: float | None = None, skipped: int = 0
) -> AnswerLine | None:
    """first: the value of all at the left end, before the curve begins. skipped: places that are not drawn."""
    if band is None:
        return None
    start = () if first is None else (first,)
    line = (tuple(x), *((*start, *values) for values in band))
    return AnswerLine(*(values[skipped:] for values in line))


def banded_parts(line: AnswerLine) -> Iterator[tuple[Places, Places, Places]]:
    """The stretches of a curve that have a band: x, least, most; each of two points or more."""
    known: list[tuple[float, float, float]] = []
    for x, lo, hi in [*zip(line.x, line.lo, line.hi, strict=True), (1.0, None, None)]:
        if lo is not None and hi is not None:
            known.append((x, lo, hi))
            continue
        if len(known) > 1:
            places, least, most = zip(*known, strict=True)
            yield places, least, most
        known = []


def _bars(row: VariantCurves) -> tuple[float, ...]:
    """The share of the answers in each bin that is drawn; nothing in the others."""
    shares = [0.0] * BINS
    for one in row.bins:
        shares[min(BINS - 1, int(one.probability * BINS))] += one.share
    return tuple(shares)


def _number(kind: Kind, row: VariantCurves) -> float | None:
    band = {"roc": row.area, "precision-recall": row.average_precision, "reliability": row.calibration_error}[kind]
    return None if band is None else band.mean[0]


def _caption(kind: Kind, facts: AnswerCurves, say: Words) -> str:
    key = kind.replace("-", "_")
    parts = [say(f"note.{key}")]
    if kind == "reliability":
        parts = [say(f"note.reliability_{'classes' if facts.ranked == 'none' else facts.ranked}", name=facts.positive)]
        parts.append(say("note.reliability"))
    else:
        parts.append(say(f"note.ranked_{facts.ranked}", name=facts.positive, n=facts.classes))
    parts.append(say("note.bands"))
    if facts.left_out:
        parts.append(say("note.left_out", n=facts.left_out, what=say("what.variants")))
    return say("join.sentence").join(parts)
