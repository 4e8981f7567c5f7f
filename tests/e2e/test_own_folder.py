"""A folder of somebody's own images, from nothing but README's two commands."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from ablate.study.load import load_study
from tests.command_line import ablate
from tests.image_fixtures import write_bad_images, write_image_folder


def test_the_command_writes_a_study_that_can_be_run(tmp_path: Path) -> None:
    """What it saw is told on standard error; what it wrote is a study that a plan can be made of."""
    write_image_folder(tmp_path / "faces", per_class=10)
    write_bad_images(tmp_path / "faces" / "dog")
    done = ablate(tmp_path, "init", "faces", "--quick")
    twice = ablate(tmp_path, "init", "faces", "--quick")
    planned = ablate(tmp_path, "plan", "studies/faces.yaml", "--json")

    assert done.exit_code == 0
    assert "Wrote studies/faces.yaml" in done.stdout
    assert (twice.exit_code, "exists already" in twice.stderr) == (2, True)
    assert json.loads(planned.stdout)["runs"] == 20


def test_a_folder_without_classes_is_refused_and_nothing_is_written(tmp_path: Path) -> None:
    """Exit 2, what it should look like, and the folder as it was."""
    (tmp_path / "faces").mkdir()
    done = ablate(tmp_path, "init", "faces")

    assert done.exit_code == 2
    assert "one sub-folder per class" in done.stderr
    assert sorted(path.name for path in tmp_path.iterdir()) == ["faces"]


@pytest.mark.slow
def test_the_study_of_a_folder_runs_as_written_and_beats_chance(tmp_path: Path) -> None:
    """Decoded, measured, written and run without an edit; four classes, of which always naming one scores 25 %."""
    classes = ("ant", "bee", "cow", "dog")
    write_image_folder(tmp_path / "images", classes=classes, per_class=20)
    write_bad_images(tmp_path / "images" / "dog")
    made = ablate(tmp_path, "init", "images", "--minutes", "1")
    done = ablate(tmp_path, "run", "studies/images.yaml", "--json")
    found = json.loads(done.stdout)

    assert (made.exit_code, done.exit_code) == (0, 0)
    assert {row["name"] for row in found["variants"]} == {"baseline", "Flip", "Crop", "Smoothing"}
    assert {row["n"] for row in found["variants"]} == {
        load_study(tmp_path / "studies/images.yaml").evidence.replicates[0]
    }
    assert found["variants"][0]["mean"] > 50
