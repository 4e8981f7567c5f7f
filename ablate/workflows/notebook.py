"""Progress in a notebook: one output that is drawn anew while runs go on."""

from __future__ import annotations

import sys
import time
from importlib import import_module
from typing import Any

from ablate.harness.progress import OnProgress, Progress

SECONDS = 0.5
"""Between two drawings; every end of a run is drawn."""


def notebook_progress() -> OnProgress | None:
    """What shows the Progress below the cell; None where this is no notebook."""
    shell = getattr(sys.modules.get("IPython"), "get_ipython", lambda: None)()
    if shell is None or not hasattr(shell, "kernel"):  # a terminal's IPython cannot draw a second time
        return None
    return _Drawn(import_module("IPython.display").display)


class _Drawn:
    """Keeps the one output, and when it was drawn last."""

    def __init__(self, display: Any) -> None:
        self._display = display
        self._handle: Any = None
        self._at = 0.0

    def __call__(self, progress: Progress) -> None:
        """Draw the state of the study, unless that was done a moment ago."""
        if progress.kind == "progress" and time.monotonic() - self._at < SECONDS:
            return
        self._at = time.monotonic()
        if self._handle is None:
            self._handle = self._display(progress, display_id=True)
        else:
            self._handle.update(progress)
