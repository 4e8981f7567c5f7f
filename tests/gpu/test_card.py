"""What only a graphics card can show: `python -m pytest -m gpu`, or benchmarks/gpu_check.sh on a bare machine.

ABLATE_CARD=cpu carries out on the processor what makes sense there; what is CUDA's own is skipped by name.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from ablate.errors import SettingError
from ablate.execute.devices import Device, DeviceSlots
from ablate.execute.inline import InlineExecutor
from ablate.execute.pool import CAN_FORK, ForkPool
from ablate.records import Finished
from ablate.splits.rules import Replicate
from ablate.store.journal import read_events, read_result
from ablate.store.work_folder import Store
from ablate.training import loop
from ablate.training.config import Config
from ablate.training.data.augment import augment_batch
from ablate.training.data.parts import load_parts
from ablate.training.loop import make_batch, take_step, train_network
from ablate.training.numerics import set_up
from ablate.training.preparation import prepare_data
from ablate.training.seeding import StepRandom, seed_dropout
from ablate.training.start import untrained
from ablate.training.techniques.optimizers import trained_weights
from tests.integration import killing
from tests.training_builders import (
    ALL_AUGMENT,
    LOADED,
    a_config,
    a_live_run,
    a_spec,
    a_task,
    an_attempt,
    carried_out,
)

CARD = os.environ.get("ABLATE_CARD") or ("cuda" if torch.cuda.is_available() else "")
pytestmark = [pytest.mark.gpu, pytest.mark.slow]
cuda_alone = pytest.mark.skipif(CARD != "cuda", reason="asks CUDA itself; benchmarks/gpu_check.sh runs it on a card")
STEADY = {"numerics": {"deterministic": True}}
WIDE = {"model": {"name": "vgg", "blocks": [1, 1], "width": 64, "norm": {"name": "batch"}, "head": {"name": "gap"}}}


class Killed(BaseException):
    """Ends a run without any word, as a process's death does."""


@pytest.fixture(autouse=True)
def card() -> Iterator[None]:
    """A card, or the processor in its place; and nothing of a run's settings left behind."""
    if not CARD:
        pytest.skip("no NVIDIA card here; benchmarks/gpu_check.sh runs this on one")
    yield
    torch.use_deterministic_algorithms(False)
    torch.backends.cudnn.deterministic = False


def on_card(changes: dict[str, Any] | None = None, **more: Any) -> Config:
    """The tiny training, on the card."""
    return a_config({**(changes or {}), "device": CARD}, **more)


def weights_of(config: Config, work: Path) -> dict[str, torch.Tensor]:
    """What a run ends with."""
    run = a_live_run(work, a_spec(config))
    train_network(config, run)
    return load_file(run.folder / "weights.safetensors")


def equal(one: dict[str, torch.Tensor], other: dict[str, torch.Tensor]) -> bool:
    """Bit for bit."""
    return one.keys() == other.keys() and all(torch.equal(tensor, other[name]) for name, tensor in one.items())


def test_a_run_in_the_deterministic_mode_repeats_bit_for_bit(digits: Path) -> None:
    """With dropout, batch norm and augmentation; another replicate differs."""
    config = on_card({**LOADED, **STEADY})

    assert equal(weights_of(config, digits), weights_of(config, digits))


