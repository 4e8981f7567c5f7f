"""The settings of a run that goes on from another's weights, pruned, aware of INT8, or both. Without torch."""

from __future__ import annotations

from ablate.files import sha256_json
from ablate.records import Finished, RunSpec
from ablate.settings import identity_of, settings_of_record
from ablate.training.config import Config
from ablate.training.config.model import encoder_of


def fine_tuned(
    spec: RunSpec, run: str, *, epochs: int, lr: float, channels: float | None = None, aware_bits: int = 0
) -> RunSpec:
    """The run that goes on from `run`, STUDY/VARIANT, whose settings `spec` has, on the same images and luck.

    channels: the share to be taken out first. aware_bits: of a weight, in training aware of INT8; 0 for none.
    Everything is trained, at one learning rate; whatever else the run did it does on.
    """
    content = settings_of_record(Config, spec.config).model_dump(mode="json")
    content["optimizer"] |= {"lr": lr, "parts": None}
    config = Config.model_validate(
        content
        | {
            "weights": {"run": run} | ({} if channels is None else {"prune": {"channels": channels}}),
            "freeze": None,
            "epochs": epochs,
            "warmup": None,
            "schedule": {"name": "constant"},
            "early_stopping": None,
        }
        | ({"quantization_aware": {"bits": aware_bits}} if aware_bits else {})
    )
    return RunSpec(
        trainer=spec.trainer,
        config=config.model_dump(mode="json"),
        identity=identity_of(config),
        protocol=spec.protocol,
        replicate=spec.replicate,
    )


def begins_with(tuned: RunSpec, spec: RunSpec, result: Finished) -> str:
    """The digest of weights that `tuned` is stamped with where it goes on from this very run, asked for by `spec`."""
    from ablate.training.earlier_runs import digest_of_donor
    from ablate.training.text.encoders import origin_of

    encoder = origin_of(encoder_of(settings_of_record(Config, tuned.config).model))
    digest = digest_of_donor(spec, result)
    return sha256_json([digest, encoder]) if encoder else digest
