"""Scores: by hand, and against scikit-learn."""

from __future__ import annotations

import math
import weakref

import numpy as np
import pytest
import torch
from sklearn.metrics import accuracy_score, average_precision_score, balanced_accuracy_score, f1_score, log_loss
from torch import Tensor, nn

from ablate.training import outcome
from ablate.training.data.parts import Subset
from ablate.training.evaluate import Scores, evaluate, evaluation_batch, is_correct
from ablate.training.numerics import Mode
from tests.training_builders import a_config

MODE = Mode(torch.device("cpu"), torch.float32, channels_last=False)


def a_part(count: int = 7) -> Subset:
    """Images of noise, two by two, in two classes."""
    generator = torch.Generator().manual_seed(0)
    stored = torch.randint(0, 256, (10, 2, 2, 1), generator=generator, dtype=torch.uint8)
    return Subset(stored, torch.arange(count) + 2, torch.arange(count) % 2, None, None, MODE)


class Halves(nn.Module):
    """Left and right half as logits; drops in training mode."""

    def __init__(self) -> None:
        super().__init__()
        self.dropout = nn.Dropout(0.9)
        self.sizes: list[int] = []

    def forward(self, images: Tensor) -> Tensor:
        self.sizes.append(len(images))
        halves: Tensor = self.dropout(images.mean(2).squeeze(1))
        return halves


def test_metrics_by_hand() -> None:
    """Three of four right, one class wholly, the other by half; loss is the mean of -log p(target)."""
    even = math.log(3)
    scores = Scores(torch.tensor([[even, 0.0], [even, 0.0], [0.0, even], [0.0, even]]), torch.tensor([0, 1, 1, 1]))

    metrics = scores.metrics()

    assert metrics["accuracy"] == 0.75
    assert metrics["balanced_accuracy"] == pytest.approx((1 + 2 / 3) / 2)
    assert metrics["loss"] == pytest.approx(-(3 * math.log(0.75) + math.log(0.25)) / 4)


