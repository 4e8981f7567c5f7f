"""From the name of a run, `STUDY/VARIANT/REPLICATE`, to predictions by its weights."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ablate import files
from ablate.errors import DataError, StudyError, near_match
from ablate.execute.live import Task
from ablate.records import Finished, RunSpec
from ablate.resolve import load_trainer
from ablate.store import Store

PLAN = "plan.json"


def predict_images(
    run: str, images: Sequence[Path], *, work: Path | str = "."
) -> list[tuple[Path, Mapping[str, float]]]:
    """Class name -> probability for each picture. Raises StudyError for a run that is not there."""
    missing = [str(image) for image in images if not image.is_file()]
    if missing:
        raise DataError(f"there is no picture {missing[0]}")
    spec, result = find_run(run, Store(Path(work).resolve()))
    trainer = load_trainer(spec.trainer)
    if trainer.predict is None:
        raise StudyError(f"the trainer {trainer.path} cannot predict", hint="Give its module a `predict` function.")
    predictions: list[Mapping[str, float]] = trainer.predict(spec, result, images)
    return list(zip(images, predictions, strict=True))


def find_run(run: str, store: Store) -> tuple[RunSpec, Finished]:
    """The spec and the result of a finished run by its name."""
    parts = run.split("/")
    if len(parts) != 3:
        raise StudyError(f"{run!r} is not of the form STUDY/VARIANT/REPLICATE", hint='Example: "quickstart/BN/0"')
    study, variant, replicate = parts
    plan = files.read_json(store.study(study) / PLAN)
    if plan is None:
        known = _studies(store)
        raise StudyError(f"no study {study!r} has run here", hint=f"{near_match(study, known)}{_listed(known)}")
    variants: dict[str, Any] = plan["variants"]
    if variant not in variants:
        raise StudyError(
            f"the study {study!r} has no variant {variant!r}",
            hint=f"{near_match(variant, variants)}{_listed(variants)}",
        )
    fingerprint = variants[variant].get(replicate)
    if fingerprint is None:
        raise StudyError(f"{study}/{variant} has no replicate {replicate!r}", hint=_listed(variants[variant]))
    for result in store.finished(fingerprint):
        return Task.read(result.folder).spec, result
    raise StudyError(f"the run {run!r} has not finished yet", hint="`ablate status` says how far it is.")


def _studies(store: Store) -> list[str]:
    folder = store.root / "studies"
    return sorted(path.name for path in folder.iterdir()) if folder.is_dir() else []


def _listed(names: Any) -> str:
    return f"There are: {', '.join(names)}." if names else ""
