"""Changes that move pixels: each image as torchvision's functional would change it alone."""

from __future__ import annotations

import math
from typing import Literal

import pytest
import torch
from torch import Tensor
from torchvision.transforms import InterpolationMode
from torchvision.transforms.v2 import functional

from ablate.training.config import Affine, ResizedCrop, Rotation
from ablate.training.data.augment.boxes import Boxes, random_boxes, uniform
from ablate.training.data.augment.geometry import apply_affine, enlarged, inverse_maps, resample, resized_crops, rotate

MODES: list[Literal["nearest", "bilinear"]] = ["bilinear", "nearest"]


def some_images(count: int = 6, height: int = 12, width: int = 12) -> Tensor:
    """Noise in [0, 1]."""
    return torch.rand((count, 3, height, width), generator=torch.Generator().manual_seed(1))


def draws(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def assert_same_images(mine: Tensor, theirs: Tensor, mode: str) -> None:
    """Equal up to rounding; with `nearest` a place between two pixels may go to either of them."""
    if mode == "bilinear":
        torch.testing.assert_close(mine, theirs, atol=1e-4, rtol=0)
    else:
        assert float(((mine - theirs).abs() < 1e-6).double().mean()) > 0.98


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize(("height", "width"), [(12, 12), (9, 14)])
def test_a_map_is_torchvisions_affine(mode: Literal["nearest", "bilinear"], height: int, width: int) -> None:
    """Angle, shear, scale and shift at once, every image by its own."""
    images = some_images(height=height, width=width)
    angles, shears, scales = uniform(6, (-40, 40), (-30, 30), (0.7, 1.4), generator=draws())
    shifts = torch.tensor([[0, 0], [1, 0], [0, -2], [3, 1], [-4, 2], [2, 2]])

    maps = inverse_maps(angles=angles, shears=shears, scales=scales, shifts=shifts)
    mine = resample(images, maps, interpolation=mode)

    for number, image in enumerate(images):
        alone = functional.affine(
            image,
            angle=float(angles[number]),
            translate=shifts[number].tolist(),
            scale=float(scales[number]),
            shear=[float(shears[number]), 0.0],
            interpolation=InterpolationMode(mode),
        )
        assert_same_images(mine[number], alone, mode)


@pytest.mark.parametrize("mode", MODES)
def test_a_rotation_is_torchvisions(mode: Literal["nearest", "bilinear"]) -> None:
    """By the angles that were drawn; theirs turns the other way round."""
    images = some_images()
    (angles,) = uniform(6, (-30, 30), generator=draws())

    mine = rotate(images, Rotation(degrees=30, interpolation=mode), draws())

    for number, image in enumerate(images):
        alone = functional.rotate(image, -float(angles[number]), interpolation=InterpolationMode(mode))
        assert_same_images(mine[number], alone, mode)


def test_a_quarter_turn_is_exact() -> None:
    """90 degrees clockwise, pixel by pixel."""
    turned = resample(some_images(), inverse_maps(angles=torch.full((6,), 90.0)), interpolation="nearest")

    assert torch.equal(turned, some_images().rot90(-1, (2, 3)))


def test_maps_that_move_nothing_change_nothing() -> None:
    """The degenerate map."""
    still = inverse_maps(angles=torch.zeros(6))

    assert torch.equal(resample(some_images(), still, interpolation="nearest"), some_images())
    torch.testing.assert_close(resample(some_images(), still, interpolation="bilinear"), some_images())


def test_a_shift_is_by_whole_pixels_and_leaves_black() -> None:
    """At most the share of the side that was asked for; what comes in is black."""
    images = some_images(200) + 0.1

    shifted = apply_affine(images, Affine(translate=0.25), draws())

    black = shifted.sum(1) == 0
    rows, columns = black.all(2).sum(1), black.all(1).sum(1)
    assert int(rows.max()) == int(columns.max()) == 3
    assert {int(count) for count in rows} == {0, 1, 2, 3}
    assert all(bool(torch.isin(after[after > 0], before).all()) for before, after in zip(images, shifted, strict=True))


def test_switching_the_shear_off_leaves_the_shift_as_it_was() -> None:
    """All parameters are drawn, whether they are used or not."""
    both = apply_affine(some_images(), Affine(translate=0.2, shear=1e-6), draws())
    shift = apply_affine(some_images(), Affine(translate=0.2), draws())

    assert torch.equal(both, shift)


def test_an_enlarged_box_is_torchvisions_resized_crop() -> None:
    """Bilinear, from the box alone: no pixel outside of it shows."""
    images = some_images(height=20, width=16)
    boxes = random_boxes(6, (20, 16), scale=(0.1, 1.0), ratio=(0.5, 2.0), generator=draws())

    mine = enlarged(images, boxes)

    assert bool(boxes.fits.all())
    for number, image in enumerate(images):
        top, left, height, width = (int(edge[number]) for edge in boxes[:4])
        alone = functional.resized_crop(image, top, left, height, width, [20, 16], antialias=True)
        torch.testing.assert_close(mine[number], alone, atol=1e-4, rtol=0)


def test_the_whole_image_as_its_own_crop_changes_nothing() -> None:
    """scale [1, 1] of a square."""
    same = resized_crops(some_images(), ResizedCrop(scale=[1.0, 1.0], ratio=[1.0, 1.0]), draws())

    torch.testing.assert_close(same, some_images(), atol=1e-5, rtol=0)


def test_boxes_have_the_areas_and_shapes_that_were_asked_for() -> None:
    """Over many draws: inside the image, areas uniform, shapes symmetrical in their logarithm."""
    boxes = random_boxes(4000, (100, 100), scale=(0.2, 0.6), ratio=(3 / 4, 4 / 3), generator=draws())

    area = (boxes.height * boxes.width).double() / 100**2
    shape = (boxes.width.double() / boxes.height).log()
    assert bool(boxes.fits.all())
    assert bool(((boxes.top >= 0) & (boxes.top + boxes.height <= 100)).all())
    assert bool(((boxes.left >= 0) & (boxes.left + boxes.width <= 100)).all())
    assert 0.19 < float(area.min()) < 0.22
    assert 0.58 < float(area.max()) < 0.62
    assert 0.39 < float(area.mean()) < 0.41
    assert abs(float(shape.mean())) < 0.01
    assert float(shape.abs().max()) < math.log(4 / 3) + 0.05


def test_where_no_box_fits_the_largest_central_one_is_taken() -> None:
    """A shape too long for the image: of a square, half of it in the middle."""
    config = ResizedCrop(scale=[1.0, 1.0], ratio=[2.0, 2.0])
    middle = functional.resized_crop(some_images(1)[0], 3, 0, 6, 12, [12, 12], antialias=True)

    (result,) = resized_crops(some_images(1), config, draws())

    torch.testing.assert_close(result, middle, atol=1e-4, rtol=0)


def test_an_image_without_a_box_has_nothing_inside() -> None:
    """`fits` is False."""
    numbers = torch.tensor([1, 1])
    boxes = Boxes(numbers, numbers, numbers + 1, numbers + 2, torch.tensor([True, False]))

    inside = boxes.inside(4, 5)

    assert inside.sum((1, 2, 3)).tolist() == [6, 0]
    assert bool(inside[0, 0, 1:3, 1:4].all())
