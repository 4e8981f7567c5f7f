"""What does not fit into memory is told with the setting that makes it fit, as was tried."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from ablate.errors import SettingError
from ablate.training import preparation
from ablate.training.memory import is_out_of_memory
from ablate.training.preparation import prepare_data
from tests.training_builders import a_config, a_live_run, a_spec

ALLOCATOR = RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory: you tried to allocate 9 bytes.")


@pytest.fixture(params=[torch.OutOfMemoryError("CUDA out of memory"), ALLOCATOR], ids=["card", "processor"])
def room(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> dict[str, int]:
    """How many images at a time a device holds; torch's own errors for more, and none where it says so."""
    holds = {"images": 1000}
    take_step = preparation.take_step

    def step(config: Any, *rest: Any) -> Any:
        if min(config.numerics.micro_batch or len(rest[-1].images), len(rest[-1].images)) > holds["images"]:
            raise request.param
        return take_step(config, *rest)

    monkeypatch.setattr(preparation, "take_step", step)
    return holds


def refusal(work: Path, **changes: Any) -> SettingError:
    """What the data check says of a config whose steps do not fit."""
    config = a_config({"batch_size": 32, **changes})
    with pytest.raises(SettingError) as caught:
        prepare_data(config, a_live_run(work, a_spec(config)))
    return caught.value


def test_a_batch_that_does_not_fit_is_refused_with_the_pieces_that_do(digits: Path, room: dict[str, int]) -> None:
    """Found by halving, on the device itself, before anything is trained."""
    room["images"] = 11
    found = refusal(digits)

    assert found.key == "batch_size"
    assert "out of memory: a training step on 32 images of" in found.message
    assert "8 images at a time fit, as was tried: write `numerics: {micro_batch: 8}` into base:" in found.hint


def test_pieces_that_do_not_fit_either_are_halved_further(digits: Path, room: dict[str, int]) -> None:
    """The setting that was given is the one named."""
    room["images"] = 3
    found = refusal(digits, numerics={"micro_batch": 16})

    assert found.key == "numerics.micro_batch"
    assert "a training step on 16 images of" in found.message
    assert "2 images at a time fit" in found.hint


def test_where_two_images_do_not_fit_the_images_or_the_network_are_too_large(
    digits: Path, room: dict[str, int]
) -> None:
    """No piece would help."""
    room["images"] = 1

    assert "lower data.image_size or model.width" in refusal(digits).hint


def test_what_fits_is_prepared(digits: Path, room: dict[str, int]) -> None:
    """Without a word."""
    room["images"] = 32

    config = a_config({"batch_size": 32})

    assert prepare_data(config, a_live_run(digits, a_spec(config)))


def test_other_errors_are_no_lack_of_memory() -> None:
    """Sizes that do not match, for one."""
    assert not is_out_of_memory(RuntimeError("mat1 and mat2 shapes cannot be multiplied"))
