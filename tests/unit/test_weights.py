"""First weights from elsewhere: read without running code, fitted or refused with what would fix it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from torchvision import models

from ablate.errors import AblateError, DataError
from ablate.execute import worker
from ablate.splits.rules import Folds, Protocol
from ablate.store.journal import read_events, read_history
from ablate.store.run_names import write_names
from ablate.store.work_folder import Store
from ablate.training.checkpoint import restore, save
from ablate.training.config import Config
from ablate.training.loop import train_network
from ablate.training.models import make_network
from ablate.training.numerics import set_up
from ablate.training.preparation import prepare_data
from ablate.training.start import untrained
from ablate.training.weights import load_weights
from tests.training_builders import PROTOCOL, a_config, a_live_run, a_spec, a_task, an_attempt

TEN = tuple("0123456789")


def a_file(folder: Path, state: Mapping[str, Tensor], *, classes: tuple[str, ...] | None = None) -> Path:
    path = folder / "weights.safetensors"
    save_file(dict(state), path, metadata=None if classes is None else {"classes": json.dumps(classes)})
    return path


def other_network(**changes: Any) -> nn.Module:
    """The tiny network with other weights."""
    torch.manual_seed(99)
    return make_network(a_config(**changes))


def begun(config: Config, work: Path) -> dict[str, Tensor]:
    """The weights a run begins with."""
    run, mode = a_live_run(work, a_spec(config)), set_up(config)
    return untrained(config, run, mode, TEN).network.state_dict()


@pytest.mark.parametrize("kind", ["safetensors", "torch", "nested"])
def test_a_network_begins_with_the_weights_of_a_file(kind: str, tmp_path: Path) -> None:
    """safetensors, a state dict of torch's, or one that lies beside other things."""
    state = other_network().state_dict()
    path = a_file(tmp_path, state, classes=TEN) if kind == "safetensors" else tmp_path / "weights.pt"
    if kind != "safetensors":
        torch.save({"state_dict": state, "epoch": torch.tensor(3)} if kind == "nested" else state, path)

    found = begun(a_config(weights={"file": str(path)}), tmp_path)

    assert all(torch.equal(found[name], state[name]) for name in state)


def test_what_is_fresh_keeps_its_first_weights(tmp_path: Path) -> None:
    """`output` is the last layer; the rest comes from the file, whatever classes that was for."""
    state = other_network(data={"classes": 10}).state_dict()
    state = {name: tensor for name, tensor in state.items() if not name.startswith("head.out")}
    state["head.out.weight"] = torch.zeros(1000, 8)
    path = a_file(tmp_path, state, classes=tuple(f"thing {i}" for i in range(1000)))

    found = begun(a_config(weights={"file": str(path), "fresh": "output"}), tmp_path)
    plain = begun(a_config(), tmp_path)

    assert torch.equal(found["features.conv1_1.weight"], state["features.conv1_1.weight"])
    assert torch.equal(found["head.out.weight"], plain["head.out.weight"])


