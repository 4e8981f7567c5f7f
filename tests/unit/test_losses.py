"""Losses, label smoothing and class weights: by hand, against torch's own and scikit-learn's."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from sklearn.utils.class_weight import compute_class_weight
from torch import Tensor
from torch.nn import functional

from ablate.training.config import BinaryCrossEntropy, CrossEntropy, Focal, Loss, Smoothing, SquaredError
from ablate.training.techniques.balancing import balanced_order, class_importance, importance_of
from ablate.training.techniques.losses import batch_loss
from ablate.training.techniques.smoothing import as_distribution, smooth_targets

CROSS_ENTROPY = CrossEntropy(name="cross_entropy")
LOSSES: list[Loss] = [
    CROSS_ENTROPY,
    Focal(name="focal"),
    SquaredError(name="squared_error"),
    SquaredError(name="squared_error", of="logits"),
    BinaryCrossEntropy(name="binary_cross_entropy"),
]


def noise(count: int = 12, classes: int = 5, seed: int = 0) -> tuple[Tensor, Tensor]:
    """Logits and class indices."""
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(count, classes, generator=generator), torch.randint(classes, (count,), generator=generator)


def test_cross_entropy_is_torchs_bit_for_bit() -> None:
    """The plain loss, with torch's label smoothing and without."""
    logits, targets = noise()

    assert batch_loss(logits, targets, CROSS_ENTROPY) == functional.cross_entropy(logits, targets)
    smooth = batch_loss(logits, targets, CROSS_ENTROPY, smoothing=Smoothing(alpha=0.1))
    assert smooth == functional.cross_entropy(logits, targets, label_smoothing=0.1)


@pytest.mark.parametrize("loss", LOSSES, ids=lambda loss: f"{loss.name} {getattr(loss, 'of', '')}")
def test_class_indices_and_one_hot_targets_have_one_loss(loss: Loss) -> None:
    """A target that is wholly one class is that class."""
    logits, targets = noise()

    torch.testing.assert_close(batch_loss(logits, targets, loss), batch_loss(logits, as_distribution(targets, 5), loss))


def test_focal_without_gamma_is_cross_entropy() -> None:
    """gamma 0."""
    logits, targets = noise()

    torch.testing.assert_close(
        batch_loss(logits, targets, Focal(name="focal", gamma=0.0)), functional.cross_entropy(logits, targets)
    )


@pytest.mark.parametrize("gamma", [0.5, 2.0])
def test_focal_by_hand(gamma: float) -> None:
    """(1 - p) ** gamma times -log p, p the probability of the target; its gradient is finite where p is 1."""
    logits = torch.tensor([[math.log(3), 0.0], [0.0, 0.0], [200.0, 0.0]], requires_grad=True)

    loss = batch_loss(logits, torch.tensor([0, 0, 0]), Focal(name="focal", gamma=gamma))
    loss.backward()

    by_hand = (0.25**gamma * -math.log(0.75) + 0.5**gamma * math.log(2) + 0) / 3
    assert loss.item() == pytest.approx(by_hand)
    assert logits.grad is not None
    assert bool(logits.grad.isfinite().all())


def test_squared_error_is_torchs_on_one_hot_targets() -> None:
    """Of the softmax, and of its input."""
    logits, targets = noise()
    one_hot = functional.one_hot(targets, 5).float()

    of_probabilities = batch_loss(logits, targets, SquaredError(name="squared_error"))
    torch.testing.assert_close(of_probabilities, functional.mse_loss(logits.softmax(1), one_hot))
    of_logits = batch_loss(logits, targets, SquaredError(name="squared_error", of="logits"))
    torch.testing.assert_close(of_logits, functional.mse_loss(logits, one_hot))


def test_binary_cross_entropy_is_torchs_on_several_labels() -> None:
    """The mean over images and classes."""
    logits, _ = noise()
    labels = (torch.rand(12, 5, generator=torch.Generator().manual_seed(1)) < 0.4).float()

    torch.testing.assert_close(
        batch_loss(logits, labels, BinaryCrossEntropy(name="binary_cross_entropy")),
        functional.binary_cross_entropy_with_logits(logits, labels),
    )


