"""The report as files: Markdown, figures and sheets in one folder, each whole or absent."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from ablate import files
from ablate.report.details import (
    comparisons_table,
    costs_table,
    epochs_table,
    failures_table,
    provenance_table,
    variants_table,
)
from ablate.report.escape import code_block, code_span, markdown, markdown_block
from ablate.report.evidence import evidence_lines, settling_lines, warnings
from ablate.report.facts import Findings
from ablate.report.figures import (
    curves_caption,
    curves_info,
    forest_caption,
    forest_info,
    levels_caption,
    levels_info,
)
from ablate.report.sheets import csv_text, sheets
from ablate.report.tables import Kind, Table, steps_tables, terminal_steps
from ablate.report.words import first_sentence, may_not_write, may_write, metric_words, size_words

if TYPE_CHECKING:
    from jinja2 import Environment

REPORT = "report.md"
_OURS = {"figures": re.compile(r"(forest|levels|curves-.*)\.png"), "tables": re.compile(r".*\.csv")}


class Picture(NamedTuple):
    """A figure as the report shows it; path: from the report's folder."""

    path: str
    title: str
    caption: str
    content: bytes


def render_report(findings: Findings, folder: Path) -> Path:
    """Write report.md, figures/ and tables/ into the folder and return the report's path.

    Every file is put in place in one step, the report last; what an earlier report left there and this
    one does not have is removed. All paths inside are relative.
    """
    pictures = draw_pictures(findings)
    written = {name: csv_text(table) for name, table in sheets(findings).items()}
    for picture in pictures:
        files.write_bytes(folder / picture.path, picture.content)
    for name, text in written.items():
        files.write_text(folder / "tables" / name, text)
    files.write_text(folder / REPORT, report_text(findings, pictures))
    _remove_others(folder, {*(picture.path for picture in pictures), *(f"tables/{name}" for name in written)})
    return folder / REPORT


def _remove_others(folder: Path, kept: set[str]) -> None:
    for name, ours in _OURS.items():
        for path in (folder / name).glob("*"):
            if ours.fullmatch(path.name) and f"{name}/{path.name}" not in kept:
                path.unlink()


def draw_pictures(findings: Findings) -> tuple[Picture, ...]:
    """Every figure for which there are numbers."""
    from ablate.report.drawing import draw_curves, draw_forest, draw_levels, picture

    found = []
    for metric in dict.fromkeys([findings.metric.name, "loss"]):
        if (curves := curves_info(findings, metric)) is not None:
            path = f"figures/curves-{re.sub('[^A-Za-z0-9]+', '-', metric)}.png"
            title = f"{curves.label} by epoch"
            found.append(Picture(path, title, curves_caption(curves), picture(draw_curves, curves)))
    if (forest := forest_info(findings)) is not None:
        caption = forest_caption(forest, findings)
        found.append(Picture("figures/forest.png", forest.label, caption, picture(draw_forest, forest)))
    if (levels := levels_info(findings)) is not None:
        title = f"{levels.label} of every variant"
        found.append(Picture("figures/levels.png", title, levels_caption(levels), picture(draw_levels, levels)))
    return tuple(found)


def report_text(findings: Findings, pictures: Sequence[Picture] = ()) -> str:
    """The report in Markdown."""
    text = _environment().get_template("report.md.j2").render(_content(findings, pictures))
    return re.sub(r"\n{3,}", "\n\n", text).strip() + "\n"


def description_of(findings: Findings) -> str:
    """The sentence and the tables of the first screen in Markdown, for a page elsewhere."""
    tables = steps_tables(findings) or (terminal_steps(findings),)
    return "\n\n".join([markdown_block(first_sentence(findings)), *map(markdown_table, tables)])


def _content(findings: Findings, pictures: Sequence[Picture]) -> Mapping[str, Any]:
    by_path = {picture.path: picture for picture in pictures}
    steps = steps_tables(findings)
    settling = findings.settling
    costs = costs_table(findings)
    return {
        "title": findings.study,
        "question": findings.question,
        "sentence": first_sentence(findings),
        "warnings": [*warnings(findings), *_undrawn_names(findings, pictures)],
        "steps": steps,
        "levels": terminal_steps(findings),
        "legend": steps[0].note if steps else "",
        "evidence": evidence_lines(findings),
        "may": may_write(findings),
        "may_not": may_not_write(findings),
        "settling": settling_lines(findings),
        "command": [settling.command] if settling is not None and settling.command else [],
        "curves": [picture for path, picture in by_path.items() if "curves-" in path],
        "forest": by_path.get("figures/forest.png"),
        "levels_figure": by_path.get("figures/levels.png"),
        "comparisons": comparisons_table(findings),
        "variants": variants_table(findings),
        "epochs": epochs_table(findings),
        "costs": costs if len(costs.columns) > 2 else None,
        "provenance": provenance_table(findings),
        "failures": failures_table(findings),
        "reruns": list(findings.reruns.values()),
        "metric": metric_words(findings.metric),
        "negligible": size_words(findings.evidence.negligible, findings.metric),
        "worthwhile": size_words(findings.evidence.worthwhile, findings.metric),
    }


def _undrawn_names(findings: Findings, pictures: Sequence[Picture]) -> list[str]:
    """A warning where a figure shows names in a script that no font here has."""
    if not pictures:
        return []
    from ablate.report.fonts import missing_font

    told = missing_font([*(row.name for row in findings.variants), *(effect.name for effect in findings.effects)])
    return [told] if told else []


def _environment() -> Environment:
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader("ablate.report"), trim_blocks=True, lstrip_blocks=True, undefined=StrictUndefined
    )
    environment.filters |= {
        "line": markdown,
        "block": markdown_block,
        "table": markdown_table,
        "commands": lambda lines: code_block(lines, "sh"),
    }
    return environment


_RULES: Mapping[Kind, str] = {"text": ":--", "number": "--:", "code": ":--"}
_CELLS: Mapping[Kind, Callable[[str], str]] = {
    "text": markdown,
    "number": lambda text: text.replace("|", "&#124;"),  # ours: digits, units and brackets
    "code": code_span,
}


def markdown_table(table: Table) -> str:
    """The table in Markdown, every cell on one line."""
    lines = [map(markdown, table.columns), (_RULES[kind] for kind in table.kinds)]
    lines += [(_CELLS[kind](cell) for kind, cell in zip(table.kinds, row, strict=True)) for row in table.rows]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)
