"""Optimizers: which weight decay each one has, and that fusing changes no mathematics."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

from ablate.errors import SettingError
from ablate.training.config import Adagrad, Adam, AdamW, Optimizer, PartOfNetwork, RmsProp, Sgd
from ablate.training.techniques.optimizers import (
    learning_rates,
    make_optimizer,
    parameter_groups,
    part_of,
    trained_weights,
)

DECAY = 0.1


def trained(make: Callable[[list[nn.Parameter]], torch.optim.Optimizer], *, penalty: float = 0.0) -> Tensor:
    """The weights after ten steps on a least-squares problem, plus (penalty / 2) * sum(w^2) in the loss."""
    generator = torch.Generator().manual_seed(0)
    inputs, targets = torch.randn(20, 5, generator=generator), torch.randn(20, generator=generator)
    weights = nn.Parameter(torch.randn(5, generator=generator))
    optimizer = make([weights])
    for _ in range(10):
        optimizer.zero_grad()
        loss = ((inputs @ weights - targets) ** 2).mean() + penalty / 2 * (weights**2).sum()
        loss.backward()
        optimizer.step()
    return weights.detach()


def by(config: Optimizer, *, penalty: float = 0.0) -> Tensor:
    return trained(lambda weights: make_optimizer(config, [("w", weight) for weight in weights]), penalty=penalty)


@pytest.mark.parametrize("momentum", [0.0, 0.9])
def test_weight_decay_of_sgd_is_half_the_squared_norm_in_the_loss(momentum: float) -> None:
    """Ten steps with weight_decay equal ten steps on the loss plus (weight_decay / 2) * sum(w^2)."""
    decayed = by(Sgd(name="sgd", lr=0.1, momentum=momentum, weight_decay=DECAY))
    penalised = by(Sgd(name="sgd", lr=0.1, momentum=momentum), penalty=DECAY)

    torch.testing.assert_close(decayed, penalised)


def test_weight_decay_of_adam_is_coupled() -> None:
    """Adam's decay goes through the gradient, as a penalty in the loss does."""
    decayed = by(Adam(name="adam", lr=0.1, weight_decay=DECAY))
    penalised = by(Adam(name="adam", lr=0.1), penalty=DECAY)

    torch.testing.assert_close(decayed, penalised)


def test_weight_decay_of_adamw_is_not() -> None:
    """AdamW's decay is no penalty in the loss."""
    decayed = by(AdamW(name="adamw", lr=0.1, weight_decay=DECAY))
    penalised = by(AdamW(name="adamw", lr=0.1, weight_decay=0.0), penalty=DECAY)

    assert not torch.allclose(decayed, penalised, rtol=1e-3)


def test_weight_decay_of_adamw_shrinks_the_weights_apart_from_the_gradient() -> None:
    """Without a gradient each step multiplies by 1 - lr * weight_decay; Adam would move by lr instead."""
    weights = [nn.Parameter(torch.ones(3)) for _ in range(2)]
    settings = {"lr": 0.1, "weight_decay": 0.5}
    blocks: list[Optimizer] = [AdamW(name="adamw", **settings), Adam(name="adam", **settings)]
    for weight, block in zip(weights, blocks, strict=True):
        optimizer = make_optimizer(block, [("w", weight)])
        weight.grad = torch.zeros(3)
        optimizer.step()

    torch.testing.assert_close(weights[0].detach(), torch.full((3,), 1 - 0.1 * 0.5))
    torch.testing.assert_close(weights[1].detach(), torch.full((3,), 1 - 0.1))


@pytest.mark.parametrize(
    ("config", "plain"),
    [
        (Sgd(name="sgd", lr=0.1), lambda w: torch.optim.SGD(w, lr=0.1)),
        (
            Sgd(name="sgd", lr=0.1, momentum=0.9, nesterov=True, weight_decay=0.01),
            lambda w: torch.optim.SGD(w, lr=0.1, momentum=0.9, nesterov=True, weight_decay=0.01),
        ),
        (Adam(name="adam", lr=0.1), lambda w: torch.optim.Adam(w, lr=0.1)),
        (Adam(name="adam", lr=0.1, betas=[0.8, 0.9]), lambda w: torch.optim.Adam(w, lr=0.1, betas=(0.8, 0.9))),
        (AdamW(name="adamw", lr=0.1), lambda w: torch.optim.AdamW(w, lr=0.1)),
        (RmsProp(name="rmsprop", lr=0.1), lambda w: torch.optim.RMSprop(w, lr=0.1)),
        (
            RmsProp(name="rmsprop", lr=0.1, alpha=0.9, momentum=0.5, weight_decay=0.01),
            lambda w: torch.optim.RMSprop(w, lr=0.1, alpha=0.9, momentum=0.5, weight_decay=0.01),
        ),
        (Adagrad(name="adagrad", lr=0.1, weight_decay=0.01), lambda w: torch.optim.Adagrad(w, 0.1, weight_decay=0.01)),
    ],
)
def test_an_optimizer_is_torchs_own(
    config: Optimizer, plain: Callable[[list[nn.Parameter]], torch.optim.Optimizer]
) -> None:
    """With equal settings, defaults included, the fused optimizer ends where torch's plain one does."""
    torch.testing.assert_close(by(config), trained(plain))


