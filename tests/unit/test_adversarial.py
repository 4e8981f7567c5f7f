"""Adversarial examples: known answers on a linear network, and what an attack may do to an image."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from ablate.training.config import Attack
from ablate.training.numerics import Mode
from ablate.training.techniques.adversarial import Scale, as_tested, attack_images, loss_to_raise

MODE = Mode(torch.device("cpu"), torch.float32, channels_last=False)
NONE = Scale(None, None)
HALVES = Scale(torch.full((1, 1, 1), 0.5), torch.full((1, 1, 1), 0.25))
SLOPE = torch.tensor([1.0, -2.0, 3.0, -4.0]).view(1, 1, 2, 2)


def rising(images: Tensor) -> Tensor:
    """A loss that is linear in the pixels."""
    return (images * SLOPE).sum()


def grey(count: int = 3) -> Tensor:
    return torch.full((count, 1, 2, 2), 0.5)


def draws(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


@pytest.mark.parametrize("random_start", [False, True])
def test_a_linear_loss_ends_in_the_corner_of_the_box(random_start: bool) -> None:  # noqa: FBT001 - parametrised
    """Every pixel moves by eps in the direction of its slope, from wherever it starts."""
    attack = Attack(eps=0.1, steps=30, step_size=0.01, random_start=random_start)

    result = attack_images(grey(), rising, attack, scale=NONE, generator=draws())

    torch.testing.assert_close(result, grey() + 0.1 * SLOPE.sign())


def test_few_steps_go_as_far_as_they_can() -> None:
    """Three steps of 0.01 from the image itself."""
    attack = Attack(eps=0.1, steps=3, step_size=0.01, random_start=False)

    torch.testing.assert_close(
        attack_images(grey(), rising, attack, scale=NONE, generator=draws()), grey() + 0.03 * SLOPE.sign()
    )


def test_eps_and_bounds_are_those_of_pixels() -> None:
    """Normalised images move by eps / std, and no further than a pixel of 0 or 1 would be."""
    attack = Attack(eps=0.3, steps=70, step_size=0.01)
    pixels = torch.rand((20, 1, 2, 2), generator=draws(1))

    images = attack_images(HALVES.images(pixels), rising, attack, scale=HALVES, generator=draws())

    expected = (pixels + 0.3 * SLOPE.sign()).clamp(0, 1)
    torch.testing.assert_close(HALVES.pixels(images), expected)
    torch.testing.assert_close(images, (expected - 0.5) / 0.25)


def test_an_attack_of_no_size_changes_nothing_but_rounding() -> None:
    """eps 0."""
    attack = Attack.model_construct(eps=0.0, steps=5, step_size=0.1, random_start=True)
    images = HALVES.images(torch.rand((4, 1, 2, 2), generator=draws(1)))

    torch.testing.assert_close(attack_images(images, rising, attack, scale=HALVES, generator=draws()), images)


def test_the_start_is_drawn_by_the_generator_alone() -> None:
    """Equal seeds, equal attacks."""
    attack = Attack(eps=0.1, steps=1, step_size=0.01)
    first, second, other = (
        attack_images(grey(), rising, attack, scale=NONE, generator=draws(seed)) for seed in (1, 1, 2)
    )

    assert torch.equal(first, second)
    assert not torch.equal(first, other)


def a_network() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(nn.BatchNorm2d(1), nn.Dropout(0.5), nn.Flatten(), nn.Linear(4, 3))


def test_an_attack_leaves_the_network_as_it_was() -> None:
    """No running statistics move, no gradient is left, each module is in the mode it was in."""
    network = a_network().train()
    network[0].eval()
    before = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    raised = loss_to_raise(network, torch.tensor([0, 1, 2]), MODE, several=False)

    attack_images(grey(), raised, Attack(eps=0.1, steps=2, step_size=0.05), scale=NONE, generator=draws())

    assert all(torch.equal(before[name], tensor) for name, tensor in network.state_dict().items())
    assert all(weight.grad is None for weight in network.parameters())
    assert [module.training for module in network] == [False, True, True, True]


@pytest.mark.parametrize("several", [False, True])
def test_the_loss_grows(several: bool) -> None:  # noqa: FBT001 - parametrised
    """Of one label and of several."""
    network = a_network()
    targets = torch.tensor([[1.0, 0.0, 1.0]]).expand(3, 3) if several else torch.tensor([0, 1, 2])
    raised = loss_to_raise(network, targets, MODE, several=several)

    result = attack_images(grey(), raised, Attack(eps=0.2, steps=5, step_size=0.1), scale=NONE, generator=draws())

    assert raised(result).item() > raised(grey()).item()


def test_an_image_is_attacked_as_if_it_were_alone() -> None:
    """The batch does not matter: the loss is summed, the network in eval mode."""
    network, pixels = a_network().train(), torch.rand((3, 1, 2, 2), generator=draws(1))
    attack = Attack(eps=0.1, steps=3, step_size=0.03, random_start=False)
    targets = torch.tensor([0, 1, 2])

    together = attack_images(
        pixels, loss_to_raise(network, targets, MODE, several=False), attack, scale=NONE, generator=draws()
    )
    alone = [
        attack_images(
            pixels[i : i + 1],
            loss_to_raise(network, targets[i : i + 1], MODE, several=False),
            attack,
            scale=NONE,
            generator=draws(),
        )
        for i in range(3)
    ]

    torch.testing.assert_close(together, torch.cat(alone))


def test_modes_come_back_after_an_error() -> None:
    """Whatever happens inside."""
    network = a_network().train()

    def fail() -> None:
        with as_tested(network):
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()

    assert network.training
