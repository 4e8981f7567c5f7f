"""A close look at a study's data, without training: the numbers, and an image of samples."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from ablate.errors import AblateError, DataError, DataMissing, StudyError, apart, together
from ablate.files import build_once, write_bytes
from ablate.harness.looking import remember_look
from ablate.inspection import Examination
from ablate.records import BASELINE
from ablate.safety.own_modules import import_named
from ablate.store.work_folder import LOOKED, Store
from ablate.study.plan import Plan, make_plan
from ablate.study.stand_in import make_stand_in, with_way_out
from ablate.study.study import Study
from ablate.trainer import source_digest

SAMPLES = "samples.png"


def examine_study(study: Study, *, work: Path | str = ".") -> Examination:
    """What the data of the study's base are, and what a run of any variant would refuse of its own.

    What was found is remembered for `plan`. Raises DataError where the base's cannot be read or split.
    """
    trainer = study.trainer
    if trainer.examine is None and trainer.is_command:
        raise StudyError(
            f"{trainer.shown} reads its data by itself, so ablate cannot describe them",
            hint="`ablate plan` shows the images that `images:` lists. For statistics of a folder or a table of images "
            "write a study of it with the trainer left out.",
        )
    if trainer.examine is None:
        raise StudyError(
            f"the trainer {trainer.shown} cannot examine its data", hint="Give its module an `examine` function."
        )
    store = Store(Path(work).resolve())
    make_stand_in(study)
    problems: list[AblateError] = []
    found: Examination | None = None
    try:
        found = trainer.examine(trainer.config.model_validate(study.base), study.protocol, partial(cached, store))
        problems += found.problems if found is not None else ()
    except DataMissing as error:
        raise with_way_out(error, study, work=store.work) from None
    except AblateError as error:
        problems.append(error)
    problems += look_at_variants(study, store)
    if found is None:
        raise together(problems)
    return replace(found, problems=apart(together(problems)) if problems else ())


def look_at_variants(study: Study, store: Store) -> list[AblateError]:
    """Look at the data of every variant, remember what is found, and return what a run would refuse."""
    trainer, problems = study.trainer, []
    if not trainer.look_at_data:
        return []
    module, _, function = trainer.look_at_data.partition(":")
    look = getattr(import_named(module), function)
    plan, source = make_plan(study), source_digest(study.trainer.path)
    known: set[str] = set()
    for variant in plan.variants:
        config = trainer.config.model_validate(variant.config)
        try:
            found = look(config, plan.protocol, partial(cached, store))
        except DataMissing:
            raise
        except AblateError as error:
            new = [one for one in apart(error) if str(one) not in known]
            known |= {str(one) for one in new}
            if variant.name != BASELINE:
                new = [type(one)(f"{variant.name}: {one.message}", hint=one.hint) for one in new]
            problems += new
        else:
            remember_look(plan, store, source, variant.config, found)
    return problems


def not_there(study: Study, plan: Plan) -> list[str]:
    """What the first run will miss: data and weights that are not where the study says. Looks at paths alone.

    Synthetic data that are not drawn yet are not missed: the first run draws them.
    """
    trainer, found = study.trainer, []
    if trainer.locate is None or (study.stand_in_root is not None and not study.stand_in_root.exists()):
        return []
    for variant in plan.variants:
        try:
            trainer.locate(trainer.config.model_validate(variant.config))
        except DataError as error:
            found.append(error.message)
    return list(dict.fromkeys(found))


def write_samples(found: Examination, study: Study, *, work: Path | str = ".") -> tuple[Path, str]:
    """Draw a row of images a class to `reports/<study>/data/samples.png`.

    Returns the path, and a warning where no font here has the classes' names.
    """
    from ablate.report.figures.fonts import missing_font
    from ablate.report.figures.images import samples_png

    path = Path(work) / "reports" / study.name / "data" / SAMPLES
    write_bytes(path, samples_png(found))
    return path, missing_font(found.classes)


def cached(store: Store, key: str, build: Any) -> Path:
    """Something of the cache, built where it is missing, and a sign that somebody without a study uses the cache."""
    (store.cache / LOOKED).mkdir(parents=True, exist_ok=True)
    return build_once(store.cache / key, build)