def test_rmsprop_by_hand() -> None:
    """Two steps with gradient 2: over the root of the moving mean of its square, 0.1 * 4, then 0.19 * 4."""
    weight = nn.Parameter(torch.zeros(1))
    optimizer = make_optimizer(RmsProp(name="rmsprop", lr=1.0, alpha=0.9), [("w", weight)])
    for _ in range(2):
        weight.grad = torch.full((1,), 2.0)
        optimizer.step()

    assert weight.item() == pytest.approx(-2 / 0.4**0.5 - 2 / 0.76**0.5)


def test_adagrad_by_hand() -> None:
    """Two steps with gradient 2: over the root of the sum of its squares, 4, then 8."""
    weight = nn.Parameter(torch.zeros(1))
    optimizer = make_optimizer(Adagrad(name="adagrad", lr=1.0), [("w", weight)])
    for _ in range(2):
        weight.grad = torch.full((1,), 2.0)
        optimizer.step()

    assert weight.item() == pytest.approx(-2 / 2 - 2 / 8**0.5)


NAMES = ["features.0.weight", "features.0.bias", "features.10.weight", "head.out.weight", "header.weight"]


def named(frozen: str = "no such thing") -> list[tuple[str, nn.Parameter]]:
    """Parameters of a network; those that begin with `frozen` are not trained."""
    return [(name, nn.Parameter(torch.zeros(1), requires_grad=not name.startswith(frozen))) for name in NAMES]


def sgd(parts: dict[str, float]) -> Sgd:
    """Parts by their learning rates, 0.001 for the rest."""
    return Sgd(name="sgd", lr=0.001, parts={prefix: PartOfNetwork(lr=lr) for prefix, lr in parts.items()})


def test_parts_have_learning_rates_of_their_own() -> None:
    """By whole words of the name; the longest prefix counts; the rest has the base rate and comes first."""
    parameters = named()
    groups = parameter_groups(sgd({"features": 0.01, "head": 0.1, "features.10": 0.02}), parameters)

    names = {parameter: name for name, parameter in parameters}
    assert [([names[parameter] for parameter in group["params"]], group["initial_lr"]) for group in groups] == [
        (["header.weight"], 0.001),
        (["features.0.weight", "features.0.bias"], 0.01),
        (["head.out.weight"], 0.1),
        (["features.10.weight"], 0.02),
    ]


def test_a_part_is_found_by_whole_words() -> None:
    """`head` is not the beginning of `header`; a parameter's full name is a part too."""
    assert part_of("header.weight", ["head"]) == ""
    assert part_of("head.weight", ["head"]) == "head"
    assert part_of("head.weight", ["head", "head.weight"]) == "head.weight"


def test_one_part_that_is_everything_is_the_network_without_parts() -> None:
    """The degenerate part: no group is left empty."""
    (group,) = parameter_groups(Sgd(name="sgd", lr=0.5), named())

    assert len(group["params"]) == 5
    assert [group["part"] for group in parameter_groups(sgd({"features": 1, "head": 1, "header": 1}), named())] == [
        "features",
        "head",
        "header",
    ]


def test_only_what_is_trained_is_in_the_optimizer() -> None:
    """Frozen parameters have no state and no decay."""
    optimizer = make_optimizer(Adam(name="adam", lr=0.1, weight_decay=0.1), named(frozen="features"))

    assert len(trained_weights(optimizer)) == 2


@pytest.mark.parametrize(("parts", "frozen"), [({"haed": 0.1}, "no such thing"), ({"features": 0.1}, "features")])
def test_a_part_without_trained_parameters_is_refused(parts: dict[str, float], frozen: str) -> None:
    """Misspelt, or frozen; the message lists what there is."""
    with pytest.raises(SettingError, match="no trained parameter is left for") as refusal:
        make_optimizer(sgd(parts), named(frozen=frozen))

    assert refusal.value.key == "optimizer.parts"
    assert "head" in refusal.value.hint


def test_a_network_without_trained_parameters_is_refused() -> None:
    """Everything is frozen."""
    with pytest.raises(SettingError, match="no parameter of the network is trained"):
        make_optimizer(Sgd(name="sgd", lr=0.1), named(frozen=""))


def test_learning_rates_are_told_by_part() -> None:
    """The base rate as `lr`, the others under their prefix."""
    optimizer = make_optimizer(sgd({"head": 0.1}), named())

    assert learning_rates(optimizer) == {"lr": 0.001, "lr/head": 0.001}
    for group in optimizer.param_groups:
        group["lr"] = group["initial_lr"] / 2
    assert learning_rates(optimizer) == {"lr": 0.0005, "lr/head": 0.05}
