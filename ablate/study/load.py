"""From a study file to a Study: parsed, checked against the trainer's schema, every name known."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from ablate.errors import SettingError, StudyError, TrainerError, near_match
from ablate.files import sha256_json
from ablate.overrides import OverrideError, apply_overrides, refuse_overlaps
from ablate.records import Folds, Official, Protocol, Share
from ablate.resolve import Trainer
from ablate.settings import Settings
from ablate.study.absent import read_trainer
from ablate.study.derivation import DeriveBlock
from ablate.study.extending import extended
from ablate.study.factors import ONE_CHANGE, Factor, Overrides, Place, check_families, check_overlaps, read_factors
from ablate.study.reader import Document, read_file, read_value
from ablate.study.schema import CHECKS, DESIGNS, CompareBlock, EvidenceBlock, StandInBlock, StudyFile, TestBlock
from ablate.study.search_block import SearchBlock, TuneBlock
from ablate.study.validation import dotted, validate

BEST_ON_TEST = re.compile(r"\bbest epoch on (the )?test\b", re.IGNORECASE)
"""How `published.protocol` says that the source picked its epoch on the test images."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """A question outside the design."""

    name: str
    reference: str
    overrides: Overrides


@dataclass(frozen=True, slots=True, kw_only=True)
class Study:
    """The parsed question. `document` remembers where each part stands in the file."""

    name: str
    question: str
    trainer: Trainer
    base: Mapping[str, Any]
    design: str | None
    own_design: str | None
    factors: tuple[Factor, ...]
    comparisons: tuple[Comparison, ...]
    evidence: EvidenceBlock
    published: Mapping[str, Any] | None
    search: SearchBlock | None
    experiment: str
    document: Document = field(repr=False)
    keep_weights: bool = True
    timeout: float | None = None
    """Seconds an attempt at a run may take."""
    tune: TuneBlock | None = None
    sets: tuple[str, ...] = ()
    """`key=value` changes that were laid on the file, as they were given."""
    derive: Mapping[str, DeriveBlock] = field(default_factory=dict)
    """Rows made without training."""
    about_data: str = ""
    """What the data are and who supplies them, shown where they are missing."""
    stand_in: StandInBlock | None = None
    """How to make synthetic data instead; null where the file offers none."""
    stand_in_root: Path | None = None
    """The folder of synthetic data this study is asked of; null: of its own data."""
    control: str | None = None
    """`steps`: changes that train longer or shorter get a step-matched control."""

    def resolve(self, overrides: Overrides, *places: Place) -> Settings:
        """The complete config under some overrides; `places`: where these stand in the file, the last first named."""
        try:
            config = apply_overrides(self.base, overrides, complete=self._completed)
        except OverrideError as error:
            raise self._misfit(error, overrides, *places) from None
        return validate(self.trainer.config, config, lambda at: self._where(dotted(at), overrides, places))

    def check(self, settings: Settings, overrides: Overrides, *places: Place) -> None:
        """Ask the trainer whether it can do what a config wants. Raises StudyError with file, line and key."""
        if self.trainer.check_config is not None:
            try:
                self.trainer.check_config(settings, self.protocol)
            except SettingError as error:
                raise self._misfit(error, overrides, *places) from None

    def _misfit(self, error: SettingError, overrides: Overrides, *places: Place) -> StudyError:
        return StudyError(f"{self._where(error.key, overrides, places)}: {error.message}", hint=error.hint)

    def _where(self, key: str, overrides: Overrides, places: Sequence[Place]) -> str:
        """The line that gave a key its value: of the override around or inside it, else of the base.

        Where neither is to blame alone, the last of the changes is what does not fit.
        """
        for place in reversed(places):
            for override in overrides:
                related = key == override or key.startswith(f"{override}.") or override.startswith(f"{key}.")
                if related and (*place, override) in self.document.lines:
                    return self.document.where((*place, override))
        if places and overrides:
            return self.document.where(places[-1])
        at = tuple(key.split("."))
        return self.document.where(at if at[0] == "evidence" else ("base", *at))

    def _completed(self, config: dict[str, Any]) -> Mapping[str, Any]:
        try:
            return self.trainer.config.model_validate(config).model_dump(mode="json")
        except ValidationError:  # of two changes that go together only the first is made yet
            return self.trainer.config.model_validate(self.base).model_dump(mode="json")

    @property
    def protocol(self) -> Protocol:
        """The part of the evidence that a run itself must know."""
        match self.evidence.test:
            case TestBlock(folds=int(folds)):
                test: Folds | Share | Official = Folds(count=folds)
            case TestBlock(share=int(share) | float(share)):
                test = Share(share=share)
            case _:
                test = Official()
        evidence, said = self.evidence, str((self.published or {}).get("protocol", ""))
        return Protocol(
            test=test,
            val=evidence.val,
            weights=evidence.weights,
            metric=evidence.metric,
            watch_test=BEST_ON_TEST.search(said) is not None,
        )


def load_study(
    path: Path | str,
    *,
    sets: Sequence[str] = (),
    design: str | None = None,
    stand_in: Path | None = None,
    seen: tuple[Path, ...] = (),
) -> Study:
    """Read and check a study file.

    sets: `key=value` changes of the base (or of `evidence.*`); they give the study an identity of
    its own, `name@3f2a91`, so that a smoke run never overwrites the real report.
    design: another design over the same factors, with an identity of its own likewise.
    stand_in: a folder for the synthetic data the file offers; the study is asked of them, at the scale
    the file gives them, as `name@stand-in`.
    seen: the files that extend this one.
    A trainer whose packages are not installed is read without them, and refused when it is to run.
    Raises StudyError with file, line and key.
    """
    document = read_file(Path(path))
    if document.data is None:
        raise StudyError(f"{document.name}: the file is empty", hint="`ablate init` writes a study to start from.")
    document = extended(document, seen=seen)
    file = validate(StudyFile, document.data, document.where)
    trainer = _trainer(file, document)
    _check_metric(file.evidence.metric, trainer, document.where(("evidence", "metric")))
    validate(trainer.config, file.base, lambda at: document.where(("base", *at)))
    own = next((name for name in DESIGNS if getattr(file, name) is not None), None)
    factors = read_factors(getattr(file, own), own, document) if own else ()
    check_families(file.evidence.families, factors, own, document)
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
        experiment=file.tracking.experiment or file.study,
        control=file.control,
        document=document,
        keep_weights=file.keep.weights == "best",
        timeout=file.timeout,
        derive=file.derive,
        about_data=file.about_data.strip(),
        stand_in=file.stand_in,
    )
    return _with_design(_with_sets(_with_stand_in(study, stand_in), sets), design)


def _trainer(file: StudyFile, document: Document) -> Trainer:
    try:
        return read_trainer(file.trainer)
    except TrainerError as error:
        where = document.where(("trainer",))
        raise TrainerError(f"{where}: {error.message}", hint=error.hint) from error.__cause__


def _check_metric(metric: str, trainer: Trainer, where: str) -> None:
    if metric not in trainer.metrics:
        raise StudyError(
            f"{where}: the trainer {trainer.path} does not report {metric!r}",
            hint=f"{near_match(metric, trainer.metrics)}It reports: {', '.join(trainer.metrics)}.",
        )


def _read_comparison(name: str, block: CompareBlock, document: Document) -> Comparison:
    check_overlaps(block.set, document, ("compare", name, "set"))
    return Comparison(name=name, reference=block.with_, overrides=block.set)


def _with_stand_in(study: Study, root: Path | None) -> Study:
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
    small = _laid_on(
        study,
        {block.root: str(root)} | block.set,
        lambda key: study.document.where(("stand_in", "set", key) if key in block.set else ("stand_in",)),
    )
    return replace(
        small,
        name=f"{study.name}@stand-in",
        comparisons=tuple(one for one in study.comparisons if one.name not in block.leave_out),
        published=None,  # figures on other data at another scale
        stand_in_root=root,
    )


def _with_sets(study: Study, sets: Sequence[str]) -> Study:
    if not sets:
        return study
    changes: dict[str, Any] = {}
    for key, value in map(_parse_set, sets):
        if key in changes:
            raise StudyError(f"--set {key} appears twice", hint="Give it once: which of the values counts?")
        changes[key] = value
    changed = _laid_on(study, changes, lambda key: f"--set {key}")
    return replace(changed, name=f"{study.name}@{sha256_json(changes)[:6]}", sets=tuple(sets))


def _laid_on(study: Study, changes: Mapping[str, Any], where: Callable[[str], str]) -> Study:
    """The study with changes of its base and of `evidence.*`; where: the place to name for a dotted key."""
    of_evidence = {key.removeprefix("evidence."): changes[key] for key in changes if key.startswith("evidence.")}
    of_base = {key: value for key, value in changes.items() if not key.startswith("evidence.")}
    evidence = study.evidence.model_dump(mode="json")
    try:
        refuse_overlaps(changes)
        base = apply_overrides(study.base, of_base, complete=study._completed)
        evidence = apply_overrides(evidence, of_evidence, complete=lambda _: {})
    except OverrideError as error:
        raise StudyError(f"{where(error.key)}: {error.message}", hint=error.hint) from None
    validate(study.trainer.config, base, lambda at: where(dotted(at)))
    for name in ("negligible", "worthwhile"):  # a default is no statement: it is in points, whatever the metric
        if name not in study.evidence.model_fields_set | of_evidence.keys():
            del evidence[name]
    checked = validate(EvidenceBlock, evidence, lambda at: where(dotted(("evidence", *at))))
    _check_metric(checked.metric, study.trainer, where("evidence.metric"))
    return replace(study, base=base, evidence=checked)


def _parse_set(item: str) -> tuple[str, Any]:
    key, equals, text = item.partition("=")
    if not equals or not key.strip():
        raise StudyError(f"--set {item!r} is not of the form key=value", hint="Example: --set optimizer.lr=1e-3")
    return key.strip(), read_value(text, name=f"--set {key.strip()}")


def _with_design(study: Study, design: str | None) -> Study:
    if design is None or design == study.design:
        return study
    if design not in (*DESIGNS, *CHECKS):
        raise StudyError(
            f"--design {design}: there is no such design",
            hint=f"{near_match(design, (*DESIGNS, *CHECKS))}Choices: {', '.join((*DESIGNS, *CHECKS))}.",
        )
    if not study.factors and design != "aa":
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
