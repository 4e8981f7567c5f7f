"""A warning, while it can still be heeded, that a study's end will come before there is anything to judge."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime

from ablate.harness.coordinator import RunUpdate
from ablate.harness.progress import OnProgress, Progress
from ablate.records import Finished
from ablate.store.closing import read_closing
from ablate.workflows.options import Options
from ablate.workflows.plan_summary import seconds_a_run
from ablate.workflows.session import Session
from ablate.workflows.time_budget import FEWEST, complete_within


@dataclass(slots=True)
class ShortTime:
    """Tells once whoever watches where fewer than two replicates will be complete at the study's end.

    estimate: how many will be, if a run takes so many seconds, or as many as the finished ones; None for unknown.
    """

    progress: Progress
    on_progress: OnProgress
    estimate: Callable[[float | None], int | None]
    is_over: bool = False

    def begin(self) -> None:
        """By the runs that have finished before."""
        self._tell(None)

    def hear(self, news: RunUpdate) -> None:
        """By the first run that finishes now, where nothing was known."""
        if not self.is_over and isinstance(news.result, Finished):
            self._tell(news.result.seconds)

    def _tell(self, seconds: float | None) -> None:
        complete = self.estimate(seconds)
        self.is_over = complete is not None
        if complete is not None and complete < FEWEST:
            self.on_progress(replace(self.progress, kind="short", complete=complete))


def short_time(session: Session, options: Options, progress: Progress, on_progress: OnProgress) -> ShortTime:
    """See `ShortTime`; a study that names no end, or plans a single replicate, has nothing to be told."""
    closing = read_closing(session.store.study(session.study.name))
    if closing is None or closing.closed or session.plan.looks[-1] < FEWEST:
        return ShortTime(progress, on_progress, lambda _: None, is_over=True)
    left = (datetime.fromisoformat(closing.end) - datetime.now().astimezone()).total_seconds()
    found = session.survey(replace(options, look=len(session.plan.looks), only=(), replicates=()))

    def estimate(seconds: float | None) -> int | None:
        known = seconds_a_run(session, found)
        if seconds is not None:
            known = known or {variant.name: seconds for variant in session.plan.variants}
        return complete_within(session, found, known, left, progress.slots) if known else None

    return ShortTime(progress, on_progress, estimate)
