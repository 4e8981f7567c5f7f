"""A study from a Python script, as a README shows it: without `if __name__ == "__main__"`."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

STUDY = """
study: script
question: Does it run once?
trainer: ablate.toy:train
base: {images: 60}
chain: {gain: {gain: 20.0}}
evidence: {test: {folds: 2}, replicates: [2]}
"""

SCRIPT = """
import ablate

print("begins", flush=True)
done = ablate.run_study(ablate.load_study("study.yaml"), options=ablate.Options(track=False, workers=2))
print("trained", done.trained)
"""


@pytest.mark.slow
def test_a_script_without_a_guard_runs_its_study_once(tmp_path: Path) -> None:
    """multiprocessing would import the script again in every worker, and begin anew there."""
    (tmp_path / "study.yaml").write_text(STUDY)
    (tmp_path / "script.py").write_text(SCRIPT)

    done = subprocess.run(
        [sys.executable, "script.py"], cwd=tmp_path, capture_output=True, text=True, timeout=120, check=False
    )

    assert done.stdout.splitlines() == ["begins", "trained 4"], done.stderr
    assert len(list((tmp_path / ".ablate" / "runs").glob("*/*/journal.jsonl"))) == 4
