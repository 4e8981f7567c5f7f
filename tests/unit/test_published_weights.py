"""`weights: {torchvision: default}` and `{timm: default}`: found on this machine, fitted or refused, no network."""

from __future__ import annotations

import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor, nn
from torchvision import models

from ablate.errors import DataError, SettingError, TrainerError
from ablate.training.checks import refuse_impossible
from ablate.training.config import Config
from ablate.training.models import make_network
from ablate.training.weights import load_weights
from ablate.training.zoo import default_of_torchvision
from tests.training_builders import PROTOCOL, a_config, a_live_run, a_spec

TEN = tuple("0123456789")


@pytest.fixture
def checkpoints(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where torch and timm keep what they have downloaded; a download would fail."""
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))

    def offline(*_: Any, **__: Any) -> None:
        raise OSError("no route to host")

    monkeypatch.setattr(torch.hub, "download_url_to_file", offline)
    folder = tmp_path / "hub" / "checkpoints"
    folder.mkdir(parents=True)
    return folder


def begun(config: Config, work: Path) -> dict[str, Tensor]:
    """The weights that a network has after loading."""
    network = make_network(config)
    load_weights(network, config, a_live_run(work, a_spec(config)), TEN)
    return network.state_dict()


# --- torchvision -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("model", "name"),
    [
        ({"name": "torchvision:resnet50"}, "ResNet50_Weights.IMAGENET1K_V2"),
        ({"name": "resnet34"}, "ResNet34_Weights.IMAGENET1K_V1"),
        ({"name": "vgg11", "head": {"name": "gap"}}, "VGG11_Weights.IMAGENET1K_V1"),
        ({"name": "vgg11", "norm": {"name": "batch"}, "head": {"name": "gap"}}, "VGG11_BN_Weights.IMAGENET1K_V1"),
    ],
    ids=lambda value: value if isinstance(value, str) else value["name"],
)
def test_the_default_is_torchvisions_for_the_model(model: dict[str, Any], name: str) -> None:
    """Or that of our own family's double."""
    data = {"channels": 3, "image_size": 32, "normalize": None}

    assert default_of_torchvision(a_config(data=data, model=model).model) == name


def test_torchvisions_default_comes_from_its_cache(checkpoints: Path, tmp_path: Path) -> None:
    """Without a connection; the last layer keeps its first weights."""
    torch.manual_seed(5)
    theirs = models.squeezenet1_1().state_dict()
    torch.save(theirs, checkpoints / "squeezenet1_1-b8a52dc0.pth")
    config = a_config(
        data={"channels": 3, "image_size": 32, "normalize": None},
        model={"name": "torchvision:squeezenet1_1"},
        weights={"torchvision": "default", "fresh": ["classifier.1"]},
    )
    found = begun(config, tmp_path)

    assert torch.equal(found["features.0.weight"], theirs["features.0.weight"])
    assert found["classifier.1.weight"].shape[0] == 10


# --- timm --------------------------------------------------------------------------------------


class Tiny(nn.Sequential):
    """A network with a first layer and an output."""

    def __init__(self, channels: int, classes: int) -> None:
        """Its size does not matter."""
        super().__init__()
        self.conv1 = nn.Conv2d(channels, 4, 3)
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.flat = nn.Flatten()
        self.fc = nn.Linear(4, classes)


def known(tag: str, **more: Any) -> SimpleNamespace:
    """What timm tells of the weights of a tag."""
    told = {"hf_hub_id": f"timm/tiny.{tag}", "hf_hub_filename": None, "url": "", "architecture": "tiny", "tag": tag}
    return SimpleNamespace(**(told | {"custom_load": False} | more))


@pytest.fixture
def timm(monkeypatch: pytest.MonkeyPatch) -> dict[str, SimpleNamespace]:
    """As much of timm as is asked for, with one model; name -> what it tells of its weights."""
    cfgs = {"tiny": known("a1_in1k"), "tiny.a1_in1k": known("a1_in1k"), "tiny.jax": known("jax", custom_load=True)}
    cfgs["tiny.old"] = known("old", hf_hub_id=None, url="https://example.org/tiny-0123abcd.pth")

    def get_pretrained_cfg(name: str) -> SimpleNamespace | None:
        if name not in cfgs:
            raise RuntimeError("Invalid pretrained tag")
        return cfgs[name]

    fake = ModuleType("timm")
    fake.is_model = lambda name: name.partition(".")[0] == "tiny"  # type: ignore[attr-defined]
    fake.list_models = lambda: ["tiny"]  # type: ignore[attr-defined]
    fake.list_pretrained = lambda _: sorted(name for name in cfgs if "." in name)  # type: ignore[attr-defined]
    fake.get_pretrained_cfg = get_pretrained_cfg  # type: ignore[attr-defined]
    fake.create_model = lambda name, pretrained, num_classes, in_chans: Tiny(in_chans, num_classes)  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "timm", fake)
    monkeypatch.setitem(sys.modules, "huggingface_hub", None)
    return cfgs


