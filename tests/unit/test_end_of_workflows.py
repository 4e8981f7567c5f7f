"""The end of a study, a search and a confirmation: one rule for the tracker's time and for the exit code."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest

from ablate.harness.interruption import Interruption
from ablate.protocols import StudySummary
from ablate.track.memory import MemoryTracker
from ablate.workflows.notify import HURRIED_SECONDS, TRACKING_SECONDS, end_tracking, exit_code_of, plain_summary

ASKED = Interruption(signal_number=signal.SIGTERM, count=1)


class Slow(MemoryTracker):
    """A tracker whose store takes nothing; it notes how long it was waited for."""

    waits: tuple[float, float | None] = (0.0, None)

    def end(self, summary: StudySummary, *, timeout: float, at_most: float | None = None) -> bool:
        """Nothing is stored."""
        del summary
        self.waits = (timeout, at_most)
        return False


@pytest.mark.parametrize(
    ("interruption", "waits"),
    [(Interruption(), (TRACKING_SECONDS, None)), (ASKED, (HURRIED_SECONDS, HURRIED_SECONDS))],
)
def test_a_command_that_was_asked_to_stop_does_not_wait_for_the_tracking_store(
    interruption: Interruption, waits: tuple[float, float | None]
) -> None:
    """Whatever ends: a study, a search or its confirmation."""
    tracker = Slow()

    assert not end_tracking(tracker, plain_summary("a page", Path("reports"), failed=False), interruption)
    assert tracker.waits == waits


def test_the_exit_code_is_that_of_the_interruption_or_tells_of_failed_runs() -> None:
    """0 where all went well, 1 where a run failed, 128 and the signal's number where a stop was asked for."""
    codes = [exit_code_of(one, failed=failed) for one in (Interruption(), ASKED) for failed in (False, True)]

    assert codes == [0, 1, 143, 143]
