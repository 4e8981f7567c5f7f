"""Who hears how a study goes: the tracker, and whoever watches."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from ablate.harness.coordinator import Listener, RunUpdate
from ablate.harness.interruption import Interruption
from ablate.harness.progress import OnProgress, Progress
from ablate.harness.tracker_feed import label_of, report_event, tell_all
from ablate.protocols import StudySummary, Tracker
from ablate.results.survey import collect
from ablate.workflows.options import Options
from ablate.workflows.session import Session

TRACKING_SECONDS = 60.0
"""How long a command waits, at its end, for a tracking store that takes nothing any more."""


HURRIED_SECONDS = 3.0
"""How long one that was asked to stop waits in all."""


def say_stopping(progress: Progress, on_progress: OnProgress) -> None:
    """Tell whoever watches that runs have been asked to stop."""
    on_progress(replace(progress, kind="stopping"))


def end_tracking(tracker: Tracker, summary: StudySummary, interruption: Interruption) -> bool:
    """Tell a tracker that a study, a search or a confirmation ended; False where its store did not take everything."""
    hurry = HURRIED_SECONDS if interruption.asked else None
    return tracker.end(summary, timeout=hurry or TRACKING_SECONDS, at_most=hurry)


def exit_code_of(interruption: Interruption, *, failed: bool) -> int:
    """0 where all went well, 1 where a run failed; that of the interruption where one was asked for."""
    return interruption.exit_code if interruption.asked else int(failed)


def plain_summary(description: str, files: Path, *, failed: bool) -> StudySummary:
    """The end of what has no numbers of its own by variant: a search, a confirmation."""
    return StudySummary(description=description, files=files, variants={}, failed=failed, extra={})


def report_study(session: Session, options: Options, tracker: Tracker) -> int:
    """Tell a tracker everything the journals hold; what it knows already it passes over."""
    told = 0
    for cell in collect(session.plan, session.store, session.origin, look=options.look):
        if cell.result is not None:
            spec = session.plan.spec(session.plan.variant(cell.variant), cell.replicate)
            tell_all(tracker, label_of(cell.variant, spec), cell.result.folder)
            told += 1
    return told


def run_listener(
    session: Session,
    tracker: Tracker | None,
    told: tuple[Progress, OnProgress],
    *,
    prefix: str = "",
    also: Listener | None = None,
) -> Listener:
    """Hears the news of a study's runs: tells the tracker, counts, shows; then `also` hears it."""
    progress, on_progress = told
    names = {spec.fingerprint: variant.name for variant, spec in session.plan.runs(len(session.plan.looks))}

    def listen(news: RunUpdate) -> None:
        variant = names[news.spec.fingerprint]
        if tracker is not None:
            report_event(tracker, label_of(variant, news.spec), news)
        progress.hear(news, f"{prefix}{variant} · replicate {news.spec.replicate.index}")
        on_progress(progress)
        if also is not None:
            also(news)

    return listen