def of_timm(tag: str = "default", *, fresh: Any = "output", channels: int = 3) -> Config:
    """A config that begins with timm's weights."""
    data = {"channels": channels, "image_size": 16, "normalize": None}
    return a_config(data=data, model={"name": "timm:tiny"}, weights={"timm": tag, "fresh": fresh})


def test_timms_default_is_read_from_torchs_checkpoints(
    timm: dict[str, SimpleNamespace], checkpoints: Path, tmp_path: Path
) -> None:
    """By architecture and tag; the output keeps its first weights."""
    theirs = Tiny(3, 1000).state_dict()
    save_file(theirs, checkpoints / "tiny.a1_in1k.safetensors")

    for tag in ("default", "a1_in1k"):
        found = begun(of_timm(tag), tmp_path)
        assert torch.equal(found["conv1.weight"], theirs["conv1.weight"])
        assert found["fc.weight"].shape == (10, 4)


def test_weights_of_an_address_are_found_by_its_name(
    timm: dict[str, SimpleNamespace], checkpoints: Path, tmp_path: Path
) -> None:
    """As torch stores a download."""
    theirs = Tiny(3, 1000).state_dict()
    torch.save(theirs, checkpoints / "tiny-0123abcd.pth")

    assert torch.equal(begun(of_timm("old"), tmp_path)["conv1.weight"], theirs["conv1.weight"])


def test_the_hubs_cache_is_looked_into(
    timm: dict[str, SimpleNamespace], checkpoints: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever is there of the two names timm gives its files."""
    theirs = Tiny(3, 1000).state_dict()
    cached = tmp_path / "snapshot" / "pytorch_model.bin"
    cached.parent.mkdir()
    torch.save(theirs, cached)
    hub = ModuleType("huggingface_hub")
    places = {("timm/tiny.a1_in1k", "pytorch_model.bin"): str(cached)}
    hub.try_to_load_from_cache = lambda *asked: places.get(asked)  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "huggingface_hub", hub)

    assert torch.equal(begun(of_timm(), tmp_path)["conv1.weight"], theirs["conv1.weight"])


@pytest.mark.parametrize(
    ("tag", "error", "said"),
    [
        ("default", DataError, r"'tiny\.a1_in1k' of timm are not on this machine.*Copy https://huggingface\.co/timm/"
                               r"tiny\.a1_in1k/resolve/main/model\.safetensors to .*checkpoints.tiny\.a1_in1k\.safet"),
        ("old", DataError, r"Copy https://example\.org/tiny-0123abcd\.pth to .*checkpoints.tiny-0123abcd\.pth"),
        ("a2_in1k", TrainerError, r"timm has no weights 'tiny\.a2_in1k'. Did you mean 'tiny\.a1_in1k'"),
        ("jax", TrainerError, r"'tiny\.jax' of timm are in a format of their own"),
    ],
)  # fmt: skip
def test_weights_that_are_not_here_are_told_with_their_place(
    tag: str, error: type[Exception], said: str, timm: dict[str, SimpleNamespace], checkpoints: Path, tmp_path: Path
) -> None:
    """What to copy where, or which names there are."""
    with pytest.raises(error, match=said):
        begun(of_timm(tag), tmp_path)


def test_a_first_layer_of_other_channels_is_refused_by_name(
    timm: dict[str, SimpleNamespace], checkpoints: Path, tmp_path: Path
) -> None:
    """It would have to begin anew."""
    save_file(Tiny(3, 1000).state_dict(), checkpoints / "tiny.a1_in1k.safetensors")

    with pytest.raises(DataError, match=r"'conv1\.weight' has shape \(4, 3, 3, 3\).*weights\.fresh: \[conv1\]"):
        begun(of_timm(channels=1), tmp_path)
    assert begun(of_timm(channels=1, fresh=["conv1", "fc"]), tmp_path)["conv1.weight"].shape == (4, 1, 3, 3)


# --- what a study file cannot mean -------------------------------------------------------------


@pytest.mark.parametrize(
    ("model", "weights", "key"),
    [
        ("torchvision:resnet18", {"timm": "default"}, "weights.timm"),
        ("my_pkg.nets:make", {"timm": "default"}, "weights.timm"),
        ("timm:tiny", {"torchvision": "default"}, "weights.torchvision"),
        ("my_pkg.nets:make", {"torchvision": "default"}, "weights.torchvision"),
    ],
)
def test_the_weights_of_another_library_are_refused_without_data(model: str, weights: dict[str, str], key: str) -> None:
    """By the key that names them."""
    config = a_config(data={"channels": 3}, model={"name": model}, weights=weights)
    with pytest.raises(SettingError) as refused:
        refuse_impossible(config, PROTOCOL)
    assert refused.value.key == key


def test_own_blocks_have_no_published_weights() -> None:
    """A VGG of blocks of one's own has no double."""
    with pytest.raises(SettingError, match="torchvision has no default weights for the model vgg"):
        refuse_impossible(a_config(weights={"torchvision": "default"}), PROTOCOL)
