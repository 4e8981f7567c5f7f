"""How many runs at once, and by what: the executor of a command."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ablate.errors import StudyError
from ablate.execute.devices import DeviceSlots, devices
from ablate.execute.environment import cores
from ablate.execute.inline import InlineExecutor
from ablate.execute.pool import open_pool
from ablate.protocols import Executor
from ablate.records import Variant

if TYPE_CHECKING:
    from ablate.session import Options, Session


@dataclass(slots=True)
class LazyExecutor:
    """Opens the executor when the first run needs it: a second call of a study trains nothing."""

    slots: int
    _open: Any
    _executor: Executor | None = None

    def open(self) -> Executor:
        """The executor, started once."""
        if self._executor is None:
            self._executor = self._open()
        return self._executor

    def close(self) -> None:
        """End what was started, if anything was."""
        if self._executor is not None:
            self._executor.close()


@contextmanager
def lazy_executor(session: Session, options: Options) -> Iterator[LazyExecutor]:
    """The executor the options ask for, closed with the block."""
    if options.executor == "inline":
        lazy = LazyExecutor(1, InlineExecutor)
    else:
        cards = _cards(session, options)
        slots = options.workers or default_workers(session.plan.variants, slots_per_gpu=options.slots_per_gpu)
        slots = min(slots, len(cards)) if len(cards) else slots
        warm = [session.study.trainer.warm]
        lazy = LazyExecutor(slots, lambda: open_pool(slots=slots, work=session.work, warm=warm, cards=cards))
    try:
        yield lazy
    finally:
        lazy.close()


def _cards(session: Session, options: Options) -> DeviceSlots:
    found = devices()
    if options.slots_per_gpu < 1:
        raise StudyError(f"--slots-per-gpu {options.slots_per_gpu}: at least one run has to fit on a card")
    if len({device.kind for device in found}) < 2:
        return DeviceSlots(found, options.slots_per_gpu)
    homes: dict[int, str] = {}
    for _, spec in session.plan.runs(len(session.plan.looks)):
        for result in session.store.finished(spec.fingerprint)[:1]:
            homes.setdefault(spec.replicate.index, result.stamp.device)
    return DeviceSlots(found, options.slots_per_gpu, homes)


def default_workers(variants: Sequence[Variant], *, slots_per_gpu: int = 1) -> int:
    """As many as there are slots on cards, else as many as the cores carry with the study's threads each."""
    found = devices()
    if found:
        return len(found) * slots_per_gpu
    threads = max((_threads(variant.config) for variant in variants), default=1)
    return max(1, cores() // threads)


def _threads(config: Mapping[str, Any]) -> int:
    numerics = config.get("numerics")
    threads = numerics.get("threads") if isinstance(numerics, Mapping) else None
    return threads if isinstance(threads, int) else 1
