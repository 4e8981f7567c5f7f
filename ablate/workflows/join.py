"""Several processes train one study, on machines that share its work folder: each takes what nobody else holds.

There is no scheduler and no list of who does what. A run belongs to whoever holds its lock, which the
operating system drops when the holder dies; a result that is there is not made again. So any number of
these processes may begin and end at any time, and a report is made by `ablate run` when they are done.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from ablate.errors import StudyError
from ablate.files import locked
from ablate.harness.coordinator import RunUpdate
from ablate.harness.donors import order_by_donors
from ablate.harness.fixed_source import FixedSource
from ablate.harness.interruption import Interruption
from ablate.harness.progress import OnProgress, Progress
from ablate.records import RunSpec
from ablate.store.disk_space import refuse_unwritable
from ablate.study.stand_in import make_stand_in
from ablate.study.study import Study
from ablate.workflows.closing import is_over, name_end, to_the_end
from ablate.workflows.executor import lazy_executor
from ablate.workflows.former_runs import refuse_former_only
from ablate.workflows.notify import exit_code_of, say_stopping
from ablate.workflows.options import Options
from ablate.workflows.session import (
    Session,
    check_data_first,
    clocked,
    interruption_of,
    open_session,
    resolved_options,
    run_specs,
    runs_to_train,
)


@dataclass(frozen=True, slots=True)
class JoinedProcess:
    """Which of so many processes this is, counted from 0: where it begins in the list of runs, and no more."""

    index: int = 0
    count: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Joined:
    """What joining came to. trained: runs trained here to an end, of which so many failed. left: not done yet by
    anybody, because others are at them, or because their replicate is at home on another kind of device."""

    trained: int
    failed: int
    left: int
    exit_code: int


def place_in_array(environment: Mapping[str, str] = os.environ) -> JoinedProcess:
    """The place of a task in a Slurm job array; the first of one elsewhere.

    Slurm sets SLURM_ARRAY_TASK_ID, _MIN, _STEP and _COUNT: https://slurm.schedmd.com/job_array.html
    """
    try:
        index, count, least, step = (
            int(environment.get(f"SLURM_ARRAY_TASK_{name}") or usual)
            for name, usual in (("ID", 0), ("COUNT", 1), ("MIN", 0), ("STEP", 1))
        )
        return JoinedProcess((index - least) // step % count, count)
    except (ValueError, ZeroDivisionError):
        raise StudyError(
            "SLURM_ARRAY_TASK_ID, _COUNT, _MIN and _STEP are not the numbers Slurm sets", hint="Unset them."
        ) from None


def own_share_first(runs: Sequence[RunSpec], place: JoinedProcess) -> list[RunSpec]:
    """All runs, from where this process's equal share of the list begins, and round."""
    begin = place.index * len(runs) // place.count
    return [*runs[begin:], *runs[:begin]]


def join_study(
    study: Study,
    *,
    work: Path | str = ".",
    options: Options | None = None,
    place: JoinedProcess | None = None,
    on_progress: OnProgress | None = None,
) -> Joined:
    """Train what is missing and nobody else holds; no report, nothing to MLflow.

    Raises as run_study does. Needs no lock of the study: any number may join, beside an `ablate run` too.
    """
    options = clocked(replace(options or Options(), joined=True))
    on_progress = on_progress or (lambda _: None)
    interruption = interruption_of(options)
    session = open_session(study, work)
    refuse_unwritable(session.work)
    if not session.is_tuned:
        raise StudyError("the study has `tune:`, and has not been tuned yet", hint="Begin it by `ablate run`.")
    options = resolved_options(session, to_the_end(session, options))
    refuse_former_only(session, options)
    # The first who comes looks at the data; the others wait, and find what it found.
    with locked(session.store.study(study.name) / "joining.lock", wait=True):
        make_stand_in(study)
        session = open_session(study, work)
        with interruption.watching(), lazy_executor(session, options) as executor:
            check_data_first(session, options, executor, on_progress, interruption)
        session.store_plan()
        name_end(session, options, interruption)
    if is_over(session):
        raise StudyError("the study's end has come: nothing more is trained", hint="`ablate run` judges what is there.")
    interruption.end_here()
    with interruption.watching():
        place, begun = place or place_in_array(), set[str]()
        told = [_train(session, step, place, on_progress, interruption, begun) for step in _steps(options)]
    return Joined(
        trained=sum(progress.trained for progress in told),
        failed=sum(progress.failed for progress in told),
        left=len(session.survey(options).to_run),
        exit_code=exit_code_of(interruption, failed=any(progress.failed for progress in told)),
    )


def _steps(options: Options) -> list[Options]:
    """Look by look: what a look trains depends on the whole of the one before, so all but the last are waited for."""
    return [replace(options, look=look, patient=look < options.look) for look in range(1, options.look + 1)]


def _train(
    session: Session,
    options: Options,
    place: JoinedProcess,
    on_progress: OnProgress,
    interruption: Interruption,
    begun: set[str],
) -> Progress:
    """One look; the runs it has had its turn with are added to `begun`."""
    found = session.survey(options)
    to_run, needs = order_by_donors(runs_to_train(session, found, options, begun), session.study.trainer, session.store)
    begun.update(spec.fingerprint for _, spec in to_run)
    names = {spec.fingerprint: f"{variant} · replicate {spec.replicate.index}" for variant, spec in to_run}
    source = FixedSource(own_share_first([spec for _, spec in to_run], place), needs)
    with lazy_executor(session, options) as executor:
        progress = Progress(total=len(to_run), cached=len(found.cached), slots=executor.slots)

        def listen(news: RunUpdate) -> None:
            progress.hear(news, names[news.spec.fingerprint])
            on_progress(progress)

        interruption.notice = partial(say_stopping, progress, on_progress)
        if to_run and not interruption.asked:
            run_specs(session, options, source, executor=executor.open(), listener=listen, interruption=interruption)
    return progress
