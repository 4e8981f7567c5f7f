"""An executor that is opened when the first run needs it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ablate.protocols import Executor


@dataclass(slots=True)
class LazyExecutor:
    """Opens the executor when the first run needs it: a second call of a study trains nothing."""

    _slots: int
    _open: Any
    _open_with: Callable[[Path], Executor] | None = None
    """Opens one that begins with an attempt while it is still getting ready; None where it cannot."""
    before_opening: Callable[[], None] | None = None
    """Called once, before anything is started."""
    _executor: Executor | None = None

    @property
    def slots(self) -> int:
        """Runs at once; before it is opened, as many as are expected."""
        return self._slots if self._executor is None else self._executor.slots

    @property
    def can_begin_early(self) -> bool:
        """Whether it is still to be opened, and can begin with an attempt before it is ready."""
        return self._executor is None and self._open_with is not None

    def open(self, first: Path | None = None) -> Executor:
        """The executor, started once. first: the attempt to begin early."""
        if self._executor is None:
            if self.before_opening is not None:
                self.before_opening()
            early = self._open_with if first is not None else None
            self._executor = self._open() if early is None or first is None else early(first)
        return self._executor

    def close(self) -> None:
        """End what was started, if anything was."""
        if self._executor is not None:
            self._executor.close()
