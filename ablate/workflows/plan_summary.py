"""What a plan costs and what it will be able to see, before anything is trained."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping
from statistics import NormalDist
from typing import Any

from ablate.errors import AblateError
from ablate.harness.descriptions import count_or_describe, describe_variant, recalled
from ablate.harness.donors import donors_of, has_finished
from ablate.harness.tracker_feed import changes_text
from ablate.inspection import Description
from ablate.records import Prepared, Variant
from ablate.results.survey import RunInventory, collect
from ablate.splits.rules import Folds
from ablate.stats.alpha_shares import look_shares
from ablate.study.class_names import refuse_unknown_class
from ablate.study.plan import Plan
from ablate.workflows.closing import end_row
from ablate.workflows.executor import workers_here
from ablate.workflows.former_runs import way_out
from ablate.workflows.options import Options
from ablate.workflows.session import Session, resolved_options
from ablate.workflows.threads import propose_threads, threads_row
from ablate.workflows.visible import images_worth, is_assumable, why_unknown

DISAGREEMENT = 0.35
"""Assumed before any run: two variants differ in their answer to 35 of 100 test images, as networks do that
answer every second one. Better ones differ less, and see smaller steps."""
RUN_NOISE = 0.01
"""Assumed before any run: standard deviation of a run's true accuracy, as a share."""


GROUPS = "data.groups"
"""The setting that a note of a look at the data names, where images seem to belong together."""


def plan_summary(session: Session, options: Options, *, with_parameters: bool) -> dict[str, Any]:
    """The plan as plain data, the object that `ablate plan --json` prints.

    with_parameters: count them where they are not remembered, which may import torch once.
    """
    options = resolved_options(session, options)
    refuse_unknown_class(session.study, session.looks)
    found = session.survey(options)
    rows = [_variant_row(session, variant, with_parameters=with_parameters) for variant in session.plan.variants]
    counted = {variant: run.cost.parameters for variant, _, run in found.cached}
    rows = [row if row["parameters"] else row | {"parameters": counted.get(row["name"])} for row in rows]
    steps, basis = smallest_steps(session, found)
    why = "" if basis == MEASURED else why_not_visible(session)
    return (
        {
            "study": session.study.name,
            "variants": rows,
            "runs": sum(1 for _ in session.plan.runs(options.look)),
            "cached": len(found.cached),
            "stale": [
                {"variant": item.variant, "replicate": item.spec.replicate.index, "differs": list(item.differences)}
                for item in found.stale
            ],
            "elsewhere": found.elsewhere,
            "former": _former(session, options),
            "threads": threads_row(propose_threads(session, found, options)),
            "to_run": len(_names_to_run(found, options)),
            "estimate_seconds": _estimate_seconds(session, found, options),
            "visible_step": steps,
            "visible_basis": basis,
            "data_notes": _group_notes(session),
            "ends": end_row(session),
            "trainer_notes": list(session.study.trainer.about() if session.study.trainer.about else []),
        }
        | _tuning(session)
        | ({"visible_why": why} if why else {})
    )


def smallest_steps(session: Session, found: RunInventory) -> tuple[list[dict[str, Any]], str]:
    """The smallest step that each look of the session's plan shows, and what that rests on."""
    if (measured := _measured(session, found)) is not None:
        return measured, MEASURED
    assumed = _knowable(session) and not why_not_visible(session)
    return visible_steps(session), ASSUMED if assumed else ""


def _group_notes(session: Session) -> list[str]:
    """What looks at the data have said of images that may belong together, with the line to add."""
    if not session.looks:
        return _notes_on_names(session)
    notes = [note for found in session.looks.values() for note in found.notes if GROUPS in note]
    return list(dict.fromkeys(notes))


def _notes_on_names(session: Session) -> list[str]:
    """Before any look: what the names of the baseline's images say by themselves, where they can be listed."""
    trainer = session.study.trainer
    if trainer.note_names is None:
        return []
    try:
        return list(trainer.note_names(trainer.config.model_validate(session.plan.variants[0].config)))
    except (AblateError, OSError):
        return []


def _former(session: Session, options: Options) -> dict[str, Any] | None:
    """What was finished before a default changed, and how to keep it."""
    former = session.former_runs(options.look)
    if former is None:
        return None
    changed = {change.key: {"now": change.now, "before": change.before} for change in former.changes}
    waits = "" if former.begun else "`ablate run` trains nothing before you choose. "
    note = f"{former.sentence}. {waits}{way_out(session, former)}"
    return {"runs": former.runs, "changed": changed, "note": note}


