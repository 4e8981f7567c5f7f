"""A study whose variants were tuned: which searches that takes, and the plan with what they chose."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from ablate.errors import StudyError
from ablate.files import read_json, sha256_json
from ablate.records import Variant
from ablate.search import SearchQuestion, tuning_question
from ablate.settings import identity_of
from ablate.splits.rules import Folds
from ablate.store.work_folder import Store
from ablate.study.plan import Plan
from ablate.study.study import Study
from ablate.trainer import is_built_in

if TYPE_CHECKING:
    from ablate.report.facts.exploratory import TuningRow

TUNED = "tuned.json"


def check_tuning(study: Study, plan: Plan) -> None:
    """Raise StudyError for a `tune:` that cannot be; before anything is trained."""
    if study.tune is None:
        return
    where = study.document.where(("tune",))
    if isinstance(study.protocol.test, Folds):
        raise StudyError(
            f"{where}: tune: chooses on images that other folds test on; it needs a test part that no run trains on",
            hint="Write evidence: {test: {share: 0.2}}, or official where the source has a test part.",
        )
    space = questions_of(study, plan)[plan.variants[0].name].space
    for comparison in study.comparisons:
        touched = next((k for k in comparison.overrides for key in space.names if _meet(k, key)), None)
        if touched is not None:
            raise StudyError(
                f"{study.document.where(('compare', comparison.name))}: {touched!r} is set here, and tuned for every "
                "variant",
                hint="Leave it out of tune:, or out of this comparison.",
            )


def _meet(a: str, b: str) -> bool:
    return a == b or a.startswith(f"{b}.") or b.startswith(f"{a}.")


def questions_of(study: Study, plan: Plan) -> dict[str, SearchQuestion]:
    """Variant -> its search."""
    names = _search_names(study, plan)
    return {v.name: tuning_question(study, v.config, names[v.name]) for v in plan.variants}


def _search_names(study: Study, plan: Plan) -> dict[str, str]:
    names = {}
    for variant in plan.variants:
        slug = re.sub(r"[^a-z0-9]+", "-", variant.name.lower()).strip("-")[:30]
        names[variant.name] = f"{study.name}-tune-{slug or 'x'}-{sha256_json(variant.identity)[:4]}"
    return names


def tuned_plan(study: Study, plan: Plan, store: Store) -> Plan | None:
    """The plan with every variant's chosen setting laid on it; None while the tuning is not finished."""
    chosen = _chosen(study, plan, store)
    if chosen is None:
        return None
    questions = questions_of(study, plan)
    return replace(plan, variants=tuple(_tuned(v, questions[v.name], chosen[v.name]["point"]) for v in plan.variants))


def _tuned(variant: Variant, question: SearchQuestion, point: Mapping[str, Any]) -> Variant:
    settings = question.space.settings(point)
    changes = dict(variant.changes) | question.space.overrides(point)
    return replace(variant, config=settings.model_dump(mode="json"), identity=identity_of(settings), changes=changes)


def asked_of(study: Study, plan: Plan) -> str:
    """What the tuning depends on; another one is another tuning."""
    assert study.tune is not None
    asked = {
        v.name: question.asked() for v, question in zip(plan.variants, questions_of(study, plan).values(), strict=True)
    }
    return sha256_json([asked, study.tune.trials])


def _chosen(study: Study, plan: Plan, store: Store) -> dict[str, Any] | None:
    found = read_json(store.study(study.name) / TUNED)
    if found is None or found["asked"] != asked_of(study, plan):
        return None
    variants: dict[str, Any] = found["variants"]
    return variants


def tuning_rows(study: Study, store: Store) -> tuple[TuningRow, ...]:
    """What each variant was given, for the report; values in the unit they are shown in."""
    from ablate.report.facts.exploratory import TuningRow
    from ablate.results.question import shown_scale

    found = read_json(store.study(study.name) / TUNED)
    if study.tune is None or found is None:
        return ()
    scale = shown_scale(study.evidence.metric)
    return tuple(
        TuningRow(
            variant=name,
            trials=row["trials"],
            finished=row["finished"],
            untuned=None if row["untuned"] is None else row["untuned"] * scale,
            value=row["value"] * scale,
            point=row["point"],
            search=row["search"],
            is_checked=row.get("checked", is_built_in(study.trainer.path)),
        )
        for name, row in found["variants"].items()
    )
