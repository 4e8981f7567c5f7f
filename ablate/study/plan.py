"""The plan: every variant with its config, every contrast, every run, fixed before the first one."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

from ablate.errors import StudyError, near_match
from ablate.files import sha256_json
from ablate.metrics import measured_goal
from ablate.readers.published import PublishedFigure, read_figures
from ablate.records import Contrast, RunSpec, Variant
from ablate.settings import Settings, defining_test, flattened, identity_of
from ablate.splits.rules import Protocol, Replicate
from ablate.study.derivation import Derivation, make_derivations
from ablate.study.designs.catalogue import lay_out
from ablate.study.designs.layout import DesignCell, DesignQuestion, join_overrides
from ablate.study.designs.step_matched import FAMILY, step_matched
from ablate.study.ends import Closed
from ablate.study.expectations import shown
from ablate.study.factors import Overrides, Place
from ablate.study.overrides import is_within
from ablate.study.shown import plan_html
from ablate.study.study import Comparison, Study


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What a study will do.

    looks: the planned numbers of replicates. shares: the part of the error rate each may spend, empty for
    the usual ones. closed: of a study closed for time, whose looks are those there were. stream: whose luck its runs
    have.
    """

    study: str
    trainer: str
    protocol: Protocol
    variants: tuple[Variant, ...]
    contrasts: tuple[Contrast, ...]
    looks: tuple[int, ...]
    shares: tuple[float, ...] = ()
    derivations: tuple[Derivation, ...] = ()
    closed: Closed | None = None
    stream: str = "main"

    def variant(self, name: str) -> Variant:
        """The variant of that name, or of what a design calls it. Raises StudyError with a near match."""
        for known in (name, f"only {name}"):
            for variant in self.variants:
                if variant.name == known:
                    return variant
            for variant in self.variants:
                if variant.alias == known:
                    return variant
        names = [variant.name for variant in self.variants]
        raise StudyError(
            f"the study {self.study!r} has no variant {name!r}",
            hint=f"{near_match(name, names)}Variants: {', '.join(names)}.",
        )

    def spec(self, variant: Variant, replicate: Replicate) -> RunSpec:
        """The run of one variant on one replicate; a copy of a variant has its own luck."""
        if variant.stream != "main":
            replicate = replace(replicate, stream=variant.stream)
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
                yield variant, self.spec(variant, Replicate(index=index, stream=self.stream))

    def _repr_html_(self) -> str:
        return plan_html(self.study, self.variants, self.contrasts, self.looks)


def make_plan(study: Study) -> Plan:
    """Resolve and check every variant of a study; needs neither data nor torch.

    `compare:` and `derive:` name variants of the study's own design; another design leaves them out.
    Raises StudyError for a change that changes nothing, for a factor that would change the test
    images, and for every config that the trainer's schema or the trainer refuses.
    """
    own = study.design == study.own_design
    names = {} if own else _own_names(study)
    layout = lay_out(study, study.design)
    made: dict[str, _Made] = {}
    for cell in layout.cells:
        made[cell.name] = _make_cell(study, cell, made, names)
    asking = {level for factor in study.factors if factor.ask for level in (factor.name, *factor.levels)}
    contrasts = [_contrast(question, made, asking) for question in layout.questions]
    variants = {item.variant.name: item for item in made.values()}
    asked = study.comparisons if own else ()
    controls = step_matched(study, [v.variant for v in variants.values()], contrasts) if own and study.control else ()
    for comparison in (*controls, *asked):
        variants[comparison.name], contrast = _compare(study, comparison, variants)
        contrasts.append(replace(contrast, family=FAMILY) if comparison in controls else contrast)
    _check_published(study, variants if own else None)
    made_variants = tuple(item.variant for item in variants.values())
    tests = {name: defining_test(item.settings) for name, item in variants.items()}
    return Plan(
        study=study.name,
        trainer=study.trainer.path,
        protocol=study.protocol,
        variants=made_variants,
        contrasts=tuple(contrasts),
        looks=tuple(study.evidence.replicates),
        shares=tuple(study.evidence.shares or ()),
        derivations=make_derivations(study, made_variants, tests) if own else (),
    )


class _Made(NamedTuple):
    """A variant with what it was made from, for what is laid on it."""

    variant: Variant
    digest: str
    settings: Settings
    overrides: Overrides
    places: tuple[Place, ...]


