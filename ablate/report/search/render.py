"""A search's page as files in one folder: Markdown, HTML, figures, best.yaml and the tables."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

from ablate import files
from ablate.report.figures.fonts import missing_font, texts_in
from ablate.report.page.blocks import Image
from ablate.report.page.html import html_page
from ablate.report.page.markdown import markdown_page
from ablate.report.search.facts import SearchFacts
from ablate.report.search.figures import (
    contour_info,
    front_info,
    history_info,
    importance_info,
    parallel_info,
    search_curves_info,
    slice_infos,
    timeline_info,
)
from ablate.report.search.page import BEST, TRIALS, search_page
from ablate.report.wording.escape import csv_lines

PAGE, HTML = "report.md", "report.html"


def render_search(facts: SearchFacts, folder: Path) -> Path:
    """Write the page, best.yaml, the tables and the figures; each file whole, the page last."""
    figures = draw_search(facts)
    for figure in figures:
        files.write_bytes(folder / figure.path, figure.content)
    files.write_text(folder / TRIALS, trials_csv(facts))
    if facts.importance:
        rows = [[row.name, row.fanova, row.ped_anova] for row in facts.importance]
        files.write_text(folder / "importance.csv", csv_lines(["parameter", "fanova", "ped_anova"], rows))
    if facts.best_file is not None:
        files.write_text(folder / BEST, facts.best_file)
    kept = {figure.path for figure in figures}
    for path in (folder / "figures").glob("*.png"):
        if f"figures/{path.name}" not in kept:
            path.unlink()
    page = search_page(facts, figures, undrawn_in_search(facts) if figures else "")
    files.write_text(folder / HTML, html_page(page))
    files.write_text(folder / PAGE, markdown_page(page))
    return folder / PAGE


def draw_search(facts: SearchFacts) -> tuple[Image, ...]:
    """Every figure for which there are numbers."""
    from ablate.report.figures.drawing import png_of

    return tuple(
        Image(f"figures/{one.name}.png", one.title, one.caption, png_of(one.draw, one.info)) for one in _figures(facts)
    )


class _Drawing(NamedTuple):
    """A figure to be drawn."""

    name: str
    draw: Callable[[Any], Any]
    info: Any
    title: str
    caption: str


def _figures(facts: SearchFacts) -> list[_Drawing]:
    from ablate.report.search import drawing as ink

    def of(name: str, draw: Callable[[Any], Any], info: Any, title: str, caption: str) -> list[_Drawing]:
        return [] if info is None else [_Drawing(name, draw, info, title, caption)]

    better = f"{'Up' if facts.goals[0].is_more_better else 'Down'} and to the left is better."
    found = of("front", ink.draw_front, front_info(facts), "Two objectives", better)
    found += of("history", ink.draw_history, history_info(facts), "History", "Each trial and the best so far.")
    found += of(
        "importance", ink.draw_importance, importance_info(facts), "Which parameters mattered",
        "Shares without error bars or signs: they say where to look, not what a change gains. fANOVA: of the "
        "variance over all trials; PED-ANOVA: of what tells the better trials from all.",
    )  # fmt: skip
    for i, info in enumerate(slice_infos(facts), start=1):
        caption = "Darker trials came later; the ring is the best" + (
            ". A triangle lies beyond the axis." if info.edge else "."
        )
        found += of(f"slice-{i}", ink.draw_slice, info, f"Slice along {info.ticks.label}", caption)
    contour = contour_info(facts)
    found += of("contour", ink.draw_contour, contour, "The two most important parameters", "The ring is the best.")
    found += of(
        "parallel", ink.draw_parallel, parallel_info(facts), "All parameters at once",
        "One line per trial; below and above each axis the smallest and the largest value tried.",
    )  # fmt: skip
    curves = search_curves_info(facts)
    shown = "" if curves is None or curves.shown == curves.total else f" The latest {curves.shown} of {curves.total}."
    found += of(
        "curves", ink.draw_search_curves, curves, "Learning curves",
        f"Validation by epoch; a cross marks where a trial was pruned.{shown}",
    )  # fmt: skip
    found += of("timeline", ink.draw_timeline, timeline_info(facts), "Activity of the workers", "One bar per attempt.")
    return found


def undrawn_in_search(facts: SearchFacts) -> str:
    """What the figures cannot show of their names, and the remedy; empty where they show everything."""
    return missing_font(text for one in _figures(facts) for text in texts_in(one.info))


def trials_csv(facts: SearchFacts) -> str:
    """Every trial, a line each; values as they are stored, not in percent."""
    names = [axis.name for axis in facts.axes]
    columns = ["trial", *names, *(f"val {g.name}" if i == 0 else g.name for i, g in enumerate(facts.goals))]
    columns += ["state", "epochs", "seconds", "cached", "reason", "fingerprint"]
    rows: list[list[Any]] = []
    for row in facts.trials:
        values = row.values or [None] * len(facts.goals)
        stored = [None if v is None else v / goal.scale for v, goal in zip(values, facts.goals, strict=True)]
        point = [row.point.get(name) for name in names]
        print_ = " ".join(fingerprint[:12] for fingerprint in row.fingerprints)
        rows.append(
            [row.number, *point, *stored, row.state, row.epochs, round(row.seconds, 3), row.cached, row.reason, print_]
        )
    return csv_lines(columns, rows)
