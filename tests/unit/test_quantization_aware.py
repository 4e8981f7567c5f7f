"""Training aware of INT8: what is rounded, what the gradient ignores, and what stays as it is."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from torch import nn

from ablate.training.loop import train_network
from ablate.training.techniques.quantization import (
    AwareConv2d,
    AwareLinear,
    make_aware,
    rounded_input,
    rounded_weight,
)
from tests.training_builders import a_config, a_live_run, a_spec


def test_weights_become_multiples_of_a_scale_of_each_channel() -> None:
    """By hand: the largest is kept, the others go to the nearest of 2 * levels + 1 values."""
    weight = torch.tensor([[0.9, -1.27, 0.004], [0.0, 0.0, 0.0], [12.7, 0.16, -3.0]])

    rounded = rounded_weight(weight, 127)

    torch.testing.assert_close(rounded, torch.tensor([[0.9, -1.27, 0.0], [0.0, 0.0, 0.0], [12.7, 0.2, -3.0]]))
    torch.testing.assert_close(rounded_weight(weight, 1)[0], torch.tensor([1.27, -1.27, 0.0]))


@pytest.mark.parametrize("factor", [3.7, -0.2])
def test_batch_norm_may_be_folded_in_before_or_after(factor: float) -> None:
    """It multiplies whole channels, of either sign; the whole numbers stay the same."""
    weight = torch.randn(4, 3, 3, 3, generator=torch.Generator().manual_seed(0))

    torch.testing.assert_close(rounded_weight(weight * factor, 127), rounded_weight(weight, 127) * factor)


@pytest.mark.parametrize("images", [[0.0, 1.0, 2.55], [-1.0, 0.0, 1.55], [3.0, 5.1, 4.0], [-5.1, -0.02, -2.0], [0.0]])
def test_inputs_become_one_of_256_values_of_which_one_is_zero(images: list[float]) -> None:
    """From the least to the largest of a batch, as an engine has it."""
    values = torch.tensor(images)
    span = max(float(values.max()), 0) - min(float(values.min()), 0)

    rounded = rounded_input(values)

    assert (rounded - values).abs().max() <= span / 255 / 2 + 1e-6
    assert rounded_input(torch.tensor([*images, 0.0]))[-1] == 0


def test_the_gradient_passes_as_if_nothing_were_rounded() -> None:
    """A rounding has a slope of zero nearly everywhere: with it nothing would be learned."""
    weight = torch.randn(3, 5, requires_grad=True)
    rounded_weight(weight, 127).sum().backward()

    assert weight.grad is not None
    torch.testing.assert_close(weight.grad, torch.ones(3, 5))


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16])
def test_each_precision_stays_what_it_is(dtype: torch.dtype) -> None:
    """As in a layer within autocast."""
    assert rounded_input(torch.rand(3, dtype=dtype)).dtype == dtype
    assert rounded_weight(torch.rand(3, 2, dtype=dtype), 63).dtype == dtype


def test_an_aware_network_answers_as_before_and_keeps_its_names() -> None:
    """It rounds while it trains, and only there; attention's own kind of linear layer is left alone."""
    network = nn.Sequential(nn.Conv2d(1, 4, 3), nn.Flatten(), nn.Linear(16, 3))
    attention = nn.MultiheadAttention(8, 2)
    images = torch.randn(5, 1, 4, 4)
    plain, names = network.eval()(images), list(network.state_dict())

    assert make_aware(network, bits=8) is network
    kind = type(make_aware(attention, bits=8).out_proj)

    assert [type(one) for one in network] == [AwareConv2d, nn.Flatten, AwareLinear]
    assert (network[0].levels, kind) == (127, type(nn.MultiheadAttention(8, 2).out_proj))
    torch.testing.assert_close(network(images), plain, rtol=0, atol=0)
    assert list(network.state_dict()) == names
    assert 0 < (network.train()(images) - plain).abs().max() < 0.1


def test_a_run_that_is_aware_saves_an_ordinary_network(digits: Path) -> None:
    """Any file of weights with these names; the rounding has left its mark on the values."""
    runs = [a_config(), a_config(quantization_aware={}), a_config(quantization_aware={"bits": 7})]
    found = [load_file(train_network(one, a_live_run(digits, a_spec(one))).files["weights"]) for one in runs]

    assert list(found[0]) == list(found[1]) == list(found[2])
    assert len({next(iter(one.values())).sum().item() for one in found}) == 3
