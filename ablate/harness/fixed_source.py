"""The plan's runs in their order: the simplest Source."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import islice

from ablate.records import Event, Failed, Finished, RunResult, RunSpec


@dataclass(slots=True)
class FixedSource:
    """The plan's runs in their order; the simplest Source.

    needs: fingerprint -> those of the waiting runs it begins with. It starts when they have
    finished, and never where one of them failed.
    """

    waiting: list[RunSpec]
    needs: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    _open: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.waiting = list(self.waiting)
        self._open = {spec.fingerprint for spec in self.waiting} if self.needs else set()

    def take(self, free: int) -> list[RunSpec]:
        """The next runs that need not wait for others."""
        # Looks no further than it must: it is asked once a run, and a plan may have thousands.
        places = list(islice((i for i, spec in enumerate(self.waiting) if self._is_ready(spec)), free))
        taken = [self.waiting[i] for i in places]
        for i in reversed(places):
            del self.waiting[i]
        return taken

    def _is_ready(self, spec: RunSpec) -> bool:
        return not self.needs or self._open.isdisjoint(self.needs.get(spec.fingerprint, ()))

    def heard(self, spec: RunSpec, news: Event | RunResult) -> bool:
        """Every run goes on."""
        match news:
            case Finished():
                self._open.discard(spec.fingerprint)
            case Failed():
                self._give_up(spec.fingerprint)
        return True

    def done(self) -> bool:
        """True when nothing waits."""
        return not self.waiting

    def _give_up(self, fingerprint: str) -> None:
        """Leave out what would have begun with a run that failed."""
        lost = [spec for spec in self.waiting if fingerprint in self.needs.get(spec.fingerprint, ())]
        self.waiting = [spec for spec in self.waiting if spec not in lost]
        for spec in lost:
            self._give_up(spec.fingerprint)