def test_torchvisions_weights_fit_our_own_vgg_by_position(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same logits as torchvision's network, from a file that was downloaded before."""
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    torch.manual_seed(5)
    theirs = models.vgg11(num_classes=1000).eval()
    (tmp_path / "hub" / "checkpoints").mkdir(parents=True)
    torch.save(theirs.state_dict(), tmp_path / "hub" / "checkpoints" / "vgg11-8a719046.pth")
    config = a_config(
        data={"channels": 3, "image_size": 32, "classes": 1000, "normalize": None},
        model={"name": "vgg11", "head": {"name": "fc", "hidden": [4096, 4096]}},
        weights={"torchvision": "VGG11_Weights.IMAGENET1K_V1", "fresh": "output"},
    )
    network = make_network(config).eval()
    load_weights(network, config, a_live_run(tmp_path, a_spec(config)), TEN)
    with torch.no_grad():
        network.get_submodule("head.out").load_state_dict(theirs.classifier[6].state_dict())
        images = torch.randn(1, 3, 32, 32)

        torch.testing.assert_close(network(images), theirs(images))


class Bomb:
    """An object whose unpickling would run code."""

    def __reduce__(self) -> tuple[Any, ...]:
        return print, ("this must never be printed",)


def files_that_do_not_fit(folder: Path) -> dict[str, Path]:
    """Name -> a file with something wrong about it."""
    state = other_network().state_dict()
    broken = {**state, "features.conv2_1.weight": torch.zeros(8, 3, 3, 3)}
    without = {name: tensor for name, tensor in state.items() if name != "head.out.bias"}
    found = {name: folder / name for name in ("bomb.pt", "text.safetensors", "list.pt", "gone.pt")}
    torch.save(Bomb(), found["bomb.pt"])
    found["text.safetensors"].write_text("no weights")
    torch.save([1, 2], found["list.pt"])
    states = {"shape": broken, "missing": without, "surplus": {**state, "head.extra": torch.zeros(1)}}
    for name, content in states.items():
        found[name] = folder / f"{name}.safetensors"
        save_file(content, found[name])
    found["classes"] = folder / "classes.safetensors"
    save_file(state, found["classes"], metadata={"classes": json.dumps(["cat", "dog"])})
    return found


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("gone.pt", r"there is no weights file .*gone\.pt"),
        ("bomb.pt", r"more than tensors.*torch\.save\(model\.state_dict\(\), path\)"),
        ("text.safetensors", r"cannot be read as weights"),
        ("list.pt", r"holds no state dict"),
        ("shape", r"'features\.conv2_1\.weight' has shape \(8, 3, 3, 3\), the network's has \(8, 4, 3, 3\).*"
                  r"weights\.fresh: \[features\.conv2_1\]"),
        ("missing", r"holds no 'head\.out\.bias', which the network has"),
        ("surplus", r"holds 'head\.extra', which the network does not have"),
        ("classes", r"2 classes \(cat, dog\), the data have 10 classes \(0, 1, 2, \.\.\.\).*fresh: output"),
    ],
)  # fmt: skip
def test_weights_that_do_not_fit_are_refused(
    name: str, said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The first mismatch, and what would fix it; no code of a file ever runs."""
    path = files_that_do_not_fit(tmp_path)[name]

    with pytest.raises(DataError, match=said):
        begun(a_config(weights={"file": str(path)}), tmp_path)

    assert capsys.readouterr().out == ""


def test_a_download_without_a_connection_says_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The address, and where the file would be looked for."""
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))

    def offline(*_: Any, **__: Any) -> None:
        raise OSError("no route to host")

    monkeypatch.setattr(torch.hub, "download_url_to_file", offline)
    config = a_config(weights={"torchvision": "VGG11_Weights.IMAGENET1K_V1", "fresh": "output"})

    with pytest.raises(DataError, match=r"cannot be downloaded: no route.*copy https://.*\.pth to .*checkpoints"):
        begun(config, tmp_path)


def test_an_unknown_name_of_torchvisions_is_refused_with_a_near_one(tmp_path: Path) -> None:
    """Enumeration and member alike."""
    for name, said in (("VG16_Weights.X", "Did you mean 'VGG16_Weights'"), ("VGG16_Weights.V1", "VGG16_Weights.DEF")):
        with pytest.raises(DataError, match=said):
            begun(a_config(weights={"torchvision": name}), tmp_path)


# --- weights of an earlier run ----------------------------------------------------------------


def a_donor(work: Path, *, protocol: Protocol = PROTOCOL, replicate: int = 0, **changes: Any) -> Path:
    """A finished run called donor/baseline; its stored weights."""
    spec = a_spec(a_config(epochs=1, **changes), protocol=protocol, replicate=replicate)
    write_names(Store(work).study("donor"), "donor", "donor.yaml", {"baseline": {str(replicate): spec.fingerprint}})
    attempt = an_attempt(a_task(work, spec))
    assert worker.main(attempt) == 0
    return attempt / "weights.safetensors"


HEIR = {"weights": {"run": "donor/baseline"}}


def test_a_run_begins_with_the_same_replicates_weights_of_another(digits: Path) -> None:
    """All of them, to the bit; and its stamp says which they were."""
    state = load_file(a_donor(digits))
    config = a_config(HEIR, optimizer={"name": "sgd", "lr": 1e-30}, epochs=1)

    outcome = train_network(config, a_live_run(digits, a_spec(config)))

    found = load_file(outcome.files["weights"])
    assert all(torch.equal(found[name], state[name]) for name in state)
    assert len(outcome.weights_digest) == 64


