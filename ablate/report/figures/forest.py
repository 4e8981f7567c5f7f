"""The forest plot as numbers: every comparison with its intervals, before any ink."""

from __future__ import annotations

from typing import NamedTuple

from ablate.report.facts.effect import EffectRow
from ablate.report.facts.findings import Findings
from ablate.report.figures.numbers import MOST_ROWS, with_left_out
from ablate.report.tables.table import Band, bands_of, with_unit
from ablate.report.wording.language import ENGLISH, Words
from ablate.report.wording.numbers import Axis, common_axis, number, with_interval
from ablate.report.wording.sentences import metric_words, threshold_words, unit_words, verdict_words
from ablate.stats.verdict import Verdict


class ForestRow(NamedTuple):
    """One comparison. lo, hi: the plain interval; lo_all, hi_all: the one for the whole family; None: unbounded."""

    label: str
    difference: float | None
    lo: float | None
    hi: float | None
    lo_all: float | None
    hi_all: float | None
    by_replicate: tuple[float, ...]
    verdict: Verdict
    numbers: str
    words: str
    diamond: bool = False
    """Whether it is a mean over data sets: a diamond as wide as its interval."""
    key: str = ""


class ForestGroup(NamedTuple):
    """The comparisons of one family, judged together."""

    title: str
    rows: tuple[ForestRow, ...]


class ForestInfo(NamedTuple):
    """Every comparison on one axis. negligible: half the width of the band around no difference;
    None where nobody has said what counts as none. thin: what the thin lines are, empty where there are none.
    bands: both thresholds, as the tables of the first screen draw them."""

    groups: tuple[ForestGroup, ...]
    axis: Axis
    label: str
    negligible: float | None
    better_is: str
    left_out: int
    thin: str = ""
    bands: tuple[Band, ...] = ()


def forest_info(findings: Findings, say: Words = ENGLISH) -> ForestInfo | None:
    """Every comparison of every family; None where there is none to draw."""
    metric = findings.study.metric
    rows = findings.effects[:MOST_ROWS]
    total = [findings.total] if findings.total else []
    known = [row for row in [*rows, *total] if row.measured.difference is not None]
    if not known:
        return None
    ends = [
        end
        for row in known
        for end in (row.measured.lo, row.measured.hi, row.measured.lo_all, row.measured.hi_all)
        if end is not None
    ]
    points = [value for row in known for value in (row.measured.difference or 0.0, *row.measured.by_replicate)]
    bands = bands_of(findings)
    families = {name: [row for row in effects if row in rows] for name, effects in findings.families.items()}
    families |= {"total": total}
    return ForestInfo(
        groups=tuple(
            ForestGroup(
                say.by("family", name, name.capitalize()), tuple(_forest_row(row, findings, say) for row in effects)
            )
            for name, effects in families.items()
            if effects
        ),
        axis=common_axis([*points, *(end for band in bands for end in (band.lo, band.hi))], ends),
        label=with_unit(
            say("figure.difference", metric=metric_words(metric)), unit_words(metric, say) if metric.unit else ""
        ),
        negligible=findings.evidence.negligible,
        better_is=say("what.right") if metric.goal == "max" else say("what.left"),
        left_out=len(findings.effects) - len(rows),
        thin=say("note.thin") if any(map(_is_thin, known)) else "",
        bands=bands,
    )


def _is_thin(effect: EffectRow) -> bool:
    """Whether the single-step interval is longer than the plain one, so that it is seen."""
    found = effect.measured
    return (found.lo_all, found.hi_all) != (found.lo, found.hi)


def _forest_row(effect: EffectRow, findings: Findings, say: Words) -> ForestRow:
    label = effect.compared.called
    if effect.compared.family in ("compare", "total"):
        together = effect.compared.family == "total"  # no network is called that, and its last step is not meant
        name = say("may.together") if together else effect.compared.name
        label = say("cell.compare", name=name, reference=effect.compared.reference)
    return ForestRow(
        label=label,
        difference=effect.measured.difference,
        lo=effect.measured.lo,
        hi=effect.measured.hi,
        lo_all=effect.measured.lo_all,
        hi_all=effect.measured.hi_all,
        by_replicate=effect.measured.by_replicate,
        verdict=effect.decision.verdict,
        numbers=with_interval(
            effect.measured.difference, effect.measured.lo, effect.measured.hi, findings.study.metric.decimals, sign="+"
        ),
        words=verdict_words(effect, say, with_reason=False),
        key=effect.compared.key,
    )


def forest_caption(info: ForestInfo, findings: Findings, say: Words = ENGLISH) -> str:
    """How to read the forest plot."""
    metric, text = findings.study.metric, [say("note.forest", side=info.better_is)]
    if any(len(row.by_replicate) > 1 for group in info.groups for row in group.rows):
        text.append(say("note.forest_dots"))
    for band, size in (("none", info.negligible), ("small", findings.evidence.worthwhile)):
        if size:
            # In points the axis names the unit; a metric of its own has none there.
            words = number(size, metric.decimals) if metric.unit else threshold_words(size, metric, say)
            text.append(say(f"note.forest_{band}", n=words))
    if info.thin:
        text.append(info.thin)
    shown = [*findings.effects, *([findings.total] if findings.total else [])]
    if any(effect.compared.family_size == 1 and _is_thin(effect) for effect in shown):
        text.append(say("note.thin_looks"))
    return with_left_out(say("join.sentence").join(text), info.left_out, "what.comparisons", say)
