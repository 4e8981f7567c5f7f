"""The plan: every variant with its config, every contrast, every run, fixed before the first one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from ablate.errors import StudyError, near_match
from ablate.files import sha256_json
from ablate.records import Contrast, Protocol, Replicate, RunSpec, Variant
from ablate.settings import Settings, defining_test, identity_of
from ablate.study.design import Cell, Layout, Question, lay_out
from ablate.study.load import Study


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What a study will do. `looks` are the planned numbers of replicates."""

    study: str
    trainer: str
    protocol: Protocol
    variants: tuple[Variant, ...]
    contrasts: tuple[Contrast, ...]
    looks: tuple[int, ...]

    def variant(self, name: str) -> Variant:
        """The variant of that name. Raises StudyError with a near match."""
        for variant in self.variants:
            if variant.name == name:
                return variant
        names = [variant.name for variant in self.variants]
        raise StudyError(
            f"the study {self.study!r} has no variant {name!r}",
            hint=f"{near_match(name, names)}Variants: {', '.join(names)}.",
        )

    def spec(self, variant: Variant, replicate: Replicate) -> RunSpec:
        """The run of one variant on one replicate."""
        return RunSpec(
            trainer=self.trainer,
            config=variant.config,
            identity=variant.identity,
            protocol=self.protocol,
            replicate=replicate,
        )

    def runs(self, look: int = 1) -> Iterator[tuple[Variant, RunSpec]]:
        """Every run up to a planned look (counted from 1), replicate by replicate over all variants."""
        for index in range(self.looks[look - 1]):
            for variant in self.variants:
                yield variant, self.spec(variant, Replicate(index=index))


def make_plan(study: Study) -> Plan:
    """Resolve and check every variant of a study; needs neither data nor torch.

    Raises StudyError for a change that changes nothing, for a factor that would change the test
    images, and for every config the trainer's schema refuses.
    """
    names: dict[str, str] = {}
    variants: dict[str, Variant] = {}
    if study.own_design and study.own_design != study.design:
        for cell in lay_out(study, study.own_design).cells:  # the study's own design names a config first
            names.setdefault(_key(_settings(study, cell)), cell.name)
    layout = lay_out(study, study.design) if study.design else _baseline_only(study)
    renamed: dict[str, str] = {}
    for cell in layout.cells:
        variant = _variant(study, cell, variants, renamed, names)
        renamed[cell.name] = variant.name
        variants[variant.name] = variant
    contrasts = [_contrast(question, renamed) for question in layout.questions]
    for comparison in study.comparisons:
        variant, contrast = _compare(study, comparison.name, variants)
        variants[variant.name] = variant
        contrasts.append(contrast)
    _check_published(study, variants)
    return Plan(
        study=study.name,
        trainer=study.trainer.path,
        protocol=study.protocol,
        variants=tuple(variants.values()),
        contrasts=tuple(contrasts),
        looks=tuple(study.evidence.replicates),
    )


def _baseline_only(study: Study) -> Layout:
    return Layout((Cell("baseline", {}, None, ()),), ())


def _settings(study: Study, cell: Cell) -> Settings:
    return study.resolve(cell.overrides, cell.places[-1] if cell.places else ("base",))


def _key(settings: Settings) -> str:
    return sha256_json(identity_of(settings))


def _variant(
    study: Study,
    cell: Cell,
    variants: Mapping[str, Variant],
    renamed: Mapping[str, str],
    names: dict[str, str],
) -> Variant:
    settings = _settings(study, cell)
    place = study.document.where(cell.places[-1] if cell.places else ("base",))
    if cell.reference is not None:
        reference = variants[renamed[cell.reference]]
        _refuse_no_op(cell.name, settings, reference, place)
        touched = _changed_test_fields(study, settings, reference)
        if touched:
            raise StudyError(
                f"{place}: {cell.name!r} changes {touched[0]}, and with it the test images; "
                "no step of a design may do that",
                hint="Put the question under compare:, where its verdict reads 'not assessable'.",
            )
    name = names.setdefault(_key(settings), cell.name)
    if name in variants:
        raise StudyError(f"{place}: {cell.name!r} is the same configuration as {name!r}")
    return Variant(
        name=name,
        config=settings.model_dump(mode="json"),
        identity=identity_of(settings),
        changes=_changes(cell, variants.get(renamed.get(cell.reference or "", "")), study),
        reference=renamed[cell.reference] if cell.reference else None,
    )