def _tuning(session: Session) -> dict[str, int]:
    """The trials that `tune:` comes to before the first run; nothing where it is done, or not asked for."""
    tune = session.study.tune
    return {} if tune is None or session.is_tuned else {"tuning_trials": tune.trials * len(session.plan.variants)}


def _variant_row(session: Session, variant: Variant, *, with_parameters: bool) -> dict[str, Any]:
    trainer, store, source = session.study.trainer, session.store, session.source
    if with_parameters:
        description = count_or_describe(variant, trainer, store, source)
    else:
        description = recalled(variant, trainer, store, source) or Description()
    prepared = session.looks.get(variant.name)
    counts = prepared.counts if prepared is not None else {}
    return {
        "name": variant.name,
        "alias": variant.alias,
        "reference": variant.reference,
        "changes": changes_text(variant.changes),
        "parameters": description.parameters,
        "trained": description.trained,
        "notes": [*description.notes, *_donor_notes(session, variant)],
    } | {part: counts.get(part) for part in ("train", "val", "test", "unused")}


def _donor_notes(session: Session, variant: Variant) -> list[str]:
    """What a variant begins with that has not run yet."""
    return [
        f"starts from the weights of {donor}, which has not finished replicate 0 yet"
        for donor in donors_of(session.study.trainer, variant.config)
        if not has_finished(f"{donor}/0", session.store)
    ]


def variant_summary(session: Session, name: str) -> dict[str, Any]:
    """A variant's network as plain data: layers, shapes, parameters, memory; needs no data."""
    variant = session.plan.variant(name)
    described = describe_variant(variant, session.study.trainer, session.store, session.source)
    batch = variant.config.get("batch_size")
    of_batch = None if described.output_bytes is None or not isinstance(batch, int) else batch * described.output_bytes
    return {
        "study": session.study.name,
        "variant": variant.name,
        "layers": [layer._asdict() | {"shape": list(layer.shape)} for layer in described.layers],
        "parameters": described.parameters,
        "trained": described.trained,
        "flops": described.flops,
        "batch_size": batch if isinstance(batch, int) else None,
        "parameter_bytes": None if described.parameters is None else 4 * described.parameters,
        "output_bytes": described.output_bytes,
        "batch_output_bytes": of_batch,
        "notes": list(described.notes),
    }


def _estimate_seconds(session: Session, found: RunInventory, options: Options) -> float | None:
    """From finished runs of the same variant, else of any variant of the study; None before the first."""
    names = _names_to_run(found, options)
    means = seconds_a_run(session, found)
    if not means:
        return None if names else 0.0
    total = sum(means[variant] for variant in names)
    workers = options.workers or workers_here(session, options)
    return round(total / max(1, min(workers, len(names))), 1)


def seconds_a_run(session: Session, found: RunInventory) -> dict[str, float]:
    """Variant -> mean seconds of its finished runs, those of all where it has none; empty before the first."""
    finished = [(variant, run.seconds) for variant, _, run in found.cached]
    finished += [(item.variant, item.result.seconds) for item in found.stale]
    if not finished:
        return {}
    own: dict[str, list[float]] = {}
    for variant, seconds in finished:
        own.setdefault(variant, []).append(seconds)
    every = [seconds for _, seconds in finished]
    known = {one.name: own.get(one.name, every) for one in session.plan.variants}
    return {name: sum(seconds) / len(seconds) for name, seconds in known.items()}


def _names_to_run(found: RunInventory, options: Options) -> list[str]:
    """The variant of each run that would be trained now."""
    failed = [variant for variant, _, _ in found.failed] if options.retry_failed else []
    return [variant for variant, _ in found.to_run] + failed


ASSUMED = (
    f"assuming that two variants differ in their answer to {100 * DISAGREEMENT:.0f} of 100 test images, and runs of "
    f"one variant by {100 * RUN_NOISE:g} point beyond that (no comparison has been made yet)"
)
MEASURED = "from the noise of the comparisons made so far"


