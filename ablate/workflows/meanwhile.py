"""Imports that a command needs later, made while its first processes get ready and this one would wait for them."""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass

from ablate.execute.imports import uncollected


@dataclass(slots=True)
class Meanwhile:
    """Imports in a thread of their own; what fails there fails again, and is told, where it is needed."""

    imports: tuple[Callable[[], None], ...]
    _thread: threading.Thread | None = None

    def begin(self) -> None:
        """Begin, unless that was done before."""
        if self._thread is None:
            self._thread = threading.Thread(target=self._import_all, name="imports", daemon=True)
            self._thread.start()

    def wait(self) -> None:
        """Begin, if nobody has, and wait for the end: two threads that import the same may each see half of it."""
        self.begin()
        self.finish()

    def finish(self) -> None:
        """Wait for the end of what was begun, if anything was."""
        if self._thread is not None:
            self._thread.join()

    def _import_all(self) -> None:
        with uncollected():
            for one in self.imports:
                with suppress(Exception):
                    one()


def import_report() -> None:
    """What judges runs and draws the report."""
    import ablate.report.gather.assemble
    import ablate.report.page.render  # noqa: F401 - imported for later
    from ablate.report.figures.drawing import new_figure

    new_figure(1, 1)


def import_tracker() -> None:
    """What writes to MLflow."""
    from ablate.track.open import import_store

    import_store()
