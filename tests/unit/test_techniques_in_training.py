"""Techniques where they enter the training: what is reported, which weights are tested, what stays equal."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from torch import Tensor, nn

from ablate.errors import SettingError, TrainerError
from ablate.records import Outcome
from ablate.splits.rules import Share
from ablate.store.journal import read_history
from ablate.training import check_config, describe
from ablate.training.config import Config
from ablate.training.data.parts import load_parts
from ablate.training.loop import train_epochs, train_network
from ablate.training.numerics import set_up
from ablate.training.preparation import prepare_data
from ablate.training.start import untrained
from tests.layout_fixtures import write_shapes_table
from tests.training_builders import LOADED, PROTOCOL, TINY, a_config, a_live_run, a_spec

FC = {**TINY["model"], "head": {"name": "fc", "hidden": [16], "pool": 2}}
STEP = {"optimizer": {"name": "sgd", "lr": 1.0}, "batch_size": 50, "epochs": 1, "model": FC}
"""One step of plain SGD on all fifty images."""
STILL = {"name": "sgd", "lr": 1e-30}
ATTACK = {"eps": 0.2, "steps": 3, "step_size": 0.1}


def train(config: Config, work: Path, **protocol: Any) -> tuple[Outcome, list[Any]]:
    """The outcome of a run and the metrics of its epochs."""
    run = a_live_run(work, a_spec(config, protocol=replace(PROTOCOL, **protocol)))
    outcome = train_network(config, run)
    return outcome, [event.data["metrics"] for event in read_history(run.folder)]


def update_of(changes: Mapping[str, Any], work: Path) -> Tensor:
    """What training changed, over all weights."""
    config = a_config({**STEP, **changes})
    run, mode = a_live_run(work, a_spec(config)), set_up(config)
    trained = untrained(config, run, mode)
    before = torch.cat([weight.detach().flatten() for weight in trained.network.parameters()])
    train_epochs(config, run, load_parts(config, run, mode), mode, trained)
    return torch.cat([weight.detach().flatten() for weight in trained.network.parameters()]) - before


@pytest.mark.parametrize("size", [1, 16, 49, 50, 99])
@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"class_weights": "balanced"},
        {"mixing": {"name": "cutmix"}, "smoothing": {"alpha": 0.1}},
        {"clipping": {"norm": 0.01}, "penalties": {"l1": 1e-3}},
    ],
    ids=["plain", "weighted", "mixed", "clipped"],
)
def test_a_batch_in_pieces_moves_the_weights_as_the_whole_batch_does(
    size: int, changes: dict[str, Any], digits: Path
) -> None:
    """Up to rounding, whatever the pieces' size; the batch that counts is still fifty."""
    whole = update_of(changes, digits)

    torch.testing.assert_close(
        update_of({**changes, "numerics": {"micro_batch": size}}, digits), whole, rtol=1e-3, atol=1e-6
    )


def test_pieces_are_reported_as_one_batch(digits: Path) -> None:
    """Loss and accuracy over the images, steps by batches."""
    whole, (metrics,) = train(a_config(STEP), digits)
    pieces, (others,) = train(a_config({**STEP, "numerics": {"micro_batch": 7}}), digits)

    assert others["train/loss"] == pytest.approx(metrics["train/loss"], rel=1e-5)
    assert others["train/accuracy"] == metrics["train/accuracy"]
    assert whole.cost is not None
    assert pieces.cost is not None
    assert pieces.cost.steps == whole.cost.steps == 1


def test_a_penalty_is_reported_beside_the_loss(digits: Path) -> None:
    """train/loss stays the loss of the data, comparable with val/loss."""
    _, (plain,) = train(a_config(optimizer=STILL, epochs=1), digits)
    _, (metrics,) = train(a_config(optimizer=STILL, epochs=1, penalties={"l2": 0.5}), digits)

    assert metrics["train/loss"] == plain["train/loss"]
    assert metrics["train/penalty"] > 0
    assert "train/penalty" not in plain


