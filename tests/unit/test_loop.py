"""The training loop: what it reports, which weights it tests, when it ends."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from ablate.errors import Diverged
from ablate.execute.live import LiveRun
from ablate.records import Outcome
from ablate.store.journal import read_history
from ablate.training.config import Config
from ablate.training.data.parts import Subsets, load_parts
from ablate.training.evaluate import evaluate
from ablate.training.loop import train_epochs, train_network
from ablate.training.models import make_network
from ablate.training.numerics import set_up
from ablate.training.start import untrained
from ablate.training.techniques.stopping import has_stalled
from tests.training_builders import PROTOCOL, TINY, a_config, a_live_run, a_spec

FC = {"model": {**TINY["model"], "head": {"name": "fc", "hidden": [16], "pool": 2}}}
STILL = {"name": "sgd", "lr": 1e-30}
"""An optimizer that never moves a weight of usual size."""


def train(config: Config, work: Path, *, weights: str = "last", sealed: bool = False) -> tuple[Outcome, list[Any]]:
    """The outcome of a run and the metrics of its epochs."""
    protocol = replace(PROTOCOL, weights=weights, sealed=sealed)
    run = a_live_run(work, a_spec(config, protocol=protocol))
    outcome = train_network(config, run)
    return outcome, [event.data["metrics"] for event in read_history(run.folder)]


def logits_before_training(config: Config, work: Path) -> tuple[torch.Tensor, torch.Tensor, Subsets]:
    """Logits and targets of the fit part by the first weights."""
    run, mode = a_live_run(work, a_spec(config)), set_up(config)
    parts = load_parts(config, run, mode)
    scores = evaluate(untrained(config, run, mode).network, parts.fit, mode, batch_size=100)
    return scores.logits, scores.targets, parts


def update_of(changes: Mapping[str, Any], work: Path) -> torch.Tensor:
    """What one step changed, over all weights."""
    config = a_config({"optimizer": {"name": "sgd", "lr": 1.0}, "batch_size": 50, "epochs": 1, **changes})
    run, mode = a_live_run(work, a_spec(config)), set_up(config)
    trained = untrained(config, run, mode)
    before = torch.cat([weight.detach().flatten() for weight in trained.network.parameters()])
    train_epochs(config, run, load_parts(config, run, mode), mode, trained)
    return torch.cat([weight.detach().flatten() for weight in trained.network.parameters()]) - before


def test_training_metrics_are_means_over_the_images(digits: Path) -> None:
    """An incomplete last batch counts by its images: 50 in batches of 16."""
    config = a_config(optimizer=STILL, epochs=1)
    logits, targets, _ = logits_before_training(config, digits)

    _, (metrics,) = train(config, digits)

    assert metrics["train/loss"] == pytest.approx(float(torch.nn.functional.cross_entropy(logits, targets)), rel=1e-6)
    assert metrics["train/accuracy"] == float((logits.argmax(1) == targets).double().mean())


@pytest.mark.parametrize("alpha", [0.1, 0.9])
def test_label_smoothing_shares_alpha_among_all_classes(alpha: float, digits: Path) -> None:
    """The target of an image is 1 - alpha + alpha / K for its class, alpha / K for each other one."""
    config = a_config(optimizer=STILL, epochs=1, smoothing={"alpha": alpha})
    logits, targets, _ = logits_before_training(config, digits)
    smooth = torch.full_like(logits, alpha / 10)
    smooth[torch.arange(len(targets)), targets] += 1 - alpha
    by_hand = -(smooth * logits.log_softmax(1)).sum(1).mean()

    _, (metrics,) = train(config, digits)

    assert metrics["train/loss"] == pytest.approx(float(by_hand), rel=1e-6)


def test_smoothing_is_no_part_of_what_is_measured_on_validation(digits: Path) -> None:
    """val/loss is the plain cross-entropy, so that variants can be compared."""
    config = a_config(optimizer=STILL, epochs=1)
    _, (plain,) = train(config, digits)
    _, (smoothed,) = train(a_config(optimizer=STILL, epochs=1, smoothing={"alpha": 0.5}), digits)

    assert smoothed["val/loss"] == plain["val/loss"]
    assert smoothed["train/loss"] != plain["train/loss"]


def test_clipping_shortens_the_gradient_to_its_norm(digits: Path) -> None:
    """A longer gradient keeps its direction; a shorter one is left as it is."""
    free = update_of({}, digits)
    length = float(free.norm())

    clipped = update_of({"clipping": {"norm": length / 4}}, digits)

    torch.testing.assert_close(clipped, free / 4, rtol=1e-3, atol=1e-7)
    torch.testing.assert_close(update_of({"clipping": {"norm": length * 4}}, digits), free)


def test_the_schedule_is_reported_as_used(digits: Path) -> None:
    """train/lr is the learning rate of the epoch's last step."""
    _, epochs = train(a_config(epochs=3, schedule={"name": "step", "every": 1, "gamma": 0.5}), digits)

    assert [metrics["train/lr"] for metrics in epochs] == [1e-2, 5e-3, 2.5e-3]


