"""The whole walk as functions: what the commands and a Python script call alike.

Study -> Plan -> runs -> cells -> findings -> report. This module wires the parts together and
decides nothing itself.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from ablate.errors import TrackingError
from ablate.execute.lazy import LazyExecutor
from ablate.files import locked, remove_stale_temporary_files
from ablate.harness.coordinator import RunUpdate
from ablate.harness.descriptions import recalled
from ablate.harness.donors import order_by_donors
from ablate.harness.fixed_source import FixedSource
from ablate.harness.interruption import Interruption
from ablate.harness.live_report import Refresher
from ablate.harness.order import longest_first, work_of
from ablate.harness.progress import OnProgress, Progress
from ablate.harness.tracker_feed import study_card
from ablate.protocols import Executor, StudyCard, Tracker
from ablate.records import Cell
from ablate.report.wording.language import chosen_language
from ablate.results.survey import collect
from ablate.store.disk_space import refuse_full, refuse_unwritable
from ablate.store.run_names import keep_on_refusal
from ablate.study.class_names import refuse_unknown_class
from ablate.study.stand_in import make_stand_in
from ablate.study.study import Study
from ablate.track.open import tracking_place
from ablate.workflows.closing import close_for_time, is_over, name_end, to_the_end
from ablate.workflows.derived_rows import compute_views
from ablate.workflows.executor import connected, lazy_executor, may_train
from ablate.workflows.former_runs import refuse_former_only
from ablate.workflows.meanwhile import Meanwhile, import_report, import_tracker
from ablate.workflows.notebook import notebook_progress
from ablate.workflows.notify import (
    TRACKING_SECONDS,
    end_tracking,
    exit_code_of,
    report_study,
    run_listener,
    say_stopping,
)
from ablate.workflows.options import Options
from ablate.workflows.other_tests import check_sets, score_sets
from ablate.workflows.report import ShownReport, judge_study, report_folder, write_report
from ablate.workflows.rollback import rollback_on_refusal
from ablate.workflows.session import (
    Session,
    check_data_first,
    clocked,
    interruption_of,
    open_session,
    open_study_tracker,
    resolved_options,
    run_specs,
    runs_to_train,
)
from ablate.workflows.share import write_share
from ablate.workflows.short_time import short_time
from ablate.workflows.tracked_summary import study_summary

if TYPE_CHECKING:
    from ablate.report.gather.assemble import Findings
    from ablate.report.wording.language import Language


@dataclass(frozen=True, slots=True, kw_only=True)
class StudyRun:
    """What running a study came to.

    cells: every run of the plan up to the look. trained: runs that were trained now.
    delivered: False where the tracking store is not up to date. page: the address of the study on a tracking server,
    empty where none was told of it now.
    language: that of the report. exit_code: 0 all there, 1 some runs failed, 130 or 143 interrupted.
    """

    cells: tuple[Cell, ...]
    findings: Findings
    report: Path
    trained: int
    delivered: bool
    exit_code: int
    page: str = ""
    language: Language = "en"

    def _repr_html_(self) -> str:
        from ablate.report.page.notebook import findings_html
        from ablate.report.wording.language import words_of

        say = words_of(self.language)
        return findings_html(self.findings, say, more=f"{say('terminal.report')}: {self.report}")


def run_study(
    study: Study, *, work: Path | str = ".", options: Options | None = None, on_progress: OnProgress | None = None
) -> StudyRun:
    """Train what is missing, judge, and write the report.

    on_progress: called in this thread with the Progress at every change; without it a notebook shows bars.
    Raises StudyError, DataError and TrainerError for requests that cannot be met, DecisionNeeded where
    finished runs were made by other code or data, Held where another process runs this study.
    """
    chosen_language(study.lang)  # a language that does not exist is refused before anything is trained
    on_progress = on_progress or notebook_progress() or (lambda _: None)
    options = clocked(options or Options())
    session = open_session(study, work)
    options = resolved_options(session, to_the_end(session, options))
    refuse_former_only(session, options)
    refuse_unwritable(session.work)
    tracker = open_study_tracker(session, options)
    held = locked(session.store.study(study.name) / "lock")
    cluster = connected(session, options, needed=may_train(session, options))
    with cluster, rollback_on_refusal(session.store, study.name), held:
        if not session.is_tuned:
            from ablate.workflows.search.tune import tune

            session = tune(session, options, on_progress)
        for folder in (session.store.study(study.name), session.store.cache, report_folder(session, options)):
            remove_stale_temporary_files(folder)
        make_stand_in(study)
        return _run(session, options, tracker, on_progress)


def _run(session: Session, options: Options, tracker: Tracker | None, on_progress: OnProgress) -> StudyRun:
    training = _Training(session, options, tracker, on_progress, interruption_of(options))
    # Behind this block Ctrl-C does what it always does: whatever is written then is written in one step.
    with training.interruption.watching(), lazy_executor(session, options) as executor:
        training.look_at_data(executor)
        name_end(session, options, training.interruption)
        training.train_looks(executor)
        close_for_time(session)
        if session.plan.closed is not None:
            options = training.options = replace(options, look=len(session.plan.looks))
        compute_views(session, options, executor.open, training.interruption.is_to_end)
        score_sets(session, options, executor.open, training.interruption.is_to_end, on_progress)
    if session.plan.closed is not None and not training.interruption.signal_number:
        training.interruption = Interruption()  # nothing is cut short that anybody could take up again
    findings = judge_study(session, options)
    shown = ShownReport.of(findings, session)
    report = _show_report(findings, session, options, shown)
    delivered = _show_tracker(findings, report, training, shown)
    return StudyRun(
        cells=tuple(collect(session.plan, session.store, session.origin, look=options.look)),
        findings=findings,
        report=report,
        trained=sum(progress.trained for progress in training.looks),
        delivered=delivered,
        page="" if tracker is None else tracker.page(),
        exit_code=exit_code_of(training.interruption, failed=bool(findings.runs.failed)),
        language=chosen_language(session.study.lang),
    )


@dataclass(slots=True)
class _Training:
    """The runs of one call of a study."""

    session: Session
    options: Options
    tracker: Tracker | None
    on_progress: OnProgress
    interruption: Interruption
    looks: list[Progress] = field(default_factory=list)
    """How far each look has come."""
    _begun: set[str] = field(default_factory=set)
    """Fingerprints that this call has had its turn with."""
    _meanwhile: Meanwhile = field(init=False)

    def __post_init__(self) -> None:
        imports = (import_report, import_tracker) if self.tracker is not None else (import_report,)
        # A run in this very process is not waited for.
        self._meanwhile = Meanwhile(imports if self.options.executor != "inline" else ())

    def look_at_data(self, executor: LazyExecutor) -> None:
        """Find out what is not known of the data; a name that is refused then keeps what it stood for."""
        session = self.session
        with keep_on_refusal(session.store.study(session.study.name)):
            session.store_plan()
            if len(session.prepared) < len(session.plan.variants):
                executor.before_opening = self._meanwhile.begin  # not before a mistyped path is told
            check_data_first(session, self.options, executor, self.on_progress, self.interruption)
            refuse_unknown_class(session.study, session.looks)
            check_sets(session, self.options, executor, self.interruption)
            self._meanwhile.finish()  # where nothing is left to train the report is next, which imports the same
        session.store_plan()  # with what is known of the data now

    def train_looks(self, executor: LazyExecutor) -> None:
        """One planned look after the other: what the next one has to train depends on what this one finds."""
        for look in range(1, self.options.look + 1):
            if is_over(self.session):
                break
            self._train_look(replace(self.options, look=look), executor)
            if self.interruption.asked:
                break

    def _train_look(self, options: Options, executor: LazyExecutor) -> None:
        session, store = self.session, self.session.store
        found = session.survey(options)
        runs = longest_first(runs_to_train(session, found, options, self._begun), _work_of(session))
        to_run, needs = order_by_donors(runs, session.study.trainer, store)
        specs = [spec for _, spec in to_run]
        self._begun.update(spec.fingerprint for spec in specs)
        last = [run.folder for _, _, run in found.cached[-3:]]
        refuse_full(store, specs, last, weights=session.bytes_of_weights())
        progress = Progress(total=len(specs), cached=len(found.cached), slots=executor.slots)
        self.looks.append(progress)
        self.on_progress(progress)
        if specs:
            opened = executor.open()
            self._meanwhile.wait()
            self._train(FixedSource(specs, needs), options, opened, progress)

    def _train(self, source: FixedSource, options: Options, executor: Executor, progress: Progress) -> None:
        """Run what a look lacks, with the report written anew on the way."""
        if self.tracker is not None:
            self.tracker.begin(_card(self.session))
        # A run in this very process has it to itself.
        shown_live = source.waiting if options.executor != "inline" else []
        refresher = Refresher(shown_live, partial(_refresh, self.session, options))
        short = short_time(self.session, options, progress, self.on_progress)
        short.begin()

        def hear(news: RunUpdate) -> None:
            short.hear(news)
            refresher.hear(news)

        listener = run_listener(self.session, self.tracker, (progress, self.on_progress), also=hear)
        self.interruption.notice = partial(say_stopping, progress, self.on_progress)
        try:
            run_specs(
                self.session, options, source, executor=executor, listener=listener, interruption=self.interruption
            )
        finally:
            refresher.close()


def _work_of(session: Session) -> dict[str, float]:
    """Variant -> how much work a run of it is, as far as that is known."""
    variants, trainer = session.plan.variants, session.study.trainer
    described = {one.name: recalled(one, trainer, session.store, session.source) for one in variants}
    return work_of(variants, session.prepared, described)


def _show_report(findings: Findings, session: Session, options: Options, shown: ShownReport) -> Path:
    """Write the report with what is shared of it, unless the one that lies there says the same; its path."""
    report = report_folder(session, options) / "report.md"
    claims = report.with_name("share") / "claims.json"
    if not (shown.is_current("report", report) and shown.is_current("share", claims)):
        report = write_report(findings, session, options)
        write_share(findings, session, options)
        shown.remember("report")
        shown.remember("share")
    return report


def _show_tracker(findings: Findings, report: Path, training: _Training, shown: ShownReport) -> bool:
    """Bring the tracking store up to date, unless it is; False where it did not take everything."""
    session, options, tracker = training.session, training.options, training.tracker
    uri, file = tracking_place(options.tracking_uri, session.work)
    if tracker is None or shown.is_current(uri, file):
        return True
    if not any(progress.total for progress in training.looks):
        tracker.begin(_card(session))
    report_study(session, options, tracker)
    delivered = end_tracking(tracker, study_summary(findings, report, session), training.interruption)
    if delivered:
        shown.remember(uri)
    return delivered


def _refresh(session: Session, options: Options) -> None:
    write_report(judge_study(session, options), session, options)


def sync_study(session: Session, options: Options, *, timeout: float = 10 * TRACKING_SECONDS) -> int:
    """Bring the tracking store up to date without running anything; the number of runs told.

    timeout: how many seconds may pass without a delivery.
    """
    refuse_former_only(session, options)
    tracker = open_study_tracker(session, options)
    assert tracker is not None
    findings = judge_study(session, options)
    report = write_report(findings, session, options)
    write_share(findings, session, options)
    tracker.begin(_card(session))
    told = report_study(session, options, tracker)
    if not tracker.end(study_summary(findings, report, session), timeout=timeout):
        raise TrackingError(
            tracker.refusal() or "the tracking store did not take everything",
            hint="" if tracker.refusal() else "Try again when it can be reached.",
        )
    return told


def _card(session: Session) -> StudyCard:
    return study_card(session.study, session.plan.variants, name=session.study.name)