def test_a_run_killed_and_resumed_ends_with_the_same_bits(digits: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Killed behind a checkpoint in the middle of its second epoch; the next attempt goes on from there."""
    config = on_card({**LOADED, **STEADY, "epochs": 3})
    expected = weights_of(config, digits)
    task = a_task(digits, a_spec(config), checkpoint_seconds=0.0)
    real = loop.train_network

    def end() -> None:
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(loop, "train_network", lambda config, run: real(config, killing.DyingRun(run, "saved 6", end)))
        with pytest.raises(Killed):
            carried_out(InlineExecutor(), task)
    attempt = carried_out(InlineExecutor(), task)

    assert "resumed" in [event.kind for event in read_events(attempt)[0]]
    assert equal(load_file(attempt / "weights.safetensors"), expected)


@cuda_alone
def test_the_peak_is_that_of_the_run_and_not_of_the_process(digits: Path) -> None:
    """A larger batch takes more; the small one after it does not inherit its peak."""
    peaks = []
    for size in (4, 64, 4):
        config = on_card({**WIDE, "batch_size": size})
        run = a_live_run(digits, a_spec(config))
        peaks.append(train_network(config, run).cost.peak_bytes or 0)

    assert 0 < peaks[0] < peaks[1]
    assert peaks[2] < peaks[1]


@pytest.mark.parametrize("precision", ["bf16", "fp16"])
def test_mixed_precision_trains_as_fp32_does(precision: str, digits: Path) -> None:
    """The same beginning and the same batches: losses agree to the rounding of 8 bits."""
    losses = []
    for numerics in ({}, {"precision": precision}):
        run = a_live_run(digits, a_spec(config := on_card({**WIDE, "numerics": numerics, "epochs": 3})))
        losses.append(train_network(config, run).metrics["loss"])

    assert losses[1] == pytest.approx(losses[0], rel=0.1)


@cuda_alone
@pytest.mark.parametrize("tf32", [True, False])
def test_tf32_is_what_the_setting_says(tf32: bool, digits: Path) -> None:  # noqa: FBT001 - the setting itself
    """A product of numbers that 10 bits do not hold is exact without it."""
    set_up(on_card(numerics={"tf32": tf32}))
    ones = torch.full((256, 256), 1 + 2**-12, device="cuda")

    assert (float((ones @ torch.eye(256, device="cuda"))[0, 0]) == 1 + 2**-12) is not tf32


@cuda_alone
def test_memory_that_runs_out_is_recovered_from_with_the_pieces_that_are_named(digits: Path) -> None:
    """The check finds pieces that fit; with them the same data are prepared in the same process."""
    large = {"data": {"image_size": 128}, "model": {**WIDE["model"], "width": 256}, "batch_size": 64}
    total = torch.cuda.get_device_properties(0).total_memory
    torch.cuda.empty_cache()
    torch.cuda.set_per_process_memory_fraction(min(1.0, 1.2e9 / total))
    try:
        config = on_card(large)
        with pytest.raises(SettingError, match="out of memory") as caught:
            prepare_data(config, a_live_run(digits, a_spec(config)))
        pieces = int(caught.value.hint.split()[0])
        smaller = on_card({**large, "numerics": {"micro_batch": pieces}})
        prepared = prepare_data(smaller, a_live_run(digits, a_spec(smaller)))
    finally:
        torch.cuda.set_per_process_memory_fraction(1.0)

    assert 2 <= pieces < 64
    assert prepared


@pytest.mark.skipif(not CAN_FORK, reason="this platform does not fork")
def test_two_runs_share_the_card(digits: Path) -> None:
    """Forked from one warm server, side by side; each ends as the run that had the card alone."""
    configs = [on_card({**STEADY, "optimizer": {"name": "adam", "lr": lr}}) for lr in (1e-2, 2e-2)]
    alone = [weights_of(config, digits) for config in configs]
    pool = ForkPool(slots=2, work=digits, warm=["ablate.training"], cards=DeviceSlots([Device("0", "a card")], 2))
    attempts = [an_attempt(a_task(digits, a_spec(config))) for config in configs]
    for attempt in attempts:
        pool.start(attempt)
    left = 2
    while left:
        left -= len(pool.finished(0.1))
    pool.close()

    for attempt, expected in zip(attempts, alone, strict=True):
        assert isinstance(read_result(attempt), Finished)
        assert equal(load_file(attempt / "weights.safetensors"), expected)


def test_stored_features_on_the_card_give_the_results_of_computed_ones(
    digits: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same accuracies in every epoch; the cache is filled by the card."""
    config = on_card({**LOADED, "augment": {}, "freeze": {"all_but": "output", "dropout": "off"}, "epochs": 3})
    stored = train_network(config, a_live_run(digits, a_spec(config))).metrics
    monkeypatch.setattr(loop, "with_stored_features", lambda _config, _run, parts, _mode, trained: (parts, trained))
    computed = train_network(config, a_live_run(digits, a_spec(config))).metrics

    assert list((Store(digits).cache / "features").glob("*/features.bin"))
    assert stored["accuracy"] == computed["accuracy"]
    assert stored["loss"] == pytest.approx(computed["loss"], rel=1e-3)


def test_images_are_changed_on_the_card_as_on_the_processor() -> None:
    """The draws are the same; pixels agree to a rounding step."""
    images = torch.from_numpy(np.random.default_rng(0).integers(0, 256, (32, 1, 24, 24), dtype=np.uint8))
    augment = a_config(augment=ALL_AUGMENT).augment
    mean = torch.full((1, 1, 1), 0.5)
    here, there = (
        augment_batch(images.to(device), augment, StepRandom(Replicate(index=0), 0, 0), mean=mean.to(device)).cpu()
        for device in ("cpu", CARD)
    )

    assert (here - there).abs().gt(2 / 255).float().mean() < 0.01


def test_data_that_fit_lie_on_the_card(digits: Path) -> None:
    """The pixels are sent once, not batch by batch."""
    config = on_card()
    parts = load_parts(config, a_live_run(digits, a_spec(config)), set_up(config))

    assert parts.fit.stored.device.type == CARD


@cuda_alone
@pytest.mark.parametrize("changes", [{}, {"numerics": {"precision": "bf16"}}, {"augment": {"crop": {}, "flip": {}}}])
def test_within_an_epoch_nothing_waits_for_the_card(changes: dict[str, Any], digits: Path) -> None:
    """CUDA's own watch on synchronising calls is set to raise, from the second step on."""
    config = on_card({**WIDE, **changes})
    run, mode = a_live_run(digits, a_spec(config)), set_up(config)
    parts, trained = load_parts(config, run, mode), untrained(config, run, mode)
    weights = trained_weights(trained.optimizer)

    def step(number: int) -> None:
        rows = torch.arange(8, device="cuda") + 8 * number
        batch = make_batch(config, parts.fit, mode, trained, rows, StepRandom(run.replicate, 0, number))
        seed_dropout(0, number, mode.device)
        take_step(config, mode, trained, weights, batch)

    step(0)  # what is set up once may wait
    torch.cuda.synchronize()
    torch.cuda.set_sync_debug_mode("error")
    try:
        for number in range(1, 6):
            step(number)
    finally:
        torch.cuda.set_sync_debug_mode("default")


def test_a_compiled_network_resumes_and_ends_as_it_would_have(digits: Path) -> None:
    """torch.compile keeps the names of the weights, and draws dropout from what is seeded."""
    config = on_card({**LOADED, "numerics": {"compile": True}})
    first, second = weights_of(config, digits), weights_of(config, digits)
    plain = weights_of(on_card(LOADED), digits)

    assert first.keys() == plain.keys()
    assert equal(first, second)
