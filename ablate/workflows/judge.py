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
from ablate.metrics import better_direction, is_known, is_rate, thresholds_for
from ablate.readers.columns import proposed
from ablate.readers.numbers import quoted
from ablate.readers.replicates import first_names
from ablate.readers.table import read_table
from ablate.readers.tested import OF_TEST, Ask, HandedIn, TestedRun, reference_of
from ablate.readers.units import Note, Unit, without_any
from ablate.records import Contrast
from ablate.report.facts.findings import Findings
from ablate.report.gather.external import ASIDE, FAMILY, ExternalResults, JudgeOptions, judge_tested
from ablate.report.wording.language import ENGLISH, Words
from ablate.results.question import Metric
from ablate.safety.addresses import without_secrets

if TYPE_CHECKING:
    from ablate.study.plan import Plan
    from ablate.study.schema import EvidenceBlock


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What to judge, and how. None: as the study file says, or the usual.

    source: a study file, a CSV file, or with `by` the name of an MLflow experiment. by: the column, tag or
    parameter that names the variants; replicate: what tells which runs are the same replicate; group: the column of
    what test images have in common. unit: of numbers without a percent sign. baseline: by default the variant of that
    name, else the first. chain: compare each variant with the one before it instead of the baseline. goal: by default
    told by the metric's name. negligible, worthwhile, no_worse (the loss to rule out): points where the metric is in
    percent, else in its own unit.
    """

    source: str
    by: str | None = None
    replicate: str | None = None
    group: str | None = None
    unit: Unit | None = None
    metric: str | None = None
    goal: Literal["max", "min"] | None = None
    baseline: str | None = None
    chain: bool = False
    paired: bool = False
    negligible: float | None = None
    worthwhile: float | None = None
    no_worse: float | None = None
    tracking_uri: str | None = None
    work: Path = Path()


def judge_results(request: Request, say: Words = ENGLISH) -> Findings:
    """Verdicts and intervals in about a second.

    Raises StudyError for a source that cannot be read or holds nothing to compare, TrackingError for MLflow.
    """
    negligible, worthwhile = request.negligible, request.worthwhile
    path = Path(request.source)
    is_table = path.suffix.lower() in (".csv", ".tsv", ".txt")
    if request.by is not None and not is_table:
        tested = _experiment(request, say)
    elif path.suffix.lower() in (".yaml", ".yml"):
        tested, study_evidence = _published(request, say)
        stated = study_evidence.model_fields_set
        if negligible is None and "negligible" in stated:
            negligible = study_evidence.negligible
        if worthwhile is None and "worthwhile" in stated:
            worthwhile = study_evidence.worthwhile
    elif is_table or _exists(path):
        tested = _table(request, path, say)
    else:
        raise StudyError(
            f"there is no file {without_secrets(request.source)[:200]}",
            hint="Give a study file, a CSV file, or the name of an MLflow experiment with --by TAG_OR_PARAMETER.",
        )
    found = thresholds_for(tested.metric.name, negligible, worthwhile, request.no_worse)
    stated_sizes = (found.negligible, found.worthwhile, negligible, worthwhile, request.no_worse)
    sizes = [size for size in stated_sizes if size is not None]
    if not all(0 < size < inf for size in sizes) or (found.negligible or 0) > (found.worthwhile or inf):
        named = [("negligible", found.negligible), ("worthwhile", found.worthwhile), ("no worse", request.no_worse)]
        raise StudyError(
            ", ".join(f"{name} {size:g}" for name, size in named if size is not None),
            hint="All must be above 0, and negligible no larger than worthwhile.",
        )
    asked = JudgeOptions(
        found.negligible,
        found.worthwhile,
        request.paired,
        found.unfit,
        tolerable=found.tolerable,
        no_worse=request.no_worse is not None,
    )
    return judge_tested(tested, asked, say)


def _exists(path: Path) -> bool:
    try:
        return path.exists()
    except OSError:  # a name that is too long for a file
        return False


def _metric(name: str, request: Request) -> Metric:
    from ablate.results.question import decimals_for

    rate = is_rate(name)
    return Metric(
        name=name,
        goal=request.goal or better_direction(name),
        unit="%" if rate else "",
        scale=100.0 if rate else 1.0,
        decimals=decimals_for(name, thresholds_for(name, request.negligible, request.worthwhile)),
    )


# --- published counts -------------------------------------------------------------------------


def _published(request: Request, say: Words) -> tuple[ExternalResults, EvidenceBlock]:
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


# --- a table, an experiment -------------------------------------------------------------------


def _ask(request: Request) -> Ask:
    return Ask(
        request.metric, request.by, request.replicate, request.unit, request.baseline, request.paired, request.group
    )


def _table(request: Request, path: Path, say: Words) -> ExternalResults:
    found = read_table(path, _ask(request))
    return _tested(request, path.stem, found, say("judge.table", source=path.name), say)


def _experiment(request: Request, say: Words) -> ExternalResults:
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
    handed = read_tracked(tracked, _ask(request), name, request.source)
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
    return _tested(request, request.source, handed._replace(notes=tuple(notes)), question, say)


def only_rate(reported: Sequence[str], source: str) -> str:
    """The metric, where nobody names it: accuracy, that of the test part, or the only rate. Raises StudyError else."""
    rates = [name for name in reported if is_rate(name)]
    if "accuracy" in rates or not rates:
        return "accuracy"
    if of_test := [name for name in OF_TEST if name in rates]:
        return of_test[0]
    if len(rates) > 1:
        raise StudyError(
            f"the runs of {quoted(source)} report {first_names(rates, 5)}",
            hint=f"Say which: --metric '{proposed(rates)}'.",
        )
    return rates[0]


_WHY_SINGLE = frozenset(
    f"judge.{name}"
    for name in (
        "columns",
        "columns_alone",
        "tracked",
        "variants_by",
        "no_result",
        "unfinished",
        "failed",
        "no_metric",
        "not_finite",
        "without_any",
    )
)


def _tested(request: Request, name: str, found: HandedIn, question: str, say: Words) -> ExternalResults:
    variants = list(dict.fromkeys(run.variant for run in found.runs))
    if len(variants) < 2:
        said = " ".join(_said(note, say) for note in found.notes if note.key in _WHY_SINGLE)
        raise StudyError(
            f"{request.source}: a single variant, {variants[0]!r}", hint=f"There is nothing to compare. {said}"
        )
    baseline, is_told = reference_of(variants, request.baseline)
    if baseline not in variants:
        raise StudyError(
            f"{request.source}: there is no variant {quoted(baseline)}",
            hint=f"{near_match(baseline[:80], variants)}There are: {first_names(variants)}.",
        )
    order = [baseline, *(variant for variant in variants if variant != baseline)]
    references = order if request.chain else [baseline] * len(order)
    family = "chain" if request.chain else "one at a time"
    contrasts = tuple(
        Contrast(name=v, variant=v, reference=r, weights={v: 1.0, r: -1.0}, family=family)
        for v, r in zip(order[1:], references, strict=False)
    )
    places = {variant: i for i, variant in enumerate(order)}
    reference = "judge.reference_named" if is_told else "judge.reference_first"
    notes = [*found.notes, *([] if request.baseline is not None else [Note(reference, {"name": baseline})])]
    if request.goal is None and not is_known(found.metric) and better_direction(found.metric) == "max":
        notes.append(Note("judge.goal_assumed", {"metric": found.metric}))
    return ExternalResults(
        name=name,
        question=question,
        metric=_metric(found.metric, request),
        runs=tuple(sorted(found.runs, key=lambda run: places[run.variant])),
        contrasts=contrasts,
        unknown=tuple(_said(note, say) for note in notes),
    )


def _said(note: Note, say: Words) -> str:
    """A note of the reading in a sentence."""
    values: dict[str, str] = {}
    for key, value in note.values.items():
        if isinstance(value, tuple):
            values[key] = say.listed(value)
        elif isinstance(value, int):
            values[key] = say.count(value, "run") if key == "runs" else f"{value:,}"
        else:
            values[key] = value
    return say(note.key, **values)
