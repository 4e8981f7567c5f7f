"""Class probabilities of single pictures by the weights of a finished run."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import torch
from safetensors import safe_open

from ablate.errors import DataError
from ablate.records import Finished, RunSpec
from ablate.training.config import Config
from ablate.training.data.cache import decode_picture
from ablate.training.data.parts import normalize_block
from ablate.training.models import make_network
from ablate.training.numerics import set_up
from ablate.training.outcome import WEIGHTS


def predict_pictures(spec: RunSpec, result: Finished, pictures: Sequence[Path]) -> list[dict[str, float]]:
    """Class name -> probability for each picture, in the order given.

    Raises DataError for a picture that cannot be read or a run whose weights are gone.
    """
    config = Config.model_validate(spec.config)
    weights = result.folder / WEIGHTS
    if not weights.exists():
        raise DataError(f"the weights of this run are gone: {weights}", hint="Train it again with --retrain.")
    mode = set_up(config)
    network = make_network(config)
    with safe_open(weights, framework="pt") as stored:
        classes = json.loads(stored.metadata()["classes"])
        names = stored.keys()  # not a mapping: it cannot be iterated itself
        network.load_state_dict({name: stored.get_tensor(name) for name in names})
    network = mode.place(network).eval()
    block = normalize_block(config.data)
    results = []
    for picture in pictures:
        images = mode.images(torch.from_numpy(decode_picture(picture, config.data).copy())[None]).float().div_(255)
        if block is not None:
            mean, std = (torch.tensor(v, device=images.device).view(-1, 1, 1) for v in (block.mean, block.std))
            images = images.sub_(mean).div_(std)
        with torch.inference_mode(), mode.autocast():
            probabilities = network(images).float().softmax(1)[0]
        results.append(dict(zip(classes, probabilities.tolist(), strict=True)))
    return results
