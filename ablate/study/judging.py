"""Whether a study can be judged as its evidence asks: metrics that somebody computes, a unit that somebody names."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ablate.errors import SettingError, StudyError, TrainerError, near_match
from ablate.metrics import is_own, measured_goal, measured_names
from ablate.study.schema import EvidenceBlock, TestBlock
from ablate.trainer import Trainer, is_built_in


def check_judging(
    evidence: EvidenceBlock, trainer: Trainer, base: Mapping[str, Any], where: Callable[[str], str]
) -> None:
    """Raise StudyError for metrics that nobody computes, and for a unit that cannot be scored.

    where: the place of a key below `evidence`. A metric of the user's own is tried on made-up answers.
    """
    for key, names in (("metric", [evidence.metric]), ("also", evidence.also)):
        for name in names:
            _check_metric(name, trainer, base, where(key))
            _check_unit(name, evidence, trainer, where("unit"))
    if trainer.is_command and isinstance(evidence.test, TestBlock) and evidence.test.folds is not None:
        _check_replicates(evidence.replicates[-1], evidence.test.folds, trainer, where("replicates"))
    if evidence.weights == "best" and evidence.metric not in trainer.metrics and is_own(evidence.metric):
        raise StudyError(
            f"{where('weights')}: evidence.weights: best would choose the epoch by {evidence.metric}, which is "
            "computed after training",
            hint="Use weights: last, or judge by a metric of ablate's own and put this one into `also`.",
        )
    if evidence.unit is not None and is_built_in(trainer.path) and not _names_groups(base):
        raise StudyError(
            f"{where('unit')}: evidence.unit is one answer a {evidence.unit.group}, and nothing says which images are "
            f"of one {evidence.unit.group}",
            hint=f"Add below base: data: groups: '({evidence.unit.group}\\d+)', a pattern found in each image's path, "
            "or the column `group` of a table (docs/groups.md).",
        )


def _check_replicates(replicates: int, folds: int, trainer: Trainer, where: str) -> None:
    from ablate.command.schema import block_of
    from ablate.command.settings import check_replicates

    try:
        check_replicates(block_of(trainer.path), replicates, folds)
    except SettingError as error:
        raise StudyError(f"{where}: {error.message}", hint=error.hint) from None


def _check_metric(metric: str, trainer: Trainer, base: Mapping[str, Any], where: str) -> None:
    if metric in trainer.metrics or measured_goal(metric) is not None:
        return
    if is_own(metric):
        _try_own(metric, base, where)
        return
    known = (*trainer.metrics, *measured_names())
    raise StudyError(
        f"{where}: the trainer {trainer.shown} does not report {metric!r}",
        hint=f"{near_match(metric, known)}It reports: {', '.join(trainer.metrics)}. From stored answers ablate "
        f"computes: {', '.join(name for name in known if name not in trainer.metrics)}.",
    )


def _try_own(metric: str, base: Mapping[str, Any], where: str) -> None:
    from ablate.scoring.own import load_metric, try_metric

    data = base.get("data")
    data = data if isinstance(data, Mapping) else {}
    classes = data.get("classes")
    several = data.get("multi_label") is True
    try:
        try_metric(
            load_metric(metric), classes=classes if isinstance(classes, int) and classes > 1 else 2, several=several
        )
    except TrainerError as error:
        raise StudyError(f"{where}: {error.message}", hint=error.hint) from error


def _check_unit(metric: str, evidence: EvidenceBlock, trainer: Trainer, where: str) -> None:
    is_computed = metric == "accuracy" or measured_goal(metric) is not None or is_own(metric)
    if evidence.unit is not None and not is_computed:
        raise StudyError(
            f"{where}: evidence.unit makes one answer a {evidence.unit.group}, and {metric} is reported by the trainer "
            f"{trainer.shown}, not computed from answers",
            hint=f"Metrics that are: accuracy, {', '.join(measured_names())}, or a function of your own.",
        )


def _names_groups(base: Mapping[str, Any]) -> bool:
    data = base.get("data") or {}
    return bool(data.get("groups") or (data.get("source") or {}).get("group"))
