"""Colours, noise, blanks and RandAugment: each image as torchvision's functional would change it alone."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor
from torchvision.transforms.v2 import functional

from ablate.training.config import ColorJitter, Cutout, Erasing, RandAugment
from ablate.training.data.augment.blanks import cut_out, erase
from ablate.training.data.augment.boxes import random_boxes, uniform
from ablate.training.data.augment.colors import (
    jitter_colors,
    with_brightness,
    with_contrast,
    with_hue,
    with_saturation,
)
from ablate.training.data.augment.noise import add_noise, add_salt_and_pepper
from ablate.training.data.augment.randaugment import operations, rand_augment

Change = Callable[[Tensor, Tensor], Tensor]


def some_images(count: int = 8, channels: int = 3, side: int = 12) -> Tensor:
    """Noise in [0, 1], one image of it grey, one black and one white."""
    images = torch.rand((count, channels, side, side), generator=torch.Generator().manual_seed(1))
    images[0] = images[0, :1]
    images[1], images[2] = 0, 1
    return images


def draws(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


@pytest.mark.parametrize(
    ("change", "theirs", "low", "high"),
    [
        (with_brightness, functional.adjust_brightness, 0.0, 2.0),
        (with_contrast, functional.adjust_contrast, 0.0, 2.0),
        (with_saturation, functional.adjust_saturation, 0.0, 2.0),
        (with_hue, functional.adjust_hue, -0.5, 0.5),
    ],
    ids=["brightness", "contrast", "saturation", "hue"],
)
def test_a_change_of_colour_is_torchvisions(
    change: Change, theirs: Callable[[Tensor, float], Tensor], low: float, high: float
) -> None:
    """Every image by its own factor; a factor of 1, or no turn, changes nothing."""
    images = some_images()
    (factors,) = uniform(8, (low, high), generator=draws())

    mine = change(images, factors.view(-1, 1, 1, 1))

    for image, factor, result in zip(images, factors, mine, strict=True):
        torch.testing.assert_close(result, theirs(image, float(factor)), atol=1e-5, rtol=0)
    still = torch.full((8, 1, 1, 1), 0.0 if change is with_hue else 1.0)
    torch.testing.assert_close(change(images, still), images, atol=1e-6, rtol=0)


@pytest.mark.parametrize(
    ("change", "theirs"),
    [(with_brightness, functional.adjust_brightness), (with_contrast, functional.adjust_contrast)],
    ids=["brightness", "contrast"],
)
def test_grey_images_have_brightness_and_contrast(change: Change, theirs: Callable[[Tensor, float], Tensor]) -> None:
    """One channel."""
    (image,) = some_images(3, channels=1)[:1]

    (result,) = change(image[None], torch.full((1, 1, 1, 1), 1.3))

    torch.testing.assert_close(result, theirs(image, 1.3), atol=1e-5, rtol=0)


def test_jitter_is_the_four_changes_in_order() -> None:
    """Brightness, contrast, saturation, hue, by factors around 1."""
    images = some_images()
    ranges = [(0.9, 1.1), (0.8, 1.2), (0.7, 1.3), (-0.1, 0.1)]
    by_hand = images
    factors = [one.view(-1, 1, 1, 1) for one in uniform(8, *ranges, generator=draws())]
    for change, factor in zip((with_brightness, with_contrast, with_saturation, with_hue), factors, strict=True):
        by_hand = change(by_hand, factor)

    mine = jitter_colors(images, ColorJitter(brightness=0.1, contrast=0.2, saturation=0.3, hue=0.1), draws())

    assert torch.equal(mine, by_hand)


def test_switching_one_change_off_leaves_the_others_as_they_are() -> None:
    """The contrast's factors do not depend on whether brightness is changed."""
    alone = jitter_colors(some_images(), ColorJitter(contrast=0.2), draws())
    (_, contrast, _, _) = uniform(8, (1, 1), (0.8, 1.2), (1, 1), (0, 0), generator=draws())

    assert torch.equal(alone, with_contrast(some_images(), contrast.view(-1, 1, 1, 1)))


def test_noise_has_the_deviation_that_was_asked_for() -> None:
    """Around a grey that clipping does not reach; with std 0 nothing changes."""
    grey = torch.full((4, 3, 50, 50), 0.5)

    assert float((add_noise(grey, std=0.1, generator=draws()) - 0.5).std()) == pytest.approx(0.1, rel=0.02)
    assert torch.equal(add_noise(some_images(), std=0.0, generator=draws()), some_images())
    loud = add_noise(some_images(), std=5.0, generator=draws())
    assert (float(loud.min()), float(loud.max())) == (0.0, 1.0)


