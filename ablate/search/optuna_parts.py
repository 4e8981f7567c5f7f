"""Optuna's own parts, made from ours: suggestions, samplers, pruners."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from ablate.search.question import STREAM, SearchQuestion
from ablate.splits.rules import Replicate
from ablate.study.space.tree import Choice, Number, Parameter, Point, Space, Stored, walk

if TYPE_CHECKING:
    import optuna
    from optuna.trial import Trial


def quiet_optuna() -> warnings.catch_warnings[None]:
    """Optuna marks as experimental what has been stable for years; not news to a user."""
    return warnings.catch_warnings(action="ignore")


def suggest(space: Space, trial: Trial) -> Point:
    """One point of the space; what stands under a choice is only asked for where it was chosen."""
    return _suggest(space.parameters, trial)


def _suggest(parameters: Sequence[Parameter], trial: Trial) -> dict[str, Stored]:
    point: dict[str, Stored] = {}
    for parameter in parameters:
        if isinstance(parameter, Choice):
            label = trial.suggest_categorical(parameter.name, [option.label for option in parameter.options])
            point[parameter.name] = label
            point |= _suggest(parameter.option(label).space, trial)
        else:
            point[parameter.name] = _suggest_number(parameter, trial)
    return point


def _suggest_number(parameter: Number, trial: Trial) -> float | int:
    if parameter.is_whole:
        bounds = (int(parameter.low), int(parameter.high))
        return trial.suggest_int(parameter.name, *bounds, log=parameter.log, step=int(parameter.step or 1))
    limits = (float(parameter.low), float(parameter.high))
    return trial.suggest_float(parameter.name, *limits, log=parameter.log, step=parameter.step)


def make_sampler(question: SearchQuestion, trials: int) -> optuna.samplers.BaseSampler:
    """The sampler, seeded by how far the search is: one that goes on does not ask the same again."""
    import optuna

    seed = Replicate(index=0, stream=STREAM).seed("sampler", trials) % 2**32
    with quiet_optuna():
        if question.block.sampler == "random":
            return optuna.samplers.RandomSampler(seed=seed)
        return optuna.samplers.TPESampler(seed=seed, constant_liar=True)


def make_pruner(question: SearchQuestion) -> optuna.pruners.BasePruner:
    """The pruner; resources are epochs."""
    from optuna import pruners

    with quiet_optuna():
        match question.block.pruner:
            case "median":
                return pruners.MedianPruner(n_startup_trials=5, n_warmup_steps=1)
            case "hyperband":
                most = longest(question)
                return pruners.HyperbandPruner(
                    min_resource=1, max_resource="auto" if most is None else most, reduction_factor=3
                )
            case "successive_halving":
                return pruners.SuccessiveHalvingPruner(min_resource=1, reduction_factor=3)
            case "wilcoxon":
                return pruners.WilcoxonPruner(p_threshold=0.1, n_startup_steps=2)
            case _:
                return pruners.NopPruner()


def longest(question: SearchQuestion) -> int | None:
    """The most epochs a trial may have; None where the trainer's config does not say."""
    for parameter in walk(question.space.parameters):
        if isinstance(parameter, Number) and parameter.key == "epochs":
            return int(parameter.high)
        if isinstance(parameter, Choice) and parameter.key == "epochs":
            return max((option.label for option in parameter.options if isinstance(option.label, int)), default=None)
    epochs: Any = question.study.resolve({}, ("base",)).model_dump(mode="json").get("epochs")
    return epochs if isinstance(epochs, int) and epochs > 0 else None
