"""The training loop, to be read from top to bottom: every technique enters here by name."""

from __future__ import annotations

import math
import time

import torch
from torch import nn

from ablate.errors import Diverged
from ablate.protocols import Run
from ablate.records import Outcome
from ablate.training.checkpoint import Progress, Trained, copy_of, restore, save
from ablate.training.config import Config
from ablate.training.data.parts import Parts, load_parts
from ablate.training.evaluate import evaluate, evaluation_batch
from ablate.training.models import make_network
from ablate.training.numerics import Mode, set_up
from ablate.training.outcome import write_outcome
from ablate.training.seeding import augment_generator, epoch_order, seed_dropout, seed_init
from ablate.training.techniques.optimizers import make_optimizer
from ablate.training.techniques.schedules import lr_factor


def train_network(config: Config, run: Run) -> Outcome:
    """Train one network on the run's replicate and test it once, at the end."""
    mode = set_up(config)
    parts = load_parts(config, run, mode)
    seed_init(run.replicate)
    network = mode.place(make_network(config))
    trained = Trained(network, make_optimizer(config.optimizer, network.parameters()), mode.scaler(), Progress())
    if (checkpoint := run.resume()) is not None:
        restore(checkpoint, trained)

    progress = trained.progress
    while progress.epoch < config.epochs:
        started = time.monotonic()
        train_epoch(config, run, parts, mode, trained)
        metrics = _epoch_metrics(config, parts, mode, trained)
        progress.seconds += time.monotonic() - started
        finished = progress.epoch + 1
        run.epoch(finished, metrics)
        if run.protocol.weights == "best":
            _keep_best(run.protocol.metric, metrics, trained)
        progress.epoch, progress.step, progress.loss_sum, progress.correct_sum = finished, 0, 0.0, 0
        if config.early_stopping is not None and _stops(config, metrics, progress):
            break

    if progress.best_state is not None:
        network.load_state_dict(progress.best_state)
    return write_outcome(config, run, parts, mode, trained)


def train_epoch(config: Config, run: Run, parts: Parts, mode: Mode, trained: Trained) -> None:
    """One pass over the training images, from the step the run has reached."""
    network, optimizer, scaler, progress = trained.network, trained.optimizer, trained.scaler, trained.progress
    epoch = progress.epoch
    smoothing = 0.0 if config.smoothing is None else config.smoothing.alpha
    batches = epoch_order(run.replicate, epoch, len(parts.fit)).split(config.batch_size)
    # Sums stay on the device: reading them at each step would make a GPU wait.
    loss_sum = torch.zeros((), device=mode.device, dtype=torch.float64)
    correct_sum = torch.zeros((), device=mode.device, dtype=torch.int64)
    network.train()
    for step in range(progress.step, len(batches)):
        images, targets = parts.fit.batch(
            batches[step], config=config, generator=augment_generator(run.replicate, epoch, step)
        )
        factor = lr_factor(config.schedule, epoch=epoch, step=step, steps_per_epoch=len(batches), epochs=config.epochs)
        for group in optimizer.param_groups:
            group["lr"] = config.optimizer.lr * factor
        seed_dropout(run.replicate, epoch, step)
        with mode.autocast():
            logits = network(images)
            loss = nn.functional.cross_entropy(logits, targets, label_smoothing=smoothing)
        optimizer.zero_grad(set_to_none=True)
        scaler.scale(loss).backward()
        if config.clipping is not None:
            scaler.unscale_(optimizer)
            nn.utils.clip_grad_norm_(network.parameters(), config.clipping.norm)
        scaler.step(optimizer)
        scaler.update()

        loss_sum += loss.detach() * len(targets)
        correct_sum += (logits.detach().argmax(1) == targets).sum()
        progress.steps_done += 1
        progress.images_seen += len(targets)
        progress.step = step + 1
        if run.tick(epoch + 1, step + 1, len(batches)):
            _flush(progress, loss_sum, correct_sum)
            run.checkpoint(lambda path: save(path, trained))
    _flush(progress, loss_sum, correct_sum)


def _flush(progress: Progress, loss_sum: torch.Tensor, correct_sum: torch.Tensor) -> None:
    """Move the device's sums into the progress. Raises Diverged when the loss is no number."""
    progress.loss_sum += float(loss_sum)
    progress.correct_sum += int(correct_sum)
    loss_sum.zero_()
    correct_sum.zero_()
    if not math.isfinite(progress.loss_sum):
        raise Diverged(f"the training loss is no longer finite (epoch {progress.epoch + 1}, step {progress.step})")


def _epoch_metrics(config: Config, parts: Parts, mode: Mode, trained: Trained) -> dict[str, float]:
    progress = trained.progress
    metrics = {
        "train/loss": progress.loss_sum / len(parts.fit),
        "train/accuracy": progress.correct_sum / len(parts.fit),
        "train/lr": float(trained.optimizer.param_groups[0]["lr"]),
    }
    if len(parts.val):
        batch_size = evaluation_batch(config.data.image_size, config.batch_size)
        scores = evaluate(trained.network, parts.val, mode, batch_size=batch_size).metrics()
        metrics |= {f"val/{name}": value for name, value in scores.items()}
    if not math.isfinite(metrics.get("val/loss", 0.0)):
        raise Diverged(f"the validation loss is no longer finite (epoch {progress.epoch + 1})")
    return metrics


def _keep_best(metric: str, metrics: dict[str, float], trained: Trained) -> None:
    """Keep the weights of the epoch that is best on validation; of equal ones the first."""
    progress = trained.progress
    value = _upward(metric, metrics)
    if progress.best_value is None or value > progress.best_value:
        progress.best_value = value
        progress.best_epoch = progress.epoch + 1
        progress.best_state = copy_of(trained.network)


def _stops(config: Config, metrics: dict[str, float], progress: Progress) -> bool:
    if config.early_stopping is None:
        return False
    value = _upward(config.early_stopping.metric, metrics)
    if progress.stop_value is None or value > progress.stop_value:
        progress.stop_value, progress.stop_waited = value, 0
        return False
    progress.stop_waited += 1
    return progress.stop_waited > config.early_stopping.patience


def _upward(metric: str, metrics: dict[str, float]) -> float:
    """A validation metric such that more is better."""
    value = metrics[f"val/{metric}"]
    return -value if metric == "loss" else value