def _own_names(study: Study) -> dict[str, str]:
    """Digest of a config -> its name in the study's own design, which names a config first."""
    names: dict[str, str] = {}
    try:
        for cell in lay_out(study, study.own_design).cells:
            names.setdefault(sha256_json(identity_of(study.resolve(cell.overrides, *cell.places))), cell.name)
    except StudyError:
        return {}  # a design that cannot be laid out names nothing
    return names


def _make_cell(study: Study, cell: DesignCell, made: Mapping[str, _Made], names: dict[str, str]) -> _Made:
    reference = made[cell.reference] if cell.reference is not None else None
    where = study.document.where(cell.places[-1] if cell.places else ("base",))
    found = _make(study, cell, reference, made.values(), where=where, names=names)
    if reference is not None:
        _refuse_other_tests(cell.name, found.settings, reference, where)
    return found


def _make(
    study: Study,
    cell: DesignCell,
    reference: _Made | None,
    made: Iterable[_Made],
    *,
    where: str,
    names: dict[str, str],
) -> _Made:
    """A variant that is neither its reference nor one of those made before it.

    where: its place in the file, for messages. names: digest of a config -> the name it goes by.
    """
    settings = _settings(study, cell)
    identity = identity_of(settings)
    digest = _digest(identity, cell.stream)
    if reference is not None:
        _refuse_no_op(cell.name, (settings, digest), reference, where)
    name = names.setdefault(digest, cell.name)
    _refuse_taken(name, cell.name, digest, made, where)
    variant = Variant(
        name=name,
        config=settings.model_dump(mode="json"),
        identity=identity,
        changes=_changes(study, cell.overrides, settings, reference.settings) if reference else {},
        reference=reference.variant.name if reference else None,
        factors=cell.factors,
        alias=cell.name if cell.name != name else "",
        stream=cell.stream,
    )
    return _Made(variant, digest, settings, cell.overrides, cell.places)


def _digest(identity: Mapping[str, Any], stream: str) -> str:
    """Equal for variants whose runs would be the same runs."""
    return sha256_json(identity if stream == "main" else {"identity": identity, "stream": stream})


def _settings(study: Study, cell: DesignCell) -> Settings:
    try:
        settings = study.resolve(cell.overrides, *cell.places)
        study.check(settings, cell.overrides, *cell.places)
    except StudyError as error:
        if len(cell.places) < 2:
            raise
        # Several changes met: which of the variants failed is not to be seen from the place.
        raise StudyError(f"{error.message} (in variant {cell.name!r})", hint=error.hint) from None
    return settings


def _refuse_no_op(name: str, made: tuple[Settings, str], reference: _Made, where: str) -> None:
    settings, digest = made
    if digest != reference.digest:
        return
    before, after = (flattened(item.model_dump(mode="json")) for item in (reference.settings, settings))
    moved = [key for key in after if after[key] != before.get(key)]
    if moved:
        raise StudyError(
            f"{where}: {name!r} changes nothing that can change a result: {', '.join(moved)}",
            hint="Folders and devices are no part of what a run is; change them in base, or by --set.",
        )
    raise StudyError(
        f"{where}: {name!r} changes nothing: its configuration equals that of {reference.variant.name!r}",
        hint="Look for a value that is the default, or a key that a step before it has set already.",
    )


def _refuse_other_tests(name: str, settings: Settings, reference: _Made, where: str) -> None:
    touched = _changed_test_fields(settings, reference)
    if touched:
        raise StudyError(
            f"{where}: {name!r} changes {touched[0]}, and with it the test images; no step of a design may do that",
            hint="Put the question under compare:, where its verdict reads 'not assessable'.",
        )


def _changed_test_fields(settings: Settings, reference: _Made) -> list[str]:
    before, after = defining_test(reference.settings), defining_test(settings)
    return [key for key in before | after if before.get(key) != after.get(key)]


def _refuse_taken(name: str, wanted: str, digest: str, made: Iterable[_Made], where: str) -> None:
    for item in made:
        if item.digest == digest:
            raise StudyError(
                f"{where}: {wanted!r} is the same configuration as {item.variant.name!r}",
                hint="One name per configuration: leave one of the two out.",
            )
        if item.variant.name == name:
            raise StudyError(f"{where}: two different variants would be called {name!r}", hint="Rename a factor.")


