"""How long a step takes here, measured, and which published weights need no download."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from ablate.training import pace
from ablate.training.config import Config
from ablate.training.zoo import LocalWeights, weights_here
from ablate.workflows.beginning.measuring import paces_of
from ablate.workflows.beginning.proposal import ladder
from tests.training_builders import a_config

DATA = {"source": {"name": "image_folder", "root": "nowhere"}, "classes": 3, "image_size": 0, "train": "all"}


@pytest.fixture
def checkpoints(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where torchvision keeps what it has downloaded, empty."""
    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path))
    (tmp_path / "checkpoints").mkdir()
    return tmp_path / "checkpoints"


def test_a_pace_is_that_of_steps_and_of_tests(monkeypatch: pytest.MonkeyPatch) -> None:
    """Both are seconds, of the network that is asked for; the images need not be there."""
    monkeypatch.setattr(pace, "SECONDS", 0.0)
    found = pace.pace_of(a_config())

    assert set(found) == {"step", "image"}
    assert all(seconds > 0 for seconds in found.values())


@pytest.mark.slow
def test_what_cannot_be_trained_here_has_no_pace() -> None:
    """The others are measured all the same, each in the place it was asked in."""
    small = ladder((32, 32), ())[-1].base(DATA, batch=8, epochs=2, threads=1)
    found = paces_of([small | {"model": {"name": "torchvision:nobody"}}, small], [{}, {"augment.flip": {}}], workers=1)

    assert found[0] is None
    assert found[1] is not None
    assert min(found[1]) > 0


def test_only_weights_whose_file_is_here_are_proposed(checkpoints: Path) -> None:
    """By the names torchvision gives its files, the cheapest network first."""
    nothing = weights_here()
    for name in ("resnet50-0676ba61.pth", "resnet18-f37072fd.pth", "mine.pth"):
        (checkpoints / name).touch()

    assert nothing == []
    assert [one[:2] for one in weights_here()] == [
        ("resnet18", "ResNet18_Weights.IMAGENET1K_V1"),
        ("resnet50", "ResNet50_Weights.IMAGENET1K_V1"),
    ]
    assert weights_here()[0] == LocalWeights("resnet18", "ResNet18_Weights.IMAGENET1K_V1", pytest.approx(1.814))


def test_every_candidate_is_a_good_config() -> None:
    """With weights and without, at every size."""
    for candidate in ladder((300, 300), [("resnet18", "ResNet18_Weights.IMAGENET1K_V1")]):
        config = Config.model_validate(candidate.base(DATA, batch=8, epochs=2, threads=1))

        assert config.data.image_size == candidate.size
        assert (config.weights is None) == (not candidate.weights)
