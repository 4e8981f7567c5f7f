"""From a study file to a Study: parsed, checked against the trainer's schema, every name known."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from ablate.errors import StudyError, near_match
from ablate.files import sha256_json
from ablate.overrides import OverrideError, apply_overrides
from ablate.records import Folds, Official, Protocol, Share
from ablate.resolve import Trainer, load_trainer
from ablate.settings import Settings
from ablate.study.reader import Document, read_file, read_value
from ablate.study.schema import (
    DESIGNS,
    EvidenceBlock,
    FoldsBlock,
    SearchBlock,
    ShareBlock,
    StudyFile,
    validate,
)

Overrides = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Factor:
    """A named bundle of overrides that switch together; one level each, or several (`each:`)."""

    name: str
    levels: Mapping[str, Overrides]
    """Level name -> overrides; a factor without `each:` has one level under its own name."""


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

    def resolve(self, overrides: Overrides, path: tuple[str | int, ...]) -> Settings:
        """The complete config under some overrides; `path` is where they stand in the file."""
        try:
            config = apply_overrides(self.base, overrides, defaults=self._complete_base())
        except OverrideError as error:
            where = self.document.where((*path, error.key))
            raise StudyError(f"{where}: {error.message}", hint=error.hint) from None

        def place(at: tuple[str | int, ...]) -> str:
            dotted = ".".join(str(part) for part in at)
            for key in overrides:
                if dotted == key or dotted.startswith(f"{key}.") or key.startswith(f"{dotted}."):
                    return self.document.where((*path, key))
            return self.document.where(("base", *at))

        return validate(self.trainer.config, config, place)

    def _complete_base(self) -> dict[str, Any]:
        return self.trainer.config.model_validate(self.base).model_dump(mode="json")

    @property
    def protocol(self) -> Protocol:
        """The part of the evidence that a run itself must know."""
        match self.evidence.test:
            case FoldsBlock(folds=folds):
                test: Folds | Share | Official = Folds(count=folds)
            case ShareBlock(share=share):
                test = Share(share=share)
            case _:
                test = Official()
        return Protocol(test=test, val=self.evidence.val, weights=self.evidence.weights, metric=self.evidence.metric)


def load_study(path: Path | str, *, sets: Sequence[str] = (), design: str | None = None) -> Study:
    """Read and check a study file.

    sets: `key=value` changes of the base (or of `evidence.*`); they give the study an identity of
    its own, `name@3f2a91`, so that a smoke run never overwrites the real report.
    design: another design over the same factors, with an identity of its own likewise.
    Raises StudyError with file, line and key.
    """
    document = read_file(Path(path))
    if document.data is None:
        raise StudyError(f"{document.name}: the file is empty", hint="`ablate init` writes a study to start from.")
    file = validate(StudyFile, document.data, document.where)
    trainer = load_trainer(file.trainer)
    _check_metric(file, trainer, document)
    own = next((name for name in DESIGNS if getattr(file, name) is not None), None)
    study = Study(
        name=file.study,
        question=file.question,
        trainer=trainer,
        base=file.base,
        design=own,
        own_design=own,
        factors=_read_factors(getattr(file, own), own, document) if own else (),
        comparisons=tuple(
            Comparison(name=name, reference=block.with_, overrides=block.set) for name, block in file.compare.items()
        ),
        evidence=file.evidence,
        published=file.published,
        search=file.search,
        experiment=file.tracking.experiment or file.study,
        document=document,
    )
    validate(trainer.config, file.base, lambda at: document.where(("base", *at)))
    return _with_design(_with_sets(study, sets), design)


def _check_metric(file: StudyFile, trainer: Trainer, document: Document) -> None:
    metric = file.evidence.metric
    if metric not in trainer.metrics:
        raise StudyError(
            f"{document.where(('evidence', 'metric'))}: the trainer {trainer.path} does not report {metric!r}",
            hint=f"{near_match(metric, trainer.metrics)}It reports: {', '.join(trainer.metrics)}.",
        )


def _read_factors(blocks: Mapping[str, Overrides], design: str, document: Document) -> tuple[Factor, ...]:
    factors = []
    for name, overrides in blocks.items():
        levels = _levels(name, overrides, document.where((design, name)))
        if len(levels) > 1 and design in ("chain", "leave_one_out"):
            raise StudyError(
                f"{document.where((design, name))}: factor {name!r} has several levels (each:), "
                f"but a step of {design} is one change",
                hint="Use one_at_a_time or factorial, or write the levels as factors of their own.",
            )
        factors.append(Factor(name=name, levels=levels))
    return tuple(factors)


def _levels(name: str, overrides: Overrides, where: str) -> dict[str, Overrides]:
    several = {key: value["each"] for key, value in overrides.items() if _is_each(value)}
    if not several:
        return {name: overrides}
    lengths = {len(values) for values in several.values()}
    if lengths == {0} or len(lengths) > 1 or not all(isinstance(v, list) for v in several.values()):
        raise StudyError(f"{where}: every `each:` of factor {name!r} needs a list of the same, non-zero length")
    fixed = {key: value for key, value in overrides.items() if key not in several}
    levels: dict[str, Overrides] = {}
    for values in zip(*several.values(), strict=True):
        label = f"{name} {_short(values[0])}"
        if label in levels:
            raise StudyError(f"{where}: factor {name!r} has two levels called {label!r}")
        levels[label] = fixed | dict(zip(several, values, strict=True))
    return levels


def _is_each(value: Any) -> bool:
    return isinstance(value, Mapping) and set(value) == {"each"} and isinstance(value["each"], list)


def _short(value: Any) -> str:
    match value:
        case None:
            return "off"
        case Mapping():
            return str(value.get("name") or ", ".join(f"{k} {_short(v)}" for k, v in value.items()))[:40]
        case list():
            return ", ".join(_short(item) for item in value)[:40]
        case float():
            return f"{value:g}"
        case _:
            return str(value).replace("/", "-")[:40]


def _with_sets(study: Study, sets: Sequence[str]) -> Study:
    if not sets:
        return study
    changes = dict(_parse_set(item) for item in sets)
    base_changes = {key: value for key, value in changes.items() if not key.startswith("evidence.")}
    try:
        base = apply_overrides(study.base, base_changes, defaults=study._complete_base())
    except OverrideError as error:
        raise StudyError(f"--set {error.key}: {error.message}", hint=error.hint) from None
    validate(study.trainer.config, base, lambda at: f"--set {'.'.join(map(str, at))}")
    evidence = study.evidence.model_dump(mode="json") | {
        key.removeprefix("evidence."): value for key, value in changes.items() if key not in base_changes
    }
    checked = validate(EvidenceBlock, evidence, lambda at: f"--set evidence.{'.'.join(map(str, at))}")
    if checked.metric not in study.trainer.metrics:
        known = study.trainer.metrics
        raise StudyError(
            f"--set evidence.metric: the trainer does not report {checked.metric!r}",
            hint=f"It reports: {', '.join(known)}.",
        )
    name = f"{study.name}@{sha256_json(changes)[:6]}"
    return replace(study, name=name, base=base, evidence=checked)


def _parse_set(item: str) -> tuple[str, Any]:
    key, equals, text = item.partition("=")
    if not equals or not key.strip():
        raise StudyError(f"--set {item!r} is not of the form key=value", hint="Example: --set optimizer.lr=1e-3")
    return key.strip(), read_value(text)


def _with_design(study: Study, design: str | None) -> Study:
    if design is None or design == study.design:
        return study
    if design not in DESIGNS:
        raise StudyError(
            f"unknown design {design!r}", hint=f"{near_match(design, DESIGNS)}Choices: {', '.join(DESIGNS)}."
        )
    if not study.factors:
        raise StudyError(f"--design {design}: the study {study.name!r} has no factors")
    several = [factor.name for factor in study.factors if len(factor.levels) > 1]
    if several and design in ("chain", "leave_one_out"):
        raise StudyError(f"--design {design}: factor {several[0]!r} has several levels (each:)")
    return replace(study, name=f"{study.name}@{design}", design=design)