def test_the_average_is_what_is_validated_tested_and_saved(digits: Path) -> None:
    """By hand: after one step a tenth of the first weights is kept; the training itself is as it was."""
    averaged, (metrics,) = train(a_config({**STEP, "averaging": {"decay": 0.9}}), digits)
    plain, (others,) = train(a_config(STEP), digits)
    first, _ = train(a_config({**STEP, "optimizer": STILL}), digits)

    start, end, mine = (load_file(one.files["weights"]) for one in (first, plain, averaged))
    for name, tensor in mine.items():
        torch.testing.assert_close(tensor, 0.1 * start[name] + 0.9 * end[name])
    assert metrics["train/loss"] == others["train/loss"]
    assert metrics["val/loss"] != others["val/loss"]
    assert averaged.metrics["loss"] != plain.metrics["loss"]


def test_an_average_without_decay_is_the_plain_training(digits: Path) -> None:
    """The degenerate average, bit for bit."""
    plain, epochs = train(a_config(LOADED), digits)
    averaged, others = train(a_config({**LOADED, "averaging": {"decay": 0.0}}), digits)

    assert others == epochs
    assert averaged.metrics == plain.metrics


def test_best_weights_are_the_averages_of_the_best_epoch(digits: Path) -> None:
    """The weights that were validated are those that are kept."""
    config = a_config(model=FC, epochs=3, averaging={"decay": 0.9})
    best, epochs = train(config, digits, weights="best", metric="loss")
    shorter, _ = train(config.model_copy(update={"epochs": best.epoch}), digits, metric="loss")

    assert best.epoch == 1 + min(range(3), key=lambda epoch: epochs[epoch]["val/loss"])
    assert best.metrics == shorter.metrics


@pytest.mark.parametrize("metric", ["train/loss", "val/loss"])
def test_a_plateau_is_acted_upon(metric: str, digits: Path) -> None:
    """With a learning rate too small to help, each epoch after the first divides it."""
    schedule = {"name": "plateau", "metric": metric, "factor": 0.1, "patience": 0}
    _, epochs = train(a_config(optimizer={"name": "sgd", "lr": 1e-9}, epochs=4, schedule=schedule), digits)

    assert [one["train/lr"] for one in epochs] == pytest.approx([1e-9, 1e-9, 1e-10, 1e-11])


def test_parts_move_at_their_own_pace(digits: Path) -> None:
    """A part with next to no learning rate stays; the rates are reported."""
    parts = {"features": {"lr": 1e-30}, "head.out": {"lr": 0.5}}
    config = a_config(optimizer={"name": "sgd", "lr": 0.1, "parts": parts}, model=FC, epochs=1)
    run, mode = a_live_run(digits, a_spec(config)), set_up(config)
    before = {name: one.clone() for name, one in untrained(config, run, mode).network.state_dict().items()}

    outcome, (metrics,) = train(config, digits)

    after = load_file(outcome.files["weights"])
    moved = {name.split(".")[0] for name in after if not torch.equal(after[name], before[name])}
    assert moved == {"head"}
    rates = (metrics["train/lr"], metrics["train/lr/features"], metrics["train/lr/head.out"])
    assert rates == (0.1, 1e-30, 0.5)


def test_a_part_that_is_not_there_is_refused_before_training(digits: Path) -> None:
    """With the names there are."""
    config = a_config(optimizer={"name": "sgd", "lr": 0.1, "parts": {"classifier": {"lr": 1.0}}})

    with pytest.raises(SettingError, match="'classifier'") as refusal:
        prepare_data(config, a_live_run(digits, a_spec(config)))
    with pytest.raises(SettingError, match="'classifier'"):
        describe(config)

    assert "features, head" in refusal.value.hint


class Viewing(nn.Module):
    """A network as many write it: `view` takes feature maps to lie in memory as they are indexed."""

    def __init__(self, channels: int, classes: int, size: int) -> None:
        super().__init__()
        self.first = nn.Conv2d(channels, 4, 3, padding=1)
        self.conv = nn.Conv2d(4, 4, 3, padding=1)
        self.out = nn.Linear(4 * size * size, classes)

    def forward(self, images: Tensor) -> Tensor:
        """Class scores."""
        maps = self.conv(self.first(images))
        return self.out(maps.view(len(images), -1))  # type: ignore[no-any-return]


