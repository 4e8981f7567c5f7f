"""The figures in vectors at the sizes of print and of a slide: letters of one size, whatever the width."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any

from ablate.report.figures.answers import AnswerCurvesInfo
from ablate.report.figures.forest import ForestInfo
from ablate.report.figures.lines import draw_forest, draw_levels
from ablate.report.figures.numbers import CurvesInfo, LevelsInfo, ParetoInfo
from ablate.report.figures.panels import draw_answers, draw_curves, draw_pareto
from ablate.report.figures.saving import Format, saved_as
from ablate.report.figures.sheet import SHEETS

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Info = ForestInfo | LevelsInfo | CurvesInfo | ParetoInfo | AnswerCurvesInfo
FORMATS: Mapping[Format, Mapping[str, Any]] = {"pdf": {}, "svg": {}}
DRAWERS: Mapping[type, Callable[..., Figure]] = {
    ForestInfo: draw_forest,
    LevelsInfo: draw_levels,
    CurvesInfo: draw_curves,
    AnswerCurvesInfo: draw_answers,
    ParetoInfo: draw_pareto,
}


def vectors_of(info: Info) -> Mapping[str, bytes]:
    """A figure at each size and in each format: `column.pdf` and so on."""
    found: dict[str, bytes] = {}
    for name, sheet in SHEETS.items():
        drawn = saved_as(partial(DRAWERS[type(info)], sheet=sheet), info, FORMATS)
        found |= {f"{name}.{ending}": content for ending, content in drawn.items()}
    return found
