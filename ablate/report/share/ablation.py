"""The ablation table in the form of the field: ticks for each factor, mean and spread, difference, a mark a verdict."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from ablate.report.facts.effect import EffectRow
from ablate.report.facts.findings import Findings, VariantRow
from ablate.report.page.latex import latex, latex_number
from ablate.report.tables.sheets import make_sheet
from ablate.report.tables.table import Table, with_unit
from ablate.report.wording.escape import plain
from ablate.report.wording.language import ENGLISH, Words
from ablate.report.wording.numbers import number, with_interval
from ablate.report.wording.sentences import metric_title, metric_words, unit_words
from ablate.report.wording.verdicts import VERDICTS

LEFT_OUT = "leave one out"


class Line(NamedTuple):
    """A line of the table. level: of a variant, None where averages are compared. effect: what it is judged by."""

    name: str
    level: VariantRow | None
    effect: EffectRow | None


def ablation_lines(findings: Findings, say: Words = ENGLISH) -> tuple[Line, ...]:
    """A line a variant, with the first comparison that is of it; then the comparisons that are left.

    What a change is worth among all the others is a line of its own: it is not what the variant without it gains.
    """
    effects = [*findings.effects, *([findings.total] if findings.total is not None else [])]
    of_variant: dict[str, EffectRow] = {}
    for effect in effects:
        if effect.compared.is_pair and effect.compared.family not in ("total", LEFT_OUT):
            of_variant.setdefault(effect.compared.variant, effect)
    lines = [Line(row.name, row, of_variant.get(row.name)) for row in findings.variants]
    shown = {id(line.effect) for line in lines}
    return (
        *lines,
        *(Line(_named(effect, findings, say), None, effect) for effect in effects if id(effect) not in shown),
    )


def _named(effect: EffectRow, findings: Findings, say: Words) -> str:
    compared = effect.compared
    if compared.family == "total":
        steps = len(findings.families.get("chain", ()))
        return say("cell.total_two" if steps == 2 else "cell.total", n=say.in_words(steps))
    if not compared.is_pair:
        return compared.name
    name = compared.name if compared.family == LEFT_OUT else compared.variant
    return say("cell.compare", name=name, reference=compared.reference)


def factors_of(findings: Findings) -> tuple[str, ...]:
    """The changes that the design turns on and off, in the order they come up."""
    return tuple(dict.fromkeys(name for row in findings.variants for name in row.factors))


def ablation_sheet(findings: Findings) -> Table:
    """The table as data: one value a cell, full precision, in English."""
    metric, factors = findings.study.metric, factors_of(findings)
    unit = "points" if metric.unit else metric_words(metric)
    columns = ["variant", *factors, with_unit("mean", metric.unit), with_unit("standard deviation", metric.unit), "n"]
    columns += [f"difference ({unit})", f"lo ({unit})", f"hi ({unit})", "compared with", "verdict"]
    rows: list[list[object]] = []
    for name, level, effect in ablation_lines(findings):
        n = level.n if level is not None else effect.measured.n if effect is not None else None
        row: list[object] = [name, *(None if level is None else int(factor in level.factors) for factor in factors)]
        row += [None, None, n] if level is None else [level.mean, level.spread, n]
        if effect is None:
            rows.append([*row, *[None] * 5])
            continue
        found = effect.measured
        other = effect.compared.reference
        rows.append([*row, found.difference, found.lo, found.hi, other, effect.decision.verdict])
    return make_sheet("ablation", columns, rows)


def ablation_float(findings: Findings, say: Words = ENGLISH) -> str:
    """The table as a float to be put into a paper with \\input: booktabs, caption, label."""
    metric, factors, lines = findings.study.metric, factors_of(findings), ablation_lines(findings, say)
    place = "table*" if len(factors) > 1 else "table"  # across both columns of a page
    needs, unicode = say("share.packages"), say("share.xelatex")
    heads = [
        latex(say("column.variant")),
        *(rf"\rotatebox{{90}}{{{latex(name)}}}" for name in factors),
        latex(with_unit(metric_title(metric), metric.unit)),
        "$n$",
        latex(with_unit(say("column.difference"), unit_words(metric, say))),
        "",
    ]
    levels = [_row(line, factors, metric.decimals) for line in lines if line.level is not None]
    others = [_row(line, factors, metric.decimals) for line in lines if line.level is None]
    return "\n".join(
        [
            f"% {plain(needs)} \\usepackage{{booktabs,amssymb,graphicx}}",
            *([f"% {plain(unicode)}"] if _needs_xelatex(findings, say) else []),
            rf"\begin{{{place}}}[t]",
            r"\centering\small\setlength{\tabcolsep}{4pt}",
            rf"\caption{{{latex(caption(findings, say))} {_legend(lines, say)}}}",
            rf"\label{{tab:ablation-{slug(findings.study.name)}}}",
            rf"\begin{{tabular}}{{l{'c' * len(factors)}rrll}}",
            r"\toprule",
            " & ".join(heads) + r" \\",
            r"\midrule",
            *levels,
            *([r"\midrule", *others] if others else []),
            r"\bottomrule",
            r"\end{tabular}",
            rf"\end{{{place}}}",
            "",
        ]
    )


def _row(line: Line, factors: Sequence[str], decimals: int) -> str:
    name, level, effect = line
    cells = [latex(name)]
    cells += [r"$\checkmark$" if level is not None and factor in level.factors else "" for factor in factors]
    if level is None or level.mean is None:
        cells.append("")
    else:
        spread = "" if level.spread is None else rf" $\pm$ {number(level.spread, decimals)}"
        cells.append(f"{latex_number(number(level.mean, decimals))}{spread}")
    cells.append(str(level.n if level is not None else effect.measured.n if effect is not None else ""))
    if effect is None:
        cells += ["", ""]
    else:
        found = effect.measured
        told = with_interval(found.difference, found.lo, found.hi, decimals, sign="+")
        cells += [latex_number(told), VERDICTS[effect.decision.verdict].latex]
    return " & ".join(cells) + r" \\"


def caption(findings: Findings, say: Words) -> str:
    """What the numbers are, and what they rest on."""
    metric, evidence = findings.study.metric, findings.evidence
    parts = [say("share.caption", study=findings.study.name, metric=metric_words(metric))]
    families = findings.families
    if families:
        first = next(iter(families))
        parts.append(say("share.caption_against", family=say.by("family", first, first.capitalize())))
    if evidence.images is not None:
        parts.append(say("share.caption_images", images=say.count(evidence.images, "distinct_image")))
    return say("join.sentence").join(parts)


def _legend(lines: Sequence[Line], say: Words) -> str:
    """Every mark that stands in the table, with its word."""
    used = {line.effect.decision.verdict for line in lines if line.effect is not None}
    marks: Mapping[str, str] = {name: shown.latex for name, shown in VERDICTS.items() if name in used}
    told = say("join.comma").join(f"{mark} {latex(say(f'verdict.{name}'))}" for name, mark in marks.items())
    return told + latex(say("share.stop")) if told else ""


def _needs_xelatex(findings: Findings, say: Words) -> bool:
    """Whether the table holds characters that pdfLaTeX has no font for."""
    texts = [
        findings.study.name,
        *(row.name for row in findings.variants),
        *factors_of(findings),
        say("column.variant"),
    ]
    return any(ord(character) > 0x17F for text in texts for character in text)


def slug(name: str) -> str:
    """A name as LaTeX labels take it."""
    bare = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode()
    return re.sub("[^a-z0-9]+", "-", bare.lower()).strip("-") or "study"