@pytest.mark.parametrize("seed", range(3))
def test_metrics_are_scikit_learns(seed: int) -> None:
    """Accuracy, balanced accuracy and loss agree on unequal classes, one of which never occurs."""
    generator = torch.Generator().manual_seed(seed)
    logits = torch.randn(200, 6, generator=generator)
    targets = torch.tensor([0, 1, 3, 4, 5])[torch.randint(0, 9, (200,), generator=generator) // 2]
    metrics = Scores(logits, targets).metrics()

    guesses = logits.argmax(1).numpy()
    probabilities = logits.double().softmax(1).numpy()
    with np.errstate(all="raise"):
        assert metrics["accuracy"] == pytest.approx(accuracy_score(targets, guesses))
        assert metrics["loss"] == pytest.approx(log_loss(targets, probabilities, labels=range(6)), rel=1e-5)
    present = [int(k) for k in targets.unique()]
    recalls = [float((guesses[targets == k] == k).mean()) for k in present]
    assert metrics["balanced_accuracy"] == pytest.approx(sum(recalls) / len(recalls))


@pytest.mark.filterwarnings("ignore:y_pred contains classes not in y_true")
def test_balanced_accuracy_is_scikit_learns() -> None:
    """The mean recall over the classes that occur among the targets."""
    generator = torch.Generator().manual_seed(7)
    logits, targets = torch.randn(90, 4, generator=generator), torch.arange(90) % 9 // 3

    metrics = Scores(logits, targets).metrics()

    assert metrics["balanced_accuracy"] == pytest.approx(balanced_accuracy_score(targets, logits.argmax(1)))


@pytest.mark.parametrize("seed", range(3))
def test_macro_f1_is_scikit_learns(seed: int) -> None:
    """The mean over the classes that occur or were guessed; one of six does neither."""
    generator = torch.Generator().manual_seed(seed)
    logits, targets = torch.randn(50, 6, generator=generator), torch.arange(50) % 4
    logits[:, 5] = -9

    expected = f1_score(targets, logits.argmax(1), average="macro", zero_division=0)
    assert Scores(logits, targets).metrics()["macro_f1"] == pytest.approx(expected)


def several_labels(seed: int = 0) -> Scores:
    """Forty images with any of four labels, a fifth that never occurs; logits that lean the right way."""
    generator = torch.Generator().manual_seed(seed)
    targets = (torch.rand(40, 5, generator=generator) < torch.tensor([0.5, 0.3, 0.2, 0.1, 0.0])).float()
    return Scores(torch.randn(40, 5, generator=generator) + 2 * targets - 1, targets)


def test_metrics_of_several_labels_by_hand() -> None:
    """Right is an image with every label right: one of two; loss is the mean over images and labels."""
    even = math.log(3)
    scores = Scores(torch.tensor([[even, -even], [even, -even]]), torch.tensor([[1.0, 0.0], [1.0, 1.0]]))

    metrics = scores.metrics()

    assert scores.correct.tolist() == [True, False]
    assert metrics["accuracy"] == 0.5
    assert metrics["macro_f1"] == 0.5
    assert metrics["mean_average_precision"] == pytest.approx((1 + 0.5) / 2)
    assert metrics["loss"] == pytest.approx(-(3 * math.log(0.75) + math.log(0.25)) / 4)


@pytest.mark.parametrize("seed", range(3))
def test_metrics_of_several_labels_are_scikit_learns(seed: int) -> None:
    """Subset accuracy, macro F1, and mean average precision over the classes that occur."""
    scores = several_labels(seed)
    guesses, targets = (scores.logits > 0).numpy(), scores.targets.numpy()
    present = targets.any(axis=0)

    metrics = scores.metrics()

    assert metrics["accuracy"] == pytest.approx(accuracy_score(targets, guesses))
    assert metrics["macro_f1"] == pytest.approx(f1_score(targets, guesses, average="macro", zero_division=0))
    precision = average_precision_score(targets[:, present], scores.logits.numpy()[:, present])
    assert metrics["mean_average_precision"] == pytest.approx(precision)
    assert all(math.isfinite(value) for value in metrics.values())


def test_a_mixed_target_is_guessed_right_by_its_larger_share() -> None:
    """One label, given as shares."""
    logits, targets = torch.tensor([[2.0, 1.0], [2.0, 1.0]]), torch.tensor([[0.6, 0.4], [0.4, 0.6]])

    assert is_correct(logits, targets, several=False).tolist() == [True, False]
    assert is_correct(logits, torch.tensor([0, 1]), several=False).tolist() == [True, False]


def test_the_network_is_evaluated_in_eval_mode() -> None:
    """Dropout does not act, and the network is left in eval mode."""
    network, part = Halves().train(), a_part()

    scores = evaluate(network, part, MODE, batch_size=3)

    assert not network.training
    assert torch.equal(scores.logits, part.images_of(torch.arange(7)).mean(2).squeeze(1))


def test_scores_come_in_the_parts_order_whatever_the_batch_size() -> None:
    """Batches are consecutive, the last one may be smaller."""
    network, part = Halves(), a_part()
    by_three = evaluate(network, part, MODE, batch_size=3)
    at_once = evaluate(network, part, MODE, batch_size=100)

    assert network.sizes == [3, 3, 1, 7]
    assert torch.equal(by_three.logits, at_once.logits)
    assert torch.equal(by_three.targets, part.targets)


def test_no_gradient_is_kept() -> None:
    """Scores hold numbers only."""
    network = nn.Sequential(nn.Flatten(), nn.Linear(4, 2))

    assert not evaluate(network, a_part(), MODE, batch_size=4).logits.requires_grad


@pytest.mark.parametrize(("size", "batch", "expected"), [(8, 16, 512), (224, 32, 83), (224, 128, 128), (4096, 4, 4)])
def test_evaluation_batches_grow_as_images_shrink(size: int, batch: int, expected: int) -> None:
    """At most 512 images, about 80 at 224 pixels, never fewer than in training."""
    assert evaluation_batch(a_config(data={"image_size": size}, batch_size=batch)) == expected


def test_answers_of_many_images_lie_in_memory_once() -> None:
    """Of each batch only its row of the result is kept: to join batches at the end would hold all answers twice."""
    alive: list[int] = []

    class Watched(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.given: list[weakref.ref[Tensor]] = []

        def forward(self, images: Tensor) -> Tensor:
            alive.append(sum(one() is not None for one in self.given))
            found: Tensor = images.mean(2).squeeze(1).clone()
            self.given.append(weakref.ref(found))
            return found

    scores = evaluate(Watched(), a_part(), MODE, batch_size=1)

    assert len(scores.logits) == 7
    assert max(alive) <= 1


def test_probabilities_are_the_same_however_many_rows_are_taken_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each image's are computed by themselves."""
    logits = torch.randn((100, 30), generator=torch.Generator().manual_seed(0))
    scores = Scores(logits, torch.zeros(100, dtype=torch.int64))
    whole = outcome._half(a_config(), scores)
    monkeypatch.setattr(outcome, "ROWS", 7)

    assert np.array_equal(outcome._half(a_config(), scores), whole)
    assert np.array_equal(whole, logits.softmax(1).numpy().astype(np.float16))
