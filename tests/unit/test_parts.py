"""From cached pixels to normalised batches."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torchvision import transforms

from ablate.training.config import Normalization
from ablate.training.data.parts import IMAGENET, Subset, load_parts, prepare_subset
from ablate.training.numerics import Mode
from tests.training_builders import a_config, a_live_run, a_spec

CPU = torch.device("cpu")
GREY = Normalization(mean=[0.1307], std=[0.3081])


def a_part(channels: int = 3, block: Normalization | None = IMAGENET, *, channels_last: bool = False) -> Subset:
    """Five of nine images of noise, in an order of their own."""
    generator = torch.Generator().manual_seed(0)
    stored = torch.randint(0, 256, (9, 12, 12, channels), generator=generator, dtype=torch.uint8)
    rows = torch.tensor([7, 0, 3, 8, 2])
    mean, std = (None, None)
    if block is not None:
        mean, std = (torch.tensor(values).view(-1, 1, 1) for values in (block.mean, block.std))
    return Subset(stored, rows, rows % 4, mean, std, Mode(CPU, torch.float32, channels_last))


@pytest.mark.parametrize("channels_last", [False, True])
@pytest.mark.parametrize(("channels", "block"), [(3, IMAGENET), (1, GREY), (3, None)])
def test_images_are_normalised_as_torchvision_does_bit_for_bit(
    channels: int, block: Normalization | None, *, channels_last: bool
) -> None:
    """Equal to ToTensor and Normalize on the same pixels, in either memory layout."""
    part = a_part(channels, block, channels_last=channels_last)
    steps = [transforms.ToTensor()]
    if block is not None:
        steps.append(transforms.Normalize(block.mean, block.std))
    theirs = transforms.Compose(steps)
    images = [Image.fromarray(part.stored[row].squeeze(-1).numpy()) for row in part.rows]

    ours = part.images_of(torch.arange(5))

    assert torch.equal(ours, torch.stack([theirs(image) for image in images]))


@pytest.mark.parametrize("channels_last", [False, True])
def test_a_ready_part_gives_the_same_images(*, channels_last: bool) -> None:
    """Normalised once or batch by batch: the same numbers in the same memory layout."""
    part, chosen = a_part(channels_last=channels_last), torch.tensor([4, 1, 1, 0])
    ready = prepare_subset(part)

    assert ready.ready is not None
    assert torch.equal(ready.images_of(chosen), part.images_of(chosen))
    assert ready.images_of(chosen).stride() == part.images_of(chosen).stride()
    assert torch.equal(ready.targets_of(chosen), part.targets_of(chosen))


def test_a_part_that_needs_too_much_memory_is_not_made_ready() -> None:
    """The limit is in bytes of normalised images."""
    part = a_part()
    size = 5 * 3 * 12 * 12 * 4

    assert prepare_subset(part, limit=size - 1).ready is None
    assert prepare_subset(part, limit=size).ready is not None


def test_an_empty_part_stays_as_it_is() -> None:
    """Where no validation part was asked for there is nothing to normalise."""
    none = torch.tensor([], dtype=torch.int64)
    part = replace(a_part(), rows=none, targets=none)

    assert len(prepare_subset(part)) == 0


@pytest.mark.parametrize("channels_last", [False, True])
def test_images_have_the_layout_that_was_asked_for(*, channels_last: bool) -> None:
    """The numbers are the same; where they lie in memory is not."""
    images = a_part(channels_last=channels_last).images_of(torch.arange(5))

    expected = torch.channels_last if channels_last else torch.contiguous_format
    assert images.is_contiguous(memory_format=expected)
    assert torch.equal(images, a_part().images_of(torch.arange(5)))


def test_members_are_named_by_their_place_in_the_part() -> None:
    """The second member of the part is the image in row 0."""
    part = a_part(block=None)

    pixels = part.pixels_of(torch.tensor([1]))

    assert pixels.dtype == torch.uint8
    assert torch.equal(pixels[0], part.stored[0].permute(2, 0, 1))
    assert part.targets_of(torch.tensor([1, 3])).tolist() == [0, 0]


def test_parts_hold_the_images_of_the_split(digits: Path) -> None:
    """Each member's pixels and target are those of the image the split names."""
    config = a_config()
    run = a_live_run(digits, a_spec(config))

    parts = load_parts(config, run, Mode(CPU, torch.float32, channels_last=False))

    assert [len(parts.fit), len(parts.val), len(parts.test)] == [50, 20, 60]
    for part, indices in ((parts.fit, parts.split.fit), (parts.val, parts.split.val), (parts.test, parts.split.test)):
        assert part.targets.tolist() == parts.images.targets[list(indices)].tolist()
        first = np.array(parts.images.pixels[indices[0]])
        assert torch.equal(part.pixels_of(torch.tensor([0]))[0], torch.from_numpy(first).permute(2, 0, 1))


def test_a_part_that_is_changed_at_random_is_not_normalised_beforehand(digits: Path) -> None:
    """Augmentation works on pixels; the parts that are only looked at are ready all the same."""
    config = a_config(augment={"flip": {}})
    run = a_live_run(digits, a_spec(config))

    parts = load_parts(config, run, Mode(CPU, torch.float32, channels_last=False))

    assert parts.fit.ready is None
    assert parts.val.ready is not None
    assert parts.test.ready is not None


@pytest.mark.parametrize("side", [20, 5])
def test_images_are_resized_on_the_device_as_pillow_would(side: int) -> None:
    """Enlarged or reduced: equal to Pillow's bilinear filter to within the rounding of its grey values."""
    part = replace(a_part(block=None), side=side)
    images = [Image.fromarray(part.stored[row].numpy()) for row in part.rows]
    theirs = torch.stack(
        [transforms.functional.to_tensor(one.resize((side, side), Image.Resampling.BILINEAR)) for one in images]
    )

    ours = part.images_of(torch.arange(5))

    assert ours.shape == (5, 3, side, side)
    assert (ours - theirs).abs().max() <= 1.01 / 255


def test_a_resized_part_is_made_ready_where_the_large_images_fit() -> None:
    """The limit counts what is kept, not what is stored; the images are the same."""
    part, size = replace(a_part(), side=20), 5 * 3 * 20 * 20 * 4
    ready = prepare_subset(part, limit=size)

    assert prepare_subset(part, limit=size - 1).ready is None
    assert torch.equal(ready.images_of(torch.arange(5)), part.images_of(torch.arange(5)))


def test_changes_before_resizing_act_on_the_stored_pixels() -> None:
    """Augmentation gets images of their own size; resizing is the last step."""
    part = replace(a_part(block=None), side=24)
    pixels = part.pixels_of(torch.arange(5))

    assert pixels.shape == (5, 3, 12, 12)
    assert part.normalised(pixels).shape == (5, 3, 24, 24)


def test_resizing_on_the_device_keeps_one_small_copy_for_all_sizes(tmp_path: Path) -> None:
    """Digits are 8x8: they are cached so, whatever size the network is given."""
    for side in (16, 32):
        config = a_config(data={"image_size": side, "resize": "device"})
        parts = load_parts(config, a_live_run(tmp_path, a_spec(config)), Mode(CPU, torch.float32, False))

        assert parts.fit.stored.shape[1:3] == (8, 8)
        assert parts.fit.images_of(torch.arange(2)).shape[-2:] == (side, side)

    assert len([path for path in (tmp_path / ".ablate/cache/pictures").iterdir() if path.is_dir()]) == 1
