"""A folder of real image files, from the command line to a prediction."""

from __future__ import annotations

import json
import subprocess
import sys
from contextlib import chdir
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner, Result

from ablate.cli.app import app
from tests.image_fixtures import write_bad_images, write_image_folder

STUDY = """\
study: folder
base:
  data: {source: {name: image_folder, root: images}, classes: 2, image_size: SIZE, normalize: imagenet, train: 0.5,
    groups: '([a-z]+/patient[0-9]+)'}
  model: {name: vgg, blocks: [1, 1], width: 4, head: {name: gap}}
  optimizer: {name: adam, lr: 1e-2}
  batch_size: 4
  epochs: 2
chain:
  BN: {model.norm: {name: batch}}
evidence: {test: {folds: 2}, val: 2, replicates: [2]}
"""


def ablate(work: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """One command in a process of its own."""
    command = [sys.executable, "-c", "from ablate.cli import main; main()", *arguments]
    return subprocess.run(command, cwd=work, capture_output=True, text=True, timeout=300, check=False)


def refused(work: Path) -> Result:
    """A study that ends before it has begun, in this process."""
    with chdir(work):
        return CliRunner().invoke(app, ["run", "folder.yaml"], catch_exceptions=False)


@pytest.fixture
def work(tmp_path: Path) -> Path:
    """Grey PNGs and colour JPEGs of many sizes in two classes, and a study over them."""
    write_image_folder(tmp_path / "images", classes=("cat", "dog"), per_class=10)
    for label in ("cat", "dog"):
        for place, path in enumerate(sorted((tmp_path / "images" / label).iterdir())):
            path.rename(path.with_name(f"patient{place // 2}-{path.name}"))
    (tmp_path / "folder.yaml").write_text(STUDY.replace("SIZE", "20"), encoding="utf-8")
    return tmp_path


def test_a_folder_of_images_is_trained_reported_and_used(work: Path) -> None:
    """run, then predict with the weights of a run."""
    done = ablate(work, "run", "folder.yaml", "--no-tracking", "--json")
    assert done.returncode == 0, done.stderr
    image = next((work / "images/cat").iterdir())
    predicted = ablate(work, "predict", "folder/BN/1", str(image), "--json")
    probabilities = json.loads(predicted.stdout)[0]["probabilities"]

    stored = [np.load(path) for path in (work / ".ablate/runs").rglob("outcomes.npz")]

    assert len(stored) == 4
    assert all(len(table["id"]) == 2 * len(set(table["group"])) for table in stored)
    assert {row["name"]: row["n"] for row in json.loads(done.stdout)["variants"]} == {"baseline": 2, "BN": 2}
    assert sorted(probabilities) == ["cat", "dog"]
    assert sum(probabilities.values()) == pytest.approx(1, abs=1e-5)


def test_every_unreadable_image_is_named_before_anything_is_written(work: Path) -> None:
    """All of them at once, exit 2, and the folder as it was."""
    bad = write_bad_images(work / "images/dog")
    before = sorted(path.name for path in work.iterdir())
    done = refused(work)

    assert done.exit_code == 2
    assert [name for name in bad if name not in done.stderr] == []
    assert sorted(path.name for path in work.iterdir()) == before


def test_a_missing_root_says_which_key_and_what_it_should_look_like(work: Path) -> None:
    """The error is enough to fix it."""
    (work / "images").rename(work / "elsewhere")
    done = refused(work)

    assert done.exit_code == 2
    assert "base.data.source.root" in done.stderr
    assert "root/<class>/*" in done.stderr
