"""The toy: its true effects are what it says."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from ablate.errors import Stopped
from ablate.execute.live import ask_to_stop, checkpoints_in
from ablate.splits.rules import Protocol, Share
from ablate.toy import Config, train, warm_up
from tests.training_builders import a_live_run, a_spec

TEST = Protocol(test=Share(share=0.5))


@pytest.fixture(autouse=True)
def hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    """Hundreds of runs; none of their journals has to survive a power cut."""
    monkeypatch.setattr(os, "fsync", lambda descriptor: None)


def accuracies(work: Path, count: int = 200, **settings: object) -> np.ndarray:
    """The accuracy of each replicate, in points."""
    seen = []
    for replicate in range(count):
        spec = a_spec(settings, trainer="ablate.toy:train", protocol=TEST, replicate=replicate)
        outcome = train(Config.model_validate(settings), a_live_run(work, spec))
        seen.append(outcome["accuracy"] if isinstance(outcome, dict) else outcome.metrics["accuracy"])
    return 100 * np.array(seen)


@pytest.fixture
def level(tmp_path: Path) -> np.ndarray:
    """The baseline's accuracies, without scores."""
    return accuracies(tmp_path, scores=False, noise=2.0)


def test_the_mean_is_the_skill_and_the_spread_the_noise(level: np.ndarray) -> None:
    """Within the error of two hundred runs."""
    assert level.mean() == pytest.approx(50, abs=0.5)
    assert level.std() == pytest.approx(2, abs=0.3)


def test_a_gain_is_a_true_difference_that_single_runs_miss(level: np.ndarray, tmp_path: Path) -> None:
    """Half of a run's noise is shared within a replicate, half is its own."""
    other = accuracies(tmp_path, scores=False, noise=2.0, gain=3.0)

    differences = other - level
    assert differences.mean() == pytest.approx(3, abs=0.5)
    assert differences.std() == pytest.approx(2, abs=0.3)
    assert np.corrcoef(level, other)[0, 1] == pytest.approx(0.5, abs=0.15)


def test_scores_have_the_runs_accuracy(tmp_path: Path) -> None:
    """Image by image they add up to it, to within one image."""
    plain = accuracies(tmp_path, count=5, scores=False)
    scored = accuracies(tmp_path, count=5, images=500)

    assert scored == pytest.approx(plain, abs=100 / 500)


def test_a_toy_that_is_asked_to_fail_does(tmp_path: Path) -> None:
    """By an error in an epoch, or with a result that is not a number."""
    run = a_live_run(tmp_path, a_spec({}, trainer="ablate.toy:train", protocol=TEST))
    with pytest.raises(ValueError, match="asked to fail"):
        train(Config(fail="error"), run)
    outcome = train(Config(fail="diverge"), run)

    assert isinstance(outcome, dict)
    assert np.isnan([outcome["accuracy"], outcome["loss"]]).all()


def test_warming_up_changes_no_random_number() -> None:
    """It runs before the first run of a process, in some processes and not in others."""
    before = np.random.get_state()[1].tolist()  # noqa: NPY002 - the global one must stay as it is
    warm_up()

    assert np.random.get_state()[1].tolist() == before  # noqa: NPY002


def test_without_scores_there_are_plain_metrics_alone(tmp_path: Path) -> None:
    """As a trainer reports that keeps no answers."""
    config = Config(scores=False)
    found = train(config, a_live_run(tmp_path, a_spec(config.model_dump(), trainer="ablate.toy:train")))

    assert isinstance(found, dict)
    assert set(found) == {"accuracy", "loss"}


def test_a_toy_that_is_asked_to_stop_leaves_its_epoch_as_a_checkpoint(tmp_path: Path) -> None:
    """As every trainer that takes checkpoints."""
    config = Config(epochs=2, seconds=1.0, scores=False)
    spec = a_spec(config.model_dump(), trainer="ablate.toy:train")
    run = a_live_run(tmp_path, spec)
    run.tick(0, 0, 1)  # a trainer that has shown that it takes checkpoints
    ask_to_stop(run.folder, "interrupted")
    with pytest.raises(Stopped):
        train(config, run)
    (checkpoint,) = checkpoints_in(run.folder)

    assert checkpoint.read_text() == "1\n"
