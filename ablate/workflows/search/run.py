"""A search from its study file to its best setting, by the same executor and tracker as a study."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from ablate.errors import StudyError
from ablate.execute.environment import own_version
from ablate.execute.lazy import LazyExecutor
from ablate.files import locked
from ablate.harness.coordinator import Listener, RunUpdate
from ablate.harness.interruption import Interruption
from ablate.harness.offers import offering
from ablate.harness.progress import OnProgress, Progress
from ablate.harness.tracker_feed import changes_text, core_settings, label_of, report_event, study_card, tell_all
from ablate.protocols import StudyCard, Tracker
from ablate.records import Config
from ablate.safety.addresses import is_badly_written, without_secrets
from ablate.search import (
    BASELINE_TRIAL,
    OpenSearch,
    OptunaSource,
    SearchQuestion,
    TrialRecord,
    caution,
    have_failed,
    importances,
    make_question,
    open_search,
    pareto_front,
)
from ablate.store.run_names import add_trial, write_names, write_trials
from ablate.study.plan import Plan, make_plan
from ablate.study.space.tree import Point
from ablate.study.stand_in import make_stand_in
from ablate.study.study import Study
from ablate.workflows.executor import connected, lazy_executor
from ablate.workflows.notebook import notebook_progress
from ablate.workflows.notify import end_tracking, exit_code_of, plain_summary, say_stopping
from ablate.workflows.options import Options
from ablate.workflows.rollback import rollback_on_refusal
from ablate.workflows.search.confirm import confirm
from ablate.workflows.search.memory import (
    carry_over,
    make_source,
    recalled_search,
    refuse_other_storage,
    refuse_taken_name,
    remember,
)
from ablate.workflows.search.result import Confirmation, SearchOptions, SearchRun
from ablate.workflows.session import (
    Session,
    check_data_first,
    clocked,
    interruption_of,
    open_study_tracker,
    run_specs,
)

if TYPE_CHECKING:
    from ablate.report.search.facts import SearchFacts


DEFAULT_TRIALS = 50


def run_search(
    study: Study,
    *,
    search: SearchOptions | None = None,
    work: Path | str = ".",
    options: Options | None = None,
    on_progress: OnProgress | None = None,
) -> SearchRun:
    """Search until the total of trials has ended, counting those of earlier calls; then confirm, where asked to.

    Raises StudyError for a space the trainer's schema refuses, for a storage that cannot be used, and for a
    search that was begun otherwise; Held where another process has it.
    """
    search = search or SearchOptions()
    question = make_question(replace(study, name=search.name or f"{study.name}-search"))
    return search_for(question, search, Path(work).resolve(), options, on_progress, usual=f"{study.name}-search")


def search_for(
    question: SearchQuestion,
    search: SearchOptions,
    work: Path,
    options: Options | None = None,
    on_progress: OnProgress | None = None,
    *,
    usual: str = "",
) -> SearchRun:
    """The same for a question that was made already. usual: the search's name where it has been given another."""
    trials = search.trials if search.trials is not None else question.block.trials or DEFAULT_TRIALS
    _refuse_impossible(question, search, trials)
    refuse_taken_name(work, question.name, given=search.name is not None)
    options = replace(clocked(options or Options()), look=1, only=())
    session = Session(question.study, baseline_plan(question), work)
    held = locked(_folder(session) / "lock")
    shown = on_progress or notebook_progress() or (lambda _: None)
    with connected(session, options), rollback_on_refusal(session.store, question.name), held:
        make_stand_in(question.study)
        refuse_other_storage(_folder(session), search.storage)
        with open_book(question, _folder(session), search.storage) as opened:
            remember(_folder(session), storage=opened.place, is_own=opened.is_own)
            walk = _Walk(session, options, shown, question, opened, usual)
            return walk.go(trials, search)


def _refuse_impossible(question: SearchQuestion, search: SearchOptions, trials: int) -> None:
    if search.storage is not None and is_badly_written(search.storage):
        raise StudyError(
            f"--storage {without_secrets(search.storage)} may be an address or a file",
            hint="An address is written like postgresql://user:password@host/database; let a file begin with ./ or /.",
        )
    if trials < 1:
        raise StudyError(f"--trials {trials}: at least one", hint="It is the total, earlier calls included.")
    if search.ablate_winner and question.block.confirm is None:
        raise StudyError(
            "--ablate-winner asks about the confirmed winner, and the search has no confirm:",
            hint="Add it to the study's search:, such as confirm: {top: 3, replicates: 5}.",
        )


