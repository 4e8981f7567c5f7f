"""The network of a finished run, as its file of weights has it."""

from __future__ import annotations

import json
from typing import NamedTuple

from safetensors import safe_open
from torch import nn

from ablate.errors import DataError
from ablate.records import Finished, RunSpec
from ablate.settings import settings_of_record
from ablate.store.work_folder import state_of_file
from ablate.training.config import Config
from ablate.training.config.model import encoder_of
from ablate.training.models import make_network
from ablate.training.numerics import Mode, set_up
from ablate.training.text.encoders import FittedEncoder, open_encoder

TEXT = "text.json"
"""What a run that reads texts leaves beside its weights: the state of its encoder."""


class StoredNetwork(NamedTuple):
    """A trained network in eval mode on its device, with the names of the classes it tells apart.

    encoder: of the texts it takes beside the images, None for one that takes none.
    """

    config: Config
    mode: Mode
    network: nn.Module
    classes: tuple[str, ...]
    encoder: FittedEncoder | None = None


def open_network(spec: RunSpec, result: Finished) -> StoredNetwork:
    """Build the network of a run and give it the stored weights, bit for bit.

    Raises DataError where the weights are gone or damaged.
    """
    config = settings_of_record(Config, spec.config)
    name = result.files.get("weights", "weights.safetensors")
    weights = result.folder / name
    state = state_of_file(result, name)
    if state != "whole":
        raise DataError(
            f"the weights of this run are {state}: {weights}",
            hint=f"Remove {result.folder}; then `ablate run` trains it again.",
        )
    mode = set_up(config)
    network = make_network(config)
    with safe_open(weights, framework="pt") as stored:
        classes = tuple(json.loads(stored.metadata()["classes"]))
        names = stored.keys()  # not a mapping: it cannot be iterated itself
        network.load_state_dict({name: stored.get_tensor(name) for name in names})
    return StoredNetwork(config, mode, mode.place(network).eval(), classes, _encoder(config, result))


def _encoder(config: Config, result: Finished) -> FittedEncoder | None:
    """That of the run's texts, by the file it left beside the weights. Raises DataError where it is gone or damaged."""
    texts = encoder_of(config.model)
    if texts is None:
        return None
    name = result.files.get("text", TEXT)
    if (state := state_of_file(result, name)) != "whole":
        raise DataError(
            f"the vocabulary of this run is {state}: {result.folder / name}",
            hint=f"Remove {result.folder}; then `ablate run` trains it again.",
        )
    return open_encoder(texts, json.loads((result.folder / name).read_text(encoding="utf-8")))
