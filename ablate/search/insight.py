"""What Optuna can say of a finished search: which parameters mattered, which trials nobody beats."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from ablate.search.optuna_parts import quiet_optuna

if TYPE_CHECKING:
    import optuna
    from optuna.trial import FrozenTrial

FEWEST = 4
"""Finished trials below which no importance is computed."""


class Importance(NamedTuple):
    """How much one parameter mattered; shares add up to 1 over the parameters.

    fanova: of the variance over all trials (Hutter et al. 2014, a random forest of fixed seed).
    ped_anova: of what tells the better trials from all (Watanabe et al. 2023). None where it cannot be told.
    """

    name: str
    fanova: float | None
    ped_anova: float | None


def importances(optuna_study: optuna.Study) -> tuple[Importance, ...]:
    """Each parameter that every trial has, the most important first; by the first objective.

    Empty below four finished trials, or where all of them came out alike. Shares of variance without error
    bars or signs: they say where to look, not what a change gains.
    """
    from optuna.importance import FanovaImportanceEvaluator, PedAnovaImportanceEvaluator
    from optuna.trial import TrialState

    complete = optuna_study.get_trials(deepcopy=False, states=[TrialState.COMPLETE])
    if len(complete) < FEWEST or len({trial.values[0] for trial in complete}) < 2:
        return ()
    with quiet_optuna():
        fanova = _shares(optuna_study, FanovaImportanceEvaluator(seed=0))
        ped = _shares(optuna_study, PedAnovaImportanceEvaluator())
    names = sorted(fanova | ped, key=lambda name: -(fanova.get(name) or ped.get(name) or 0.0))
    return tuple(Importance(name, fanova.get(name), ped.get(name)) for name in names)


def _shares(optuna_study: optuna.Study, evaluator: Any) -> dict[str, float]:
    from optuna.importance import get_param_importances

    target = None if len(optuna_study.directions) == 1 else _first
    try:
        found = get_param_importances(optuna_study, evaluator=evaluator, target=target)
    except (ValueError, RuntimeError):  # no parameter is common to all trials, or none of them varies
        return {}
    return {name: float(share) for name, share in found.items()}


def _first(trial: FrozenTrial) -> float:
    return float(trial.values[0])


def pareto_front(optuna_study: optuna.Study) -> frozenset[int]:
    """The numbers of the trials that no other beats in both objectives; of the best trials with one."""
    with quiet_optuna():
        return frozenset(trial.number for trial in optuna_study.best_trials)
