"""Parameter counts without data, remembered: only the first look at a configuration needs torch."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from ablate import files
from ablate.errors import AblateError, StudyError
from ablate.files import sha256_json
from ablate.inspection import Description, Layer
from ablate.records import Variant
from ablate.store.work_folder import DESCRIPTIONS, Store
from ablate.trainer import Trainer


def recalled(variant: Variant, trainer: Trainer, store: Store, source_digest: str) -> Description | None:
    """What is remembered of a variant's network; None where nothing is."""
    memo = files.read_sealed(_memo(variant, trainer, store, source_digest))
    return None if memo is None else _read(memo)


def describe_variant(variant: Variant, trainer: Trainer, store: Store, source_digest: str) -> Description:
    """The remembered description, or a new one; empty where the trainer cannot say.

    Raises what the trainer says of a network that cannot be.
    """
    found = recalled(variant, trainer, store, source_digest)
    if found is not None:
        return found
    if trainer.describe is None:
        return Description()
    try:
        description: Description = trainer.describe(trainer.config.model_validate(variant.config))
    except AblateError as error:
        raise StudyError(f"variant {variant.name!r}: {error.message}", hint=error.hint) from error
    files.write_sealed(_memo(variant, trainer, store, source_digest), asdict(description))
    return description


def count_or_describe(variant: Variant, trainer: Trainer, store: Store, source_digest: str) -> Description:
    """The remembered description, one of the number of parameters alone where that is soon told, or a new one.

    Raises what `describe_variant` raises.
    """
    found = recalled(variant, trainer, store, source_digest)
    if found is None and trainer.count_parameters is not None:
        count = trainer.count_parameters(trainer.config.model_validate(variant.config))
        found = None if count is None else Description(parameters=count, trained=count)
    return describe_variant(variant, trainer, store, source_digest) if found is None else found


def _read(memo: dict[str, Any]) -> Description:
    layers = tuple(
        Layer(name, kind, count, trained, tuple(shape)) for name, kind, count, trained, shape in memo["layers"]
    )
    return Description(**(memo | {"layers": layers, "notes": tuple(memo["notes"])}))


def _memo(variant: Variant, trainer: Trainer, store: Store, source_digest: str) -> Any:
    key = sha256_json([trainer.path, source_digest, variant.identity])
    return store.cache / DESCRIPTIONS / f"{key[:32]}.json"
