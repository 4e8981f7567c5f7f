"""Random changes to a batch: what they may do to an image, and what decides the draw."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from ablate.splits.rules import Replicate
from ablate.training.config import Augment, Crop, Flip
from ablate.training.data.augment import augment_batch, is_random
from ablate.training.data.augment.geometry import random_crops, random_flips
from ablate.training.seeding import StepRandom

BOTH = Augment(crop=Crop(padding=2), flip=Flip())


def some_images(count: int = 6, channels: int = 3, height: int = 8, width: int = 8) -> Tensor:
    """Noise without a zero, so that padding can be told."""
    generator = torch.Generator().manual_seed(1)
    return torch.randint(1, 256, (count, channels, height, width), generator=generator, dtype=torch.uint8)


def draws(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def step(number: int = 0) -> StepRandom:
    """Where one step draws from."""
    return StepRandom(Replicate(index=0), 0, number)


def windows_of(image: Tensor, padding: int) -> list[Tensor]:
    """Every square of the original size in the padded image."""
    _, height, width = image.shape
    padded = torch.nn.functional.pad(image, (padding,) * 4)
    places = range(2 * padding + 1)
    return [padded[:, row : row + height, column : column + width] for row in places for column in places]


@pytest.mark.parametrize(("height", "width"), [(8, 8), (5, 9)])
def test_a_crop_is_a_window_of_the_padded_image(height: int, width: int) -> None:
    """Every output is one of the windows of its own image, padded with zeros."""
    images = some_images(height=height, width=width)

    cropped = random_crops(images, padding=2, generator=draws())

    assert cropped.shape == images.shape
    for before, after in zip(images, cropped, strict=True):
        assert any(torch.equal(after, window) for window in windows_of(before, 2))


def test_every_window_is_drawn_equally_often() -> None:
    """Over many images each of the nine windows of padding 1 comes about as often."""
    one = some_images(1)
    images = one.expand(4500, -1, -1, -1)

    cropped = random_crops(images, padding=1, generator=draws())

    counts = [int((cropped == window).flatten(1).all(1).sum()) for window in windows_of(one[0], 1)]
    assert sum(counts) == 4500
    assert min(counts) > 400
    assert max(counts) < 600


def test_crops_of_one_batch_differ() -> None:
    """Each image has a draw of its own."""
    cropped = random_crops(some_images(1).expand(20, -1, -1, -1), padding=2, generator=draws())

    assert len({tuple(image.flatten().tolist()) for image in cropped}) > 5


def test_a_crop_without_padding_changes_nothing() -> None:
    """There is one window only."""
    images = some_images()

    assert torch.equal(random_crops(images, padding=0, generator=draws()), images)


def test_a_flip_with_certainty_is_the_exact_mirror() -> None:
    """Probability 1 reverses the columns of every image."""
    images = some_images()

    assert torch.equal(random_flips(images, probability=1.0, generator=draws()), images.flip(-1))


def test_a_flip_without_probability_changes_nothing() -> None:
    """Probability 0 mirrors none."""
    images = some_images()

    assert torch.equal(random_flips(images, probability=0.0, generator=draws()), images)


def test_about_as_many_images_are_mirrored_as_asked() -> None:
    """Each output is the image or its mirror, the mirror with the given probability."""
    images = some_images(2000)

    flipped = random_flips(images, probability=0.3, generator=draws())

    kept = (flipped == images).flatten(1).all(1)
    mirrored = (flipped == images.flip(-1)).flatten(1).all(1)
    assert bool((kept | mirrored).all())
    assert 0.26 < float(mirrored.double().mean()) < 0.34


@pytest.mark.parametrize(
    "change",
    [
        lambda images, generator: random_crops(images, padding=2, generator=generator),
        lambda images, generator: random_flips(images, probability=0.5, generator=generator),
    ],
    ids=["crops", "flips"],
)
def test_the_same_generator_draws_the_same(change: Callable[[Tensor, torch.Generator], Tensor]) -> None:
    """A draw depends on the generator's seed, and on nothing global."""
    images = some_images()
    first = change(images, draws(5))
    torch.rand(3)
    second, other = change(images, draws(5)), change(images, draws(6))

    assert torch.equal(first, second)
    assert not torch.equal(first, other)


def test_the_draw_does_not_depend_on_the_memory_layout() -> None:
    """Images stored channels last are changed in the same way, and stay channels last."""
    images = some_images()
    other = images.to(memory_format=torch.channels_last)

    changed = augment_batch(other, BOTH, step())

    assert torch.equal(changed, augment_batch(images, BOTH, step()))
    assert changed.is_contiguous(memory_format=torch.channels_last)


def test_the_originals_stay_as_they_are() -> None:
    """The images are shared by all runs."""
    images = some_images()
    before = images.clone()
    augment_batch(images, BOTH, step())

    assert torch.equal(images, before)


def test_nothing_switched_on_changes_nothing() -> None:
    """Off is off, bit for bit."""
    assert not is_random(Augment())
    assert augment_batch(images := some_images(), Augment(), step()) is images


@pytest.mark.parametrize("block", [Augment(crop=Crop(padding=1)), Augment(flip=Flip()), BOTH])
def test_anything_switched_on_is_random(block: Augment) -> None:
    """Then images cannot be normalised once for all epochs."""
    assert is_random(block)


def test_a_crop_comes_before_a_flip() -> None:
    """With both, the draws are those of the crop, then those of the flip."""
    images, generator = some_images(), step().shared()
    by_hand = random_crops(images, padding=2, generator=generator)
    by_hand = random_flips(by_hand, probability=0.5, generator=generator)

    assert torch.equal(augment_batch(images, BOTH, step()), by_hand)
