"""The notebooks of the documentation, which are kept as text: their cells work one after the other."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

DOCS = Path(__file__).parents[2] / "docs"
NOTEBOOKS = sorted(
    path for path in DOCS.glob("*/*.md") if path.read_text(encoding="utf-8").startswith("---\njupytext:")
)


def cells(notebook: Path) -> list[str]:
    """The code of each cell; a cell that only names a thing shows it."""
    text = notebook.read_text(encoding="utf-8")
    return re.findall(r"^```\{code-cell\} python\n(?::tags:[^\n]*\n\n)?(.*?)^```", text, re.MULTILINE | re.DOTALL)


def test_a_notebook_is_there_in_both_languages() -> None:
    """None is left out by a change of its first lines."""
    assert [path.relative_to(DOCS).as_posix() for path in NOTEBOOKS] == [
        "notebooks/first_study.md",
        "zh/first_study.md",
    ]


@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda path: path.parent.name)
def test_the_cells_of_a_notebook_work(notebook: Path, tmp_path: Path) -> None:
    """In order, in one process, as in a kernel that was just started."""
    done = subprocess.run(
        [sys.executable, "-c", "\n".join(cells(notebook))],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
        timeout=600,
    )

    assert done.returncode == 0, done.stderr[-3000:]
    assert "BN " in done.stdout, "the verdicts are printed"