@pytest.mark.parametrize("metric", ["accuracy", "loss"])
def test_the_best_weights_are_those_of_the_best_epoch_on_validation(metric: str, digits: Path) -> None:
    """They equal the last weights of a run that ends with that epoch."""
    protocol = replace(PROTOCOL, weights="best", metric=metric)
    config = a_config({**FC, "optimizer": {"name": "adam", "lr": 0.2}, "epochs": 9})
    run = a_live_run(digits, a_spec(config, protocol=protocol))
    outcome = train_network(config, run)
    values = [event.data["metrics"][f"val/{metric}"] for event in read_history(run.folder)]
    best = values.index((max if metric == "accuracy" else min)(values)) + 1

    shorter, _ = train(config.model_copy(update={"epochs": best}), digits)

    assert outcome.epoch == best < 9
    assert outcome.metrics == shorter.metrics
    mine, theirs = load_file(outcome.files["weights"]), load_file(shorter.files["weights"])
    assert all(torch.equal(mine[name], theirs[name]) for name in theirs)


def test_the_last_weights_are_tested_by_default(digits: Path) -> None:
    """Whatever validation says."""
    outcome, epochs = train(a_config(epochs=3), digits)

    assert outcome.epoch == len(epochs) == 3


@pytest.mark.parametrize("patience", [0, 1, 2])
def test_early_stopping_ends_the_run_when_validation_stalls(patience: int, digits: Path) -> None:
    """After more than `patience` epochs in a row without a better value, and not before."""
    config = a_config({**FC, "optimizer": {"name": "adam", "lr": 0.1}, "epochs": 12})
    _, whole = train(config, digits)
    values = [-metrics["val/loss"] for metrics in whole]
    stalled = (n for n in range(1, len(values) + 1) if has_stalled(values[:n], patience=patience))
    expected = next(stalled, len(values))

    stopping = config.model_copy(update={"early_stopping": a_stopping(patience)})
    outcome, epochs = train(stopping, digits)

    assert epochs == whole[:expected]
    assert outcome.epoch == expected


def a_stopping(patience: int) -> Any:
    return a_config(early_stopping={"patience": patience, "metric": "loss"}).early_stopping


def test_a_loss_that_is_no_number_ends_the_run(digits: Path) -> None:
    """At the end of the epoch at the latest, with the epoch named, and before it is reported."""
    config = a_config({**FC, "optimizer": {"name": "sgd", "lr": 1e9}, "epochs": 3})
    run = a_live_run(digits, a_spec(config))

    with pytest.raises(Diverged, match="epoch 1"):
        train_network(config, run)

    assert read_history(run.folder) == []


def test_the_cost_counts_what_was_done(digits: Path) -> None:
    """Four steps per epoch, fifty images per epoch."""
    cost = train(a_config(epochs=3), digits)[0].cost

    assert (cost.steps, cost.images_seen) == (12, 150)
    assert cost.parameters == sum(tensor.numel() for tensor in make_network(a_config()).parameters())
    assert cost.train_seconds is not None
    assert cost.train_seconds > 0


