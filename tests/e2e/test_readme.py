"""The Python of the README does what it says, without a `__main__` guard."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

README = Path(__file__).parents[2] / "README.md"
TINY = """\
study: quickstart
trainer: ablate.toy:train
base: {skill: 60.0}
chain: {BN: {gain: 20.0}}
evidence: {test: {folds: 3}, replicates: [3]}
"""


def test_the_python_of_the_readme_runs_as_a_script(tmp_path: Path) -> None:
    """Load, plan, run with a callback, frame, report: once, from a plain script."""
    (block,) = re.findall(r"```python\n(.*?)```", README.read_text(encoding="utf-8"), re.DOTALL)
    (tmp_path / "studies").mkdir()
    (tmp_path / "studies/quickstart.yaml").write_text(TINY, encoding="utf-8")
    (tmp_path / "script.py").write_text(block, encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "script.py"], cwd=tmp_path, capture_output=True, text=True, timeout=120, check=False
    )

    assert done.returncode == 0, done.stderr
    assert done.stdout.count("['baseline', 'BN']") == 1
    assert "6 of 6" in done.stdout
    assert (tmp_path / "reports/quickstart/report.md").exists()
