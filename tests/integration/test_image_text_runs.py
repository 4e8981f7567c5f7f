"""Runs on images with texts: gone on from where they were killed, and the same wherever they are carried out."""

from __future__ import annotations

import importlib.util
import json
from collections.abc import Mapping
from contextlib import chdir
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner

from ablate.cli.app import app
from ablate.execute.inline import InlineExecutor
from ablate.execute.ray_cluster import LOCAL, cluster
from tests.integration.test_resume import die, end_of
from tests.ray_builders import ray_environment
from tests.text_builders import captioned, write_captioned
from tests.training_builders import a_config, a_spec, a_task, carried_out

STUDY = """\
study: captions
base:
  data:
    source: {name: csv, file: FILE, text: caption}
    classes: 2
    image_size: 8
    channels: 1
    train: 80
  model:
    name: fusion
    image: {name: vgg, blocks: [1, 1], width: 4, head: {name: gap}}
    text: null
    hidden: [8]
  optimizer: {name: adam, lr: 0.02}
  batch_size: 16
  epochs: 2
  device: cpu
  numerics: {threads: 1}
one_at_a_time:
  text: {model.text: {name: tfidf, words: 50}}
evidence: {metric: accuracy, test: {share: 40}, val: 20, replicates: [3]}
search: {space: {model.hidden: [[], [8]], optimizer.lr: {low: 1e-3, high: 1e-1, log: true}}, val: 20, trials: 3}
"""

CASES: Mapping[str, Mapping[str, Any]] = {
    "both": {"optimizer": {"name": "adam", "lr": 0.02}},
    "frozen": {"freeze": {"modules": ["image"]}, "optimizer": {"name": "sgd", "lr": 0.1, "momentum": 0.9}},
}


def study_in(folder: Path) -> Path:
    path = folder / "captions.yaml"
    path.write_text(STUDY.replace("FILE", str(write_captioned(folder / "data"))), encoding="utf-8")
    return path


def ran(study: Path, work: Path, *options: str) -> dict[str, list[bytes]]:
    """The answers of each variant's runs to their test images, replicate by replicate."""
    work.mkdir()
    with chdir(work):
        words = ["run", str(study), "--no-tracking", "--json", *options]
        done = CliRunner().invoke(app, words, catch_exceptions=False)
    assert done.exit_code == 0, done.output
    assert json.loads(done.stdout)["failed"] == []
    found: dict[str, list[bytes]] = {}
    for path in sorted(work.glob(".ablate/runs/*/*/outcomes.npz")):
        spec = json.loads((path.parent / "spec.json").read_text())["spec"]
        name = f"{spec['config']['model']['text'] is not None} {spec['replicate']['index']}"
        with np.load(path) as stored:
            found.setdefault(name, []).append(stored["prob"].tobytes())
    assert len(found) == 6
    return found


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("place", ["saved 3", "epoch 1", "half 6"])
def test_a_killed_run_ends_as_if_it_had_not_been(
    case: str, place: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Bit for bit: weights, scores and history, with dropout behind the join, and on stored image features."""
    table = write_captioned(tmp_path / "data")
    spec = a_spec(a_config(captioned(table, dropout=0.3), epochs=3, **CASES[case]))
    alone = end_of(carried_out(InlineExecutor(), a_task(tmp_path / "alone", spec, checkpoint_seconds=1e9)))
    task = a_task(tmp_path / "killed", spec, checkpoint_seconds=0.0)
    die(task, place, monkeypatch)

    attempt = carried_out(InlineExecutor(), task)

    assert attempt.name == "002"
    assert end_of(attempt) == alone
    assert (attempt / "text.json").is_file()


@pytest.mark.slow
@pytest.mark.ray
@pytest.mark.serial
@pytest.mark.skipif(importlib.util.find_spec("ray") is None, reason="the extra `ray` is not installed")
def test_runs_in_a_pool_and_on_ray_answer_as_those_in_this_process(tmp_path: Path) -> None:
    """The vocabulary is that of the replicate, wherever it is fitted."""
    study = study_in(tmp_path)
    inline = ran(study, tmp_path / "inline", "--executor", "inline")

    assert ran(study, tmp_path / "pool", "--executor", "pool") == inline
    with ray_environment() as (patch, folder), cluster(LOCAL, Path(folder), processors=2):
        import ray

        patch.setenv("RAY_ADDRESS", ray.get_runtime_context().gcs_address)
        assert ran(study, tmp_path / "ray", "--executor", "ray") == inline


@pytest.mark.slow
def test_a_search_finds_settings_of_the_join(tmp_path: Path) -> None:
    """Its trials are scored on validation images, whose words are in no vocabulary."""
    study = study_in(tmp_path)
    with chdir(tmp_path):
        words = ["optuna", str(study), "--executor", "inline", "--no-tracking", "--json"]
        done = CliRunner().invoke(app, words, catch_exceptions=False)

    assert done.exit_code == 0, done.output
    assert json.loads(done.stdout)["best"]
