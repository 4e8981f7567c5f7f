"""Where a run begins: the network with its first weights, its frozen part, and its optimizer."""

from __future__ import annotations

from collections.abc import Sequence

from torch import nn

from ablate.files import sha256_json
from ablate.protocols import Run
from ablate.training.checkpoint import TrainingProgress, TrainingState
from ablate.training.config import Config
from ablate.training.config.model import encoder_of
from ablate.training.freezing import Frozen, freeze
from ablate.training.models import make_network
from ablate.training.numerics import Mode
from ablate.training.seeding import seed_init
from ablate.training.techniques.averaging import first_average
from ablate.training.techniques.optimizers import make_optimizer
from ablate.training.techniques.quantization import make_aware
from ablate.training.text.encoders import origin_of
from ablate.training.weights import load_weights


def untrained(config: Config, run: Run, mode: Mode, classes: Sequence[str] = ()) -> TrainingState:
    """The network with the replicate's first weights, its optimizer and a count of zero.

    classes: names of the data's classes, which weights from elsewhere must agree with.
    Raises SettingError and DataError where weights or frozen parts do not fit the network.
    """
    seed_init(run.replicate)
    network, frozen, origin = first_network(config, run, classes)
    network = mode.place(network)
    optimizer = make_optimizer(config.optimizer, network.named_parameters())
    average = None if config.averaging is None else first_average(network)
    return TrainingState(
        network, optimizer, mode.scaler(), TrainingProgress(), average=average, frozen=frozen, weights_digest=origin
    )


def first_network(config: Config, run: Run, classes: Sequence[str]) -> tuple[nn.Module, Frozen, str]:
    """The network on the CPU with weights from elsewhere where asked for, its frozen part, a digest of what came so.

    Vectors of texts, and a function that makes them, come from elsewhere as weights do.
    """
    network = make_network(config)
    digest = "" if config.weights is None else load_weights(network, config, run, classes)
    if config.quantization_aware is not None:
        make_aware(network, bits=config.quantization_aware.bits)
    encoder = origin_of(encoder_of(config.model))
    return network, freeze(network, config.freeze), sha256_json([digest, encoder]) if encoder else digest
