"""Verdicts on what people already have: published counts, a table, somebody else's runs in MLflow. No training.

Wires readers, statistics and report together; torch is never needed, mlflow only for its own runs.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import inf
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from ablate.errors import StudyError, near_match
from ablate.handed_in import read_table
from ablate.rates import better_direction, is_rate, thresholds_for
from ablate.records import Contrast
from ablate.report.facts import Findings, Metric
from ablate.report.judged import ASIDE, FAMILY, Asked, Tested, judge_tested
from ablate.report.judged_images import TestedRun
from ablate.report.language import ENGLISH, Words

if TYPE_CHECKING:
    from ablate.study.plan import Plan
    from ablate.study.schema import EvidenceBlock


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What to judge, and how. None: as the study file says, or the usual.

    source: a study file, a CSV file, or with `by` the name of an MLflow experiment. by: the tag or parameter
    by which its runs are grouped into variants. baseline: by default the first variant. chain: compare each
    variant with the one before it instead of the baseline. goal: by default told by the metric's name.
    negligible, worthwhile: points where the metric is shown in percent, else in its own unit.
    """

    source: str
    by: str | None = None
    metric: str | None = None
    goal: Literal["max", "min"] | None = None
    baseline: str | None = None
    chain: bool = False
    paired: bool = False
    negligible: float | None = None
    worthwhile: float | None = None
    tracking_uri: str | None = None
    work: Path = Path()


def judge(request: Request, say: Words = ENGLISH) -> Findings:
    """Verdicts and intervals in about a second.

    Raises StudyError for a source that cannot be read or holds nothing to compare, TrackingError for MLflow.
    """
    negligible, worthwhile = request.negligible, request.worthwhile
    path = Path(request.source)
    if request.by is not None:
        tested = _experiment(request, say)
    elif path.suffix.lower() in (".yaml", ".yml"):
        tested, study_evidence = _published(request, say)
        stated = study_evidence.model_fields_set
        if negligible is None and "negligible" in stated:
            negligible = study_evidence.negligible
        if worthwhile is None and "worthwhile" in stated:
            worthwhile = study_evidence.worthwhile
    elif path.exists() or path.suffix.lower() in (".csv", ".tsv", ".txt"):
        tested = _table(request, path, say)
    else:
        raise StudyError(
            f"there is no file {request.source}",
            hint="Give a study file, a CSV file, or the name of an MLflow experiment with --by TAG_OR_PARAMETER.",
        )
    found = thresholds_for(tested.metric.name, negligible, worthwhile)
    sizes = [size for size in (found.negligible, found.worthwhile, negligible, worthwhile) if size is not None]
    if not all(0 < size < inf for size in sizes) or (found.negligible or 0) > (found.worthwhile or inf):
        named = [("negligible", found.negligible), ("worthwhile", found.worthwhile)]
        raise StudyError(
            ", ".join(f"{name} {size:g}" for name, size in named if size is not None),
            hint="Both are sizes above 0, and the negligible one is not the larger.",
        )
    return judge_tested(tested, Asked(found.negligible, found.worthwhile, request.paired, found.unfit), say)


def _metric(name: str, request: Request) -> Metric:
    from ablate.report.questions import decimals_for

    rate = is_rate(name)
    return Metric(
        name=name,
        goal=request.goal or better_direction(name),
        unit="%" if rate else "",
        scale=100.0 if rate else 1.0,
        decimals=decimals_for(name, thresholds_for(name, request.negligible, request.worthwhile)),
    )


# --- published counts -------------------------------------------------------------------------