def test_the_outcome_has_a_row_for_each_test_image(digits: Path) -> None:
    """Its id, its class, whether it was right, and the probabilities, which agree with the metrics."""
    outcome, _ = train(a_config(), digits)

    assert outcome.images is not None
    with np.load(outcome.images, allow_pickle=False) as columns:
        assert len(set(columns["id"].tolist())) == 60
        assert columns["score"].mean() == pytest.approx(outcome.metrics["accuracy"])
        assert columns["prob"].shape == (60, 10)
        assert np.array_equal(columns["prob"].argmax(1) == columns["target"], columns["score"] == 1)


def test_a_sealed_run_never_looks_at_a_test_image(digits: Path) -> None:
    """A search is judged on validation, and leaves no scores of test images."""
    outcome, epochs = train(a_config(), digits, sealed=True)

    assert outcome.images is None
    assert outcome.metrics["accuracy"] == epochs[-1]["val/accuracy"]


def test_variants_of_a_replicate_see_the_same_images_in_the_same_order(digits: Path) -> None:
    """Equal first losses: only what a variant changes may tell it from another."""
    _, (plain,) = train(a_config(optimizer=STILL, epochs=1), digits)
    _, (other,) = train(a_config(optimizer={**STILL, "momentum": 0.5}, epochs=1), digits)

    assert plain["train/loss"] == other["train/loss"]


class Watched:
    """A run that notes its signs of life, and ends where it is asked to after a step."""

    def __init__(self, run: LiveRun, checkpoint_at: int = 0) -> None:
        self.run, self.told, self.ticks, self.checkpoint_at = run, list[tuple[int, int]](), 0, checkpoint_at

    def __getattr__(self, name: str) -> Any:
        return getattr(self.run, name)

    def alive(self, done: int, of: int) -> None:
        self.told.append((done, of))

    def tick(self, *at: int, **size: float) -> bool:
        self.ticks += 1
        return self.ticks == self.checkpoint_at


def test_every_test_of_a_network_gives_signs_of_life(digits: Path) -> None:
    """After each batch, to its end: on validation, on the test images, on those changed against it, and once more."""
    config = a_config({"epochs": 1, "robustness": {"eps": 0.03, "steps": 1, "step_size": 0.01}})
    run = Watched(a_live_run(digits, a_spec(config, protocol=PROTOCOL)))
    outcome = train_network(config, run)  # type: ignore[arg-type]
    ends = [of for done, of in run.told if done == of]

    assert outcome.images is not None
    with np.load(outcome.images) as columns:
        tested = len(columns["id"])
    assert ends == [20, tested, tested, 20]
    assert len([of for _, of in run.told if of == tested]) > 2
    assert all(0 < done <= of for done, of in run.told)


def test_a_checkpoint_in_the_middle_of_an_epoch_knows_the_seconds_so_far(digits: Path) -> None:
    """Else what is resumed from it is told to have been faster than it was."""
    config = a_config({"epochs": 1})
    run = Watched(a_live_run(digits, a_spec(config)), checkpoint_at=2)
    outcome = train_network(config, run)  # type: ignore[arg-type]
    (path,) = [path for path in run.folder.glob("checkpoint-*") if path.suffix != ".json"]
    state = torch.load(path, weights_only=True)

    assert state["progress"]["step"] == 2
    assert outcome.cost is not None
    assert outcome.cost.train_seconds is not None
    assert 0 < state["progress"]["seconds"] < outcome.cost.train_seconds


def test_a_network_is_compiled_in_place_where_that_is_asked_for(digits: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Before the first step; names of weights stay what they are. tests/gpu really compiles."""
    compiled: list[str] = []
    monkeypatch.setattr(torch.nn.Module, "compile", lambda network: compiled.append(type(network).__name__))
    train(a_config(), digits)
    before = list(compiled)
    outcome, _ = train(a_config(numerics={"compile": True}), digits)

    assert (before, len(compiled)) == ([], 1)
    assert outcome.metrics["accuracy"] > 0
