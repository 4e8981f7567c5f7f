"""A last batch of one image: joined to the one before it where a network cannot be trained on it alone."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest

from ablate.errors import TrainerError
from ablate.splits.rules import Folds
from ablate.training.batching import batch_sizes, fewest_images, takes_single_images
from ablate.training.cost import describe_network
from ablate.training.loop import train_network
from ablate.training.preparation import prepare_data
from tests.training_builders import PROTOCOL, TINY, a_config, a_live_run, a_spec

RESNET: dict[str, Any] = {"name": "resnet18", "width": 4}
NORMED = {**TINY["model"], "norm": {"name": "batch"}}
"""Batch norm on maps of 8x8 and 4x4: a single image has a spread of its own."""

OWN_NETWORKS = """
    from torch import nn

    def pooled(channels, classes, image_size):
        return nn.Sequential(
            nn.Conv2d(channels, 4, 3), nn.AdaptiveAvgPool2d(1), nn.BatchNorm2d(4), nn.Flatten(), nn.Linear(4, classes)
        )

    def without_statistics(channels, classes, image_size):
        return nn.Sequential(
            nn.AdaptiveAvgPool2d(1), nn.BatchNorm2d(channels, track_running_stats=False), nn.Flatten(),
            nn.Linear(channels, classes),
        )

    def dense(channels, classes, image_size):
        return nn.Sequential(
            nn.Flatten(), nn.Linear(channels * image_size**2, 8), nn.BatchNorm1d(8), nn.Linear(8, classes)
        )

    class Squeezed(nn.Module):
        def __init__(self, channels, classes):
            super().__init__()
            self.conv, self.pool = nn.Conv2d(channels, 4, 3), nn.AdaptiveAvgPool2d(1)
            self.head = nn.Linear(4, classes)

        def forward(self, images):
            features = self.pool(self.conv(images)).squeeze()
            return self.head(features)

    def squeezed(channels, classes, image_size):
        return Squeezed(channels, classes)
"""


@pytest.fixture
def own_networks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A module of networks as users write them."""
    (tmp_path / "lone_nets.py").write_text(dedent(OWN_NETWORKS))
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delitem(sys.modules, "lone_nets", raising=False)
    return "lone_nets"


@pytest.mark.parametrize(
    ("images", "size", "least", "sizes"),
    [
        (9, 8, 1, [8, 1]),
        (9, 8, 2, [9]),
        (17, 8, 2, [8, 9]),
        (10, 8, 2, [8, 2]),
        (16, 8, 2, [8, 8]),
        (5, 8, 2, [5]),
        (1, 8, 2, [1]),
        (3, 1, 1, [1, 1, 1]),
    ],
)
def test_a_rest_that_is_too_small_joins_the_batch_before_it(
    images: int, size: int, least: int, sizes: list[int]
) -> None:
    """No image is lost, and no batch is ever larger by more than the rest."""
    assert batch_sizes(images, size, least=least) == sizes


@pytest.mark.parametrize(
    ("model", "data", "fewest"),
    [
        (RESNET, {}, 2),
        (NORMED, {}, 1),
        (TINY["model"], {}, 1),
        ({"name": "lone_nets:pooled"}, {}, 2),
        ({"name": "lone_nets:dense"}, {}, 2),
        ({"name": "lone_nets:squeezed"}, {}, 2),
        ({"name": "torchvision:resnet18"}, {"image_size": 32, "channels": 3, "normalize": None}, 2),
        ({"name": "torchvision:resnet18"}, {"image_size": 64, "channels": 3, "normalize": None}, 1),
        ({"name": "torchvision:vgg11"}, {"image_size": 32, "channels": 3, "normalize": None}, 1),
    ],
)
def test_whether_a_network_can_be_trained_on_one_image_is_found_out(
    model: dict[str, Any], data: dict[str, Any], fewest: int, own_networks: str
) -> None:
    """Whoever wrote it: by handing it one image, of no content."""
    config = a_config(model=model, data=data, batch_size=49)

    assert fewest_images(config, [50]) == fewest
    assert fewest_images(config, [51]) == 1


