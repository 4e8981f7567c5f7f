"""The study of images with text, whole, on its drawn portraits: what was built in comes out; the commands after it."""

from __future__ import annotations

import csv
import json
from contextlib import chdir
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from ablate.cli.app import app

pytestmark = pytest.mark.slow

STUDY = Path(__file__).parents[2] / "studies" / "image_text.yaml"
WITH_TEXT = "image_text@stand-in/only text"


def called(*words: str, ends: int = 0) -> Result:
    done = CliRunner().invoke(app, list(words), catch_exceptions=False)
    assert done.exit_code == ends, done.output
    return done


@pytest.fixture(scope="module")
def work(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A work folder in which the study has run."""
    folder = tmp_path_factory.mktemp("work")
    with chdir(folder):
        called("run", str(STUDY), "--stand-in", "--no-tracking")
    return folder


def test_text_adds_to_the_image_and_the_image_to_the_text(work: Path) -> None:
    """Captions narrow 8 people down to 2, and images know more of these: both verdicts are as the data were drawn."""
    with chdir(work):
        result = json.loads(called("run", str(STUDY), "--stand-in", "--no-tracking", "--json").stdout)
    effects = {one["name"]: one for one in result["effects"]}

    assert effects["text"]["verdict"] == "better"
    assert effects["text"]["difference"] > 10
    assert effects["text alone"]["verdict"] == "worse"


def test_every_page_says_that_the_data_are_synthetic_and_shows_the_captions(work: Path) -> None:
    """Beside each image that runs disagree on."""
    folder = work / "reports" / "image_text@stand-in"
    page, text = ((folder / name).read_text(encoding="utf-8") for name in ("report.html", "report.md"))

    assert "Synthetic stand-in data" in page
    assert "Synthetic stand-in data" in text
    assert "after an hour of" in page


def test_the_commands_after_a_run_take_texts(work: Path) -> None:
    """One text for an image, a table of both, and the recorded accuracy by stored weights and vocabulary."""
    drawn = work / ".ablate" / "stand-in" / "image_text"
    image = str(drawn / "person 1" / "003.jpg")
    with chdir(work):
        called("predict", f"{WITH_TEXT}/0", image, "--text", "after an hour of chess")
        refused = called("predict", f"{WITH_TEXT}/0", image, ends=2)
        called("predict", f"{WITH_TEXT}/0", str(drawn / "captions.csv"), "--table", "all.csv")
        checked = called("predict", f"{WITH_TEXT}/0", "--check")
        explained = called("explain", f"{WITH_TEXT}/0", "--no-tracking", ends=2)
        stats = called("data", "stats", str(STUDY), "--stand-in")

    assert "--text" in refused.output
    with (work / "all.csv").open(encoding="utf-8") as stream:
        assert len(list(csv.reader(stream))) == 481
    assert "gives the recorded" not in checked.output
    assert "exactly" in checked.output
    assert "model.text: null" in explained.output
    assert "Texts: 480, " in stats.output
