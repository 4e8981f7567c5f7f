"""An executor that is opened when the first run needs it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ablate.protocols import Executor


@dataclass(slots=True)
class LazyExecutor:
    """Opens the executor when the first run needs it: a second call of a study trains nothing."""

    _slots: int
    _open: Any
    _executor: Executor | None = None

    @property
    def slots(self) -> int:
        """Runs at once; before it is opened, as many as are expected."""
        return self._slots if self._executor is None else self._executor.slots

    def open(self) -> Executor:
        """The executor, started once."""
        if self._executor is None:
            self._executor = self._open()
        return self._executor

    def close(self) -> None:
        """End what was started, if anything was."""
        if self._executor is not None:
            self._executor.close()
