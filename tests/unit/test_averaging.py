"""The moving average of the weights."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from ablate.training.techniques.averaging import decay_at, first_average, update_average


def a_network(value: float) -> nn.Module:
    """All weights equal to one value; batch norm, for its running statistics and its counter."""
    network = nn.Sequential(nn.Conv2d(1, 2, 1), nn.BatchNorm2d(2))
    with torch.no_grad():
        for tensor in network.state_dict().values():
            tensor.fill_(value)
    return network


def test_the_first_average_is_the_network() -> None:
    """A copy in eval mode, which nobody trains and which does not move with it."""
    network = a_network(1.0)
    average = first_average(network)
    for tensor in network.state_dict().values():
        tensor.fill_(5)

    assert all(float(tensor.float().mean()) == 1 for tensor in average.state_dict().values())
    assert not average.training
    assert not any(weight.requires_grad for weight in average.parameters())
    assert all(weight.requires_grad for weight in network.parameters())


def test_the_average_by_hand() -> None:
    """0.5 * 1 + 0.5 * 3, then 0.5 * 2 + 0.5 * 7; the counter is copied."""
    average = first_average(a_network(1.0))
    for value in (3.0, 7.0):
        update_average(average, a_network(value), step=100, decay=0.5)

    state = average.state_dict()
    assert int(state.pop("1.num_batches_tracked")) == 7
    assert {float(tensor.mean()) for tensor in state.values()} == {4.5}


def test_without_decay_the_average_is_the_network() -> None:
    """Bit for bit."""
    average, network = first_average(a_network(1.0)), nn.Sequential(nn.Conv2d(1, 2, 1), nn.BatchNorm2d(2))
    update_average(average, network, step=50, decay=0.0)

    mine, theirs = average.state_dict(), network.state_dict()
    assert all(torch.equal(mine[name], theirs[name]) for name in theirs)


def test_the_first_weights_are_soon_forgotten() -> None:
    """What is kept grows from 1/10 to the decay; after a hundred steps less than a thousandth is left."""
    shares = [decay_at(step, decay=0.999) for step in range(100)]

    assert shares[0] == pytest.approx(0.1)
    assert shares == sorted(shares)
    assert decay_at(10**6, decay=0.999) == 0.999
    assert float(torch.tensor(shares).prod()) < 1e-3