def test_frozen_norms_may_see_single_images() -> None:
    """A frozen part uses the statistics it has."""
    config = a_config(model=RESNET, freeze={"all_but": "output"})

    assert takes_single_images(config)
    assert fewest_images(config, [49]) == 1


@pytest.mark.parametrize(
    ("images", "batch", "pieces", "fewest"),
    [
        (50, 49, None, 2),
        (50, 16, None, 1),
        (50, 16, 5, 2),
        (50, 16, 6, 1),
        (49, 16, 3, 2),
        (8, 8, 7, 2),
        (50, 60, 49, 2),
    ],
)
def test_pieces_of_a_batch_leave_single_images_too(images: int, batch: int, pieces: int | None, fewest: int) -> None:
    """50 in batches of 16 are 16, 16, 16 and 2; 16 in pieces of 5 are 5, 5, 5 and 1."""
    config = a_config(model=RESNET, batch_size=batch, numerics={"micro_batch": pieces})

    assert fewest_images(config, [images]) == fewest


@pytest.mark.parametrize(
    ("model", "changes", "steps"),
    [
        (RESNET, {"batch_size": 7}, 7),
        (RESNET, {"batch_size": 49}, 1),
        (RESNET, {"numerics": {"micro_batch": 5}}, 4),
        (RESNET, {"batch_size": 7, "adversarial": {"eps": 0.02, "steps": 1, "step_size": 0.02}}, 7),
        (RESNET, {"batch_size": 7, "mixing": {"name": "mixup"}, "sampling": "balanced"}, 7),
        (RESNET, {"batch_size": 7, "freeze": {"modules": ["features.conv"]}}, 7),
        ({"name": "lone_nets:pooled"}, {"batch_size": 7}, 7),
        ({"name": "lone_nets:dense"}, {"batch_size": 7}, 7),
        ({"name": "lone_nets:squeezed"}, {"batch_size": 7}, 7),
    ],
)
def test_no_run_ends_at_a_last_batch_of_one(
    model: dict[str, Any], changes: dict[str, Any], steps: int, digits: Path, own_networks: str
) -> None:
    """50 images: each is trained on once an epoch, the fiftieth in the batch of those before it."""
    config = a_config({"model": model, "epochs": 1, **changes})
    run = a_live_run(digits, a_spec(config))

    prepared = prepare_data(config, run)
    outcome = train_network(config, run)

    assert any("joins the batch before it" in note for note in prepared.notes)
    assert outcome.cost is not None
    assert outcome.cost.steps == steps
    assert outcome.cost.images_seen == 50


def test_a_network_that_can_take_one_image_keeps_its_last_batch(digits: Path) -> None:
    """A training that worked is the training it was, to the bit: 8 steps, the last on one image."""
    config = a_config(model=NORMED, epochs=1, batch_size=7)
    run = a_live_run(digits, a_spec(config))

    prepared = prepare_data(config, run)
    outcome = train_network(config, run)

    assert prepared.notes == ()
    assert outcome.cost is not None
    assert outcome.cost.steps == 8


def test_the_other_folds_are_looked_at_before_the_first_run(digits: Path) -> None:
    """1,797 images in 10 folds of unequal size: where the first has none left alone, another may."""
    protocol = replace(PROTOCOL, test=Folds(count=10), val=None)
    config = a_config(model=RESNET, data={"train": 0.9}, batch_size=202, epochs=1)
    run = a_live_run(digits, a_spec(config, protocol=protocol))

    notes = prepare_data(config, run).notes

    assert any(note.startswith("in 7 of 10 folds an epoch would leave 1 image") for note in notes)


def test_one_image_alone_is_refused_in_words() -> None:
    """There is no batch to join."""
    with pytest.raises(TrainerError, match="1 image to train on"):
        fewest_images(a_config(model=RESNET), [1])


def test_a_network_that_has_no_answer_to_one_image_is_refused_in_words(own_networks: str) -> None:
    """A batch norm without running statistics compares test images, too; a last test image may be alone."""
    with pytest.raises(TrainerError, match="cannot be tested on a single image: Expected more than 1 value"):
        describe_network(a_config(model={"name": f"{own_networks}:without_statistics"}))
