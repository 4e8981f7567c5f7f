"""How many threads a run should have for the shape of the work: proposed as a line of the study file, never chosen.

Threads are part of what a run is: with another number its last digits are others. So they are the same for all
runs of a study, however many cores are idle at its end.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from ablate.execute.devices import devices
from ablate.execute.environment import cores
from ablate.execute.resources import fitting_threads
from ablate.results.survey import RunInventory
from ablate.workflows.executor import threads_of
from ablate.workflows.options import Options
from ablate.workflows.session import Session


class ThreadProposal(NamedTuple):
    """Other threads than the study's. finished: runs that would not count any more."""

    now: int
    fitting: int
    runs: int
    cores: int
    finished: int

    @property
    def sentence(self) -> str:
        """The line to write, why, and what it costs."""
        many = "1 run" if self.runs == 1 else f"{self.runs} runs"
        line = f"`threads: {self.fitting}` in base.numerics"
        if self.fitting > self.now:
            why = f"{many} of {self.now} thread{'s' * (self.now > 1)} leave cores idle here ({self.cores}): {line}"
            why = why.replace("leave", "leaves", 1) if self.runs == 1 else why
            gain = f"{why} uses them; `ablate doctor` measures what that gains."
        else:
            gain = f"{many} with {self.now} threads each on {self.cores} cores: {line} does more, side by side."
        if not self.finished:
            return f"{gain} It is part of what a run is, so decide before the first."
        cost = "the finished run is" if self.finished == 1 else f"the {self.finished} finished runs are"
        return f"{gain} It is part of what a run is: {cost} trained again then."


def propose_threads(session: Session, found: RunInventory, options: Options) -> ThreadProposal | None:
    """What would fit better; None where the threads fit, nothing is left to train, or runs go to graphics cards.

    Also None for a trainer whose settings have no numerics.threads.
    """
    now, here = threads_of(session.plan.variants), cores()
    if now is None or not found.to_run or devices():
        return None
    runs = sum(1 for _ in session.plan.runs(1))
    fitting = fitting_threads(runs, here)
    if fitting == now:
        return None
    return ThreadProposal(now, fitting, runs, here, len(found.cached) + len(found.stale))


def threads_row(proposal: ThreadProposal | None) -> dict[str, Any] | None:
    """The proposal as plain data, for `ablate plan --json`."""
    return None if proposal is None else proposal._asdict() | {"note": proposal.sentence}