def test_smoothing_among_all_gives_each_class_its_share() -> None:
    """alpha / K for each of four classes, the target's own included."""
    target = as_distribution(torch.tensor([2]), 4)

    assert smooth_targets(target, Smoothing(alpha=0.2)).tolist()[0] == pytest.approx([0.05, 0.05, 0.85, 0.05])


def test_smoothing_among_the_wrong_leaves_the_target_one_minus_alpha() -> None:
    """0.1 / (K - 1) for each wrong class of eleven."""
    target = as_distribution(torch.tensor([3]), 11)

    (shares,) = smooth_targets(target, Smoothing(alpha=0.1, among="wrong")).tolist()

    assert shares[3] == pytest.approx(0.9)
    assert shares[:3] + shares[4:] == pytest.approx([0.01] * 10)


@pytest.mark.parametrize("among", ["all", "wrong"])
def test_smoothed_targets_still_sum_to_one(among: str) -> None:
    """Mixed ones too; alpha 0 changes nothing."""
    mixed = torch.tensor([[0.3, 0.7, 0.0], [1.0, 0.0, 0.0]])

    smooth = smooth_targets(mixed, Smoothing.model_validate({"alpha": 0.3, "among": among}))

    torch.testing.assert_close(smooth.sum(1), torch.ones(2))
    assert torch.equal(smooth_targets(mixed, Smoothing.model_validate({"alpha": 0.0, "among": among})), mixed)


def test_the_two_smoothings_are_one_with_another_alpha() -> None:
    """alpha among the wrong equals alpha * K / (K - 1) among all."""
    logits, targets = noise()

    wrong = batch_loss(logits, targets, CROSS_ENTROPY, smoothing=Smoothing(alpha=0.1, among="wrong"))

    torch.testing.assert_close(wrong, functional.cross_entropy(logits, targets, label_smoothing=0.1 * 5 / 4))


def test_balanced_weights_are_scikit_learns() -> None:
    """N / (K * images of the class); a class without images counts nothing."""
    targets = torch.tensor([0] * 7 + [1] * 2 + [2] * 3)

    weights = class_importance(targets, "balanced", classes=3)

    theirs = compute_class_weight("balanced", classes=np.arange(3), y=targets.numpy())
    assert weights.tolist() == pytest.approx(theirs.tolist())
    assert class_importance(targets, "balanced", classes=4).tolist()[3] == 0


def test_weights_of_equal_classes_are_one() -> None:
    """The degenerate balance."""
    assert class_importance(torch.arange(12) % 4, "balanced", classes=4).tolist() == [1.0] * 4


def test_class_weights_are_torchs() -> None:
    """sum(w * loss) / sum(w) over the images, as torch's `weight` makes of cross-entropy."""
    logits, targets = noise()
    weights = class_importance(targets, [0.5, 1.0, 2.0, 3.0, 0.1], classes=5)

    weighted = batch_loss(logits, targets, CROSS_ENTROPY, importance=importance_of(targets, weights))

    torch.testing.assert_close(weighted, functional.cross_entropy(logits, targets, weight=weights))


@pytest.mark.parametrize("loss", LOSSES, ids=lambda loss: f"{loss.name} {getattr(loss, 'of', '')}")
def test_equal_weights_change_nothing(loss: Loss) -> None:
    """Whatever they are."""
    logits, targets = noise()
    weighted = batch_loss(logits, targets, loss, importance=torch.full((12,), 3.0))

    torch.testing.assert_close(weighted, batch_loss(logits, targets, loss))


def test_a_mixed_image_counts_by_its_mixture() -> None:
    """Weights 1 and 3, mixed one to one, are 2."""
    mixed = torch.tensor([[0.5, 0.5], [1.0, 0.0]])

    assert importance_of(mixed, torch.tensor([1.0, 3.0])).tolist() == [2.0, 1.0]


def test_balanced_sampling_draws_each_class_equally_often() -> None:
    """Of 90 images of one class and 10 of another about half come from each; an epoch is as long as ever."""
    targets = torch.tensor([0] * 90 + [1] * 10)
    orders = [balanced_order(targets, torch.Generator().manual_seed(seed)) for seed in range(40)]

    assert {len(order) for order in orders} == {100}
    share = float(torch.cat([targets[order] for order in orders]).double().mean())
    assert 0.46 < share < 0.54
    assert torch.equal(orders[3], balanced_order(targets, torch.Generator().manual_seed(3)))
