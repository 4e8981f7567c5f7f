"""Helping a search: another process trains what `ablate optuna` has asked Optuna for and has no slot for."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from pathlib import Path

from ablate.harness.coordinator import RunUpdate
from ablate.harness.offers import OfferedSource, helping
from ablate.harness.progress import OnProgress, Progress
from ablate.search import make_question
from ablate.store.disk_space import refuse_unwritable
from ablate.study.stand_in import make_stand_in
from ablate.study.study import Study
from ablate.workflows.executor import lazy_executor
from ablate.workflows.join import Joined
from ablate.workflows.notify import exit_code_of, say_stopping
from ablate.workflows.options import Options
from ablate.workflows.search.run import baseline_plan, check_data_once
from ablate.workflows.session import Session, clocked, interruption_of, run_specs


def join_search(
    study: Study, *, work: Path | str = ".", options: Options | None = None, on_progress: OnProgress | None = None
) -> Joined:
    """Train trials of the study's search while a process asks for them; ends when that one does.

    Any number may help, and each may end at any time; nothing is asked of Optuna, told to it, or sent to MLflow here.
    Raises StudyError for a study without `search:`, and DataError for its data.
    """
    options = clocked(replace(options or Options(), look=1, only=(), replicates=(), patient=False))
    on_progress = on_progress or (lambda _: None)
    interruption = interruption_of(options)
    question = make_question(replace(study, name=f"{study.name}-search"))
    session = Session(question.study, baseline_plan(question), Path(work).resolve())
    refuse_unwritable(session.work)
    folder = session.store.study(question.name)
    make_stand_in(study)
    with interruption.watching(), lazy_executor(session, options) as executor:
        check_data_once(session, options, executor, on_progress, interruption)
        progress = Progress(total=0, slots=executor.slots)

        def listen(news: RunUpdate) -> None:
            progress.total += news.kind == "started"
            progress.hear(news, f"run {news.spec.fingerprint[:8]}")
            on_progress(progress)

        interruption.notice = partial(say_stopping, progress, on_progress)
        opened = executor.open()
        with helping(folder, opened.slots) as offers:
            source = OfferedSource(offers, session.plan.trainer)
            run_specs(session, options, source, executor=opened, listener=listen, interruption=interruption)
    failed = progress.failed
    code = exit_code_of(interruption, failed=bool(failed))
    return Joined(trained=progress.trained, failed=failed, left=0, exit_code=code)
