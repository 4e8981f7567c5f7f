"""A search from its study file to its best setting, by the same executor and tracker as a study."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from ablate.errors import StudyError
from ablate.files import locked, write_text
from ablate.harness.coordinator import Listener, News
from ablate.harness.interruption import Interruption
from ablate.harness.progress import OnProgress, Progress
from ablate.harness.telling import changes_text, core_settings, label_of, study_card, tell, tell_all
from ablate.protocols import StudyCard, StudySummary, Tracker
from ablate.search import OptunaSource, Tried, importances, name_of, open_search, read_space, sealed_protocol
from ablate.session import (
    Options,
    Session,
    conduct,
    interruption_of,
    lazy_executor,
    look_at_data,
    open_tracker,
    undone_if_refused,
)
from ablate.study.load import Study
from ablate.study.plan import Plan, make_plan
from ablate.workflow import TRACKING_SECONDS


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchRun:
    """What a search came to.

    best: None where no trial finished. answered: suggestions that equalled a finished run.
    importance: parameter -> share of the variance over the trials.
    """

    name: str
    metric: str
    tried: tuple[Tried, ...]
    best: Tried | None
    importance: Mapping[str, float]
    trained: int
    answered: int
    table: Path
    delivered: bool
    exit_code: int


def run_search(
    study: Study,
    *,
    trials: int,
    work: Path | str = ".",
    options: Options | None = None,
    on_progress: OnProgress | None = None,
) -> SearchRun:
    """Search until `trials` trials have ended, counting those of earlier calls.

    Raises StudyError for a space the trainer's schema refuses, or a search that was begun otherwise.
    """
    options = replace(options or Options(), look=1)
    if trials < 1:
        raise StudyError(f"--trials {trials}: at least one")
    space = read_space(study)
    named = replace(study, name=f"{study.name}-search")
    session = Session(named, _baseline_plan(named), Path(work).resolve())
    tracker = open_tracker(session, options)
    folder = session.store.study(named.name)
    with undone_if_refused(session.store), locked(folder / "lock"):
        interruption = interruption_of(options)
        with interruption.watching(), lazy_executor(session, options) as executor:
            look_at_data(session, options, executor, on_progress or (lambda _: None), interruption)
            source = OptunaSource(
                optuna_study=open_search(named, space, folder / "optuna.journal"),
                space=space,
                store=session.store,
                trials=trials,
                source_digest=session.source,
                data_digest=session.prepared[session.plan.variants[0].name].digest,
            )
            before = len(source.tried)
            card = study_card(named, session.plan.variants, name=named.name)
            if tracker is not None:
                tracker.begin(card)
                for trial in source.tried:
                    _tell_record(tracker, source, trial, session, card)
            progress = Progress(total=max(0, trials - before), cached=before, slots=executor.slots)
            listener = _listener(source, tracker, session, card, (progress, on_progress or (lambda _: None)))
            if not source.done():
                told = on_progress or (lambda _: None)
                interruption.notice = lambda: told(replace(progress, kind="stopping"))
                conduct(source, session, options, executor.open(), listener, interruption)
        return _conclude(source, session, tracker, options, interruption, progress)


def _baseline_plan(study: Study) -> Plan:
    """The search's own plan: the base alone, judged on validation."""
    protocol = sealed_protocol(study)
    evidence = study.evidence.model_copy(update={"val": protocol.val})
    alone = replace(study, design=None, own_design=None, factors=(), comparisons=(), published=None, evidence=evidence)
    return replace(make_plan(alone), protocol=protocol, looks=(1,))


def _listener(
    source: OptunaSource, tracker: Tracker | None, session: Session, card: StudyCard, told: tuple[Progress, OnProgress]
) -> Listener:
    progress, on_progress = told

    def listen(news: News) -> None:
        numbers = source.numbers_of(news.spec.fingerprint)
        name = name_of(numbers[0])
        if tracker is not None:
            _describe(name, news.spec.config, source, card, session)
            tell(tracker, label_of(name, news.spec), news)
        progress.hear(news, f"{name} · {point_text(source.point(numbers[0]))}")
        on_progress(progress)

    return listen


def point_text(point: Mapping[str, Any]) -> str:
    """A point of the space for a person: four digits are enough to tell trials apart."""
    return changes_text({k: float(f"{v:.4g}") if isinstance(v, float) else v for k, v in point.items()})


def _describe(name: str, config: Mapping[str, Any], source: OptunaSource, card: StudyCard, session: Session) -> None:
    """Add a trial to the card, which trackers read when they hear of it."""
    if name in card.core:
        return
    core, changes = card.core, card.changes
    assert isinstance(core, dict)
    assert isinstance(changes, dict)
    changes[name] = changes_text(source.point(int(name.rsplit(" ", 1)[1])))
    core[name] = core_settings(config, session.plan.variants[0].config)


def _tell_record(tracker: Tracker, source: OptunaSource, trial: Tried, session: Session, card: StudyCard) -> None:
    name = name_of(trial.number)
    _describe(name, trial.spec.config, source, card, session)
    for result in session.store.results(trial.spec.fingerprint)[-1:]:
        tell_all(tracker, label_of(name, trial.spec), result.folder)


def _conclude(
    source: OptunaSource,
    session: Session,
    tracker: Tracker | None,
    options: Options,
    interruption: Interruption,
    progress: Progress,
) -> SearchRun:
    study = session.study
    goal = study.trainer.metrics[study.evidence.metric]
    tried = tuple(sorted(source.tried, key=lambda trial: trial.number))
    finished = [trial for trial in tried if trial.value is not None]
    sign = 1 if goal == "max" else -1
    best = max(finished, key=lambda trial: sign * (trial.value or 0.0), default=None)
    table = (options.reports or session.work / "reports") / study.name / "trials.csv"
    write_text(table, _csv(tried, study.evidence.metric))
    description = "" if best is None else f"Best: {name_of(best.number)}, {point_text(best.point)}"
    failed = any(trial.value is None for trial in tried)
    delivered = tracker is None or tracker.end(
        StudySummary(description=description, files=table.parent, variants={}, failed=failed, extra={}),
        timeout=TRACKING_SECONDS,
    )
    return SearchRun(
        name=study.name,
        metric=study.evidence.metric,
        tried=tried,
        best=best,
        importance=importances(source.optuna_study),
        trained=progress.trained,
        answered=source.answered,
        table=table,
        delivered=delivered,
        exit_code=interruption.exit_code if interruption.asked else int(failed),
    )


def _csv(tried: tuple[Tried, ...], metric: str) -> str:
    keys = list(dict.fromkeys(key for trial in tried for key in trial.point))
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["trial", *keys, f"val {metric}", "fingerprint"])
    for trial in tried:
        value = "" if trial.value is None else repr(trial.value)
        writer.writerow([trial.number, *(trial.point.get(key, "") for key in keys), value, trial.spec.fingerprint[:12]])
    return text.getvalue()
