"""Test-time augmentation: known views, and networks for which it cannot change anything."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from ablate.execute.inline import InlineExecutor
from ablate.store.journal import read_result
from ablate.store.work_folder import Store
from ablate.training import augmented_test
from ablate.training.data.parts import load_parts
from ablate.training.numerics import set_up
from ablate.training.stored import StoredNetwork
from ablate.training.views import averaged_probabilities, views_of
from ablate.workflows.reopened_run import reopened
from tests.training_builders import a_config, a_live_run, a_spec, a_task, carried_out, finished

EVERY_VIEW: list[dict[str, Any]] = [{"flip": True}, {"crops": 2}, {"flip": True, "crops": 1}, {"draws": 3}]


class Brightness(nn.Module):
    """Sees how bright an image is, and nothing else: mirrored images are the same to it."""

    def forward(self, images: Tensor) -> Tensor:
        mean = images.mean((1, 2, 3))
        return torch.stack([mean * 5, 1 - mean, -mean], 1)


class LeftSide(nn.Module):
    """Sees how bright the left half is."""

    def forward(self, images: Tensor) -> Tensor:
        left = images[..., : images.shape[-1] // 2].mean((1, 2, 3))
        return torch.stack([left, -left], 1)


def averaged(work: Path, network: nn.Module, tta: dict[str, Any]) -> Tensor:
    """The averaged probabilities of a network on the test part."""
    spec = a_spec(a_config())
    config = a_config(augment={"crop": {"padding": 1}})
    parts = load_parts(config, a_live_run(work, spec), set_up(config))
    stored = StoredNetwork(config, set_up(config), network.eval(), tuple("0123456789"))
    return averaged_probabilities(stored, parts.test, views_of(tta, config, spec))


def test_a_symmetric_network_answers_as_it_does_without_views(digits: Path) -> None:
    """Mirrored images are as bright."""
    plain = averaged(digits, Brightness(), {})

    assert torch.allclose(averaged(digits, Brightness(), {"flip": True}), plain, atol=1e-7)
    assert not torch.allclose(averaged(digits, Brightness(), {"crops": 2}), plain, atol=1e-3)


def test_mirroring_averages_both_sides(digits: Path) -> None:
    """By hand: the mean of the network's answers to the image and to its mirror image."""
    config = a_config()
    parts = load_parts(config, a_live_run(digits, a_spec(config)), set_up(config))
    images = parts.test.images_of(torch.arange(len(parts.test)))
    by_hand = (LeftSide()(images).softmax(1) + LeftSide()(images.flip(-1)).softmax(1)) / 2

    assert torch.allclose(averaged(digits, LeftSide(), {"flip": True}), by_hand.double(), atol=1e-6)


def test_the_crops_are_the_image_and_its_four_corners() -> None:
    """Padded by one pixel, an image of two by two has five windows; mirrored, ten."""
    spec, config = a_spec(a_config()), a_config()
    image = torch.tensor([[1, 2], [3, 4]], dtype=torch.uint8)[None, None]
    views = [view(image, 0)[0, 0].tolist() for view in views_of({"crops": 1}, config, spec)]
    both = [view(image, 0)[0, 0].tolist() for view in views_of({"crops": 1, "flip": True}, config, spec)]

    assert views == [[[1, 2], [3, 4]], [[0, 0], [0, 1]], [[0, 0], [2, 0]], [[0, 3], [0, 0]], [[4, 0], [0, 0]]]
    assert both == [*views, *([row[::-1] for row in view] for view in views)]


def test_draws_are_the_same_each_time_and_differ_from_one_another() -> None:
    """A pure function of the replicate, the draw and the batch."""
    config = a_config(augment={"crop": {"padding": 2}})
    images = torch.randint(0, 256, (20, 1, 8, 8), dtype=torch.uint8, generator=torch.Generator().manual_seed(1))
    first, again = (views_of({"draws": 2}, config, a_spec(config)) for _ in range(2))

    assert len(first) == 3
    assert all(torch.equal(one(images, 4), other(images, 4)) for one, other in zip(first, again, strict=True))
    assert not torch.equal(first[1](images, 4), first[2](images, 4))
    assert not torch.equal(first[1](images, 4), first[1](images, 5))
    assert torch.equal(first[0](images, 4), images)


@pytest.mark.parametrize("tta", EVERY_VIEW, ids=str)
def test_a_finished_run_is_tested_by_views_on_its_own_test_images(decoded_digits: Path, tta: dict[str, Any]) -> None:
    """The columns of a run's own outcomes; probabilities that add up to one; the same file each time."""
    config = a_config(augment={"flip": {}}, epochs=1)
    spec = a_spec(config)
    done = Store(decoded_digits).finished(spec.fingerprint)
    result = done[0] if done else finished(read_result(carried_out(InlineExecutor(), a_task(decoded_digits, spec))))
    store = Store(decoded_digits)
    contents = []
    for _ in range(2):
        with reopened(spec, store) as once_more:
            contents.append(augmented_test(spec, result, once_more, tta).read_bytes())
    with np.load(result.folder / str(result.images)) as own, np.load(BytesIO(contents[0])) as found:
        assert found["id"].tolist() == own["id"].tolist()
        assert np.array_equal(found["target"], own["target"])
        assert np.allclose(found["prob"].sum(1), 1, atol=1e-6)
        assert np.array_equal(found["score"], (found["prob"].argmax(1) == found["target"]).astype(np.float32))
    assert contents[0] == contents[1]