def _folder(session: Session) -> Path:
    return session.store.study(session.study.name)


@contextmanager
def open_book(question: SearchQuestion, folder: Path, url: str | None = None) -> Iterator[OpenSearch]:
    """The search in its storage, held by this process."""
    opened = open_search(question, folder, url)
    try:
        with opened.held():
            yield opened
    finally:
        opened.close()


def baseline_plan(question: SearchQuestion) -> Plan:
    """The search's own plan: the base alone, judged on validation."""
    study = question.study
    evidence = study.evidence.model_copy(update={"val": question.protocol.val, "replicates": [1], "families": {}})
    alone = replace(study, design=None, own_design=None, factors=(), comparisons=(), published=None, evidence=evidence)
    return replace(make_plan(alone), study=study.name, protocol=question.protocol, looks=(1,))


def check_data_once(
    session: Session, options: Options, executor: LazyExecutor, on_progress: OnProgress, interruption: Interruption
) -> None:
    """The first of several processes looks at the data; the others wait, and find what it found."""
    with locked(_folder(session) / "joining.lock", wait=True):
        session.prepared = Session(session.study, session.plan, session.work).prepared
        check_data_first(session, options, executor, on_progress, interruption)


@dataclass(slots=True)
class _Walk:
    """One call of a search."""

    session: Session
    options: Options
    on_progress: OnProgress
    question: SearchQuestion
    opened: OpenSearch
    usual: str
    """The search's name where none is given."""

    def go(self, trials: int, search: SearchOptions) -> SearchRun:
        """Search, confirm, show."""
        tracker = open_study_tracker(self.session, self.options)
        interruption = interruption_of(self.options)
        with interruption.watching(), lazy_executor(self.session, self.options) as executor:
            check_data_once(self.session, self.options, executor, self.on_progress, interruption)
            if search.name is not None:
                carry_over(self.opened, self.question, self.session, self.usual, search.storage)
            source = make_source(self.question, self.opened, self.session, trials, self.options)
            card = study_card(self.question.study, self.session.plan.variants, name=self.question.name)
            card = card._replace(searched=self.question.space.keys)
            progress = self._search(source, executor, tracker, card, interruption)
            confirmation = None
            if source.done() and not interruption.is_to_end() and self.question.block.confirm is not None:
                confirmation = confirm(
                    self.question, source.ended, self.session, self.options, executor,
                    winner=search.ablate_winner, interruption=interruption, on_progress=self.on_progress,
                )  # fmt: skip
        return self._conclude(source, tracker, confirmation, progress, interruption)

    def _search(
        self,
        source: OptunaSource,
        executor: LazyExecutor,
        tracker: Tracker | None,
        card: StudyCard,
        interruption: Interruption,
    ) -> Progress:
        folder = _folder(self.session)
        write_names(folder, self.question.name, self.question.study.document.name, {})
        write_trials(folder, [(tried.name, self._runs(tried)) for tried in source.tried.values()])
        ended = source.ended
        if tracker is not None:
            tracker.begin(card)
            for tried in ended:
                self._tell_record(tracker, tried, card)
        known = set(source.tried)

        def asked(tried: TrialRecord) -> None:
            if tried.number not in known:
                add_trial(folder, tried.name, self._runs(tried))

        source.on_asked = asked
        runs = len(self.question.replicates)
        is_beside = int(BASELINE_TRIAL in source.tried)  # the baseline, where it is no trial
        total = max(0, source.trials + is_beside - len(ended)) * runs
        progress = Progress(total=total, cached=len(ended) * runs, slots=executor.slots)
        interruption.notice = partial(say_stopping, progress, self.on_progress)
        listener = self._listener(source, tracker, card, progress)
        if not source.done():
            with offering(folder, self.session.store) as offers:
                run_specs(
                    self.session, self.options, source, executor=executor.open(), listener=listener,
                    interruption=interruption, offers=offers,
                )  # fmt: skip
        return progress

    def _listener(self, source: OptunaSource, tracker: Tracker | None, card: StudyCard, progress: Progress) -> Listener:
        several = len(self.question.replicates) > 1

        def listen(news: RunUpdate) -> None:
            tried = source.owner_of(news.spec.fingerprint)
            if tracker is not None:
                self._describe(tried, news.spec.config, card)
                report_event(tracker, label_of(tried.name, news.spec), news)
            replicate = f" · replicate {news.spec.replicate.index}" if several else ""
            progress.hear(news, f"{tried.name}{replicate} · {point_text(tried.point) or 'as it is'}")
            self.on_progress(progress)

        return listen

    def _runs(self, tried: TrialRecord) -> dict[str, str]:
        specs = tried.specs or self.question.runs_of(tried.number, tried.point)
        return {str(replicate): spec.fingerprint for replicate, spec in specs.items()}

    def _describe(self, tried: TrialRecord, config: Config, card: StudyCard) -> None:
        """Add a trial to the card, which trackers read when they hear of it."""
        if tried.name in card.core:
            return
        core, changes = card.core, card.changes
        assert isinstance(core, dict)
        assert isinstance(changes, dict)
        changes[tried.name] = point_text(tried.point)
        core[tried.name] = core_settings(config, self.session.plan.variants[0].config)

    def _tell_record(self, tracker: Tracker, tried: TrialRecord, card: StudyCard) -> None:
        for spec in self.question.runs_of(tried.number, tried.point).values():
            self._describe(tried, spec.config, card)
            for result in self.session.store.results(spec.fingerprint)[-1:]:
                tell_all(tracker, label_of(tried.name, spec), result.folder)

    def _conclude(
        self,
        source: OptunaSource,
        tracker: Tracker | None,
        confirmation: Confirmation | None,
        progress: Progress,
        interruption: Interruption,
    ) -> SearchRun:
        from ablate.report.search.page import describe_search
        from ablate.report.search.render import render_search
        from ablate.workflows.search.report import facts_of

        optuna_study = self.opened.optuna_study
        tried = tuple(source.ended)
        failed = have_failed(tried) or (confirmation is not None and bool(confirmation.findings.runs.failed))
        best = best_of(self.question, tried)
        on_front = pareto_front(optuna_study) if best is not None else frozenset()
        found = SearchRun(
            question=self.question,
            tried=tried,
            wanted=source.trials,
            best=best,
            front=tuple(trial for trial in tried if trial.number in on_front),
            importance=importances(optuna_study),
            confirmation=confirmation,
            trained=progress.trained,
            answered=source.answered,
            known_to_fail=source.known_to_fail,
            stopped=source.stopped,
            place=self.opened.place,
            page=(self.options.reports or self.session.work / "reports") / self.question.name / "report.md",
            delivered=confirmation is None or confirmation.delivered,
            unchecked=caution(self.question, tried, self.session.store),
            exit_code=exit_code_of(interruption, failed=failed),
        )
        remember(_folder(self.session), best=None if best is None else best.name)
        facts: SearchFacts = facts_of(found, self.session)
        digest = hashlib.sha256(f"{own_version()}\0{facts!r}".encode()).hexdigest()
        if recalled_search(_folder(self.session)).get("shown") != digest or not found.page.exists():
            render_search(facts, found.page.parent)
            remember(_folder(self.session), shown=digest)
        if tracker is None:
            return found
        mattered = tuple(row.name for row in found.importance)
        summary = plain_summary(describe_search(facts), found.page.parent, failed=failed)._replace(searched=mattered)
        return replace(found, delivered=end_tracking(tracker, summary, interruption) and found.delivered)


def best_of(question: SearchQuestion, tried: tuple[TrialRecord, ...]) -> TrialRecord | None:
    """The best trial by the first objective; of equal ones the first."""
    sign = 1 if question.objectives[0].goal == "max" else -1
    finished = [trial for trial in tried if trial.value is not None]
    return max(finished, key=lambda trial: sign * (trial.value or 0.0), default=None)


def point_text(point: Point) -> str:
    """A point of the space for a person: four digits are enough to tell trials apart."""
    return changes_text({k: float(f"{v:.4g}") if isinstance(v, float) else v for k, v in point.items()})
