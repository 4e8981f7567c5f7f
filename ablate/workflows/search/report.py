"""From a search that ran to what its page says, and to best.yaml."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from ablate.records import BASELINE
from ablate.report.search.facts import (
    ConfirmationFacts,
    ConfirmedRow,
    Goal,
    ImportanceRow,
    ParallelAxis,
    SearchFacts,
    Span,
    TrialRow,
    shown_value,
)
from ablate.report.wording.headline import first_sentence
from ablate.results.question import is_rate, shown_scale
from ablate.search import BASELINE_TRIAL, SearchQuestion, TrialRecord, promise
from ablate.splits.rules import Folds
from ablate.store.journal import read_events, read_history
from ablate.store.work_folder import Store
from ablate.study.flow_style import flow
from ablate.study.small import small_notes
from ablate.study.space.tree import Choice, walk
from ablate.workflows.search.confirm import is_baseline
from ablate.workflows.session import Session

if TYPE_CHECKING:
    from ablate.workflows.search.result import Confirmation, SearchRun


UNITS = {
    "parameters": ("Parameters", 1.0, 0),
    "seconds": ("Training time (s)", 1.0, 2),
    "latency": ("Time per image (ms)", 1e3, 3),
}
"""Cost -> label, scale and decimals."""


def facts_of(found: SearchRun, session: Session) -> SearchFacts:
    """Everything the page of a search says."""
    question = found.question
    goals = tuple(_goal(question, i) for i in range(len(question.objectives)))
    trials = tuple(trial_row(tried, goals, session.store, question) for tried in found.tried)
    by_number = {row.number: row for row in trials}
    base = question.space.baseline()
    number = BASELINE_TRIAL if base is None else next((t.number for t in found.tried if t.point == base), None)
    baseline = by_number.get(number) if number is not None else None
    if baseline is not None and base is None:
        baseline = replace(baseline, point=_base_values(question))
    return SearchFacts(
        name=question.name,
        question=question.study.question,
        goals=goals,
        axes=tuple(_axis(parameter) for parameter in walk(question.space.parameters)),
        trials=trials,
        best=by_number[found.best.number] if found.best is not None else None,
        unchanged=found.best is not None and is_baseline(question, found.best),
        baseline=baseline,
        front=frozenset(trial.number for trial in found.front),
        importance=tuple(ImportanceRow(**row._asdict()) for row in found.importance),
        confirmation=_confirmation(found.confirmation, goals[0]) if found.confirmation is not None else None,
        replicates=len(question.replicates),
        val=question.block.val,
        test=found.unchecked or promise(question),
        unchecked=found.unchecked,
        small=" ".join(small_notes(question.study)),
        sampler=question.block.sampler,
        pruner=question.block.pruner,
        stopped=found.stopped,
        place=found.place if "://" in found.place else os.path.relpath(found.place, session.work),
        best_file=best_study(found) if found.best is not None else None,
    )


def _goal(question: SearchQuestion, index: int) -> Goal:
    objective = question.objectives[index]
    if objective.is_cost:
        label, scale, decimals = UNITS[objective.name]
        return Goal(name=objective.name, label=label, is_more_better=False, scale=scale, decimals=decimals)
    rate = is_rate(objective.name)
    return Goal(
        name=objective.name,
        label=f"Validation {objective.name}{' (%)' if rate else ''}",
        is_more_better=objective.goal == "max",
        scale=shown_scale(objective.name),
        decimals=2 if rate else 4,
    )


def _axis(parameter: Any) -> ParallelAxis:
    if isinstance(parameter, Choice):
        return ParallelAxis(
            name=parameter.name, choices=tuple(shown_value(option.label) for option in parameter.options), log=False
        )
    return ParallelAxis(name=parameter.name, choices=(), log=parameter.log)


def _base_values(question: SearchQuestion) -> dict[str, Any]:
    config: Any = question.study.resolve({}, ("base",)).model_dump(mode="json")
    values = {}
    for parameter in walk(question.space.parameters):
        here = config
        for part in parameter.key.split(".") if parameter.key else ():
            here = here.get(part) if isinstance(here, Mapping) else None
        values[parameter.name] = _as_written(here) if parameter.key else "off"
    return values


def _as_written(value: Any) -> Any:
    """A block of the config as short as a study file has it: what is off is left out."""
    if not isinstance(value, Mapping):
        return value
    return ", ".join(f"{key} {shown_value(_as_written(inner))}" for key, inner in value.items() if inner is not None)


def trial_row(tried: TrialRecord, goals: tuple[Goal, ...], store: Store, question: SearchQuestion) -> TrialRow:
    """One trial with what its journals tell."""
    spans, seconds, epochs = [], 0.0, 0
    curve: tuple[tuple[int, float], ...] = ()
    specs = question.runs_of(tried.number, tried.point)
    for replicate, spec in specs.items():
        attempts = store.attempts(spec.fingerprint)
        if attempts and replicate == question.replicates[0]:
            key = f"val/{goals[0].name}"
            told = [(int(e.data["epoch"]), e.data["metrics"].get(key)) for e in read_history(attempts[-1])]
            curve = tuple((epoch, float(value) * goals[0].scale) for epoch, value in told if value is not None)
        for attempt in () if tried.cached else attempts:
            events = read_events(attempt)[0]
            if events:
                spans.append(Span(start=events[0].time, end=events[-1].time))
                seconds += events[-1].time - events[0].time
                epochs += sum(event.kind == "epoch" for event in events)
    values = None
    if tried.values is not None:
        values = tuple(value * goal.scale for value, goal in zip(tried.values, goals, strict=True))
    return TrialRow(
        number=tried.number,
        name=tried.name,
        state=tried.state if tried.state != "running" else "failed",
        values=values,
        point=dict(tried.point),
        curve=curve,
        spans=tuple(spans),
        epochs=epochs,
        seconds=seconds,
        cached=tried.cached,
        reason=tried.reason,
        fingerprints=tuple(spec.fingerprint for spec in specs.values()),
    )


def _confirmation(found: Confirmation, goal: Goal) -> ConfirmationFacts:
    findings = found.findings
    verdicts = {effect.compared.name: effect for effect in findings.effects}
    rows = []
    for name, value in found.settings.items():
        row = findings.variant(name)
        effect = verdicts[name]
        rows.append(
            ConfirmedRow(
                name=name,
                in_search=value * goal.scale,
                confirmed=row.mean if row is not None else None,
                lo=row.lo if row is not None else None,
                hi=row.hi if row is not None else None,
                n=row.n if row is not None else 0,
                verdict=effect.decision.verdict_text,
            )
        )
    base = findings.variant(BASELINE)
    return ConfirmationFacts(
        rows=tuple(rows),
        baseline=base.mean if base is not None else None,
        winner=tuple(
            (e.compared.name, e.decision.verdict_text)
            for e in findings.effects
            if e.compared.name not in found.settings
        ),
        alone=found.alone,
        later=found.later,
        moved=found.moved,
        replicates=found.replicates,
        sentence=first_sentence(findings),
        page=f"confirmation/{found.report.name}",
    )


def best_study(found: SearchRun) -> str:
    """The study file's text: the search's base, its best setting as the one step of a chain.

    Where the baseline itself came out best there is nothing to compare: the study then is the search again.
    """
    question = found.question
    study, best = question.study, found.best
    assert best is not None
    changes = {} if is_baseline(question, best) else question.space.overrides(best.point)
    name = f"{question.name.removesuffix('-search')[:50]}-best".replace("@", "-")
    evidence = study.evidence.model_dump(mode="json", exclude_defaults=True)
    for size in ("negligible", "worthwhile"):  # stated is stated, though it be the default of another metric
        if size in study.evidence.model_fields_set:
            evidence[size] = getattr(study.evidence, size)
    lines = [
        f"# The best setting of {question.name}, {best.name}: it was chosen on validation images, as the best of "
        f"{sum(trial.values is not None for trial in found.tried)} trials.",
    ]
    if isinstance(study.protocol.test, Folds):
        lines += [
            "# With folds, the test images of replicates 1 and up were among those the search trained on. A",
            "# confirmation (confirm: in the search) reads fold 0 alone, which no trial saw.",
        ]
    content: dict[str, Any] = {"study": name}
    if study.question:
        content["question"] = f"Is the best setting of {question.name} better than its baseline?"
    if study.trainer.path != "ablate.training:train":
        command = study.document.data["trainer"] if study.trainer.is_command else None
        content["trainer"] = command or study.trainer.path
    content["base"] = study.base
    if changes:
        content["chain"] = {"best setting": changes}
    else:
        content["search"] = study.search.model_dump(mode="json", exclude_defaults=True) if study.search else {}
    content["evidence"] = _without_families(evidence)
    lines += [f"{key}: {flow(value)}" if key != "base" else _block(key, value) for key, value in content.items()]
    return "\n".join(lines) + "\n"


def _without_families(evidence: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in evidence.items() if key != "families"}


def _block(key: str, value: Mapping[str, Any]) -> str:
    return "\n".join([f"{key}:", *(f"  {flow(name)}: {flow(item)}" for name, item in value.items())])
