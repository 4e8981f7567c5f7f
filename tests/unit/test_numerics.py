"""The numeric block of a run: device, precision, layout, threads."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import torch
from torch import nn

from ablate.errors import SettingError, TrainerError
from ablate.training.checks import refuse_impossible
from ablate.training.numerics import Mode, device_name, find_device, set_up, widest
from tests.training_builders import PROTOCOL, a_config

CPU = torch.device("cpu")


@pytest.fixture(autouse=True)
def as_before() -> Iterator[None]:
    """What a run sets for its process shall not reach other tests."""
    threads = torch.get_num_threads()
    yield
    torch.set_num_threads(threads)
    torch.use_deterministic_algorithms(False)
    torch.backends.cudnn.benchmark = False
    torch.set_float32_matmul_precision("highest")
    torch.backends.cudnn.allow_tf32 = True
    torch.backends.cudnn.deterministic = False


@pytest.mark.parametrize(("precision", "dtype"), [("fp32", torch.float32), ("bf16", torch.bfloat16)])
def test_forward_passes_are_computed_in_the_precision_asked_for(precision: str, dtype: torch.dtype) -> None:
    """The weights stay in fp32; the products are computed in the precision of the run."""
    mode = set_up(a_config(numerics={"precision": precision}))
    layer = mode.place(nn.Linear(4, 2))

    with mode.autocast():
        output = layer(torch.ones(1, 4))

    assert output.dtype == dtype
    assert next(layer.parameters()).dtype == torch.float32


def test_only_fp16_scales_its_loss() -> None:
    """The other precisions have the exponents of fp32."""
    scaled = [set_up(a_config(numerics={"precision": name})).scaler().is_enabled() for name in ("fp32", "bf16", "fp16")]

    assert scaled == [False, False, True]


def test_threads_are_those_of_the_study() -> None:
    """Not those of the machine: another number of threads is another result."""
    set_up(a_config(numerics={"threads": 2}))
    two = torch.get_num_threads()
    set_up(a_config())

    assert (two, torch.get_num_threads()) == (2, 1)


def test_a_run_does_not_inherit_the_strictness_of_another() -> None:
    """Each run sets all switches, so that runs in one process do not depend on their order."""
    set_up(a_config(numerics={"deterministic": True}))
    strict = torch.are_deterministic_algorithms_enabled()
    set_up(a_config())

    assert (strict, torch.are_deterministic_algorithms_enabled()) == (True, False)


@pytest.mark.parametrize("channels_last", [False, True])
def test_networks_and_images_have_one_layout(*, channels_last: bool) -> None:
    """Weights and images lie in memory alike."""
    mode = set_up(a_config(numerics={"channels_last": channels_last}))
    layout = torch.channels_last if channels_last else torch.contiguous_format
    layer = mode.place(nn.Conv2d(3, 5, 3))
    pixels = torch.arange(2 * 4 * 4 * 3, dtype=torch.uint8).view(2, 4, 4, 3)

    images = mode.images(pixels)

    assert next(layer.parameters()).is_contiguous(memory_format=layout)
    assert images.is_contiguous(memory_format=layout)
    assert torch.equal(images, pixels.permute(0, 3, 1, 2))


def test_a_network_with_other_tensors_than_images_has_a_layout_where_there_is_one() -> None:
    """A convolution over volumes has five dimensions, for which channels last is no layout of torch's."""
    volumes, images = nn.Conv3d(3, 4, 2), nn.Conv2d(3, 4, 2)
    set_up(a_config()).place(nn.Sequential(volumes, images))

    assert volumes.weight.is_contiguous()
    assert images.weight.is_contiguous(memory_format=torch.channels_last)


@pytest.mark.parametrize("channels_last", [False, True])
def test_stored_images_come_back(*, channels_last: bool) -> None:
    """Chosen along the first axis, whole images are copied in either layout."""
    mode = Mode(CPU, torch.float32, channels_last)
    images = mode.images(torch.randint(0, 9, (3, 4, 4, 2)))

    stored = mode.as_stored(images)

    assert stored.is_contiguous()
    assert torch.equal(mode.as_images(stored), images)
    assert mode.as_images(stored).stride() == images.stride()


@pytest.mark.parametrize(("there", "expected"), [({"cuda", "mps"}, "cuda"), ({"mps"}, "mps"), (set(), "cpu")])
def test_auto_is_a_device_that_is_there(there: set[str], expected: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """cuda where there is one, then Apple's GPU, else the CPU."""
    monkeypatch.setattr(torch.cuda, "is_available", lambda: "cuda" in there)
    monkeypatch.setattr(torch.mps, "is_available", lambda: "mps" in there)

    assert find_device("auto").type == expected


@pytest.mark.parametrize("name", ["auto", "cpu", "mps", "cuda", "cuda:1"])
def test_devices_that_runs_can_be_repeated_on_are_settings(name: str) -> None:
    """Whether the machine has it is asked when a run begins."""
    assert a_config({"device": name}).device == name


@pytest.mark.parametrize("name", ["gpu", "cpu:x", "xpu", "meta", "cuda:", "mps:0"])
def test_other_devices_are_refused_with_the_study_file(name: str) -> None:
    """Nobody seeds their dropout step by step."""
    with pytest.raises(SettingError, match=f"device '{name}': no run on it could be repeated") as caught:
        refuse_impossible(a_config({"device": name}), PROTOCOL)

    assert caught.value.key == "device"


@pytest.mark.parametrize(
    ("tf32", "expected"), [(None, ("highest", True)), (True, ("high", True)), (False, ("highest", False))]
)
def test_tf32_is_torchs_own_choice_or_both_or_neither(tf32: bool | None, expected: tuple[str, bool]) -> None:  # noqa: FBT001
    """Products first, then convolutions; what one run sets is not left to the next."""
    set_up(a_config(numerics={"tf32": not tf32}))
    set_up(a_config(numerics={"tf32": tf32}))

    assert (torch.get_float32_matmul_precision(), torch.backends.cudnn.allow_tf32) == expected


@pytest.mark.parametrize(
    ("name", "expected"), [("mps", torch.float32), ("cuda", torch.float64), ("cpu", torch.float64)]
)
def test_sums_are_taken_in_the_widest_type_there_is(name: str, expected: torch.dtype) -> None:
    """Metal has no float64."""
    assert widest(torch.device(name)) is expected


@pytest.mark.parametrize("name", ["cuda:99", "gpu", "cpu:x", "mps", "xpu"])
def test_a_device_that_is_not_there_is_refused(name: str) -> None:
    """With what to write instead."""
    with pytest.raises(TrainerError, match=name) as caught:
        find_device(name)

    assert "cpu" in caught.value.hint


def test_the_cpu_has_a_name() -> None:
    """The stamp says what a run ran on."""
    assert len(device_name(CPU)) > len("cpu: ")
