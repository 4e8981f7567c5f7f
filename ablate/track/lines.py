"""Lines of attempts: which run in a store shows which attempts of a folder.

Attempts are numbered by their folder, and two folders on two machines both begin at 001. A number alone
therefore says nothing: a run shows the attempts here only if it began with an event of their journals.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from ablate.records import Event
from ablate.store.journal import read_events, read_history
from ablate.track.entities import (
    ATTEMPTS,
    CURSOR,
    FAILURE,
    GIVEN,
    RECORDED,
    REPORTED,
    SUPERSEDED,
    KnownRun,
    Status,
    Update,
    milliseconds,
)


@dataclass(slots=True)
class ShownRun:
    """What is known of a run in the store.

    last: when it was last heard of, in milliseconds. recorded: checksum of its record, or empty. reported:
    step and digest of its newest summary. given: digest of a variant's files. is_here: whether it shows attempts of
    this folder; None before anybody has looked.
    """

    run_id: str
    level: str
    variant: str
    attempts: tuple[str, ...]
    epoch: int
    status: Status
    started: int
    last: int
    described: bool
    failed: bool
    superseded: bool
    recorded: str
    reported: str
    given: str = ""
    is_here: bool | None = None

    @staticmethod
    def of(known: KnownRun) -> ShownRun:
        """A run as the store has it."""
        return ShownRun(
            run_id=known.run_id,
            level=known.tags.get("ablate.level", ""),
            variant=known.tags.get("ablate.variant", ""),
            attempts=_attempts(known.tags),
            epoch=known.epoch,
            status=known.status,
            started=known.started,
            last=known.ended or known.started,
            described=known.described,
            failed=bool(known.tags.get(FAILURE)),
            superseded=SUPERSEDED in known.tags,
            recorded=known.tags.get(RECORDED, ""),
            reported=known.tags.get(REPORTED, ""),
            given=known.tags.get(GIVEN, ""),
        )

    def is_over(self) -> bool:
        """Whether it has its result, or its failure."""
        return self.status == "FINISHED" or self.failed

    def learn(self, update: Update) -> None:
        """Note what was written."""
        self.described = True
        self.epoch = max([self.epoch, *(point.step for point in update.points if point.key == CURSOR)])
        self.last = max([self.last, update.ended or 0, *(point.at for point in update.points)])
        self.status = update.status or self.status
        self.failed = bool(update.tags.get(FAILURE, "x" if self.failed else ""))
        self.attempts = _attempts(update.tags) or self.attempts
        self.recorded = update.tags.get(RECORDED, self.recorded)
        self.reported = update.tags.get(REPORTED, self.reported)
        self.given = update.tags.get(GIVEN, self.given)

    def belongs_to(self, folder: Path) -> bool:
        """Whether it shows attempts in this folder, and not those of another machine that bear the same numbers."""
        if self.is_here is None:
            self.is_here = self._began_in(folder)
        return self.is_here

    def _began_in(self, folder: Path) -> bool:
        here = {path.name for path in folder.glob("[0-9]*")}
        known = [folder / name for name in self.attempts if name in here]
        if not known:  # a clean-up may have removed them, but never the newest
            return age_of(self.attempts[-1]) < max(map(age_of, here), default=age_of(""))
        return any(
            milliseconds(event.time) == self.started
            for read in (_events, read_history)
            for attempt in known
            for event in read(attempt)
        )


def _events(attempt: Path) -> list[Event]:
    return read_events(attempt)[0]


def _attempts(tags: Mapping[str, str]) -> tuple[str, ...]:
    return tuple(tags.get(ATTEMPTS, "").split())


def age_of(attempt: str) -> tuple[int, str]:
    """A key to sort attempts by."""
    return len(attempt), attempt  # "999" is older than "1000"


def run_of(runs: Sequence[ShownRun], attempt: Path, events: Sequence[Event]) -> ShownRun | None:
    """The run this attempt belongs to, or None where it is the first of its line."""
    for run in runs:
        if attempt.name in run.attempts:
            return run
    earlier = line_of(attempt, events) if runs else set()
    for run in runs:
        untouched = run.epoch == 0 and not run.superseded and age_of(run.attempts[-1]) < age_of(attempt.name)
        if run.status != "FINISHED" and (untouched or earlier & set(run.attempts)):
            return run
    return None


def line_of(attempt: Path, events: Sequence[Event]) -> set[str]:
    """The attempts this one resumed, directly or not; as told, else as the journals have it."""
    line: set[str] = set()
    told = [*events, *read_events(attempt)[0]]
    while resumed := {str(e.data["attempt"]) for e in told if e.kind == "resumed"} - line:
        line |= resumed
        told = [event for name in sorted(resumed) for event in read_events(attempt.parent / name)[0]]
    return line


def epochs_after(attempt: Path, events: Sequence[Event], *, after: int) -> list[Event]:
    """Each epoch after the last one stored; the journals fill what the events leave open."""
    told = [event for event in events if event.kind == "epoch"]
    first = min((int(event.data["epoch"]) for event in told), default=after)
    if first > after + 1 or any(event.kind in ("resumed", "finished", "failed") for event in events):
        told = [*read_history(attempt), *told]
    by_number = {int(event.data["epoch"]): event for event in told}
    return [by_number[number] for number in sorted(by_number) if number > after]
