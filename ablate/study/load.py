"""From a study file to a Study: parsed, checked against the trainer's schema, every name known."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from ablate.command.schema import CommandBlock
from ablate.errors import SettingError, StudyError, TrainerError, near_match
from ablate.metrics import is_own
from ablate.records import BASELINE
from ablate.study.absent import read_trainer
from ablate.study.factors import ONE_CHANGE, check_families, check_overlaps, check_pooled, read_factors
from ablate.study.judging import check_judging
from ablate.study.other_sets import check_other_sets
from ablate.study.reader import Document, read_document
from ablate.study.schema import (
    BASELINE_ALONE,
    CHECKS,
    DESIGNS,
    CompareBlock,
    StudyFile,
)
from ablate.study.search_schema import COSTS
from ablate.study.small import with_small
from ablate.study.study import Comparison, Study
from ablate.study.validation import validate
from ablate.study.versions import with_sets
from ablate.trainer import Trainer


def load_study(
    path: Path | str,
    *,
    sets: Sequence[str] = (),
    design: str | None = None,
    stand_in: Path | None = None,
    small: Path | bool = False,
    seen: tuple[Path, ...] = (),
) -> Study:
    """Read and check a study file. A trainer whose packages are not installed is refused only when it is to run.

    sets: `key=value` changes of the base (or of `evidence.*`); they give the study an identity of
    its own, `name@3f2a91`, so that a smoke run never overwrites the real report.
    design: another design over the same factors, with an identity of its own likewise.
    stand_in: a folder for the synthetic data the file offers; the study is asked of them, at the scale
    the file gives them, as `name@stand-in`.
    small: True for the version of the file's `small:` block, as `name@small`. A folder: this, and where its synthetic
    data lie, should it be asked of such; else they lie in the current folder, where `ablate run` draws them.
    seen: the files that extend this one.
    Raises StudyError with file, line and key.
    """
    document = read_document(Path(path))
    if document.data is None:
        raise StudyError(f"{document.name}: the file is empty", hint="`ablate init` writes a study to start from.")
    document = extended(document, seen=seen)
    file = validate(StudyFile, document.data, document.where)
    trainer = _trainer(file, document)
    validate(trainer.config, file.base, lambda at: document.where(("base", *at)))
    check_judging(file.evidence, trainer, file.base, lambda key: document.where(("evidence", key)))
    own = next((name for name in DESIGNS if getattr(file, name) is not None), None)
    reads_ask = "ask" not in trainer.config.model_fields
    factors = read_factors(getattr(file, own), own, document, reads_ask=reads_ask) if own else ()
    check_families(file.evidence.families, factors, own, document)
    check_pooled(file.evidence.pool, factors, tuple(file.compare), document)
    study = Study(
        name=file.study,
        question=file.question,
        trainer=trainer,
        base=file.base,
        design=own,
        own_design=own,
        factors=factors,
        comparisons=tuple(_read_comparison(name, block, document) for name, block in file.compare.items()),
        evidence=file.evidence,
        published=file.published,
        search=file.search,
        tune=file.tune,
        deploy=file.deploy,
        experiment=file.tracking.experiment or file.study,
        control=file.control,
        lang=file.lang,
        document=document,
        keep_weights=file.keep.weights == "best",
        timeout=file.timeout,
        derive=file.derive,
        about_data=file.about_data.strip(),
        stand_in=file.stand_in,
        small=file.small,
    )
    study = _with_design(with_sets(with_small(study, small=small, drawn=stand_in), sets), design)
    check_other_sets(study)
    return study


def _trainer(file: StudyFile, document: Document) -> Trainer:
    try:
        return read_trainer(file.trainer) if isinstance(file.trainer, str) else _command(file.trainer, file, document)
    except TrainerError as error:
        where = document.where(("trainer",))
        raise TrainerError(f"{where}: {error.message}", hint=error.hint) from error.__cause__


def _command(block: CommandBlock, file: StudyFile, document: Document) -> Trainer:
    """The trainer that a command is. Raises StudyError for one that does not fit the base."""
    from ablate.command.trainer import trainer_of

    asked = [name for name in (file.evidence.metric, *file.evidence.also) if not is_own(name)]
    named = [*asked, *(name for name in file.published or () if name != "protocol")]
    named += [name for name in (file.search.objective or () if file.search else ()) if name not in COSTS]
    try:
        return trainer_of(block, file.base, tuple(named))
    except SettingError as error:
        where = document.where(tuple(error.key.split(".")))
        raise StudyError(f"{where}: {error.message}", hint=error.hint) from None


def _read_comparison(name: str, block: CompareBlock, document: Document) -> Comparison:
    check_overlaps(block.set, document, ("compare", name, "set"))
    return Comparison(name=name, reference=block.with_, overrides=block.set, ask=block.ask or "")


def _with_design(study: Study, design: str | None) -> Study:
    if design is None or design == study.design:
        return study
    if design not in (*DESIGNS, *CHECKS):
        raise StudyError(
            f"--design {design}: there is no such design",
            hint=f"{near_match(design, (*DESIGNS, *CHECKS))}Choices: {', '.join((*DESIGNS, *CHECKS))}.",
        )
    if not study.factors and design not in BASELINE_ALONE:
        raise StudyError(
            f"--design {design}: the study {study.name!r} has no factors", hint=f"Write some under {design}: first."
        )
    several = [factor.name for factor in study.factors if factor.has_levels]
    if several and design in ONE_CHANGE:
        raise StudyError(
            f"--design {design}: factor {several[0]!r} has several levels (each:)",
            hint="Choose one_at_a_time or factorial.",
        )
    return replace(study, name=f"{study.name}@{design}", design=design)


OWN = ("study", "published", "search", "tune", "compare", "derive", "small", "extends", "from")
"""Keys that belong to one file alone."""


SUFFIXES = (".yaml", ".yml", ".json")


def extended(document: Document, *, seen: tuple[Path, ...] = ()) -> Document:
    """The file with what it takes from the one it extends; unchanged where it extends none.

    Everything the other file says holds here too, but for what stands in this one, key by key at the top
    level, and for what belongs to the other alone: its name, its published figures, its own search. With
    `from:` the base is the config of that variant, and the design, which led there, stays behind.
    Raises StudyError for a file that is not there, extends itself, or has no such variant.
    """
    data = document.data
    if not isinstance(data, dict) or ("extends" not in data and "from" not in data):
        return document
    if "extends" not in data:
        raise StudyError(
            f"{document.where(('from',))}: from: without extends:", hint="Name the study file that has the variant."
        )
    path = _path_of(document)
    if path in seen or path == Path(document.name).resolve():
        raise StudyError(f"{document.where(('extends',))}: the file extends itself", hint="Name another study file.")
    if "base" in data:
        raise StudyError(
            f"{document.where(('base',))}: base: beside extends:, which brings the base along",
            hint="Leave base out; what differs from it is a factor, or `from:` another variant.",
        )
    parent, base = _parent(document, path, (*seen, Path(document.name).resolve()))
    inherited = {key: value for key, value in parent.items() if key not in OWN}
    if "from" in data or any(design in data for design in DESIGNS):
        inherited = {key: value for key, value in inherited.items() if key not in DESIGNS}
        evidence = inherited.get("evidence")
        if isinstance(evidence, dict):  # families are about the steps that stay behind
            inherited["evidence"] = {key: value for key, value in evidence.items() if key != "families"}
    own = {key: value for key, value in data.items() if key not in ("extends", "from")}
    return replace(document, data=inherited | {"base": base} | own)


def _path_of(document: Document) -> Path:
    name = document.data["extends"]
    if not isinstance(name, str):
        raise StudyError(
            f"{document.where(('extends',))}: 'extends': expected the path of a study file",
            hint="Example: extends: hollywood.yaml, beside this file.",
        )
    path = (Path(document.name).parent / name).resolve()
    if path.suffix not in SUFFIXES:  # what a message quotes of a file must not be a password's
        raise StudyError(
            f"{document.where(('extends',))}: {name[:80]!r} is not a study file",
            hint=f"The names of study files end in {' or '.join(SUFFIXES)}.",
        )
    if not _is_file(path):
        raise StudyError(
            f"{document.where(('extends',))}: there is not a study file {str(path)[:300]}",
            hint="The path is read from the folder of this file.",
        )
    return path


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except OSError:  # longer than any file's name
        return False


def _parent(document: Document, path: Path, seen: tuple[Path, ...]) -> tuple[dict[str, Any], Any]:
    """The other file's data, whole, and the base to begin with."""
    from ablate.study.plan import make_plan

    study = load_study(path, seen=seen)
    name = document.data.get("from", BASELINE)
    data = study.document.data
    if name == BASELINE:
        return data, study.base
    try:
        variant = make_plan(study).variant(str(name))
    except StudyError as error:
        raise StudyError(f"{document.where(('from',))}: {error.message}", hint=error.hint) from None
    return data, dict(variant.config)
