"""Looking into networks: known answers by hand, and networks of every build."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from ablate.errors import StudyError
from ablate.execute.inline import InlineExecutor
from ablate.inspection import Explained
from ablate.records import Finished, RunSpec
from ablate.store.journal import read_result
from ablate.store.work_folder import Store
from ablate.training import explain
from ablate.training.explanations.alike import nearest, on_a_plane
from ablate.training.explanations.gradcam import as_heatmaps, grad_cam
from ablate.training.explanations.layers import (
    feature_maps,
    inputs_of_last_linear,
    last_convolutional,
    maps_at,
)
from ablate.training.models import make_network
from ablate.workflows.reopened_run import reopened
from tests.training_builders import a_config, a_spec, a_task, carried_out, finished


class Shortcut(nn.Module):
    """A convolution, an activation used twice and a shortcut, as residual networks have them."""

    def __init__(self) -> None:
        super().__init__()
        self.inner = nn.Conv2d(2, 2, 3, padding=1)
        self.act = nn.ReLU(inplace=True)

    def forward(self, images: Tensor) -> Tensor:
        return self.act(self.act(self.inner(images)) + images)  # type: ignore[no-any-return]


def a_linear_network() -> nn.Sequential:
    """Two channels by hand: the image, and its negative; class 0 likes the first, class 1 the second.

    Everything is linear but the last step, so that the gradients are the weights.
    """
    conv = nn.Conv2d(1, 2, 1, bias=False)
    linear = nn.Linear(2, 2, bias=False)
    with torch.no_grad():
        conv.weight.copy_(torch.tensor([1.0, -1.0]).view(2, 1, 1, 1))
        linear.weight.copy_(torch.tensor([[2.0, 0.0], [0.0, 3.0]]))
    return nn.Sequential(conv, nn.ReLU(inplace=True), nn.AdaptiveAvgPool2d(1), nn.Flatten(), linear).eval()


def test_grad_cam_of_a_linear_network_is_what_the_hand_computes() -> None:
    """The gradient of logit 0 by each of four places of channel 0 is 2/4: the map is relu(x) / 2."""
    network, image = a_linear_network(), torch.tensor([[[[4.0, -2.0], [0.0, 1.0]]]])
    place = last_convolutional(feature_maps(network, image))
    assert place is not None
    first = grad_cam(network, image, torch.tensor([0]), place)
    second = grad_cam(network, image, torch.tensor([1]), place)

    assert place.name == "1"
    assert first.tolist() == [[[2.0, 0.0], [0.0, 0.5]]]
    assert second.tolist() == [[[0.0, 1.5], [0.0, 0.0]]]


def test_grad_cam_looks_at_each_image_by_itself() -> None:
    """A batch is the same as its images one by one."""
    torch.manual_seed(3)
    network = make_network(a_config()).eval()
    images, classes = torch.randn(4, 1, 8, 8), torch.tensor([1, 7, 7, 2])
    place = last_convolutional(feature_maps(network, images[:1]))
    assert place is not None
    together = grad_cam(network, images, classes, place)
    alone = [grad_cam(network, images[i : i + 1], classes[i : i + 1], place) for i in range(4)]

    assert torch.allclose(together, torch.cat(alone), atol=1e-6)
    assert all(parameter.grad is None for parameter in network.parameters())


def test_a_heatmap_is_as_large_as_the_image_and_ends_at_one() -> None:
    """A map that is zero everywhere stays so."""
    heat = as_heatmaps(torch.stack([torch.tensor([[0.0, 2.0], [4.0, 0.0]]), torch.zeros(2, 2)]), (6, 6))

    assert heat.shape == (2, 6, 6)
    assert heat.amax((1, 2)).tolist() == pytest.approx([1.0, 0.0])
    assert heat.min() >= 0


def test_the_last_map_comes_after_activation_and_shortcut() -> None:
    """The block's own output, although its activation is called twice and works in place."""
    network = nn.Sequential(Shortcut(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(2, 3)).eval()
    images = torch.randn(2, 2, 5, 5)
    places = feature_maps(network, images)
    place = last_convolutional(places)
    assert place is not None
    block = network[0]

    assert [(p.name, p.call) for p in places if p.name == "0.act"] == [("0.act", 0), ("0.act", 1)]
    assert place.name == "0"
    assert torch.allclose(maps_at(network, images, place), block(images.clone()))


@pytest.mark.parametrize(
    "model",
    [
        {"name": "vgg", "blocks": [1, 1], "width": 4, "head": {"name": "fc", "hidden": [8], "pool": 7}},
        {"name": "vgg", "blocks": [1, 1], "width": 4, "norm": {"name": "batch"}, "head": {"name": "gap"}},
        {"name": "torchvision:resnet18"},
        {"name": "torchvision:mobilenet_v3_small"},
        {"name": "torchvision:densenet121"},
    ],
    ids=str,
)  # fmt: skip
def test_every_network_has_a_last_map_and_a_heatmap(model: dict[str, Any]) -> None:
    """Whatever family it is of; the fully connected head's own pooling is not taken for a feature map."""
    torch.manual_seed(0)
    network = make_network(a_config(model=model, data={"image_size": 32, "channels": 3, "normalize": None})).eval()
    images = torch.randn(2, 3, 32, 32)
    place = last_convolutional(feature_maps(network, images[:1]))
    assert place is not None
    maps = maps_at(network, images, place)
    heat = grad_cam(network, images, torch.tensor([0, 1]), place)

    assert "head" not in place.name
    assert maps.shape[1:] == place.shape
    assert heat.shape == (2, *place.shape[1:])
    assert bool(torch.isfinite(heat).all())


def test_a_network_without_convolutions_has_no_map_but_features() -> None:
    """What the last fully connected layer is handed."""
    network = nn.Sequential(nn.Flatten(), nn.Linear(16, 5), nn.ReLU(), nn.Linear(5, 2)).eval()
    images = torch.randn(3, 1, 4, 4)
    features = inputs_of_last_linear(network, images)
    assert features is not None

    assert last_convolutional(feature_maps(network, images)) is None
    assert torch.equal(features, network[:3](images))


def test_the_nearest_is_the_one_in_the_same_direction() -> None:
    """By the angle, however long a feature is."""
    gallery = np.array([[0.0, 1.0], [5.0, 0.1], [-1.0, 0.0]], np.float32)
    places, cosines = nearest(np.array([[1.0, 0.0], [0.0, 9.0]], np.float32), gallery, 2)

    assert places.tolist() == [[1, 0], [0, 1]]
    assert cosines[1].tolist() == pytest.approx([1.0, 0.1 / np.hypot(5, 0.1)], abs=1e-5)
    assert nearest(gallery, gallery, 9)[0].shape == (3, 3)


def test_far_groups_stay_apart_on_the_plane() -> None:
    """Two clouds of features are two clouds of points; the same features give the same points."""
    torch.set_num_threads(1)  # as a run sets it; t-SNE's threads wait for each other in a loop
    rng = np.random.default_rng(5)
    features = np.concatenate([rng.normal(0, 1, (20, 6)), rng.normal(40, 1, (20, 6))]).astype(np.float32)
    points = on_a_plane(features)
    assert points is not None
    centres = points[:20].mean(0), points[20:].mean(0)
    nearer = [np.linalg.norm(p - centres[0]) < np.linalg.norm(p - centres[1]) for p in points]

    assert nearer == [True] * 20 + [False] * 20
    assert np.array_equal(points, np.asarray(on_a_plane(features)))


def test_features_that_say_nothing_have_no_map() -> None:
    """Too few, or all alike; one number each is enough for a line."""
    assert on_a_plane(np.ones((50, 4), np.float32)) is None
    assert on_a_plane(np.eye(5, dtype=np.float32)) is None
    assert on_a_plane(np.arange(20, dtype=np.float32)[:, None]) is not None


@pytest.fixture(scope="module")
def trained(decoded_digits: Path) -> tuple[Path, RunSpec, Finished]:
    """A finished run of one epoch, which still makes mistakes."""
    spec = a_spec(a_config(epochs=1))
    return decoded_digits, spec, finished(read_result(carried_out(InlineExecutor(), a_task(decoded_digits, spec))))


def looked_into(trained: tuple[Path, RunSpec, Finished], layer: str | None = None) -> Explained:
    """What is found in the finished run."""
    work, spec, result = trained
    with reopened(spec, Store(work)) as once_more:
        found = explain(spec, result, once_more, layer)
    assert isinstance(found, Explained)
    return found


def test_a_run_is_looked_into_with_its_own_test_images(trained: tuple[Path, RunSpec, Finished]) -> None:
    """Sixty test images, of which the grid shows all; mistakes come surest first; neighbours from the fit part."""
    found = looked_into(trained)
    with np.load(trained[2].folder / str(trained[2].images)) as stored:
        tested = {str(name) for name in stored["id"]}
    sureness = [heatmap.answer.confidence for heatmap in found.heatmaps]

    assert found.metrics == trained[2].metrics
    assert {answer.image.id for answer in found.grid} == tested
    assert sureness == sorted(sureness, reverse=True)
    assert len(sureness) == min(8, int((found.targets != found.predicted).sum()))
    assert not any(heatmap.answer.is_right for heatmap in found.heatmaps)
    assert all(image.id not in tested for one in found.neighbours for image, _ in one.nearest)
    assert int(found.said_counts.sum()) == int(found.true_counts.sum()) == 60
    assert found.embedding is not None
    assert found.embedding.points.shape == (60, 2)


def test_a_layer_is_shown_by_name_and_a_wrong_name_gets_the_near_one(trained: tuple[Path, RunSpec, Finished]) -> None:
    """The tenth unless another is named, or the last of fewer."""
    assert (found := looked_into(trained, "features.conv1_1")).maps is not None
    assert found.maps is not None
    assert (found.maps.layer, found.maps.values.shape) == ("features.conv1_1", (4, 8, 8))
    with pytest.raises(StudyError, match="no such layer") as told:
        looked_into(trained, "features.cov1_1")
    assert "Did you mean 'features.conv1_1'?" in told.value.hint
