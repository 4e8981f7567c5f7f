"""A close look at a study's data, without training: the numbers, and a picture of samples."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

from ablate.errors import DataError, DataMissing, StudyError
from ablate.examination import Examination
from ablate.files import build_once, write_bytes
from ablate.store import Store
from ablate.study.load import Study
from ablate.study.plan import Plan
from ablate.study.standing_in import make_stand_in, with_way_out

SAMPLES = "samples.png"


def examine_study(study: Study, *, work: Path | str = ".") -> Examination:
    """What the data of the study's base are. Raises DataError where they cannot be read or split."""
    trainer = study.trainer
    if trainer.examine is None:
        raise StudyError(
            f"the trainer {trainer.path} cannot examine its data", hint="Give its module an `examine` function."
        )
    store = Store(Path(work).resolve())
    make_stand_in(study)
    try:
        found: Examination = trainer.examine(
            trainer.config.model_validate(study.base), study.protocol, partial(_cached, store)
        )
    except DataMissing as error:
        raise with_way_out(error, study, work=store.work) from None
    return found


def not_there(study: Study, plan: Plan) -> list[str]:
    """What the first run will miss: data and weights that are not where the study says. Looks at paths alone."""
    trainer, found = study.trainer, []
    if trainer.locate is None:
        return []
    for variant in plan.variants:
        try:
            trainer.locate(trainer.config.model_validate(variant.config))
        except DataError as error:
            found.append(error.message)
    return list(dict.fromkeys(found))


def write_samples(found: Examination, study: Study, *, work: Path | str = ".") -> tuple[Path, str]:
    """Draw a row of pictures a class to `reports/<study>/data/samples.png`.

    Returns the path, and a warning where no font here has the classes' names.
    """
    from ablate.report.fonts import missing_font
    from ablate.report.samples import samples_picture

    path = Path(work) / "reports" / study.name / "data" / SAMPLES
    write_bytes(path, samples_picture(found))
    return path, missing_font(found.classes)


def _cached(store: Store, key: str, build: Any) -> Path:
    return build_once(store.cache / key, build)