def test_salt_and_pepper_are_a_share_of_the_pixels() -> None:
    """Half of them white, half black, all channels together; the others stay."""
    images = torch.full((4, 3, 100, 100), 0.5)

    result = add_salt_and_pepper(images, share=0.1, generator=draws())

    assert set(result.unique().tolist()) == {0.0, 0.5, 1.0}
    assert bool((result == result[:, :1]).all())
    assert float((result == 0).double().mean()) == pytest.approx(0.05, abs=0.005)
    assert float((result == 1).double().mean()) == pytest.approx(0.05, abs=0.005)


@pytest.mark.parametrize("side", [1, 4, 5])
def test_cutout_is_a_square_cut_at_the_edges(side: int) -> None:
    """Of the asked side where it lies inside; its centre may be any pixel."""
    images = torch.ones(3000, 1, 12, 12)

    result = cut_out(images, Cutout(side=side), draws())

    sizes = (result == 0).sum((1, 2, 3))
    assert int(sizes.max()) == side**2
    assert int(sizes.min()) == 1 if side == 1 else int(sizes.min()) < side**2
    assert bool((result == 0).any(0).all())


def test_erasing_is_torchvisions() -> None:
    """The boxes that were drawn, erased by theirs; as many images as asked for."""
    images = some_images(200)
    config = Erasing(probability=0.5, scale=[0.02, 0.33], ratio=[0.3, 3.3])
    generator = draws()
    chosen = torch.rand(200, generator=generator) < 0.5
    boxes = random_boxes(200, (12, 12), scale=(0.02, 0.33), ratio=(1 / 3.3, 1 / 0.3), generator=generator, margin=1)

    mine = erase(images, config, draws())

    assert 80 < int(chosen.sum()) < 120
    for number, image in enumerate(images):
        top, left, height, width = (int(edge[number]) for edge in boxes[:4])
        alone = functional.erase(image, top, left, height, width, torch.zeros(1)) if chosen[number] else image
        assert torch.equal(mine[number], alone)


def test_a_blank_may_have_the_mean_of_the_normalisation() -> None:
    """Which is 0 afterwards."""
    mean = torch.tensor([0.2, 0.4, 0.6]).view(3, 1, 1)

    result = cut_out(torch.ones(1, 3, 4, 4), Cutout(side=8, fill="mean"), draws(), mean=mean)

    assert torch.equal(result, mean.expand(1, 3, 4, 4))


@pytest.mark.parametrize("name", operations())
@pytest.mark.parametrize("share", [0.0, 0.3, 1.0])
def test_an_operation_on_a_batch_is_the_operation_on_each_image(name: str, share: float) -> None:
    """What looks at a whole image, such as equalising, looks at each by itself."""
    operation = operations()[name]
    images = (some_images() * 255).round().to(torch.uint8)
    strength = operation.strength(share)

    together = operation.apply(images, strength)

    assert torch.equal(together, torch.stack([operation.apply(image[None], strength)[0] for image in images]))


def test_the_operations_and_their_strengths_are_torchvisions() -> None:
    """Names, directions and magnitudes of RandAugment's own table, for a side of 331 pixels."""
    from torchvision.transforms.v2 import RandAugment as Theirs

    mine, theirs = operations(), Theirs._AUGMENTATION_SPACE

    assert list(mine) == list(theirs)
    for name, (magnitudes_of, signed) in theirs.items():
        assert mine[name].signed == signed
        magnitudes = magnitudes_of(31, 331, 331)
        if magnitudes is not None and name not in ("Posterize", "Solarize"):
            scale = 331 if name.startswith("Translate") else 1
            strengths = [scale * mine[name].strength(step / 30) for step in range(31)]
            assert strengths == pytest.approx(magnitudes.tolist(), rel=1e-4)


def test_each_image_gets_operations_of_its_own() -> None:
    """Twenty equal images become several different ones; magnitude and operations as asked."""
    same = some_images()[3:4].expand(20, -1, -1, -1)

    result = rand_augment(same, RandAugment(operations=2, magnitude=15), draws())

    assert len({tuple(image.flatten().tolist()) for image in result}) > 8
    assert torch.equal(result, rand_augment(same, RandAugment(operations=2, magnitude=15), draws()))
    assert float(result.min()) >= 0
    assert float(result.max()) <= 1


def test_one_operation_is_the_one_that_was_drawn() -> None:
    """By hand: the operation and the direction of each image."""
    images = (some_images() * 255).round().to(torch.uint8)
    generator = draws(3)
    choice = torch.randint(0, 14, (8,), generator=generator)
    negative = torch.rand(8, generator=generator) <= 0.5
    table = list(operations().values())

    result = rand_augment(images / 255, RandAugment(operations=1, magnitude=12), draws(3))

    for image, number, minus, mine in zip(images, choice.tolist(), negative, result, strict=True):
        operation = table[number]
        strength = operation.strength(12 / 30) * (-1 if operation.signed and minus else 1)
        assert torch.equal((mine * 255).round().to(torch.uint8), operation.apply(image[None], strength)[0])
