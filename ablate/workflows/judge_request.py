"""What is asked of results that exist already, and their runs as the statistics take them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from ablate.errors import StudyError, near_match
from ablate.metrics import better_direction, is_known, is_rate, thresholds_for
from ablate.readers.columns import proposed
from ablate.readers.numbers import quoted
from ablate.readers.replicates import first_names
from ablate.readers.sheet import TableSheet
from ablate.readers.tested import OF_TEST, Ask, HandedIn, reference_of
from ablate.readers.units import Note, Unit
from ablate.records import Contrast
from ablate.report.gather.external import ExternalResults
from ablate.report.wording.language import Words
from ablate.results.question import Metric, decimals_for


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What to judge, and how. None: as the study file says, or the usual.

    source: a study file, a CSV file, a logger's files, a search, `-` for a pasted text, or with `by` the name of an
    MLflow experiment; others: further files of answers. by: the column, tag or parameter that names the variants;
    replicate: what tells which runs are the same replicate; group: the column of what test images have in common.
    unit: of numbers without a percent sign. baseline: by default the variant of that name, else the first. chain:
    compare each variant with the one before it instead of the baseline. goal: by default told by the metric's name.
    negligible, worthwhile, no_worse (the loss to rule out): points where the metric is in percent, else in its own
    unit. text: what was pasted; images, runs: what it says of every row; ours: whose claim it is. sheet: the table
    itself, where it stands in no file.
    """

    source: str
    others: tuple[str, ...] = ()
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
    text: str = ""
    images: int | None = None
    runs: int | None = None
    ours: str | None = None
    sheet: TableSheet | None = None


def ask_of(request: Request) -> Ask:
    """What the readers are to know of it."""
    return Ask(
        request.metric, request.by, request.replicate, request.unit, request.baseline, request.paired, request.group
    )


def metric_asked(name: str, request: Request) -> Metric:
    """The metric, with its unit, its better direction, and as many decimals as its thresholds need."""
    rate = is_rate(name)
    return Metric(
        name=name,
        goal=request.goal or better_direction(name),
        unit="%" if rate else "",
        scale=100.0 if rate else 1.0,
        decimals=decimals_for(name, thresholds_for(name, request.negligible, request.worthwhile)),
    )


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


_WHY_SINGLE = frozenset(["logged.repeats", "logged.repeats_by_name", "logged.repeats_by_label"]) | frozenset(
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


def tested_of(request: Request, name: str, found: HandedIn, question: str, say: Words) -> ExternalResults:
    """The runs that were handed in, to be compared with the baseline. Raises StudyError for a single variant."""
    variants = list(dict.fromkeys(run.variant for run in found.runs))
    if len(variants) < 2:
        said = " ".join(said_of(note, say) for note in found.notes if note.key in _WHY_SINGLE)
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
        metric=metric_asked(found.metric, request),
        runs=tuple(sorted(found.runs, key=lambda run: places[run.variant])),
        contrasts=contrasts,
        unknown=tuple(said_of(note, say) for note in notes),
    )


def said_of(note: Note, say: Words) -> str:
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
