"""What a search asks: where it looks, what it judges by, and which runs a point stands for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

from ablate.errors import StudyError, near_match
from ablate.files import sha256_json
from ablate.records import BASELINE, Finished, RunSpec, Variant
from ablate.settings import changed_defaults, identity_of
from ablate.splits.rules import Protocol, Replicate
from ablate.study.former_defaults import former_base, in_words, way_to_keep
from ablate.study.search_schema import COSTS, SearchBlock
from ablate.study.space.reading import make_space, read_space
from ablate.study.space.tree import Point, Space
from ablate.study.study import Study
from ablate.trainer import is_built_in

STREAM = "search"
BASELINE_TRIAL = -1
"""The number of the baseline where it is outside the space, and so is no trial of Optuna's."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Objective:
    """What trials are judged by: a metric on validation images, or what a run costs."""

    name: str
    goal: Literal["max", "min"]

    @property
    def is_cost(self) -> bool:
        """Whether it is a cost, and not a metric of the trainer."""
        return self.name in COSTS

    def value_of(self, result: Finished) -> float | None:
        """The value of one run; None where the trainer does not say."""
        match self.name:
            case "parameters":
                value: float | None = result.cost.parameters
            case "seconds":
                value = result.cost.train_seconds if result.cost.train_seconds is not None else result.seconds
            case "latency":
                value = result.cost.latency_seconds
            case _:
                value = result.metrics.get(self.name)
        return None if value is None else float(value)


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchQuestion:
    """A search as it is asked. replicates: the ones every trial is the mean over."""

    study: Study
    block: SearchBlock
    space: Space
    objectives: tuple[Objective, ...]
    replicates: tuple[int, ...]
    protocol: Protocol

    @property
    def name(self) -> str:
        """Its name, and its folder's."""
        return self.study.name

    @property
    def prunes(self) -> bool:
        """Whether trials may be given up early."""
        return self.block.pruner != "none"

    def specs(self, point: Point) -> dict[int, RunSpec]:
        """Replicate -> the run of a point. Raises StudyError for a combination the trainer refuses."""
        return self.specs_of(self.space.variant("trial", point))

    def specs_of(self, variant: Variant) -> dict[int, RunSpec]:
        """Replicate -> the run of a config; equal points have equal runs."""
        return {
            index: RunSpec(
                trainer=self.study.trainer.path,
                config=variant.config,
                identity=variant.identity,
                protocol=self.protocol,
                replicate=Replicate(index=index, stream=STREAM),
            )
            for index in self.replicates
        }

    def runs_of(self, number: int, point: Point) -> dict[int, RunSpec]:
        """Replicate -> the run of a trial that ended; none where it never became one."""
        if number == BASELINE_TRIAL:
            return self.baseline_specs()
        try:
            return self.specs(point)
        except (StudyError, KeyError):
            return {}

    def baseline_specs(self) -> dict[int, RunSpec]:
        """Replicate -> the run of the base as it is."""
        settings = self.study.resolve({}, ("base",))
        config = settings.model_dump(mode="json")
        return self.specs_of(Variant(name=BASELINE, config=config, identity=identity_of(settings)))

    def values(self, results: Sequence[Finished]) -> tuple[float, ...] | None:
        """One value an objective, the mean over runs; None where a run does not tell one of them."""
        means = []
        for objective in self.objectives:
            values = [objective.value_of(result) for result in results]
            known = [value for value in values if value is not None]
            if len(known) < len(values) or not known:
                return None
            means.append(sum(known) / len(known))
        return tuple(means)

    def base_before(self) -> tuple[str, str] | None:
        """The digest of the base by the defaults of before, and how to write that; None where none has changed."""
        former = former_base(self.study)
        if former is None:
            return None
        changes = changed_defaults(self.study.resolve({}, ("base",)))
        way = way_to_keep(changes, self.study.base)
        return sha256_json(identity_of(former)), f"{in_words(changes)}; write {way} to go on with it"

    def asked(self) -> dict[str, Any]:
        """What must stay as it is while the search goes on, for people to compare."""
        return {
            "space": self.space.as_json(),
            "objective": {objective.name: objective.goal for objective in self.objectives},
            "base": sha256_json(identity_of(self.study.resolve({}, ("base",)))),
            "trainer": self.study.trainer.path,
            "protocol": self.protocol.identity(),
            "replicates": list(self.replicates),
        }


def make_question(study: Study, *, space: Space | None = None) -> SearchQuestion:
    """The search of a study's `search:`; every bound and choice was tried when this returns.

    space: another one than the block's own. Raises StudyError with file, line and key.
    """
    space = read_space(study) if space is None else space
    block = study.search
    assert block is not None
    objectives = tuple(_objective(study, name) for name in block.objective or [study.evidence.metric])
    if objectives[0].is_cost:
        raise StudyError(
            f"{study.document.where(('search', 'objective'))}: a search for {objectives[0].name} alone finds the "
            "smallest, not the best",
            hint=f"Put a metric first: [{study.evidence.metric}, {objectives[0].name}].",
        )
    for i, values in enumerate(block.enqueue):
        space.point_of(values, ("search", "enqueue", i))
    if study.trainer.is_command and not study.trainer.validation:
        raise StudyError(
            f"{study.document.where(('trainer', 'results'))}: a search over a command needs to know which of its "
            "numbers is of validation images",
            hint="Write it beside the place of the results: results: {file: result.json, validation: val_accuracy}.",
        )
    # Trials are judged on validation; fold 0's test part stays unread. The built-in trainer splits as the harness does.
    must_split = block.split is None and not (is_built_in(study.trainer.path) or study.trainer.is_command)
    protocol = replace(study.protocol, val=block.val, sealed=True, must_split=must_split)
    return SearchQuestion(
        study=study,
        block=block,
        space=space,
        objectives=objectives,
        replicates=tuple(block.replicates),
        protocol=protocol,
    )


def tuning_question(study: Study, base: Mapping[str, Any], name: str) -> SearchQuestion:
    """The search that `tune:` makes for one variant of a study, whose config is `base`."""
    tune = study.tune
    assert tune is not None
    block = SearchBlock.model_construct(
        space=tune.space, val=tune.val, sampler=tune.sampler, pruner=tune.pruner, trials=tune.trials, split=tune.split
    )
    of_variant = replace(study, name=name, base=base, search=block, sets=())
    return make_question(of_variant, space=make_space(of_variant, tune.space, ("tune", "space")))


def _objective(study: Study, name: str) -> Objective:
    if name in study.trainer.metrics:
        return Objective(name=name, goal=study.trainer.metrics[name])
    if name in COSTS:
        return Objective(name=name, goal="min")
    if name == study.evidence.metric and study.own_metric is None:
        return Objective(name=name, goal=study.goal)
    known = (*study.trainer.metrics, *COSTS)
    raise StudyError(
        f"{study.document.where(('search', 'objective'))}: there is no objective {name!r}",
        hint=f"{near_match(name, known)}Choices: {', '.join(known)}.",
    )


def name_of(number: int) -> str:
    """How a trial is called; numbers count from 0, as Optuna's do."""
    return BASELINE if number == BASELINE_TRIAL else f"trial {number}"
