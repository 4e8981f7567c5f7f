"""A protocol that records the test images after each epoch: the training is the same, the record is right."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from ablate.records import Outcome
from ablate.stats.optimism import right_by_epoch
from ablate.training.loop import train_network
from tests.builders import a_finished
from tests.training_builders import LOADED, PROTOCOL, a_config, a_live_run, a_spec


@pytest.fixture(scope="module")
def work(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the work folders of the trainings lie."""
    return tmp_path_factory.mktemp("watched")


def outcome(work: Path, *, watch: bool, sealed: bool = False) -> Outcome:
    """A small training with everything that draws at random, watched or not."""
    protocol = replace(PROTOCOL, watch_test=watch, sealed=sealed)
    # In a folder of its own: it is the same run by its fingerprint, and would go on from another's checkpoint.
    own = work / f"{watch} {sealed}"
    return train_network(a_config(LOADED, epochs=3), a_live_run(own, a_spec(a_config(LOADED), protocol=protocol)))


def test_watching_changes_nothing_and_records_every_epoch(work: Path) -> None:
    """The same weights are tested to the last bit; the last epoch's record is the final test."""
    plain, watched = outcome(work, watch=False), outcome(work, watch=True)
    assert plain.images is not None
    assert watched.images is not None
    with np.load(plain.images) as one, np.load(watched.images) as other:
        assert "epochs" not in one
        assert np.array_equal(one["prob"], other["prob"])
        score = other["score"]
    correct = right_by_epoch(
        replace(a_finished(watched.images.parent / "read"), folder=watched.images.parent, images="outcomes.npz")
    )

    assert plain.metrics == watched.metrics
    assert correct is not None
    assert correct.shape == (3, 60)
    assert np.array_equal(correct[-1], score.astype(bool))
    assert watched.images.stat().st_size - plain.images.stat().st_size < 600


def test_a_sealed_test_part_is_never_watched(work: Path) -> None:
    """A search reads no test image, whatever a source did."""
    assert outcome(work, watch=True, sealed=True).images is None


def test_watching_is_no_part_of_what_a_run_is(work: Path) -> None:
    """Runs made without it are reused."""
    del work
    spec = a_spec(a_config())

    assert replace(spec, protocol=replace(spec.protocol, watch_test=True)).fingerprint == spec.fingerprint


def test_loss_is_kept_image_by_image(work: Path) -> None:
    """The mean of the column is the metric, so that the engine can judge it."""
    found = outcome(work, watch=False)
    assert found.images is not None
    with np.load(found.images) as stored:
        assert stored["loss"].mean() == pytest.approx(found.metrics["loss"], rel=1e-5)
