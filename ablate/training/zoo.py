"""Published weights: torchvision's, downloaded once, and timm's, where they lie on this machine already."""

from __future__ import annotations

import re
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlparse

import torch

from ablate.errors import DataError, near_match
from ablate.training.config.model import ByName, Model
from ablate.training.models.by_name import PublishedByTimm, published_by_timm


def default_of_torchvision(model: Model) -> str:
    """The name of torchvision's default weights for its own network, or for the family of ours of the same layers."""
    from torchvision import models

    default = models.get_model_weights(model.torchvision_name).DEFAULT
    return f"{type(default).__name__}.{default.name}"


def stored_by_torchvision(name: str) -> tuple[Path, tuple[str, ...] | None]:
    """The file of weights such as VGG16_Weights.IMAGENET1K_V1, and the classes they tell apart.

    Raises DataError for a name torchvision does not have, and where there is no connection to
    download it.
    """
    from torchvision import models

    enumeration, _, member = name.partition(".")
    known = {type(w).__name__: w for model in models.list_models() for w in (models.get_model_weights(model))}
    if enumeration not in known:
        raise DataError(f"torchvision has no weights {name!r}", hint=near_match(enumeration, known))
    members = type(known[enumeration]).__members__
    if member not in members:
        raise DataError(
            f"torchvision has no weights {name!r}",
            hint=f"{near_match(member, members)}Choices: {', '.join(f'{enumeration}.{one}' for one in members)}.",
        )
    weights = members[member]
    path = _checkpoints() / Path(urlparse(weights.url).path).name
    if not path.is_file():
        _download(weights.url, path, name)
    categories = weights.meta.get("categories")
    return path, None if categories is None else tuple(categories)


def _download(url: str, path: Path, name: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    # Most names end in the first characters of the file's hash, which the download is checked against.
    known_hash = re.search(r"-([0-9a-f]{8,})$", path.stem)
    try:
        torch.hub.download_url_to_file(url, str(path), hash_prefix=known_hash and known_hash[1], progress=False)
    except (OSError, RuntimeError) as error:
        raise DataError(
            f"the weights {name} are not on this machine and cannot be downloaded: {error}",
            hint=f"With a connection, run the command once; without one, copy {url} to {path}.",
        ) from error


def _checkpoints() -> Path:
    """Where torch, torchvision and timm keep what they have downloaded."""
    return Path(torch.hub.get_dir()) / "checkpoints"


def stored_by_timm(model: ByName, tag: str) -> tuple[Path, str]:
    """The file of timm's weights for a model, and their name; nothing is downloaded.

    Looked for among torch's checkpoints by its name, then in the cache of the Hugging Face hub.
    Raises TrainerError for weights timm does not know, DataError where they are not on this machine.
    """
    found = published_by_timm(model.name.partition(":")[2], tag)
    own = [_checkpoints() / f"{found.name}{ending}" for ending in (".safetensors", ".pth", ".bin")]
    own += [_checkpoints() / Path(urlparse(found.url).path).name] if found.url else []
    for path in (*own, *_in_hub(found)):
        if path.is_file():
            return path, found.name
    where = f"https://huggingface.co/{found.hub}/resolve/main/{found.file or 'model.safetensors'}"
    raise DataError(
        f"the weights {found.name!r} of timm are not on this machine",
        hint=f"Copy {where if found.hub else found.url} to {own[0] if found.hub else own[-1]}, or name another place: "
        "weights.file.",
    )


def _in_hub(found: PublishedByTimm) -> list[Path]:
    """Where the cache of the hub has it."""
    try:
        from huggingface_hub import try_to_load_from_cache
    except ImportError:  # timm can do without
        return []
    names = [found.file] if found.file else ["model.safetensors", "pytorch_model.bin"]
    cached = [try_to_load_from_cache(found.hub, name) for name in names] if found.hub else []
    return [Path(path) for path in cached if isinstance(path, str)]


class LocalWeights(NamedTuple):
    """Published weights whose file is on this machine already. cost: billions of multiply-adds an image of 224."""

    model: str
    name: str
    cost: float


def weights_here() -> list[LocalWeights]:
    """The weights for ImageNet's classes that torchvision has downloaded here before, the cheapest network first."""
    files = {path.name for path in _checkpoints().glob("*.pth")}
    if not files:
        return []
    from torchvision import models

    found = []
    for model in models.list_models(module=models):
        for weights in models.get_model_weights(model):
            name = f"{type(weights).__name__}.{weights.name}"
            if Path(urlparse(weights.url).path).name in files and name.endswith(("IMAGENET1K_V1", "IMAGENET1K_V2")):
                found.append(LocalWeights(model, name, float(weights.meta.get("_ops", 0.0))))
    return sorted(found, key=lambda one: (one.cost, one.name))
