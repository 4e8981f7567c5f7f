"""The whole walk as functions: what the commands and a Python script call alike.

Study -> Plan -> runs -> cells -> findings -> report. This module wires the parts together and
decides nothing itself.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from ablate.errors import TrackingError
from ablate.files import locked, remove_stale_temporary_files
from ablate.harness.coordinator import FixedSource
from ablate.harness.donors import order_by_donors
from ablate.harness.live_report import Refresher
from ablate.harness.progress import OnProgress, Progress
from ablate.harness.tracker_feed import study_card
from ablate.protocols import StudyCard, Tracker
from ablate.records import Cell
from ablate.results.survey import collect
from ablate.store.disk_space import refuse_full, refuse_unwritable
from ablate.store.run_names import keep_on_refusal
from ablate.study.stand_in import make_stand_in
from ablate.study.study import Study
from ablate.track.open import tracking_place
from ablate.workflows.derived_rows import compute_views
from ablate.workflows.executor import connected, lazy_executor, may_train
from ablate.workflows.notify import HURRIED_SECONDS, TRACKING_SECONDS, report_study, run_listener, say_stopping
from ablate.workflows.options import Options
from ablate.workflows.report import ShownReport, judge_study, report_folder, study_summary, write_report
from ablate.workflows.session import (
    Session,
    check_data_first,
    clocked,
    interruption_of,
    open_session,
    open_tracker,
    resolved_options,
    rollback_on_refusal,
    run_specs,
    runs_to_train,
)

if TYPE_CHECKING:
    from ablate.report.gather.assemble import Findings


@dataclass(frozen=True, slots=True, kw_only=True)
class StudyRun:
    """What running a study came to.

    cells: every run of the plan up to the look. trained: runs that were trained now.
    delivered: False where the tracking store is not up to date.
    exit_code: 0 all there, 1 some runs failed, 130 or 143 interrupted.
    """

    cells: tuple[Cell, ...]
    findings: Findings
    report: Path
    trained: int
    delivered: bool
    exit_code: int


def run_study(
    study: Study, *, work: Path | str = ".", options: Options | None = None, on_progress: OnProgress | None = None
) -> StudyRun:
    """Train what is missing, judge, and write the report.

    on_progress: called in this thread with the Progress at every change.
    Raises StudyError, DataError and TrainerError for requests that cannot be met, DecisionNeeded where
    finished runs were made by other code or data, Held where another process runs this study.
    """
    options = clocked(options or Options())
    session = open_session(study, work)
    options = resolved_options(session, options)
    refuse_unwritable(session.work)
    tracker = open_tracker(session, options)
    held = locked(session.store.study(study.name) / "lock")
    cluster = connected(session, options, needed=may_train(session, options))
    with cluster, rollback_on_refusal(session.store, study.name), held:
        if not session.is_tuned:
            from ablate.workflows.search.tune import tune

            session = tune(session, options, on_progress or (lambda _: None))
        for folder in (session.store.study(study.name), session.store.cache, report_folder(session, options)):
            remove_stale_temporary_files(folder)
        make_stand_in(study)
        return _run(session, options, tracker, on_progress or (lambda _: None))


def _run(session: Session, options: Options, tracker: Tracker | None, on_progress: OnProgress) -> StudyRun:
    interruption = interruption_of(options)
    looks: list[Progress] = []
    begun: set[str] = set()
    # Behind this block Ctrl-C does what it always does: whatever is written then is written in one step.
    with interruption.watching(), lazy_executor(session, options) as executor:
        with keep_on_refusal(session.store.study(session.study.name)):
            session.store_plan()
            check_data_first(session, options, executor, on_progress, interruption)
        session.store_plan()  # with what is known of the data now
        # One planned look after the other: what the next one has to train depends on what this one finds.
        for look in range(1, options.look + 1):
            step = replace(options, look=look)
            found = session.survey(step)
            to_run, needs = order_by_donors(
                runs_to_train(session, found, step, begun), session.study.trainer, session.store
            )
            begun.update(spec.fingerprint for _, spec in to_run)
            last = [run.folder for _, _, run in found.cached[-3:]]
            refuse_full(session.store, (spec for _, spec in to_run), last, weights=session.bytes_of_weights())
            looks.append(Progress(total=len(to_run), cached=len(found.cached), slots=executor.slots))
            on_progress(looks[-1])
            if to_run:
                if tracker is not None:
                    tracker.begin(_card(session))
                source = FixedSource([spec for _, spec in to_run], needs)
                # A run in this very process has it to itself.
                shown_live = source.waiting if step.executor != "inline" else []
                refresher = Refresher(shown_live, partial(_refresh, session, step))
                listener = run_listener(session, tracker, (looks[-1], on_progress), also=refresher.hear)
                interruption.notice = partial(say_stopping, looks[-1], on_progress)
                try:
                    run_specs(source, session, step, executor.open(), listener, interruption)
                finally:
                    refresher.close()
            if interruption.asked:
                break
        compute_views(session, options, executor.open, interruption.is_to_end)
    findings = judge_study(session, options)
    shown = ShownReport.of(findings, session)
    report = report_folder(session, options) / "report.md"
    if not shown.is_current("report", report):
        report = write_report(findings, session, options)
        shown.remember("report")
    delivered = True
    uri, file = tracking_place(options.tracking_uri, session.work)
    if tracker is not None and not shown.is_current(uri, file):
        if not any(progress.total for progress in looks):
            tracker.begin(_card(session))
        report_study(session, options, tracker)
        hurry = HURRIED_SECONDS if interruption.asked else None
        summary = study_summary(findings, report, session)
        delivered = tracker.end(summary, timeout=hurry or TRACKING_SECONDS, at_most=hurry)
        if delivered:
            shown.remember(uri)
    return StudyRun(
        cells=tuple(collect(session.plan, session.store, session.origin, look=options.look)),
        findings=findings,
        report=report,
        trained=sum(progress.trained for progress in looks),
        delivered=delivered,
        exit_code=interruption.exit_code if interruption.asked else int(bool(findings.failed)),
    )


def _refresh(session: Session, options: Options) -> None:
    write_report(judge_study(session, options), session, options)


def sync_study(session: Session, options: Options) -> int:
    """Bring the tracking store up to date without running anything; the number of runs told."""
    tracker = open_tracker(session, options)
    assert tracker is not None
    findings = judge_study(session, options)
    report = write_report(findings, session, options)
    tracker.begin(_card(session))
    told = report_study(session, options, tracker)
    if not tracker.end(study_summary(findings, report, session), timeout=10 * TRACKING_SECONDS):
        raise TrackingError("the tracking store did not take everything", hint="Try again when it can be reached.")
    return told


def _card(session: Session) -> StudyCard:
    return study_card(session.study, session.plan.variants, name=session.study.name)
