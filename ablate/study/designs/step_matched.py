"""Step-matched controls: a change that also trains longer, or shorter, is run once more with as many steps as its
reference, so that what it gains and what the training gains can be told apart."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ablate.errors import StudyError
from ablate.records import Config, Contrast, Variant
from ablate.study.factors import shorten_name
from ablate.study.study import Comparison, Study

FAMILY = "step-matched"
TOLERANCE = 0.005
"""Amounts of training that differ by less count as equal: rounding to whole epochs cannot fix it."""


def step_matched(study: Study, variants: Sequence[Variant], contrasts: Sequence[Contrast]) -> tuple[Comparison, ...]:
    """For each comparison of two variants that take different numbers of optimiser steps, the control to add.

    Steps are epochs times images trained on over the batch size, as far as the trainer has these settings
    (`epochs`, `data.train`, `batch_size`); the control changes `epochs` to the nearest whole number. A change of
    `epochs` alone needs no control: it would be its reference. Raises StudyError where the steps cannot be told.
    """
    by_name = {variant.name: variant for variant in variants}
    found = []
    for contrast in contrasts:
        variant, reference = by_name.get(contrast.variant), by_name.get(contrast.reference)
        if variant is None or reference is None or set(variant.changes) == {"epochs"}:
            continue
        ratio = _steps(study, variant, reference)
        epochs = max(1, round(variant.config["epochs"] / ratio))
        if abs(ratio - 1) < TOLERANCE or epochs == variant.config["epochs"]:
            continue
        name = shorten_name(f"{contrast.name}, same steps")
        found.append(
            Comparison(name=name, reference=reference.name, overrides=dict(variant.changes) | {"epochs": epochs})
        )
    return tuple(found)


def _steps(study: Study, variant: Variant, reference: Variant) -> float:
    """Optimiser steps of the variant for each of its reference."""
    where = study.document.where(("control",))
    if "epochs" not in variant.config:
        raise StudyError(
            f"{where}: the trainer {study.trainer.shown} has no setting `epochs` to match steps by",
            hint="Leave control out, and put a control of your own under compare:.",
        )
    images = [_at(config, "data", "train") for config in (variant.config, reference.config)]
    if any(isinstance(images[0], kind) != isinstance(images[1], kind) for kind in (float, str)):
        raise StudyError(
            f"{where}: {variant.name!r} trains on {images[0]} of the images and {reference.name!r} on {images[1]}, "
            f"{'and how many all are, only the data know' if 'all' in images else 'one a share and one a number'}",
            hint="Write data.train the same way in both: a share below 1, or a number of images.",
        )
    sizes = [float(_at(config, "batch_size") or 1) for config in (variant.config, reference.config)]
    epochs = [float(config["epochs"]) for config in (variant.config, reference.config)]
    more_images = 1.0 if images[0] == images[1] else (images[0] or 1) / (images[1] or 1)
    return float(epochs[0] / epochs[1] * more_images * sizes[1] / sizes[0])


def _at(config: Config, *keys: str) -> Any:
    value: Any = config
    for key in keys:
        value = value.get(key) if isinstance(value, Mapping) else None
    return value
