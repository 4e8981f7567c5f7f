"""Golden losses, and techniques that are off."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest

from tests.golden.losses import ELSEWHERE, FC, TRAININGS, losses_of, machine, read
from tests.training_builders import ALL_AUGMENT, TRICKS

SHORT = {**FC, "epochs": 2}
SLOW_TO_ACT = [None, "balanced", *(TRICKS["averaged"][key] for key in ("averaging", "schedule", "clipping"))]
"""Blocks of `TRICKS` that change no training loss within two epochs of classes of one size."""


@pytest.fixture(scope="module")
def plain(decoded_digits: Path) -> list[float]:
    """The losses of a short training without any technique."""
    return losses_of(SHORT, decoded_digits)


@pytest.mark.parametrize("name", TRAININGS)
def test_losses_are_what_they_were(name: str, digits: Path) -> None:
    """Bit for bit on the machine that wrote them, within rounding on others."""
    by, golden = read()

    losses = losses_of(TRAININGS[name], digits)

    assert losses == pytest.approx(golden[name], rel=0 if by == machine() else ELSEWHERE, abs=0)


def test_the_golden_losses_are_of_trainings_that_learn() -> None:
    """Numbers that never move would guard nothing."""
    _, golden = read()

    assert list(golden) == list(TRAININGS)
    assert all(losses[-1] < 0.98 * losses[0] for losses in golden.values())


@pytest.mark.parametrize(
    "block",
    [
        {"smoothing": None},
        {"smoothing": {"alpha": 0.0}},
        {"clipping": None},
        {"clipping": {"norm": 1e9}},
        {"augment": {}},
        {"augment": {"crop": None, "flip": None}},
        {"early_stopping": None},
        {"early_stopping": {"patience": 99}},
        {"schedule": {"name": "constant"}},
        {"schedule": {"name": "step", "every": 1, "gamma": 1.0}},
        {"schedule": {"name": "cosine", "end": 1.0}},
        {"model": {**FC["model"], "dropout": None, "norm": None}},
        {"model": {**FC["model"], "dropout": {"features": 0.0, "classifier": 0.0}}},
        {"optimizer": {"name": "adam", "lr": 1e-2, "weight_decay": 0.0}},
        {"optimizer": {"name": "adam", "lr": 1e-2, "parts": None}},
        {"schedule": {"name": "plateau", "patience": 99}},
        {"schedule": {"name": "cyclical", "rise": 1.0, "low": 1.0}},
        {"warmup": None},
        {"warmup": {"epochs": 1, "start": 1.0}},
        {"warmup": {"epochs": 1, "start": {"lr": 1e-2}}},
        {"smoothing": {"alpha": 0.0, "among": "wrong"}, "loss": {"name": "cross_entropy"}},
        {"sampling": None, "class_weights": None, "mixing": None, "penalties": None},
        {"averaging": None, "adversarial": None, "robustness": None},
        {"averaging": {"decay": 0.99}},
        {"robustness": {"eps": 0.1, "steps": 1, "step_size": 0.1}},
        {"numerics": {"micro_batch": None}},
        {"numerics": {"micro_batch": 99}},
        {"augment": dict.fromkeys(ALL_AUGMENT)},
    ],
    ids=str,
)
def test_a_technique_that_is_off_changes_no_bit(block: dict[str, Any], plain: list[float], digits: Path) -> None:
    """null, and a strength that does nothing, give the losses of the plain training."""
    assert losses_of({**SHORT, **block}, digits) == plain


@pytest.mark.parametrize(
    "block",
    [
        {"smoothing": {"alpha": 0.1}},
        {"clipping": {"norm": 0.1}},
        {"augment": {"flip": {"probability": 1.0}}},
        {"augment": {"crop": {"padding": 1}}},
        {"schedule": {"name": "cosine"}},
        {"model": {**FC["model"], "dropout": {"features": 0.5}}},
        {"model": {**FC["model"], "dropout": {"classifier": 0.5}}},
        {"model": {**FC["model"], "norm": {"name": "batch"}}},
        {"optimizer": {"name": "adam", "lr": 1e-2, "weight_decay": 0.1}},
        {"numerics": {"precision": "bf16"}},
        {"batch_size": 15},
        *({"augment": {key: block}} for key, block in ALL_AUGMENT.items()),
        *({key: block} for changes in TRICKS.values() for key, block in changes.items() if block not in SLOW_TO_ACT),
        {"sampling": "balanced"},
        {"loss": {"name": "squared_error"}},
        {"loss": {"name": "squared_error", "of": "logits"}},
        {"loss": {"name": "binary_cross_entropy"}},
        {"class_weights": [0.1, *[1.0] * 9]},
        {"smoothing": {"alpha": 0.1, "among": "wrong"}},
    ],
    ids=str,
)
def test_a_technique_that_is_on_acts(block: dict[str, Any], plain: list[float], digits: Path) -> None:
    """Every block reaches the training."""
    losses = losses_of({**SHORT, **block}, digits)

    assert losses != plain
    assert all(math.isfinite(loss) for loss in losses)
