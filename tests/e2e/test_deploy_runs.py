"""`ablate deploy STUDY/VARIANT`: from finished runs to measured files, once."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.command_line import ablate

STUDY = """study: tiny
base:
  data: {source: {name: digits}, classes: 10, image_size: 16, channels: 1, train: 200}
  model: {name: vgg, blocks: [1, 1, 1], width: 16, head: {name: fc, hidden: [128], pool: 2}}
  optimizer: {name: adam, lr: 1e-3}
  batch_size: 16
  epochs: 3
  numerics: {threads: 1}
chain:
  BN: {model.norm: {name: batch, position: block_end}}
evidence: {test: {folds: 3}, val: 50, replicates: 2}
"""

ROWS = ["original", "pruned", "pruned ONNX", "pruned ONNX INT8", "pruned OpenVINO", "pruned OpenVINO INT8"]


@pytest.mark.slow
def test_finished_runs_become_files_that_answer_as_torch_does(tmp_path: Path) -> None:
    """The whole chain on two replicates: fewer channels by hand count, exact exports, small files, all of it once."""
    (tmp_path / "tiny.yaml").write_text(STUDY)
    assert ablate(tmp_path, "run", "tiny.yaml", "--no-tracking").exit_code == 0

    first = ablate(tmp_path, "deploy", "tiny/BN", "--json", "--no-tracking", "--batch", "4")
    second = ablate(tmp_path, "deploy", "tiny/BN", "--no-tracking", "--batch", "4")

    assert (first.exit_code, second.exit_code) == (0, 0), first.output + second.output
    assert "Making" in first.output
    assert "Making" not in second.output
    assert "Fine-tuning" not in second.output
    result = json.loads(first.stdout)
    assert [row["name"] for row in result["rows"]] == ROWS
    assert (result["replicates"], result["tolerable"]) == (2, 1.0)
    rows = {row["name"]: row for row in result["rows"]}
    counts = {name: row["steps"][0]["parameters"] for name, row in rows.items()}
    assert {counts[name] for name in ROWS[1:]} == {28_465 + 2 * (11 + 22 + 45)}
    for form in ("ONNX", "OpenVINO"):
        assert rows[f"pruned {form}"]["accuracy"] == rows["pruned"]["accuracy"]
        assert rows[f"pruned {form} INT8"]["bytes"] < rows[f"pruned {form}"]["bytes"]
    assert rows["pruned"]["bytes"] < 0.6 * rows["original"]["bytes"]
    made = sorted(path.name for path in (tmp_path / "deploy" / "tiny" / "BN" / "1").iterdir())
    assert made == [
        "made.json",
        "pruned-int8.bin",
        "pruned-int8.onnx",
        "pruned-int8.xml",
        "pruned.bin",
        "pruned.onnx",
        "pruned.xml",
    ]
    assert (tmp_path / "reports" / "tiny" / "deploy" / "BN" / "report.html").is_file()


def test_a_name_is_judged_on_its_own_images(tmp_path: Path) -> None:
    """--on belongs to files."""
    done = ablate(tmp_path, "deploy", "tiny/BN", "--on", "scans")

    assert done.exit_code == 2
    assert "judged on its own test images" in done.output


def test_what_has_not_run_is_told(tmp_path: Path) -> None:
    """Before anything is made."""
    done = ablate(tmp_path, "deploy", "tiny/BN")

    assert done.exit_code == 2
    assert "no study 'tiny' has run here" in done.output