def viewing(*, channels: int, classes: int, image_size: int) -> nn.Module:
    """A function such as `model.name` names."""
    return Viewing(channels, classes, image_size)


def test_a_network_that_cannot_have_the_layout_is_refused_with_both_ways_out(digits: Path) -> None:
    """In the look before the first run; with `channels_last: false` it trains."""
    changes = {"model": {"name": f"{__name__}:viewing"}}

    with pytest.raises(TrainerError, match="view size") as refusal:
        prepare_data(a_config(changes), a_live_run(digits, a_spec(a_config(changes))))
    config = a_config(changes, numerics={"channels_last": False})
    prepare_data(config, a_live_run(digits, a_spec(config)))

    assert all(way in refusal.value.hint for way in (".flatten(1)", "channels_last: false"))


def test_mixed_images_are_right_when_the_larger_share_is(digits: Path) -> None:
    """With a lambda that hardly mixes, train/accuracy is that of the plain training."""
    changes = {"optimizer": STILL, "epochs": 1, "model": FC}
    _, (plain,) = train(a_config(changes), digits)
    _, (mixed,) = train(a_config({**changes, "mixing": {"name": "mixup", "alpha": 1e-4}}), digits)

    assert mixed["val/loss"] == plain["val/loss"]
    assert abs(mixed["train/accuracy"] - plain["train/accuracy"]) < 0.2


def test_balanced_sampling_takes_as_many_steps(digits: Path) -> None:
    """An epoch is as long as without, and other images make other losses."""
    plain, (metrics,) = train(a_config(epochs=1), digits)
    balanced, (others,) = train(a_config(epochs=1, sampling="balanced"), digits)

    assert plain.cost is not None
    assert balanced.cost is not None
    assert (plain.cost.steps, plain.cost.images_seen) == (balanced.cost.steps, balanced.cost.images_seen)
    assert metrics["train/loss"] != others["train/loss"]


def test_robust_accuracy_is_that_of_attacked_test_images(digits: Path) -> None:
    """Lower than the accuracy; the clean scores, the weights and the curves are those without the attack."""
    changes = {"optimizer": {"name": "adam", "lr": 0.05}, "epochs": 6, "model": FC}
    plain, history = train(a_config(changes), digits)
    attacked, other_history = train(a_config({**changes, "robustness": ATTACK}), digits)

    robust = dict(attacked.metrics).pop("robust_accuracy")
    assert robust < plain.metrics["accuracy"]
    assert {name: value for name, value in attacked.metrics.items() if name != "robust_accuracy"} == plain.metrics
    assert [one["val/loss"] for one in history] == [one["val/loss"] for one in other_history]
    assert attacked.images is not None
    with np.load(attacked.images) as columns:
        assert columns["robust"].mean() == pytest.approx(robust)
        assert columns["score"].mean() == pytest.approx(plain.metrics["accuracy"])


def test_adversarial_training_sees_attacked_images(digits: Path) -> None:
    """Its loss, from the same first weights, is larger; an attack of almost no size leaves it as it is."""
    changes = {"optimizer": STILL, "epochs": 1, "model": FC}
    _, (plain,) = train(a_config(changes), digits)
    _, (hard,) = train(a_config({**changes, "adversarial": ATTACK}), digits)
    _, (easy,) = train(a_config({**changes, "adversarial": {**ATTACK, "eps": 1e-9}}), digits)

    assert hard["train/loss"] > plain["train/loss"] + 1e-3
    assert easy["train/loss"] == pytest.approx(plain["train/loss"], rel=1e-5)
    assert hard["val/loss"] == plain["val/loss"]


