"""Shell completion, as the shell asks for it."""

from __future__ import annotations

import subprocess
import sys

import pytest


@pytest.mark.parametrize(
    ("words", "offered"), [("ablate in", ["init"]), ("ablate init --from-", ["--from-hydra", "--from-sweep"])]
)
def test_commands_and_options_are_completed(words: str, offered: list[str]) -> None:
    """By the commands there are, without a list that could grow old."""
    code = "import sys; sys.argv[0] = 'ablate'; from ablate.cli import main; main()"
    asked = {"_ABLATE_COMPLETE": "complete_bash", "COMP_WORDS": words, "COMP_CWORD": str(len(words.split()) - 1)}
    done = subprocess.run(
        [sys.executable, "-c", code], env=asked, capture_output=True, text=True, check=False, timeout=60
    )

    assert done.stdout.split() == offered
