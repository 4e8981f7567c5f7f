"""Published figures, a table, somebody's runs in MLflow: read as results."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from ablate.errors import StudyError, near_match
from ablate.readers.numbers import quoted
from ablate.readers.replicates import first_names
from ablate.readers.tested import TestedRun
from ablate.readers.units import Note, without_any
from ablate.records import Contrast
from ablate.report.gather.external import ASIDE, FAMILY, ExternalResults
from ablate.report.wording.language import Words
from ablate.workflows.judge_request import Request, ask_of, only_rate, tested_of

if TYPE_CHECKING:
    from ablate.study.plan import Plan
    from ablate.study.schema import EvidenceBlock


def read_published(request: Request, say: Words) -> tuple[ExternalResults, EvidenceBlock]:
    """The figures under `published:` of a study file, and how it judges them. Raises StudyError for fewer than two."""
    from ablate.results.question import metric_of
    from ablate.study.load import load_study
    from ablate.study.plan import make_plan, published_figures

    if request.replicate is not None or request.unit is not None or request.group is not None:
        raise StudyError(
            "--replicate, --group and --unit apply to tables and experiments, and this is a study file",
            hint="Write the unit into the figures under published: a count, 149/360, or a percentage, 41.4 %.",
        )
    study = load_study(request.source)
    plan = make_plan(study)
    figures = published_figures(study, study.evidence.metric)
    if len(figures) < 2:
        raise StudyError(
            f"{request.source}: fewer than two published figures of {study.evidence.metric}",
            hint="Write them under published:, one a variant. For runs of this study: `ablate report`.",
        )
    runs = [
        TestedRun(
            variant.name, 0, figures[variant.name].value, figures[variant.name].correct, figures[variant.name].images
        )
        for variant in plan.variants
        if variant.name in figures
    ]
    contrasts, sizes = _source_families(plan, [run.variant for run in runs])
    tested = ExternalResults(
        name=study.name,
        question=say("judge.published", study=study.name, question=study.question),
        metric=metric_of(study),
        runs=tuple(runs),
        contrasts=contrasts,
        sizes=sizes,
        told=str((study.published or {}).get("protocol", "")),
        published=True,
    )
    return tested, study.evidence


def _source_families(plan: Plan, known: Sequence[str]) -> tuple[tuple[Contrast, ...], Mapping[str, int]]:
    """The comparisons that the figures answer: the source's chain as one family, of at least as many members as
    the design has questions (every change that was tried counts), and what branches off it as another."""
    pairs = [c for c in plan.contrasts if {c.variant, c.reference} <= set(known) and len(c.weights) == 2]
    designed = plan.contrasts[0].family if plan.contrasts else ""
    reference = {contrast.variant: contrast.reference for contrast in pairs}
    path = max((_ancestors(name, reference) for name in known), key=len, default=[])
    in_family = [c for c in pairs if c.variant in path or (designed != "chain" and c.family == designed)]
    contrasts = [_moved(c, FAMILY if c in in_family else ASIDE) for c in pairs]
    contrasts.sort(key=lambda contrast: contrast.family != FAMILY)
    asked = sum(contrast.family == designed for contrast in plan.contrasts)
    return tuple(contrasts), {FAMILY: max(asked, len(in_family))}


def _ancestors(name: str, reference: Mapping[str, str]) -> list[str]:
    found = [name]
    while found[-1] in reference:
        found.append(reference[found[-1]])
    return found


def _moved(contrast: Contrast, family: str) -> Contrast:
    return Contrast(
        name=contrast.name,
        variant=contrast.variant,
        reference=contrast.reference,
        weights=contrast.weights,
        family=family,
    )


def read_experiment(request: Request, say: Words) -> ExternalResults:
    """The runs of an experiment, grouped by the key that was named. Raises StudyError where no finished run has it."""
    from ablate.readers.tracked import Tracked, read_tracked
    from ablate.track.open import read_runs, single_runs, summaries_of_others, tracking_uri

    assert request.by is not None
    found = read_runs(tracking_uri(request.tracking_uri, request.work), request.source)
    grouped = [run for run in found if run.group(request.by) is not None]
    if not grouped:
        keys = sorted({key for run in found for key in (*run.tags, *run.params) if not key.startswith("mlflow.")})
        raise StudyError(
            f"no run of {quoted(request.source)} has a tag or parameter {quoted(request.by)}",
            hint=f"{near_match(request.by[:80], keys)}They have: {first_names(keys)}.",
        )
    reported = sorted({name for run in grouped for name in run.metrics})
    name = request.metric or only_rate(reported, request.source)
    grouped = single_runs(grouped, name)
    summaries = summaries_of_others(grouped, name, request.by)
    grouped = [run for run in grouped if run.id not in summaries]
    usable = [run for run in grouped if run.finished and name in run.metrics]
    if not usable:
        raise StudyError(
            f"no finished run of {quoted(request.source)} reports {quoted(name)}",
            hint=f"{near_match(name[:80], reported)}They report: {first_names(reported)}. --metric NAME",
        )
    tracked = [
        Tracked(run.name or run.id, str(run.group(request.by)), {**run.params, **run.tags}, run.metrics[name])
        for run in usable
    ]
    handed = read_tracked(tracked, ask_of(request), name, request.source)
    notes = list(handed.notes)
    if summaries:
        notes.append(Note("judge.holders", {"runs": len(summaries), "metric": name}))
    unfinished = sum(not run.finished for run in grouped)
    if unfinished:
        notes.append(Note("judge.failed", {"runs": unfinished}))
    if others := len(grouped) - unfinished - len(usable):
        notes.append(Note("judge.no_metric", {"runs": others, "metric": name}))
    named = [" ".join(str(run.group(request.by)).split()) for run in grouped]
    notes += without_any(named, [run.variant for run in handed.runs])
    question = say("judge.table", source=request.source)
    return tested_of(request, request.source, handed._replace(notes=tuple(notes)), question, say)
