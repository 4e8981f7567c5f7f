"""MixUp and CutMix: known answers, and what decides the draw."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor

from ablate.training.config import CutMix, Mixing, MixUp
from ablate.training.techniques.mixing import Box, mix_images, mix_targets, mixed_up, paste, random_box

MIXUP, CUTMIX = MixUp(name="mixup", alpha=1.0), CutMix(name="cutmix")


def images(count: int = 6) -> Tensor:
    """One value per image: 0, 1, 2, ..."""
    return torch.arange(count, dtype=torch.float32).view(-1, 1, 1, 1).expand(count, 3, 8, 8).contiguous()


def test_mixup_by_hand() -> None:
    """A quarter of the partner in pixels and target."""
    partners = torch.tensor([1, 0])

    blended = mixed_up(images(2), partners, share=0.75)
    targets = mix_targets(torch.tensor([2, 0]), partners, share=0.75, classes=3)

    assert blended[:, 0, 0, 0].tolist() == [0.25, 0.75]
    assert targets.tolist() == [[0.25, 0.0, 0.75], [0.75, 0.0, 0.25]]


def test_cutmix_by_hand() -> None:
    """The partner's pixels inside the rectangle, the image's own outside."""
    result = paste(images(2), torch.tensor([1, 0]), box=Box(top=0, bottom=2, left=4, right=8))

    assert result[0, 0, :2, 4:].unique().tolist() == [1.0]
    assert float(result[0].sum()) == 3 * 2 * 4
    assert float(result[1].sum()) == 3 * (64 - 8)


@pytest.mark.parametrize("mixing", [MIXUP, CUTMIX], ids=["mixup", "cutmix"])
@pytest.mark.parametrize("seed", range(8))
def test_targets_are_mixed_as_the_images_are(mixing: Mixing, seed: int) -> None:
    """The mean pixel of an image is the mean value of its target: by area for CutMix, the cut edges left out."""
    batch = mix_images(images(), torch.arange(6), mixing, classes=6, rng=np.random.default_rng(seed))

    torch.testing.assert_close(batch.images.mean((1, 2, 3)), batch.targets @ torch.arange(6.0))
    torch.testing.assert_close(batch.targets.sum(1), torch.ones(6))


@pytest.mark.parametrize("mixing", [MIXUP, CUTMIX], ids=["mixup", "cutmix"])
def test_the_same_generator_mixes_the_same(mixing: Mixing) -> None:
    """A draw depends on the generator's seed, and on nothing global."""
    first, second, other = (
        mix_images(images(), torch.arange(6), mixing, classes=6, rng=np.random.default_rng(seed)).targets
        for seed in (4, 4, 5)
    )

    assert torch.equal(first, second)
    assert not torch.equal(first, other)


def test_a_share_of_one_mixes_nothing() -> None:
    """Degenerate: lambda 1, an empty rectangle."""
    partners = torch.tensor([5, 4, 3, 2, 1, 0])

    assert torch.equal(mixed_up(images(), partners, share=1.0), images())
    assert random_box(8, 8, share=1.0, rng=np.random.default_rng(0)).area == 0
    assert torch.equal(paste(images(), partners, box=Box(3, 3, 3, 3)), images())
    targets = mix_targets(torch.arange(6), partners, share=1.0, classes=6)
    assert torch.equal(targets, torch.eye(6))


def test_lambda_is_beta_distributed() -> None:
    """With alpha 1 uniform: mean 1/2, variance 1/12; with a small alpha it is near 0 or 1."""

    def shares(alpha: float) -> Tensor:
        batch = images(2), torch.arange(2)
        rngs = map(np.random.default_rng, range(800))
        mixes = [mix_images(*batch, MixUp(name="mixup", alpha=alpha), classes=2, rng=rng).targets[0, 0] for rng in rngs]
        drawn = torch.stack(mixes)
        return drawn[drawn < 1]  # an image that is its own partner keeps its target

    uniform, extreme = shares(1.0), shares(0.1)
    assert 0.45 < float(uniform.mean()) < 0.55
    assert 0.07 < float(uniform.var()) < 0.1
    assert float(((extreme < 0.1) | (extreme > 0.9)).double().mean()) > 0.7


def test_the_rectangle_has_the_area_it_was_asked_for() -> None:
    """Where no edge cuts it: (1 - lambda) of an image of 100 by 100."""
    rng = np.random.default_rng(0)
    areas = [random_box(100, 100, share=0.75, rng=rng).area for _ in range(200)]

    assert max(areas) == 2500
    assert min(areas) >= 25 * 25


def test_targets_of_several_labels_are_mixed_too() -> None:
    """Targets that are shares already are mixed as they are."""
    labels = torch.tensor([[1.0, 1.0], [0.0, 1.0]])

    assert mix_targets(labels, torch.tensor([1, 0]), share=0.5, classes=2).tolist() == [[0.5, 1.0], [0.5, 1.0]]
