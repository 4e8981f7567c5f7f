"""First weights from elsewhere: read without running code in them, fitted tensor by tensor or refused."""

from __future__ import annotations

import json
import pickle
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor, nn

from ablate.errors import DataError, near_match
from ablate.files import sha256_file
from ablate.protocols import Run
from ablate.safety.plain_files import refuse_inflated
from ablate.training.config import ByName, Config, Weights
from ablate.training.earlier_runs import donor_of
from ablate.training.freezing import is_below, output_layer, roots_of
from ablate.training.models import make_whole_network, prune_as_asked
from ablate.training.models.parts import Classifier
from ablate.training.zoo import default_of_torchvision, stored_by_timm, stored_by_torchvision


class Stored(NamedTuple):
    """A state dict that was read.

    classes: names of the classes it tells apart, where that is stored with it. origin: for messages.
    digest: of what was read.
    """

    state: Mapping[str, Tensor]
    classes: tuple[str, ...] | None
    origin: str
    digest: str


def load_weights(network: nn.Module, config: Config, run: Run, classes: Sequence[str]) -> str:
    """Give the network the weights the study names; the digest of what they were.

    What is listed as fresh keeps its first weights; everything else must fit. Where channels are to be pruned, the
    whole network is given the weights first. classes: of the data.
    Raises DataError where the weights cannot be had, were trained on test images of this run, tell
    other classes apart, or do not fit the network.
    """
    assert config.weights is not None
    if config.weights.prune is None:
        return _load(network, config, run, classes)
    whole = make_whole_network(config)
    digest = _load(whole, config, run, classes)
    prune_as_asked(whole, config)
    network.load_state_dict(whole.state_dict())
    return digest


def _load(network: nn.Module, config: Config, run: Run, classes: Sequence[str]) -> str:
    assert config.weights is not None
    stored = read_weights(config, run)
    names = config.weights.fresh
    fresh = () if names is None else roots_of(network, names, "weights.fresh")
    if config.weights.torchvision is not None and isinstance(network, Classifier):
        stored = stored._replace(state=_by_position(network, stored.state))
    if stored.classes is not None and not is_below(output_layer(network), fresh):
        _refuse_other_classes(stored, classes)
    _fit(network, stored, fresh)
    return stored.digest


def read_weights(config: Config, run: Run) -> Stored:
    """The state dict that `weights` names. Raises DataError where it cannot be had."""
    block = config.weights
    assert block is not None
    if block.torchvision is not None:
        name = default_of_torchvision(config.model) if block.torchvision == "default" else block.torchvision
        path, classes = stored_by_torchvision(name)
        return read_state_dict(path)._replace(origin=name, classes=classes)
    if block.timm is not None:
        assert isinstance(config.model, ByName)
        path, name = stored_by_timm(config.model, block.timm)
        return read_state_dict(path)._replace(origin=f"timm's {name}")
    if block.run is not None:
        donor = donor_of(config, run)
        return read_state_dict(donor.weights)._replace(origin=f"the run {block.run}", digest=donor.digest)
    assert block.file is not None
    return read_state_dict(Path(block.file))


def watched(weights: Weights, run: Run) -> tuple[str, ...]:
    """Files and folders whose change may mean other weights, as far as they are known."""
    if weights.file is not None:
        return (str(Path(weights.file).resolve()),)
    if weights.run is None or (found := run.earlier(weights.run)) is None:
        return ()
    return tuple(str(folder) for folder in (found[1].folder, found[1].folder.parent))


