"""Data with something wrong: one list of all of it, from either command, and no run stale for what was never used."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from ablate.cli.app import app
from tests.image_fixtures import write_image_folder

STUDY = """\
study: folder
base:
  data: {source: {name: image_folder, root: ROOT}, classes: 2, image_size: 8, train: 0.5, on_bad_image: POLICY}
  model: {name: vgg, blocks: [1], width: 4, head: {name: gap}}
  optimizer: {name: adam, lr: 1e-2}
  batch_size: 4
  epochs: 1
chain:
  BN: {model.norm: {name: batch}}
compare:
  more: {set: {data.train: 15}}
evidence: {test: {folds: 2}, replicates: [2]}
"""


@pytest.fixture
def work(tmp_path: Path) -> Path:
    """Two classes of ten images, and a study over them that can be run."""
    write_image_folder(tmp_path / "images", per_class=10)
    write(tmp_path)
    return tmp_path


def write(work: Path, *, policy: str = "error", more: bool = False) -> None:
    text = STUDY.replace("ROOT", str(work / "images")).replace("POLICY", policy)
    (work / "folder.yaml").write_text(text if more else text.replace("compare:\n  more: {set: {data.train: 15}}\n", ""))


def ablate(work: Path, *arguments: str) -> Result:
    return CliRunner().invoke(app, [*arguments, "--work", str(work)], catch_exceptions=False)


def run(work: Path, *arguments: str) -> Result:
    return ablate(work, "run", str(work / "folder.yaml"), "--no-tracking", "--executor", "inline", *arguments)


def planned(work: Path) -> dict[str, Any]:
    plan: dict[str, Any] = json.loads(ablate(work, "plan", str(work / "folder.yaml"), "--json").stdout)
    return plan


def spoil(work: Path) -> list[str]:
    """Something of every kind; returns words that each of them is told by."""
    images = work / "images"
    (images / "empty").mkdir()
    (images / "rare").mkdir()
    shutil.copy(next((images / "cat").glob("*.png")), images / "dog" / "also.png")
    shutil.copy(next((images / "dog").glob("*.jpg")), images / "rare" / "1.jpg")
    (images / "cat" / "torn.jpg").write_bytes(b"no image")
    return [
        "empty holds no image",
        "base.data.classes is 2, but",
        "cat/torn.jpg: not an image",
        "2 images equal one of another class",
        "needs at least 2 different images of every class",
    ]


def test_run_tells_all_that_is_wrong_at_once(work: Path) -> None:
    """An empty class, another number of classes, an unreadable image, contradictions, too small a class."""
    words = spoil(work)
    told = " ".join(run(work).stderr.split())

    assert [one for one in words if one not in told] == []
    assert f"{len(words) - 1} problems" in told or f"{len(words)} problems" in told


def test_both_commands_tell_the_same(work: Path) -> None:
    """Whichever is asked first."""
    spoil(work)
    stats = ablate(work, "data", "stats", str(work / "folder.yaml"))
    tried = run(work)

    assert (stats.exit_code, tried.exit_code) == (2, 2)
    assert stats.stderr == tried.stderr


def test_data_stats_ends_as_run_would_and_still_shows_what_it_found(work: Path) -> None:
    """An unreadable image is refused unless it may be skipped; the counts are shown either way."""
    (work / "images" / "cat" / "torn.jpg").write_bytes(b"no image")
    refused = ablate(work, "data", "stats", str(work / "folder.yaml"))
    as_json = ablate(work, "data", "stats", str(work / "folder.yaml"), "--json")
    write(work, policy="skip")
    allowed = ablate(work, "data", "stats", str(work / "folder.yaml"))

    assert (refused.exit_code, as_json.exit_code, allowed.exit_code) == (2, 2, 0)
    assert "Unreadable: 1" in refused.stdout
    assert "1 image cannot be read" in refused.stderr
    assert "1 image cannot be read" in json.loads(as_json.stdout)["problems"][0]
    assert run(work).exit_code == 0


def test_a_variant_of_other_data_is_looked_at_too(work: Path) -> None:
    """What only it would be refused for is told under its name, beside what is wrong with all."""
    write(work, more=True)
    (work / "images" / "cat" / "torn.jpg").write_bytes(b"no image")
    stats, tried = ablate(work, "data", "stats", str(work / "folder.yaml")), run(work)

    for told in (stats.stderr, tried.stderr):
        assert "2 problems" in told
        assert "1. 1 image cannot be read" in told
        assert "2. more: data.train (15) and evidence.test" in " ".join(told.split())


def test_plan_knows_what_data_stats_has_seen(work: Path) -> None:
    """Counts of each part, until the data change."""
    before = planned(work)["variants"][0]
    ablate(work, "data", "stats", str(work / "folder.yaml"))
    after = planned(work)
    (work / "images" / "cat" / "new.txt").touch()

    assert (before["train"], before["test"]) == (None, None)
    assert [(row["train"], row["test"], row["unused"]) for row in after["variants"]] == [(10, 10, 0)] * 2
    assert after["visible_step"][0]["points"] is not None
    assert planned(work)["variants"][0]["train"] is None


def test_removing_what_was_left_out_makes_nothing_stale(work: Path) -> None:
    """Neither plan, run, predict nor data stats sees other data than before."""
    bad = work / "images" / "cat" / "torn.jpg"
    bad.write_bytes(b"no image")
    write(work, policy="skip")
    first = run(work)
    bad.unlink()
    stats = ablate(work, "data", "stats", str(work / "folder.yaml"))
    plan = planned(work)
    again = run(work)
    checked = ablate(work, "predict", "folder/BN/0", "--check")

    assert (first.exit_code, stats.exit_code, again.exit_code, checked.exit_code) == (0, 0, 0, 0), checked.output
    assert (plan["cached"], plan["stale"], plan["to_run"]) == (4, [], 0)
    assert "Nothing to train" in again.output
    assert "made from different data" not in again.output
