"""A page as one HTML file that needs nothing else: no network, images and its one script inside."""

from __future__ import annotations

from base64 import b64encode
from functools import cache
from importlib import resources
from typing import TYPE_CHECKING, Any

from ablate.report.figures import svg
from ablate.report.figures.answers import AnswerCurvesInfo
from ablate.report.figures.forest import ForestInfo, ForestRow
from ablate.report.figures.numbers import CurvesInfo, LevelsInfo
from ablate.report.page.blocks import Block, Figure, Page
from ablate.report.page.script import page_data, page_script, script_hash
from ablate.report.tables.table import Mark, Table
from ablate.report.wording.escape import plain
from ablate.report.wording.numbers import number
from ablate.report.wording.verdicts import VERDICTS

if TYPE_CHECKING:
    from jinja2 import Environment

SHORT = 60
"""Rows of a folded table that is unfolded for print."""


def html_page(page: Page) -> str:
    """The whole report."""
    return _environment().get_template("report.html.j2").render(page=page, say=page.words) + "\n"


@cache
def _environment() -> Environment:
    from jinja2 import Environment, PackageLoader, StrictUndefined
    from markupsafe import Markup, escape

    environment = Environment(
        loader=PackageLoader("ablate.report"),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=StrictUndefined,
        # Names may hold control characters and marks that turn the direction of writing.
        finalize=lambda value: plain(value) if isinstance(value, str) and not isinstance(value, Markup) else value,
    )
    environment.filters["copied"] = lambda line: escape(plain(line, spaces=True))
    folder = resources.files("ablate.report") / "templates"
    style = "".join((folder / name).read_text(encoding="utf-8") for name in ("report.css", "turn.css"))
    environment.globals |= {
        "style": Markup(style),
        "script": Markup(page_script()),
        "script_hash": script_hash(),
        "glyphs": {word: shown.glyph for word, shown in VERDICTS.items()},
        "SHORT": SHORT,
        "interval": svg.draw_interval,
        "level": svg.level,
        "panel": svg.panel,
        "answer_panel": svg.answer_panel,
        "curve_ticks": svg.curve_ticks,
        "pareto": svg.pareto,
        "ticks": svg.ticks,
        "forest_mark": forest_mark,
        "shade": shade,
    }
    environment.filters["page_data"] = lambda page: Markup(page_data(page))
    environment.filters |= {"kind": macro_of, "data": data_uri, "alt": alternative, "fixed": number}
    environment.tests["bar"] = lambda kind: kind == "bar"
    return environment


def macro_of(block: Block) -> str:
    """The name of the block's macro: `text`, `sheet`, `forest`, ..."""
    info: Any = block.info if isinstance(block, Figure) else block
    return type(info).__name__.removesuffix("Info").lower()


def data_uri(png: bytes) -> str:
    """An image within the page."""
    media = "image/png" if png.startswith(b"\x89PNG") else "image/jpeg"
    return f"data:{media};base64,{b64encode(png).decode()}"


def forest_mark(row: ForestRow) -> Mark:
    """What is drawn of a line of the forest plot."""
    dots = row.by_replicate if len(row.by_replicate) > 1 else ()
    return Mark(row.verdict, row.difference, row.lo, row.hi, row.lo_all, row.hi_all, dots, row.diamond, row.key)


def shade(table: Table, cell: str) -> str:
    """How dark a cell of a confusion matrix is, in ten steps; the number stands there, too."""
    value = float(cell) if cell.replace(".", "", 1).isdigit() else 0.0
    return f"s{min(10, round(value / 10))}" if table.rows else ""


def alternative(figure: Figure, say: Any) -> str:
    """What a figure shows, in words, for who cannot see it."""
    match figure.info:
        case ForestInfo(groups=groups, label=label):
            rows = [
                say("figure.forest_alt_row", name=row.label, numbers=row.numbers, verdict=row.words)
                for group in groups
                for row in group.rows
            ]
            return str(say("figure.forest_alt", label=label, rows="; ".join(rows)))
        case CurvesInfo(panels=panels):
            ends = [
                say(
                    "figure.curves_alt_panel",
                    name=panel.title,
                    first=f"{panel.lines[-1].mean[0]:.3g}",
                    last=f"{panel.lines[-1].mean[-1]:.3g}",
                )
                for panel in panels
            ]
            return str(say("figure.curves_alt", title=figure.title, panels="; ".join(ends)))
        case AnswerCurvesInfo(numbers=numbers):
            told = [say("figure.answers_alt_panel", name=name, number=value) for name, value in numbers.items()]
            return str(say("figure.curves_alt", title=figure.title, panels="; ".join(told)))
        case LevelsInfo(rows=levels):
            known = [f"{row.label} {row.mean:.1f}" for row in levels if row.mean is not None]
            return f"{figure.title}: {'; '.join(known)}"
        case _:
            return figure.title