def test_a_donor_that_saw_test_images_is_refused(digits: Path) -> None:
    """Fitted or chosen on them, by another rule of testing or another seed."""
    for changes in ({"data": {"seed": 1}}, {"protocol": Protocol(test=Folds(count=10), val=20)}):
        a_donor(digits, **changes)

        with pytest.raises(DataError, match=r"donor/baseline was fitted or chosen on \d+ of the 60 images that"):
            begun(a_config(HEIR), digits)


def test_a_donor_with_more_training_images_may_give_its_weights(digits: Path) -> None:
    """The test part does not depend on data.train, so nothing of it was seen."""
    a_donor(digits, data={"train": 200})

    assert begun(a_config(HEIR), digits)


@pytest.mark.parametrize("state", ["damaged", "gone"])
def test_a_donor_whose_weights_are_not_what_they_were_is_refused(state: str, digits: Path) -> None:
    """One bit is enough; it would load without a word."""
    weights = a_donor(digits)
    content = bytearray(weights.read_bytes())
    content[-1000] ^= 1
    weights.unlink()
    if state == "damaged":
        weights.write_bytes(content)

    with pytest.raises(DataError, match=rf"has no stored weights: they are {state}\. Remove .*001; then"):
        begun(a_config(HEIR), digits)


def test_a_donor_that_has_not_finished_is_refused(digits: Path) -> None:
    """For this replicate; the study to run first is named."""
    spec = a_spec(a_config())
    write_names(Store(digits).study("donor"), "donor", "donor.yaml", {"baseline": {"0": spec.fingerprint}})

    with pytest.raises(DataError, match=r"donor/baseline has not finished replicate 0 yet"):
        begun(a_config(HEIR), digits)
    with pytest.raises(AblateError, match=r"no study 'dono' has run here.*Did you mean 'donor'"):
        begun(a_config(weights={"run": "dono/baseline"}), digits)


# --- what a changed file means ----------------------------------------------------------------


def test_the_look_at_the_data_notes_what_the_weights_were(digits: Path) -> None:
    """A digest, and the file to watch: a changed file makes finished runs stale."""
    path = a_file(digits, other_network().state_dict())
    config = a_config(weights={"file": str(path)})
    first = prepare_data(config, a_live_run(digits, a_spec(config)))
    a_file(digits, {name: tensor + 1 for name, tensor in other_network().state_dict().items()})

    second = prepare_data(config, a_live_run(digits, a_spec(config)))

    assert str(path.resolve()) in first.watch
    assert first.digest == second.digest
    assert "" != first.weights_digest != second.weights_digest


def test_a_checkpoint_of_other_weights_is_not_resumed(digits: Path) -> None:
    """The run begins anew, so that no result mixes two files."""
    path = a_file(digits, other_network().state_dict())
    config = a_config(weights={"file": str(path)})
    run, mode = a_live_run(digits, a_spec(config)), set_up(config)
    trained = untrained(config, run, mode, TEN)
    trained.progress.epoch = 1
    save(digits / "checkpoint", trained)
    a_file(digits, {name: tensor + 1 for name, tensor in other_network().state_dict().items()})

    again = untrained(config, run, mode, TEN)
    restore(digits / "checkpoint", again)

    assert again.progress.epoch == 0


def test_a_run_that_begins_anew_with_other_weights_says_nothing_of_the_checkpoint(digits: Path) -> None:
    """No "resumed", no curve and no seconds of a training that is not its own."""
    path = a_file(digits, other_network().state_dict())
    config = a_config({"epochs": 2}, weights={"file": str(path)})
    first, mode = a_live_run(digits, a_spec(config)), set_up(config)
    first.epoch(1, {"train/loss": 9.0})
    first.checkpoint(lambda place: save(place, untrained(config, first, mode, TEN)))
    same = a_live_run(digits, a_spec(config))
    train_network(config, same)
    a_file(digits, {name: tensor + 1 for name, tensor in other_network().state_dict().items()})
    anew = a_live_run(digits, a_spec(config))
    train_network(config, anew)

    assert "resumed" in [event.kind for event in read_events(same.folder)[0]]
    assert "resumed" not in [event.kind for event in read_events(anew.folder)[0]]
    assert [event.data["epoch"] for event in read_history(anew.folder)] == [1, 2]
    assert 9.0 not in [event.data["metrics"]["train/loss"] for event in read_history(anew.folder)]
