"""A run whose numbers run away is a failure with a reason, never a number."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
import torch

from ablate.execute.inline import InlineExecutor
from ablate.records import Failed
from ablate.store.journal import read_result
from tests.training_builders import TINY, a_config, a_spec, a_task, carried_out

DEEP = {**TINY["model"], "head": {"name": "fc", "hidden": [16], "pool": 2}}


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_a_learning_rate_without_measure_diverges(precision: str, digits: Path) -> None:
    """The record says so and names the epoch; there are no scores."""
    config = a_config(model=DEEP, optimizer={"name": "sgd", "lr": 1e9}, numerics={"precision": precision})
    attempt = carried_out(InlineExecutor(), a_task(digits, a_spec(config)))
    result = read_result(attempt)

    assert isinstance(result, Failed)
    assert result.reason == "diverged"
    assert "epoch 1" in result.message
    assert not (attempt / "outcomes.npz").exists()


def test_a_trainer_that_returns_no_number_has_diverged(tmp_path: Path) -> None:
    """Whatever its own idea of it is."""
    task = a_task(tmp_path, a_spec({"fail": "diverge"}, trainer="ablate.toy:train"))
    result = read_result(carried_out(InlineExecutor(), task))

    assert isinstance(result, Failed)
    assert result.reason == "diverged"
    assert "nan" in result.message


def test_no_checkpoint_holds_a_diverged_state(digits: Path) -> None:
    """Going on from it would diverge again."""
    config = a_config(model=DEEP, optimizer={"name": "sgd", "lr": 1e9})
    task = a_task(digits, a_spec(config), checkpoint_seconds=0.0)
    attempt = carried_out(InlineExecutor(), task)

    states = [torch.load(path, weights_only=True) for path in attempt.glob("checkpoint-??????")]
    assert all(math.isfinite(state["progress"]["loss_sum"]) for state in states)