def _measured(session: Session, found: RunInventory) -> list[dict[str, Any]] | None:
    """The smallest visible steps as the finished runs have it; None before a comparison has two replicates."""
    finished = {(variant, spec.replicate.index) for variant, spec, _ in found.cached}
    contrasts = session.plan.contrasts
    if not any(all((name, r) in finished for name in c.weights for r in (0, 1)) for c in contrasts):
        return None
    from ablate.results.question import metric_of, question_of
    from ablate.stats.effects import estimate_effects
    from ablate.stats.looks import visible_at_looks

    plan, metric = session.plan, metric_of(session.study)
    look = session.look_reached()
    cells = collect(plan, session.store, session.origin, look=look)
    effects = estimate_effects(cells, contrasts, question_of(session.study, plan), look=look)
    family = [effect.estimate for effect in effects if effect.contrast.family == contrasts[0].family]
    steps = visible_at_looks(family, plan.looks, look_shares(plan.looks, plan.shares))
    if all(step is None for step in steps):
        return None
    return [
        {"replicates": replicates, "points": None if step is None else round(step * metric.scale, 4)}
        for replicates, step in zip(plan.looks, steps, strict=True)
    ]


def _knowable(session: Session) -> bool:
    """Whether the assumption says something: an accuracy, a question, and a known number of test images."""
    plan = session.plan
    baseline = session.looks.get(plan.variants[0].name)
    tested = baseline.counts.get("test") if baseline is not None else None
    return bool(tested and plan.contrasts and is_assumable(plan.protocol.metric))


def why_not_visible(session: Session) -> str:
    """Why the smallest visible step of this metric cannot be told before two replicates; empty where it can."""
    plan = session.plan
    baseline = session.looks.get(plan.variants[0].name)
    if plan.contrasts and is_assumable(plan.protocol.metric) and _is_out_of_sight(session, baseline):
        return "how many images the trainer tests on is not known before two replicates have finished"
    if baseline is None or not plan.contrasts:
        return ""
    counts, unit = _in_all(plan, baseline.test_classes, plan.looks[-1]), session.study.evidence.unit
    if unit is not None:
        return f"how many answers there are, one a {unit.group}, is not known before two replicates have finished"
    return why_unknown(plan.protocol.metric, counts, with_folds=isinstance(plan.protocol.test, Folds))


def _is_out_of_sight(session: Session, baseline: Prepared | None) -> bool:
    """Whether no look at the data could tell the number of test images: the trainer keeps them to itself."""
    trainer = session.study.trainer
    if baseline is None:
        return not trainer.look_at_data and trainer.prepare is None
    return "test" not in baseline.counts


def _in_all(plan: Plan, counts: Mapping[str, int], replicates: int) -> dict[str, int]:
    """Test images of each class that some replicates see, by those of the first."""
    return {name: _distinct(number, replicates, plan) for name, number in counts.items()}


def visible_steps(session: Session) -> list[dict[str, Any]]:
    """The smallest step each planned look shows with 80% power, in points, before any run.

    None where the number of test images is not known, and for metrics that are no accuracy. It rests on an
    assumption: DISAGREEMENT and RUN_NOISE.
    """
    plan = session.plan
    families = Counter(contrast.family for contrast in plan.contrasts)
    baseline = session.looks.get(plan.variants[0].name)
    tested = baseline.counts.get("test") if baseline is not None else None
    knowable = _knowable(session) and baseline is not None and not why_not_visible(session)
    steps: list[dict[str, Any]] = []
    for replicates, share in zip(plan.looks, look_shares(plan.looks, plan.shares), strict=True):
        points = None
        if knowable and baseline is not None:
            counts = _in_all(plan, baseline.test_classes, replicates)
            images = images_worth(plan.protocol.metric, _distinct(tested or 0, replicates, plan), counts)
            points = _visible(replicates, images, share / max(families.values()))
        steps.append({"replicates": replicates, "points": points})
    return steps


def _distinct(tested: int, replicates: int, plan: Plan) -> int:
    """How many different test images some replicates see."""
    test = plan.protocol.test
    return tested * min(replicates, test.count) if isinstance(test, Folds) else tested


def _visible(replicates: int, images: float, share: float) -> float:
    """share: the part of the error rate that one question of the largest family may spend."""
    standard_error = math.sqrt(DISAGREEMENT / images + 2 * RUN_NOISE**2 / replicates)
    normal = NormalDist()
    return round(100 * (normal.inv_cdf(1 - 0.05 * share / 2) + normal.inv_cdf(0.8)) * standard_error, 2)
