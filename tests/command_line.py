"""Commands as somebody types them in a work folder, in this process."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from ablate.cli.app import app


def ablate(work: Path, *words: str) -> Result:
    """One command in a work folder: what it printed, and how it ended."""
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(work)
        return CliRunner().invoke(app, list(words), catch_exceptions=False)
