"""Measuring files and predicting by one where torch cannot be imported."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

from tests.grey_folder import CLASSES, write_grey_folder, write_three


def test_torch_is_not_imported(tmp_path: Path) -> None:
    """Where importing it fails, files are measured and images predicted all the same."""
    write_grey_folder(tmp_path / "scans", 2)
    write_three(tmp_path)
    trap = tmp_path / "trap"
    trap.mkdir()
    (trap / "torch.py").write_text("raise ImportError('torch was imported')\n")
    table = tmp_path / "table.csv"
    rows = [f"scans/{name}/000.png,{name}" for name in CLASSES]
    table.write_text("\n".join(["path,label", *rows]) + "\n")

    environment = os.environ | {"PYTHONPATH": str(trap)}

    def run(*words: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-c", "import ablate.cli; ablate.cli.main()", *words]
        return subprocess.run(
            command,
            cwd=tmp_path,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )

    predicted = run(
        "predict", "--engine", "onnx", "good.onnx", *(f"scans/{name}/000.png" for name in CLASSES), "--json"
    )
    assert predicted.returncode == 0, predicted.stderr
    found = [max(one["probabilities"], key=one["probabilities"].get) for one in json.loads(predicted.stdout)]
    assert found == list(CLASSES)
    measured = run("deploy", "good.onnx", "same.onnx", "--on", "table.csv", "--json")
    assert measured.returncode == 0, measured.stderr
    result = json.loads(measured.stdout)
    assert (result["images"], [row["name"] for row in result["rows"]]) == (3, ["good.onnx", "same.onnx"])
