"""TODO."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from ablate.harness.coordinator import Listener, RunUpdate
from ablate.harness.progress import OnProgress, Progress
from ablate.harness.tracker_feed import label_of, report_event, tell_all
from ablate.protocols import Tracker
from ablate.results.survey import collect
from ablate.workflows.options import Options
from ablate.workflows.session import Session

if TYPE_CHECKING:
    pass


TRACKING_SECONDS = 60.0
"""How long a command waits, at its end, for a tracking store that takes nothing any more."""


HURRIED_SECONDS = 3.0
"""How long one that was asked to stop waits in all."""


def say_stopping(progress: Progress, on_progress: OnProgress) -> None:
    """Tell whoever watches that runs have been asked to stop."""
    on_progress(replace(progress, kind="stopping"))


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
