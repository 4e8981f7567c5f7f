"""What `plan` says before anybody has looked at the images: their names alone are read."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from ablate.cli.app import app

STUDY = """\
study: named
base:
  data: {source: {name: image_folder, root: images}, classes: 2, image_size: 16}
  model: {name: vgg, blocks: [1, 1], width: 4, head: {name: fc, hidden: [8], pool: 1}}
  optimizer: {name: adam, lr: 1e-3}
  batch_size: 10
  epochs: 1
chain:
  wider: {model.width: 8}
evidence: {metric: accuracy, test: {share: 0.2}, replicates: [3]}
"""


@pytest.fixture
def study(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Twenty files of ten patients in two classes; none of them is an image that could be decoded."""
    monkeypatch.chdir(tmp_path)
    for number in range(20):
        folder = tmp_path / "images" / "ab"[number % 2]
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"patient{number // 2:02d}_{number}.png").write_bytes(b"never decoded")
    path = tmp_path / "named.yaml"
    path.write_text(STUDY)
    return path


def notes_of(study: Path, *more: str) -> list[str]:
    """What the plan tells of the data."""
    result = CliRunner().invoke(app, ["plan", str(study), "--json", *more], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return list(json.loads(result.stdout)["data_notes"])


def test_the_first_plan_says_that_names_look_like_patients(study: Path) -> None:
    """With the line to add, before twelve runs are trained on the wrong split."""
    (note,) = notes_of(study)

    assert "20 images of 10" in note
    assert "data.groups" in note


def test_nothing_is_said_where_the_study_has_groups_or_the_images_are_missing(study: Path) -> None:
    """It is known, or nothing is; the plan stands."""
    assert notes_of(study, "--set", r"data.groups='(patient\d+)'") == []
    (study.parent / "images").rename(study.parent / "elsewhere")
    assert notes_of(study) == []


def test_reading_names_does_not_import_torch(study: Path) -> None:
    """The first plan stays quick."""
    program = (
        "import sys, pathlib\n"
        "from ablate.study.load import load_study\n"
        "from ablate.trainer import load_trainer, BUILT_IN\n"
        "trainer = load_trainer(BUILT_IN)\n"
        "study = load_study(pathlib.Path('named.yaml'))\n"
        "assert trainer.note_names(trainer.config.model_validate(study.base))\n"
        "assert 'torch' not in sys.modules\n"
    )
    done = subprocess.run([sys.executable, "-c", program], cwd=study.parent, capture_output=True, text=True)

    assert done.returncode == 0, done.stderr