def _changes(cell: Cell, reference: Variant | None, study: Study) -> dict[str, Any]:
    """The overrides that tell a cell from its reference, by the value each key has now."""
    if reference is None:
        return {}
    factor_keys = [key for factor in study.factors for level in factor.levels.values() for key in level]
    keys = dict.fromkeys([*cell.overrides, *factor_keys])
    config = study.resolve(cell.overrides, ("base",)).model_dump(mode="json")
    here = {key: cell.overrides.get(key, _value_at(config, key)) for key in keys}
    return {key: value for key, value in here.items() if _value_at(config, key) != _value_at(reference.config, key)}


def _value_at(config: Any, key: str) -> Any:
    for part in key.split("."):
        config = config.get(part) if isinstance(config, Mapping) else None
    return config


def _contrast(question: Question, renamed: Mapping[str, str]) -> Contrast:
    return Contrast(
        name=question.name,
        variant=renamed.get(question.variant, question.variant),
        reference=renamed.get(question.reference, question.reference),
        weights={renamed[name]: weight for name, weight in question.weights.items()},
        family=question.family,
    )


def _compare(study: Study, name: str, variants: Mapping[str, Variant]) -> tuple[Variant, Contrast]:
    comparison = next(item for item in study.comparisons if item.name == name)
    place = ("compare", name)
    where = study.document.where(place)
    if name in variants:
        raise StudyError(f"{where}: the design already has a variant {name!r}; choose another name")
    if comparison.reference not in variants:
        raise StudyError(
            f"{where}: there is no variant {comparison.reference!r} to compare with",
            hint=f"{near_match(comparison.reference, variants)}Variants: {', '.join(variants)}.",
        )
    reference = variants[comparison.reference]
    settings = _resolve_on(study, reference, comparison.overrides, (*place, "set"))
    _refuse_no_op(name, settings, reference, where)
    same = next((v.name for v in variants.values() if v.identity == identity_of(settings)), None)
    if same:
        raise StudyError(f"{where}: {name!r} is the same configuration as {same!r}")
    variant = Variant(
        name=name,
        config=settings.model_dump(mode="json"),
        identity=identity_of(settings),
        changes=dict(comparison.overrides),
        reference=reference.name,
    )
    contrast = Contrast(
        name=name,
        variant=name,
        reference=reference.name,
        weights={name: 1.0, reference.name: -1.0},
        family="compare",
        not_assessable="different test sets" if _changed_test_fields(study, settings, reference) else "",
    )
    return variant, contrast


def _resolve_on(study: Study, reference: Variant, overrides: Mapping[str, Any], path: tuple[str, ...]) -> Settings:
    return replace(study, base=_sparse(study, reference)).resolve(overrides, path)


def _sparse(study: Study, variant: Variant) -> Mapping[str, Any]:
    """A variant's config without defaults, as a base that overrides can be laid on."""
    settings = study.trainer.config.model_validate(variant.config)
    return settings.model_dump(mode="json", exclude_defaults=True)


def _refuse_no_op(name: str, settings: Settings, reference: Variant, where: str) -> None:
    if identity_of(settings) == reference.identity:
        raise StudyError(
            f"{where}: {name!r} changes nothing: its configuration equals that of {reference.name!r}",
            hint="Look for a value that is the default, or a key that a step before it has set already.",
        )


def _changed_test_fields(study: Study, settings: Settings, reference: Variant) -> list[str]:
    before = defining_test(study.trainer.config.model_validate(reference.config))
    after = defining_test(settings)
    return [key for key in before | after if before.get(key) != after.get(key)]


def _check_published(study: Study, variants: Mapping[str, Variant]) -> None:
    for metric, figures in (study.published or {}).items():
        if metric == "protocol":
            continue
        where = study.document.where(("published", metric))
        if not isinstance(figures, Mapping):
            raise StudyError(f"{where}: published.{metric} needs one figure a variant, such as `baseline: 149/360`")
        for name, figure in figures.items():
            if name not in variants:
                raise StudyError(
                    f"{study.document.where(('published', metric, name))}: there is no variant {name!r}",
                    hint=f"{near_match(name, variants)}Variants: {', '.join(variants)}.",
                )
            published_fraction(figure, study.document.where(("published", metric, name)))


def published_fraction(figure: Any, where: str = "published") -> tuple[float, int | None]:
    """A published figure as a fraction, and the number of test images where it was given as a count.

    `149/360` is a count, `41.4` a percentage.
    """
    if isinstance(figure, (int, float)) and not isinstance(figure, bool) and 0 <= figure <= 100:
        return figure / 100, None
    if isinstance(figure, str):
        correct, slash, images = figure.partition("/")
        if slash and correct.strip().isdigit() and images.strip().isdigit() and 0 <= int(correct) <= int(images) > 0:
            return int(correct) / int(images), int(images)
    raise StudyError(f"{where}: {figure!r} is neither a count such as 149/360 nor a percentage such as 41.4")
