"""The study of clips as people run it: on drawn clips, by commands, to a verdict that comes out as it was built."""

from __future__ import annotations

import json
import shutil
from contextlib import chdir
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from ablate.cli.app import app

pytestmark = pytest.mark.slow

STUDIES = Path(__file__).parents[2] / "studies"
NAME = "video@stand-in"


def commanded(work: Path, *words: str) -> str:
    """What a command writes, in the work folder."""
    with chdir(work):
        done = CliRunner().invoke(app, list(words), catch_exceptions=False)
    assert done.exit_code == 0, done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A work folder with the study run to its first look, two processes at a time."""
    work = tmp_path_factory.mktemp("work")
    shutil.copytree(STUDIES / "stand_in_clips", work / "stand_in_clips")
    shutil.copy(STUDIES / "video.yaml", work)
    (work / "result.json").write_text(commanded(work, "run", "video.yaml", "--stand-in", "--no-tracking", "--json"))
    return work


def test_a_motion_needs_time(study: Path) -> None:
    """One frame is at chance; eight frames in the same network are better."""
    result: dict[str, Any] = json.loads((study / "result.json").read_text())
    levels = {row["name"]: row for row in result["variants"]}
    (gain,) = [row for row in result["effects"] if row["variant"] == "only eight frames"]

    assert result["failed"] == []
    assert gain["verdict"] == "better"
    assert levels["baseline"]["mean"] < 35
    assert levels["only eight frames"]["mean"] > 80


def test_a_file_is_predicted_and_a_run_is_looked_into(study: Path) -> None:
    """With strips of frames for images."""
    run, drawn = f"{NAME}/only eight frames/0", study / ".ablate" / "stand-in" / "video"
    found = json.loads(commanded(study, "predict", run, str(drawn / "left" / "scene00_left.avi"), "--json"))
    commanded(study, "explain", run)

    assert max(found[0]["probabilities"], key=found[0]["probabilities"].get) == "left"
    assert "Grad-CAM and feature maps" in (study / f"reports/{NAME}/explain/only-eight-frames-0/explain.md").read_text()


def test_the_report_says_that_the_clips_are_drawn(study: Path) -> None:
    """In Markdown and in HTML."""
    for page in ("report.md", "report.html"):
        assert "Synthetic stand-in data" in (study / "reports" / NAME / page).read_text(encoding="utf-8")


def test_settings_are_searched_for(study: Path) -> None:
    """Two trials, judged on validation clips; the test clips stay sealed."""
    drawn = f"data.source.root={study / '.ablate' / 'stand-in' / 'video'}"
    words = ["--set", drawn, "--set", "data.clip.frames=2", "--set", "epochs=1", "--trials", "2", "--no-tracking"]
    found = json.loads(commanded(study, "optuna", "video.yaml", *words, "--json"))

    assert found["complete"] == 2