def read_state_dict(path: Path) -> Stored:
    """The state dict in a file. Raises DataError where there is none that can be read without running code."""
    if not path.is_file():
        raise DataError(f"there is no weights file {path}", hint="Give weights.file as a path from the current folder.")
    try:
        if path.suffix == ".safetensors":
            with safe_open(path, framework="pt") as stored:
                told = (stored.metadata() or {}).get("classes")
                state = {name: stored.get_tensor(name) for name in stored.keys()}  # noqa: SIM118 - no mapping
            classes = None if told is None else tuple(json.loads(told))
        else:
            refuse_inflated(path)
            # An explicit True: an environment variable could turn the default back into unpickling.
            content = torch.load(path, weights_only=True, map_location="cpu")
            state, classes = _state_in(content, path), None
    except pickle.UnpicklingError as error:
        raise DataError(
            f"{path} holds more than tensors (a whole model, perhaps), and reading that would run code from it",
            hint="Save the state dict alone: torch.save(model.state_dict(), path).",
        ) from error
    except (SafetensorError, RuntimeError, OSError, ValueError, EOFError) as error:
        raise DataError(
            f"{path} cannot be read as weights: {error}",
            hint="Give a .safetensors file, or one written by torch.save(model.state_dict(), path).",
        ) from error
    return Stored(state, classes, str(path), sha256_file(path))


def _state_in(content: object, path: Path) -> dict[str, Tensor]:
    """The state dict itself, or the one that a training script stored beside other things."""
    if isinstance(content, Mapping) and isinstance(content.get("state_dict"), Mapping):
        content = content["state_dict"]
    if not isinstance(content, Mapping) or not content or not all(isinstance(v, Tensor) for v in content.values()):
        raise DataError(
            f"{path} holds no state dict", hint="Write one by torch.save(model.state_dict(), path), names to tensors."
        )
    return {str(name): tensor for name, tensor in content.items()}


def _by_position(network: Classifier, state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """torchvision's tensors under the names of our own family, which has the same layers in the same order."""
    last = list(state)[-1].split(".")[0]  # the part that names classes: `classifier`, `fc`
    renamed: dict[str, Tensor] = {}
    for ours, is_head in (("features.", False), ("head.", True)):
        own = [name for name in network.state_dict() if name.startswith(ours)]
        theirs = [name for name in state if (name.split(".")[0] == last) == is_head]
        names = own if len(own) == len(theirs) else [f"{ours}{name.split('.', 1)[-1]}" for name in theirs]
        renamed |= {new: state[old] for new, old in zip(names, theirs, strict=True)}
    return renamed


def _refuse_other_classes(stored: Stored, classes: Sequence[str]) -> None:
    assert stored.classes is not None
    if tuple(classes) == stored.classes:
        return
    raise DataError(
        f"{stored.origin} distinguishes {_listed(stored.classes)}, the data have {_listed(classes)}",
        hint="weights.fresh: output gives the last layer first weights of its own, for these classes.",
    )


def _listed(names: Sequence[str]) -> str:
    shown = ", ".join(names[:3])
    return f"{len(names)} classes ({shown}{', ...' if len(names) > 3 else ''})"


def _fit(network: nn.Module, stored: Stored, fresh: Sequence[str]) -> None:
    """Load what is not fresh. Raises DataError at the first tensor, in the network's order, that does not fit."""
    own = network.state_dict()
    given = {name: tensor for name, tensor in stored.state.items() if not is_below(name, fresh)}
    for name, tensor in own.items():
        if is_below(name, fresh):
            continue
        module = name.rpartition(".")[0]
        if name not in given:
            raise DataError(
                f"{stored.origin} holds no {name!r}, which the network has",
                hint=f"{near_match(name, given)}Choose the model it was stored from, or add {module} to weights.fresh.",
            )
        if given[name].shape != tensor.shape:
            theirs, ours = (f"({', '.join(map(str, t.shape))})" for t in (given[name], tensor))
            word = "output" if module == output_layer(network) else f"[{module}]"
            raise DataError(
                f"{stored.origin}: {name!r} has shape {theirs}, the network's has {ours}",
                hint=f"Change the model, or give {module} first weights of its own: weights.fresh: {word}.",
            )
    surplus = next((name for name in given if name not in own), None)
    if surplus is not None:
        raise DataError(
            f"{stored.origin} holds {surplus!r}, which the network does not have",
            hint=f"{near_match(surplus, own)}Choose the model it was stored from.",
        )
    network.load_state_dict(given, strict=False)