@pytest.mark.parametrize(
    ("changes", "protocol", "key"),
    [
        ({"schedule": {"name": "plateau", "metric": "val/loss"}}, {"val": None}, "schedule.metric"),
        ({"early_stopping": {"patience": 1}}, {"val": None}, "early_stopping"),
        ({}, {"metric": "robust_accuracy"}, "evidence.metric"),
        ({"robustness": ATTACK}, {"metric": "robust_accuracy", "weights": "best"}, "evidence.weights"),
        ({}, {"metric": "mean_average_precision"}, "evidence.metric"),
    ],
)
def test_what_would_not_be_measured_is_refused(changes: dict[str, Any], protocol: dict[str, Any], key: str) -> None:
    """Before anything is trained, with the setting's name and a remedy."""
    with pytest.raises(SettingError) as refusal:
        check_config(a_config(changes), replace(PROTOCOL, **protocol))

    assert refusal.value.key == key
    assert refusal.value.hint


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"warmup": {"epochs": 2}}, "warmup.epochs"),
        ({"warmup": {"epochs": 1, "start": {"lr": 0.5}}}, "warmup.start.lr"),
        ({"warmup": {"epochs": 1}, "schedule": {"name": "one_cycle"}}, "one_cycle"),
        ({"class_weights": [1.0, 2.0]}, "2 values for 10 classes"),
        ({"augment": {"cutout": {"side": 2, "fill": "mean"}}, "data": {"normalize": None}}, "augment.cutout.fill"),
        ({"augment": {"color": {"hue": 0.1}}}, "neither saturation nor hue"),
        ({"augment": {"color": {}}}, "changes nothing"),
        ({"augment": {"affine": {}}}, "changes nothing"),
        ({"augment": {"erasing": {"scale": [0.5, 0.1]}}}, "runs backwards"),
        ({"augment": {"resized_crop": {"scale": [0.5, 1.5]}}}, "exceeds the image"),
        ({"penalties": {}}, "adds nothing"),
        ({"augment": {"after_normalisation": True}}, "Extra inputs"),
    ],
)
def test_what_cannot_be_is_refused_when_the_study_is_read(changes: dict[str, Any], message: str) -> None:
    """Nothing configurable is silently ignored."""
    with pytest.raises(ValueError, match=message):
        a_config(changes)


SEVERAL = {
    "loss": {"name": "binary_cross_entropy"},
    "optimizer": {"name": "adam", "lr": 0.02},
    "batch_size": 8,
    "epochs": 12,
}


def a_config_of_shapes(table: Path, **changes: Any) -> Config:
    """Images with any of three labels."""
    data = {
        "source": {"name": "csv", "file": str(table)},
        "classes": 3,
        "multi_label": True,
        "image_size": 8,
        "normalize": None,
        "channels": 3,
        "train": 16,
    }
    return a_config({**SEVERAL, "model": FC, **changes}, data=data)


@pytest.mark.parametrize("changes", [{}, {"mixing": {"name": "mixup"}, "robustness": ATTACK}], ids=["plain", "mixed"])
def test_a_network_of_several_labels_is_trained_and_scored(changes: dict[str, Any], tmp_path: Path) -> None:
    """Binary cross-entropy falls; an image is right when all its labels are; scores are kept image by image."""
    config = a_config_of_shapes(write_shapes_table(tmp_path), **changes)

    outcome, epochs = train(config, tmp_path, test=Share(share=8), val=None)

    assert epochs[-1]["train/loss"] < epochs[0]["train/loss"]
    assert set(outcome.metrics) - {"robust_accuracy"} == {"accuracy", "macro_f1", "mean_average_precision", "loss"}
    assert outcome.images is not None
    with np.load(outcome.images) as columns:
        assert columns["target"].shape == columns["prob"].shape == (8, 3)
        assert columns["score"].mean() == pytest.approx(outcome.metrics["accuracy"])
        right = ((columns["prob"] > 0.5) == columns["target"]).all(1)
        assert np.array_equal(right, columns["score"] == 1)


@pytest.mark.parametrize(
    "changes",
    [
        {"loss": {"name": "cross_entropy"}},
        {"smoothing": {"alpha": 0.1}},
        {"class_weights": "balanced"},
        {"sampling": "balanced"},
    ],
    ids=str,
)
def test_what_needs_one_label_is_refused_with_several(changes: dict[str, Any], tmp_path: Path) -> None:
    """With what to do."""
    with pytest.raises(ValueError, match=r"for one label per image, and data\.multi_label is true; "):
        a_config_of_shapes(tmp_path / "shapes.csv", **changes)
