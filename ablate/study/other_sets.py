"""Other test sets of a study, held against what the study and its trainer can do."""

from __future__ import annotations

from typing import Any

from ablate.errors import StudyError
from ablate.metrics import is_own, measured_goal
from ablate.study.schema import OtherSetBlock
from ablate.study.study import Study

BY_ANSWERS = ("accuracy", "loss")
"""Metrics of the built-in trainer that one answer an image has, beside those that ablate computes itself."""


def other_sets(study: Study) -> dict[str, OtherSetBlock]:
    """The other test sets by name; none for synthetic data, which no other images resemble."""
    return {} if study.stand_in_root is not None else dict(study.evidence.also_test)


def data_of_set(study: Study, name: str) -> Any:
    """The trainer's settings of the data with this set's source. Raises StudyError with file, line and key."""
    block = study.evidence.also_test[name]
    place = ("evidence", "also_test", name)
    overrides: dict[str, Any] = {"data.source": block.source}
    data = study.base.get("data")
    if isinstance(data, dict) and data.get("groups") is not None:
        overrides["data.groups"] = None  # a table may name its groups itself; see groups_of
    try:
        return study.resolve(overrides).data  # type: ignore[attr-defined]
    except StudyError as error:
        where = f"{study.document.where((*place, 'source'))}: evidence.also_test.{name}.source"
        told = (error.message.partition(": ")[2] or error.message).replace("'data.source'", "source")
        raise StudyError(f"{where}: {told}", hint=error.hint) from None


def check_other_sets(study: Study) -> None:
    """Refuse, before anything else, what no images could make good. Raises StudyError with file, line and key."""
    if not other_sets(study):
        return
    trainer, where = study.trainer, study.document.where(("evidence", "also_test"))
    if trainer.predict is None or "data" not in trainer.config.model_fields:
        raise StudyError(
            f"{where}: the trainer {trainer.shown} cannot be asked about other images",
            hint="Its module needs a function `predict(spec, result, images)`, and its settings `data` as the built-in "
            "trainer's (ablate.training.config.DataConfig). Or leave also_test out.",
        )
    metric = study.evidence.metric
    if metric not in BY_ANSWERS and measured_goal(metric) is None and not is_own(metric):
        raise StudyError(
            f"{where}: {metric} is told by the trainer alone, and on other images only answers are known",
            hint="also_test needs a metric that is computed from answers, such as accuracy or balanced_accuracy.",
        )
    if not study.keep_weights:
        raise StudyError(
            f"{where}: other images are scored by the weights of finished runs, and keep.weights: none drops them",
            hint="Write keep: {weights: best}, or leave it out. Runs that finished without weights are trained again "
            "once their folders are removed.",
        )
    source = (study.base.get("data") or {}).get("source")
    if isinstance(source, dict) and source.get("text"):
        raise StudyError(
            f"{where}: images with texts cannot be another test set: runs are asked about images alone",
            hint="Leave it out, or score them by `ablate predict`.",
        )
    for name in other_sets(study):
        data = data_of_set(study, name)
        if getattr(data, "multi_label", False):
            raise StudyError(
                f"{study.document.where(('evidence', 'also_test', name))}: images with several labels "
                "cannot be another test set",
                hint="Leave it out, or score them by `ablate predict`.",
            )
