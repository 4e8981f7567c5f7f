"""The same run has the same result, wherever and after whatever it is carried out."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from ablate.execute.inline import InlineExecutor
from ablate.execute.pool import SpawnPool, open_pool
from ablate.protocols import Executor
from ablate.store.journal import read_result
from tests.training_builders import LOADED, a_config, a_spec, a_task, carried_out, finished

OTHERS = [
    {"numerics": {"deterministic": True, "threads": 2}},
    {"numerics": {"precision": "bf16", "channels_last": True}},
    {"optimizer": {"name": "sgd", "lr": 0.5}, "epochs": 1},
]


def bits_of(executor: Executor, work: Path, changes: dict[str, object], replicate: int = 0) -> tuple[bytes, bytes]:
    """Weights and scores of one run."""
    attempt = carried_out(executor, a_task(work, a_spec(a_config(changes), replicate=replicate)))
    finished(read_result(attempt))
    return (attempt / "weights.safetensors").read_bytes(), (attempt / "outcomes.npz").read_bytes()


def test_a_run_after_others_equals_the_run_alone(digits: Path) -> None:
    """Nothing that another run sets for its process reaches this one."""
    inline = InlineExecutor()
    alone = bits_of(inline, digits, LOADED)
    for number, changes in enumerate(OTHERS):
        bits_of(inline, digits, changes, replicate=number)
        torch.rand(7)

    assert bits_of(inline, digits, LOADED) == alone


def test_another_replicate_is_another_run(digits: Path) -> None:
    """Other luck, other weights."""
    inline = InlineExecutor()

    assert bits_of(inline, digits, LOADED) != bits_of(inline, digits, LOADED, replicate=1)


@pytest.mark.slow
def test_every_executor_computes_the_same_bits(digits: Path) -> None:
    """Two fresh processes, two forks of a warm server, and this process."""
    results = [bits_of(InlineExecutor(), digits, LOADED)]
    for pool in (
        SpawnPool(slots=1, work=digits),
        open_pool(slots=1, work=digits, warm=["ablate.training.warm:warm_up"]),
    ):
        results += [bits_of(pool, digits, LOADED) for _ in range(2)]
        pool.close()

    assert len(set(results)) == 1