def _changes(study: Study, overrides: Overrides, settings: Settings, reference: Settings) -> dict[str, Any]:
    """What tells a config from its reference, by the keys that the study's factors use."""
    here, there = settings.model_dump(mode="json"), reference.model_dump(mode="json")
    keys = dict.fromkeys([*overrides, *(k for f in study.factors for level in f.levels.values() for k in level)])
    differing = [key for key in keys if _value_at(here, key) != _value_at(there, key)]
    whole = [key for key in differing if _is_replaced(_value_at(here, key), _value_at(there, key))]
    shown = [
        key
        for key in differing
        if not any(is_within(key, block) for block in whole)
        and (key in whole or not any(is_within(other, key) for other in differing))
    ]
    as_written = {key for key in overrides if not any(is_within(other, key) for other in overrides)}
    return {key: overrides[key] if key in as_written else _value_at(here, key) for key in shown}


def _is_replaced(here: Any, there: Any) -> bool:
    """Whether a value is another thing altogether, not the same block with other values inside."""
    return not (isinstance(here, Mapping) and isinstance(there, Mapping) and here.get("name") == there.get("name"))


def _value_at(config: Any, key: str) -> Any:
    for part in key.split("."):
        config = config.get(part) if isinstance(config, Mapping) else None
    return config


def _contrast(question: DesignQuestion, made: Mapping[str, _Made], asking: Collection[str]) -> Contrast:
    def name(cell: str) -> str:
        return made[cell].variant.name if cell in made else cell

    return Contrast(
        name=question.name,
        variant=name(question.variant),
        reference=name(question.reference),
        weights={name(cell): weight for cell, weight in question.weights.items()},
        family=question.family,
        factors=question.factors,
        ask="no_worse" if len(question.factors) == 1 and question.factors[0] in asking else "",
    )


def _compare(study: Study, comparison: Comparison, variants: Mapping[str, _Made]) -> tuple[_Made, Contrast]:
    name = comparison.name
    where = study.document.where(("compare", name))
    if comparison.reference not in variants:
        raise StudyError(
            f"{study.document.where(('compare', name, 'with'))}: there is no variant {comparison.reference!r} "
            "to compare with",
            hint=f"{near_match(comparison.reference, variants)}Variants: {', '.join(variants)}.",
        )
    reference = variants[comparison.reference]
    cell = DesignCell(
        name=name,
        overrides=join_overrides(reference.overrides, comparison.overrides),
        reference=reference.variant.name,
        places=(*reference.places, study.place_of_change("compare", name, "set")),
    )
    made = _make(study, cell, reference, variants.values(), where=where, names={})
    made = made._replace(variant=replace(made.variant, changes=dict(comparison.overrides)))
    contrast = Contrast(
        name=name,
        variant=name,
        reference=reference.variant.name,
        weights={name: 1.0, reference.variant.name: -1.0},
        family="compare",
        not_assessable="different test sets" if _changed_test_fields(made.settings, reference) else "",
        ask=comparison.ask,
    )
    return made, contrast


def _check_published(study: Study, variants: Collection[str] | None) -> None:
    """Refuse figures that cannot be read, and names that are no variants where these are known."""
    for metric, figures in (study.published or {}).items():
        if metric == "protocol":
            continue
        where = study.document.where(("published", metric))
        if metric not in study.trainer.metrics and measured_goal(metric) is None:
            known = (*study.trainer.metrics, "protocol")
            raise StudyError(
                f"{where}: the trainer {study.trainer.shown} does not report {metric!r}",
                hint=f"{near_match(metric, known)}Known keys: {', '.join(known)}.",
            )
        if not isinstance(figures, Mapping):
            raise StudyError(
                f"{where}: published.{metric}: expected one figure per variant, got {shown(figures)}",
                hint="Example: {baseline: 149/360}",
            )
        for name in figures:
            if variants is not None and name not in variants:
                raise StudyError(
                    f"{study.document.where(('published', metric, name))}: there is no variant {name!r}",
                    hint=f"{near_match(name, variants)}Variants: {', '.join(variants)}.",
                )
        published_figures(study, metric)


def published_figures(study: Study, metric: str) -> dict[str, PublishedFigure]:
    """A source's figures of one metric by variant, in one unit; empty where there are none.

    Raises StudyError, naming file and line, for what is no figure, or in doubt.
    """
    figures = (study.published or {}).get(metric, {})
    return read_figures(metric, figures, lambda name: study.document.where(("published", metric, name)))