def _published(request: Request, say: Words) -> tuple[Tested, EvidenceBlock]:
    from ablate.report.questions import metric_of
    from ablate.study.load import load_study
    from ablate.study.plan import make_plan, published_fraction

    study = load_study(request.source)
    plan = make_plan(study)
    figures = (study.published or {}).get(study.evidence.metric, {})
    if len(figures) < 2:
        raise StudyError(
            f"{request.source}: fewer than two published figures of {study.evidence.metric}",
            hint="Write them under published:, one a variant. For runs of this study: `ablate report`.",
        )
    runs = []
    for variant in plan.variants:
        if variant.name in figures:
            value, n = published_fraction(figures[variant.name])
            runs.append(TestedRun(variant.name, 0, value, None if n is None else round(value * n), n))
    contrasts, sizes = _source_families(plan, [run.variant for run in runs])
    tested = Tested(
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


# --- a table, an experiment -------------------------------------------------------------------


def _table(request: Request, path: Path, say: Words) -> Tested:
    name = request.metric or "accuracy"
    found = read_table(path, name)
    unknown = [say("judge.percent")] if found.percent else []
    return _tested(request, path.stem, name, found.runs, unknown, say("judge.table", source=path.name))


def _experiment(request: Request, say: Words) -> Tested:
    from ablate.track.foreign import read_runs, single_runs
    from ablate.track.uri import tracking_uri

    assert request.by is not None
    found = read_runs(tracking_uri(request.tracking_uri, request.work), request.source)
    grouped = [run for run in found if run.group(request.by) is not None]
    if not grouped:
        keys = sorted({key for run in found for key in (*run.tags, *run.params) if not key.startswith("mlflow.")})
        raise StudyError(
            f"no run of {request.source!r} has a tag or parameter {request.by!r}",
            hint=f"{near_match(request.by, keys)}They have: {', '.join(keys[:20]) or 'none'}.",
        )
    reported = sorted({name for run in grouped for name in run.metrics})
    name = request.metric or next((name for name in reported if is_rate(name)), "accuracy")
    grouped = single_runs(grouped, name)
    usable = [run for run in grouped if run.finished and name in run.metrics]
    if not usable:
        raise StudyError(
            f"no finished run of {request.source!r} reports {name!r}",
            hint=f"{near_match(name, reported)}They report: {', '.join(reported[:20]) or 'nothing'}. --metric NAME",
        )
    percent = is_rate(name) and max(run.metrics[name] for run in usable) > 1
    counts: dict[str, int] = {}
    runs = []
    for run in usable:
        variant = str(run.group(request.by))
        counts[variant] = counts.get(variant, -1) + 1
        runs.append(TestedRun(variant, counts[variant], run.metrics[name] / (100 if percent else 1)))
    unknown = [say("judge.order"), *([say("judge.percent")] if percent else [])]
    if len(usable) < len(grouped):
        unknown.append(say("judge.failed", runs=say.count(len(grouped) - len(usable), "run")))
    source = say("judge.table", source=request.source)
    return _tested(request, request.source, name, runs, unknown, source)


def _tested(
    request: Request, name: str, metric: str, runs: Sequence[TestedRun], unknown: Sequence[str], question: str
) -> Tested:
    variants = list(dict.fromkeys(run.variant for run in runs))
    if len(variants) < 2:
        raise StudyError(f"{request.source}: a single variant, {variants[0]!r}", hint="There is nothing to compare.")
    baseline = request.baseline if request.baseline is not None else variants[0]
    if baseline not in variants:
        raise StudyError(
            f"{request.source}: there is no variant {baseline!r}",
            hint=f"{near_match(baseline, variants)}There are: {', '.join(variants[:20])}.",
        )
    order = [baseline, *(variant for variant in variants if variant != baseline)]
    references = order if request.chain else [baseline] * len(order)
    family = "chain" if request.chain else "one at a time"
    contrasts = tuple(
        Contrast(name=v, variant=v, reference=r, weights={v: 1.0, r: -1.0}, family=family)
        for v, r in zip(order[1:], references, strict=False)
    )
    return Tested(
        name=name,
        question=question,
        metric=_metric(metric, request),
        runs=tuple(sorted(runs, key=lambda run: order.index(run.variant))),
        contrasts=contrasts,
        unknown=tuple(unknown),
    )
