"""Versions of a study with an identity of their own: on synthetic data, at a small size, with changed settings."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from ablate.errors import StudyError, near_match
from ablate.files import sha256_json
from ablate.study.judging import check_judging
from ablate.study.overrides import OverrideError, apply_overrides, refuse_overlaps
from ablate.study.reader import read_value
from ablate.study.schema import EvidenceBlock, StandInBlock
from ablate.study.study import Study
from ablate.study.validation import dotted, validate


def with_stand_in(study: Study, root: Path | None) -> Study:
    """The study asked of its synthetic data in a folder, at the scale its file gives them; None: as it is."""
    if root is None:
        return study
    block = study.stand_in
    if block is None:
        raise StudyError(
            f"--stand-in: {study.document.name} offers no synthetic data",
            hint="A study offers them by a block stand_in: {make: package.module:function}.",
        )
    names = [comparison.name for comparison in study.comparisons]
    for name in block.leave_out:
        if name not in names:
            where = study.document.where(("stand_in", "leave_out"))
            hint = f"{near_match(name, names)}Comparisons: {', '.join(names)}."
            raise StudyError(f"{where}: there is no comparison {name!r} to leave out", hint=hint)
    placed = {block.root: str(root)} | {key: str(root / name) for key, name in block.files.items()}
    drawn = laid_on(
        study,
        block.set,
        lambda key: study.document.where(_place_in(block, key)),
        then=placed,
    )
    return replace(
        drawn,
        name=f"{study.name}@stand-in",
        comparisons=tuple(one for one in study.comparisons if one.name not in block.leave_out),
        published=None,  # figures on other data at another scale
        stand_in_root=root,
    )


def _place_in(block: StandInBlock, key: str) -> tuple[str, ...]:
    inside = next((part for part in ("set", "files") if key in getattr(block, part)), None)
    return ("stand_in",) if inside is None else ("stand_in", inside, key)


def with_sets(study: Study, sets: Sequence[str]) -> Study:
    """The study with `key=value` changes of its base and of `evidence.*`, under a name of their own."""
    if not sets:
        return study
    changes: dict[str, Any] = {}
    for key, value in map(_parse_set, sets):
        inside = key.removeprefix("base.")
        if inside != key and "base" not in study.trainer.config.model_fields:
            raise StudyError(
                f"--set {key}: unknown key 'base'",
                hint=f"Leave out `base.`: --set {inside}=... sets what stands under `base:`.",
            )
        if key in changes:
            raise StudyError(f"--set {key} appears twice", hint="Give it once: which of the values counts?")
        changes[key] = value
    changed = laid_on(study, changes, lambda key: f"--set {key}")
    return replace(changed, name=f"{study.name}@{sha256_json(changes)[:6]}", sets=tuple(sets))


def laid_on(
    study: Study, changes: Mapping[str, Any], where: Callable[[str], str], *, then: Mapping[str, Any] | None = None
) -> Study:
    """The study with changes of its base and of `evidence.*`; where: the place to name for a dotted key.

    then: changes of the base on top of them, before anything is checked.
    """
    of_evidence = {key.removeprefix("evidence."): changes[key] for key in changes if key.startswith("evidence.")}
    of_base = {key: value for key, value in changes.items() if not key.startswith("evidence.")}
    evidence = study.evidence.model_dump(mode="json")
    try:
        refuse_overlaps(changes)
        base = apply_overrides(study.base, of_base, complete=study._completed)
        base = apply_overrides(base, then or {}, complete=study._completed)
        evidence = apply_overrides(evidence, of_evidence, complete=lambda _: {})
    except OverrideError as error:
        raise StudyError(f"{where(error.key)}: {error.message}", hint=error.hint) from None
    validate(study.trainer.config, base, lambda at: where(dotted(at)))
    for name in ("negligible", "worthwhile"):  # a default is no statement: it is in points, whatever the metric
        if name not in study.evidence.model_fields_set | of_evidence.keys():
            del evidence[name]
    checked = validate(EvidenceBlock, evidence, lambda at: where(dotted(("evidence", *at))))
    check_judging(checked, study.trainer, base, lambda key: where(f"evidence.{key}"))
    return replace(study, base=base, evidence=checked)


def _parse_set(item: str) -> tuple[str, Any]:
    key, equals, text = item.partition("=")
    if not equals or not key.strip():
        raise StudyError(f"--set {item!r} is not of the form key=value", hint="Example: --set optimizer.lr=1e-3")
    return key.strip(), read_value(text, name=f"--set {key.strip()}")
