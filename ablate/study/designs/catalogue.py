"""Designs as pure functions: from factors to named variants and the questions put to them."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import combinations, product
from math import prod

from ablate.errors import StudyError
from ablate.records import BASELINE
from ablate.study.designs.attribution import attribution, order_check, same_again
from ablate.study.designs.data_shares import data_shares
from ablate.study.designs.layout import (
    ALL,
    DesignCell,
    DesignQuestion,
    Layout,
    difference,
    join_overrides,
    only_level,
    place_of,
    switch_on_together,
)
from ablate.study.factors import shorten_name
from ablate.study.study import Study

__all__ = ["MAX_CELLS", "DesignCell", "DesignQuestion", "Layout", "join_overrides", "lay_out"]

MAX_CELLS = 1024


def lay_out(study: Study, design: str | None) -> Layout:
    """The variants and questions of one design over the study's factors; the baseline alone for none."""
    baseline = DesignCell(BASELINE, {}, None, ())
    match design:
        case None:
            return Layout((baseline,), ())
        case "chain":
            return _chain(study, baseline)
        case "one_at_a_time":
            return _one_at_a_time(study, baseline)
        case "leave_one_out":
            return _leave_one_out(study, baseline)
        case "order_check":
            return order_check(study, _chain(study, baseline))
        case "attribution":
            return attribution(study, baseline)
        case "aa":
            return same_again(study, baseline)
        case "data":
            return data_shares(study, baseline)
        case _:
            return _factorial(study, baseline)


def _chain(study: Study, baseline: DesignCell) -> Layout:
    cells = [baseline]
    questions = []
    for factor in study.factors:
        before = cells[-1]
        overrides = join_overrides(before.overrides, only_level(factor))
        places, names = (*before.places, place_of(study, factor)), (*before.factors, factor.name)
        cells.append(DesignCell(factor.name, overrides, before.name, places, names))
        questions.append(difference(factor.name, factor.name, before.name, "chain"))
    return Layout(tuple(cells), tuple(questions))


def _one_at_a_time(study: Study, baseline: DesignCell) -> Layout:
    cells = [baseline]
    questions = []
    families = {factor: family for family, members in study.evidence.families.items() for factor in members}
    for factor in study.factors:
        family = families.get(factor.name, "one at a time")
        for level, overrides in factor.levels.items():
            name = shorten_name(f"only {level}")
            cells.append(DesignCell(name, overrides, BASELINE, (place_of(study, factor),), (level,)))
            questions.append(difference(level, name, BASELINE, family))
    return Layout(tuple(cells), tuple(questions))


def _leave_one_out(study: Study, baseline: DesignCell) -> Layout:
    if len(study.factors) < 2:
        raise StudyError(
            f"{study.document.where((str(study.own_design),))}: leave_one_out needs at least two factors",
            hint="With one factor, use chain.",
        )
    everything = switch_on_together(study, study.factors)
    all_names = tuple(factor.name for factor in study.factors)
    cells = [baseline, DesignCell(ALL, everything[0], BASELINE, everything[1], all_names)]
    questions = []
    for left_out in study.factors:
        others = [factor for factor in study.factors if factor is not left_out]
        overrides, places = switch_on_together(study, others)
        name = shorten_name(f"without {left_out.name}")
        cells.append(DesignCell(name, overrides, ALL, places, tuple(factor.name for factor in others)))
        questions.append(difference(left_out.name, ALL, name, "leave one out"))
    return Layout(tuple(cells), tuple(questions))


def _factorial(study: Study, baseline: DesignCell) -> Layout:
    """Every combination of levels; effects are differences of averages over the other factors."""
    choices = [[None, *factor.levels] for factor in study.factors]
    size = prod(map(len, choices))
    if size > MAX_CELLS:
        raise StudyError(
            f"{study.document.where((str(study.own_design),))}: the factorial has {size} variants, "
            f"more than {MAX_CELLS}",
            hint="Use fewer factors, or leave_one_out.",
        )
    cells: dict[tuple[str | None, ...], DesignCell] = {}
    for levels in product(*choices):
        on = [(f, level) for f, level in zip(study.factors, levels, strict=True) if level is not None]
        if not on:
            cells[levels] = baseline
            continue
        names = [level for _, level in on]
        name = shorten_name(f"only {names[0]}" if len(names) == 1 else " & ".join(names))
        overrides = join_overrides(*(factor.levels[level] for factor, level in on))
        cells[levels] = DesignCell(name, overrides, BASELINE, tuple(place_of(study, f) for f, _ in on), tuple(names))
    return Layout(tuple(cells.values()), tuple(_factorial_questions(study, cells)))


def _factorial_questions(study: Study, cells: Mapping[tuple[str | None, ...], DesignCell]) -> list[DesignQuestion]:
    questions = []
    for position, factor in enumerate(study.factors):
        share = 1 / sum(levels[position] is None for levels in cells)
        for level in factor.levels:
            weights = {
                cell.name: share if levels[position] == level else -share
                for levels, cell in cells.items()
                if levels[position] in (level, None)
            }
            questions.append(
                DesignQuestion(level, f"with {level}", f"without {level}", weights, "main effects", (level,))
            )
    if not any(factor.has_levels for factor in study.factors):
        questions += _interactions(study, cells)
    return questions


def _interactions(study: Study, cells: Mapping[tuple[str | None, ...], DesignCell]) -> list[DesignQuestion]:
    """By how much two factors together differ from the sum of the two alone, averaged over the others."""
    questions = []
    for (i, a), (j, b) in combinations(enumerate(study.factors), 2):
        share = 4 / len(cells)
        weights = {
            cell.name: share if (levels[i] is None) == (levels[j] is None) else -share for levels, cell in cells.items()
        }
        name = f"{a.name} × {b.name}"
        questions.append(
            DesignQuestion(name, "together", "the sum of the two alone", weights, "interactions", (a.name, b.name))
        )
    return questions
