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
from ablate.training.models import make_network
from ablate.training.numerics import Mode, set_up


class StoredNetwork(NamedTuple):
    """A trained network in eval mode on its device, with the names of the classes it tells apart."""

    config: Config
    mode: Mode
    network: nn.Module
    classes: tuple[str, ...]


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
    return StoredNetwork(config, mode, mode.place(network).eval(), classes)
