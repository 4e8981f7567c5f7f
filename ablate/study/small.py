"""The small version of a study: the same question at a size for two processor cores."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from ablate.errors import StudyError, near_match
from ablate.study.factors import Factor, Overrides, check_overlaps, read_factors
from ablate.study.schema import SmallBlock
from ablate.study.search_schema import SearchBlock
from ablate.study.stand_in import stand_in_folder
from ablate.study.study import Study
from ablate.study.validation import dotted, validate
from ablate.study.versions import laid_on, with_stand_in

NAME = "small"
"""What stands behind the @ of its name, and of its experiment's."""


def with_small(study: Study, *, small: Path | bool, drawn: Path | None) -> Study:
    """The small version of a study, or the study itself; either of them asked of synthetic data where wanted.

    small: False for the study itself; a folder for the synthetic data, should the small version be asked of them.
    drawn: the folder of synthetic data that were asked for in any case.
    Raises StudyError with file, line and key.
    """
    if small is False:
        return with_stand_in(study, drawn)
    block, document = study.small, study.document
    if block is None:
        raise StudyError(
            f"--small: {document.name} has no small version",
            hint="A study offers one by a block small: {keeps: what it keeps of the question, set: {epochs: 3}}.",
        )
    if block.stand_in and study.stand_in is None:
        raise StudyError(
            f"{document.where(('small', 'stand_in'))}: small.stand_in: the study offers no synthetic data",
            hint="Add a block stand_in: {make: package.module:function}, or leave stand_in out here.",
        )
    root = stand_in_folder(Path.cwd(), Path(document.name)) if small is True else small
    study = replace(study, name=study.name if block.stand_in else _stood_in(study.name, drawn))
    made = with_stand_in(study, drawn or (root if block.stand_in else None))
    return _smaller(replace(made, name=study.name), block)


def _stood_in(name: str, drawn: Path | None) -> str:
    return name if drawn is None else f"{name}@stand-in"


def _smaller(study: Study, block: SmallBlock) -> Study:
    _refuse_strangers(study, block)
    of_search = {key: value for key, value in block.set.items() if key.startswith("search.")}
    made = laid_on(
        study,
        {key: value for key, value in block.set.items() if key not in of_search},
        lambda key: study.document.where(("small", "set", key)),
    )
    gone = set(block.leave_out)
    evidence = made.evidence.model_copy(
        update={"families": _without(made.evidence.families, gone), "also_test": {}},
    )
    return replace(
        made,
        name=f"{study.name}@{NAME}",
        experiment=f"{study.experiment}@{NAME}",
        factors=_factors(study, block),
        comparisons=tuple(
            replace(one, overrides=_changes(study, block, one.name, one.overrides))
            for one in study.comparisons
            if one.name not in gone
        ),
        derive={name: row for name, row in study.derive.items() if name not in gone},
        evidence=evidence,
        search=_search(study, of_search),
        published=None,  # figures of another size
        is_small=True,
    )


def _refuse_strangers(study: Study, block: SmallBlock) -> None:
    changed = [*(factor.name for factor in study.factors), *(one.name for one in study.comparisons)]
    left_out = study.stand_in.leave_out if study.stand_in is not None and study.stand_in_root is not None else ()
    for key, names, known in (
        ("changes", block.changes, changed),
        ("leave_out", block.leave_out, [*changed, *study.derive]),
    ):
        for name in names:
            if name not in known and name not in left_out:
                at = ("small", key, name) if key == "changes" else ("small", key)
                raise StudyError(
                    f"{study.document.where(at)}: there is no {name!r} in the study",
                    hint=f"{near_match(name, known)}Names: {', '.join(known)}.",
                )


def _factors(study: Study, block: SmallBlock) -> tuple[Factor, ...]:
    """The factors that are left, with the levels they have here."""
    made = []
    for factor in study.factors:
        if factor.name in block.leave_out:
            continue
        if factor.name in block.changes:
            own = {factor.name: block.changes[factor.name]}
            (changed,) = read_factors(own, study.design or "", study.document)
            factor = replace(changed, ask=factor.ask)
        made.append(factor)
    return tuple(made)


def _changes(study: Study, block: SmallBlock, name: str, usual: Overrides) -> Overrides:
    changed = block.changes.get(name, usual)
    check_overlaps(changed, study.document, ("small", "changes", name))
    return changed


def _without(families: Mapping[str, list[str]], gone: set[str]) -> dict[str, list[str]]:
    left = {family: [name for name in names if name not in gone] for family, names in families.items()}
    return {family: names for family, names in left.items() if names}


def _search(study: Study, changes: Mapping[str, Any]) -> SearchBlock | None:
    if not changes:
        return study.search
    where = study.document.where
    if study.search is None:
        key = next(iter(changes))
        raise StudyError(f"{where(('small', 'set', key))}: {key!r}: the study searches nothing", hint="Leave it out.")
    given = study.search.model_dump(exclude_unset=True, by_alias=True)
    given |= {key.removeprefix("search."): value for key, value in changes.items()}
    return validate(SearchBlock, given, lambda at: where(("small", "set", dotted(("search", *at)))))


def small_notes(study: Study) -> tuple[str, ...]:
    """What a small version keeps, for whoever sees its results; none for the study itself."""
    if not study.is_small or study.small is None:
        return ()
    return (" ".join(study.small.keeps.split()),)
