"""The quick start tells something under any base seed."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

STUDY = Path(__file__).parents[2] / "studies/quickstart.yaml"


@pytest.mark.slow
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_the_quick_start_finds_a_step_that_helps_and_not_all_alike(tmp_path: Path, seed: int) -> None:
    """At least one step is better, and the steps do not all end in the same word."""
    command = [sys.executable, "-c", "from ablate.cli import main; main()", "run", str(STUDY), "--json"]
    command += ["--work", str(tmp_path), "--no-tracking", *(["--set", f"data.seed={seed}"] if seed else [])]
    done = subprocess.run(command, capture_output=True, text=True, timeout=600, check=True)
    verdicts = [effect["verdict"] for effect in json.loads(done.stdout)["effects"]]

    assert "better" in verdicts
    assert len(set(verdicts)) > 1
