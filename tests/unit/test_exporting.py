"""A trained network's files answer as the network does, for any number of images; what cannot be exported is told."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from ablate.deploy.opening import open_engine
from ablate.errors import DataError, NotInstalled, TrainerError
from ablate.execute import worker
from ablate.records import Finished, RunSpec
from ablate.store.journal import read_result
from ablate.store.run_names import write_names
from ablate.store.work_folder import Store
from ablate.training import export
from ablate.training.compress.eager import open_weights
from ablate.training.compress.export import export_network, refuse_unexportable
from ablate.training.config import Config
from ablate.training.config.model import Fusion
from ablate.training.models import make_network
from tests.training_builders import LOADED, a_config, a_spec, a_task, an_attempt, finished


def a_run(work: Path, name: str = "whole", **changes: Any) -> tuple[RunSpec, Finished]:
    """A finished run called NAME/network."""
    spec = a_spec(a_config({**LOADED, "epochs": 2, **changes}))
    write_names(Store(work).study(name), name, "s.yaml", {"network": {"0": spec.fingerprint}})
    attempt = an_attempt(a_task(work, spec))
    assert worker.main(attempt) == 0
    return spec, finished(read_result(attempt))


def some_images(count: int, side: int = 8) -> Any:
    """As a network is given them."""
    return np.random.default_rng(0).standard_normal((count, 1, side, side)).astype(np.float32)


def test_every_file_of_a_pruned_run_answers_as_torch(digits: Path) -> None:
    """ONNX and torch's export of a trained and pruned network, whatever the number of images."""
    a_run(digits)
    spec, result = a_run(digits, "thin", weights={"run": "whole/network", "prune": {"channels": 0.3}})
    eager = open_weights(str(result.folder / result.files["weights"]), threads=1)
    paths = [digits / "made" / name for name in ("network.onnx", "network.pt2")]
    for path in paths:
        export(spec, result, path)
    engines = [open_engine(str(path), threads=1) for path in paths]

    for count in (1, 2, 7):
        asked = eager.logits(some_images(count))
        for engine in engines:
            np.testing.assert_allclose(engine.logits(some_images(count)), asked, atol=1e-5)

    assert all(str(Path(torch.__file__).parent).encode() not in path.read_bytes() for path in paths)
    assert eager.image_shape == (1, 8, 8)
    assert [engine.name for engine in (eager, *engines)] == ["torch", "onnxruntime", "torch"]
    assert sorted((digits / "made").iterdir()) == paths


NETWORKS: Mapping[str, Mapping[str, Any]] = {
    "vgg": {"name": "vgg11", "width": 4, "norm": {"name": "batch", "position": "after_activation"},
            "head": {"name": "gap"}, "activation": "leaky_relu"},
    "resnet": {"name": "resnet18", "width": 4, "activation": "silu"},
    "food_cnn": {"name": "food_cnn", "width": 4, "hidden": [8]},
    "vgg16net": {"name": "vgg16net", "width": 4},
}  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize("name", NETWORKS)
def test_every_family_of_networks_is_exported(name: str, tmp_path: Path) -> None:
    """With its poolings, norms and activations."""
    config = a_config(data={"image_size": 32}, model=NETWORKS[name])
    network = make_network(config).eval()
    for path in (tmp_path / "network.onnx", tmp_path / "network.pt2"):
        export_network(network, config, path)
        found = open_engine(str(path), threads=1).logits(some_images(3, 32))

        with torch.no_grad():
            np.testing.assert_allclose(found, network(torch.from_numpy(some_images(3, 32))), atol=1e-5)


class Branching(nn.Module):
    """A network that looks at its image before it decides."""

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Logits."""
        return images.flatten(1)[:, :10] if images.sum() > 0 else images.flatten(1)[:, 10:20]


class Unknown(nn.Module):
    """A network with an operator that ONNX does not have."""

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Logits."""
        return torch.special.bessel_j0(images.flatten(1)[:, :10])


@pytest.mark.parametrize(
    ("network", "said"),
    [(Branching(), r"cannot be exported: torch\.export says: .+"), (Unknown(), r"exporter to ONNX says: .*bessel_j0")],
)
def test_a_network_that_cannot_be_exported_is_refused_with_the_reason(network: nn.Module, said: str) -> None:
    """Before anything is written."""
    with pytest.raises(TrainerError, match=said):
        refuse_unexportable(network, a_config())


def test_a_network_of_images_and_texts_is_refused(tmp_path: Path) -> None:
    """A file has one input."""
    config = a_config()
    fusion = Fusion.model_construct(name="fusion")
    with pytest.raises(TrainerError, match=r"images with texts cannot be exported"):
        export_network(nn.Identity(), Config.model_construct(data=config.data, model=fusion), tmp_path / "a.onnx")


def test_without_its_packages_the_extra_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """onnxscript, which torch needs for it."""
    monkeypatch.setattr("ablate.training.compress.export.load_package", refuse)

    with pytest.raises(NotInstalled, match="onnx"):
        export_network(nn.Flatten(), a_config(), tmp_path / "a.onnx")


def refuse(name: str) -> None:
    """Nothing is installed."""
    raise NotInstalled(f"this needs {name}")


def test_weights_that_lie_elsewhere_are_refused(tmp_path: Path) -> None:
    """Only a run's folder says which network they are of."""
    (tmp_path / "weights.safetensors").write_bytes(b"")

    with pytest.raises(DataError, match=r"does not lie in the folder of a finished run"):
        open_weights(str(tmp_path / "weights.safetensors"), threads=1)
