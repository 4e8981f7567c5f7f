"""The training loop, to be read from top to bottom: every technique enters here by name."""

from __future__ import annotations

import math
import time
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from ablate.errors import Diverged
from ablate.protocols import Run
from ablate.records import Outcome
from ablate.training.checkpoint import Progress, Trained, copy_of, restore, save
from ablate.training.config import Config
from ablate.training.data.augment import augmented, is_random
from ablate.training.data.parts import Part, Parts, load_parts
from ablate.training.evaluate import evaluate, evaluation_batch
from ablate.training.models import make_network
from ablate.training.numerics import Mode, set_up
from ablate.training.outcome import write_outcome
from ablate.training.seeding import augment_generator, dropout_seed, epoch_order, seed_dropout, seed_init
from ablate.training.techniques.optimizers import make_optimizer
from ablate.training.techniques.schedules import Moment, learning_rate
from ablate.training.techniques.stopping import has_stalled


def train_network(config: Config, run: Run) -> Outcome:
    """Train one network on the run's replicate and test it once, at the end."""
    mode = set_up(config)
    parts = load_parts(config, run, mode)
    trained = untrained(config, run, mode)
    if (checkpoint := run.resume()) is not None:
        restore(checkpoint, trained)
    train_epochs(config, run, parts, mode, trained)
    if trained.progress.best_state is not None:
        trained.network.load_state_dict(trained.progress.best_state)
    return write_outcome(config, run, parts, mode, trained)


def untrained(config: Config, run: Run, mode: Mode) -> Trained:
    """The network with the replicate's first weights, its optimizer and a count of zero."""
    seed_init(run.replicate)
    network = mode.place(make_network(config))
    return Trained(network, make_optimizer(config.optimizer, network.parameters()), mode.scaler(), Progress())


def train_epochs(config: Config, run: Run, parts: Parts, mode: Mode, trained: Trained) -> None:
    """Every epoch the run still has to do, each reported when it is over."""
    progress = trained.progress
    while progress.epoch < config.epochs:
        started = time.monotonic()
        train_epoch(config, run, parts.fit, mode, trained)
        metrics = _epoch_metrics(config, parts, mode, trained)
        progress.seconds += time.monotonic() - started
        finished = progress.epoch + 1
        run.epoch(finished, metrics)
        if run.protocol.weights == "best":
            _keep_best(_upward(run.protocol.metric, metrics), trained)
        progress.epoch, progress.step, progress.loss_sum, progress.correct_sum = finished, 0, 0.0, 0
        if config.early_stopping is not None:
            progress.watched.append(_upward(config.early_stopping.metric, metrics))
            if has_stalled(progress.watched, patience=config.early_stopping.patience):
                break


def train_epoch(config: Config, run: Run, part: Part, mode: Mode, trained: Trained) -> None:
    """One pass over the training images, from the step the run has reached."""
    network, optimizer, scaler, progress = trained.network, trained.optimizer, trained.scaler, trained.progress
    epoch = progress.epoch
    smoothing = 0.0 if config.smoothing is None else config.smoothing.alpha
    batches = epoch_order(run.replicate, epoch, len(part)).to(mode.device).split(config.batch_size)
    dropping = dropout_seed(run.replicate, epoch)
    # Read once, at the end or before a checkpoint: reading them at each step would make a GPU wait.
    losses: list[Tensor] = []
    hits: list[Tensor] = []
    network.train()
    for step in range(progress.step, len(batches)):
        chosen = batches[step]
        if is_random(config.augment):
            pixels = augmented(part.pixels_of(chosen), config.augment, augment_generator(run.replicate, epoch, step))
            images = part.normalised(pixels)
        else:
            images = part.images_of(chosen)
        targets = part.targets_of(chosen)
        moment = Moment(epoch, step, len(batches), config.epochs)
        for group in optimizer.param_groups:
            group["lr"] = learning_rate(config.optimizer.lr, config.warmup, config.schedule, moment)
        seed_dropout(dropping, step, mode.device)
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

        losses.append(loss.detach())
        hits.append((logits.argmax(1) == targets).sum())
        progress.steps_done += 1
        progress.images_seen += len(targets)
        progress.step = step + 1
        if run.tick(epoch + 1, step + 1, len(batches)):
            _add_up(progress, batches, losses, hits)
            run.checkpoint(lambda path: save(path, trained))
    _add_up(progress, batches, losses, hits)


def _add_up(progress: Progress, batches: Sequence[Tensor], losses: list[Tensor], hits: list[Tensor]) -> None:
    """Move what the last steps left on the device into the progress, in the order of the steps.

    Raises Diverged where a loss is no number.
    """
    if not losses:
        return
    taken = batches[progress.step - len(losses) : progress.step]
    for batch, loss in zip(taken, torch.stack(losses).tolist(), strict=True):
        progress.loss_sum += loss * len(batch)
    progress.correct_sum += int(torch.stack(hits).sum())
    losses.clear()
    hits.clear()
    if not math.isfinite(progress.loss_sum):
        raise Diverged(
            f"the training loss is no longer finite (epoch {progress.epoch + 1}, at step {progress.step} or before)"
        )


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


def _keep_best(value: float, trained: Trained) -> None:
    """Keep the weights of the epoch that is best on validation; of equal ones the first."""
    progress = trained.progress
    if progress.best_value is None or value > progress.best_value:
        progress.best_value = value
        progress.best_epoch = progress.epoch + 1
        progress.best_state = copy_of(trained.network)


def _upward(metric: str, metrics: dict[str, float]) -> float:
    """A validation metric such that more is better."""
    value = metrics[f"val/{metric}"]
    return -value if metric == "loss" else value
