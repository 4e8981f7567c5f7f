"""torchvision's published weights by the name of their enumeration, downloaded once."""

from __future__ import annotations

import re
from pathlib import Path
from urllib.parse import urlparse

import torch

from ablate.errors import DataError, near_match


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
    path = Path(torch.hub.get_dir()) / "checkpoints" / Path(urlparse(weights.url).path).name
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
