"""The training loop, to be read from top to bottom: every technique enters here by name."""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

import torch
from torch import Tensor, nn

from ablate.errors import Diverged
from ablate.metrics import measured_goal
from ablate.protocols import Run
from ablate.records import Outcome
from ablate.training.batching import batch_sizes, fewest_images
from ablate.training.checkpoint import (
    TrainingProgress,
    TrainingState,
    copy_of,
    fits,
    most_bytes,
    restore,
    restore_weights,
    save,
)
from ablate.training.config import Config, Plateau
from ablate.training.data.augment import augment_batch, is_random
from ablate.training.data.parts import Subset, Subsets, load_parts
from ablate.training.evaluate import evaluate, evaluation_batch, is_correct
from ablate.training.freezing import set_training
from ablate.training.frozen_features import with_stored_features
from ablate.training.measured import with_measured
from ablate.training.numerics import Mode, reset_peak, send, set_up, widest
from ablate.training.outcome import right_on_test, write_outcome
from ablate.training.seeding import StepRandom, dropout_seed, epoch_order, order_generator, seed_dropout
from ablate.training.start import untrained
from ablate.training.techniques.accumulation import micro_batches
from ablate.training.techniques.adversarial import Scale, attack_images, loss_to_raise
from ablate.training.techniques.averaging import update_average
from ablate.training.techniques.balancing import balanced_order, class_importance, importance_of
from ablate.training.techniques.losses import batch_loss
from ablate.training.techniques.mixing import mix_images
from ablate.training.techniques.optimizers import learning_rates, trained_weights
from ablate.training.techniques.penalties import add_penalty_gradients, penalty
from ablate.training.techniques.schedules import StepPosition, learning_rate
from ablate.training.techniques.stopping import has_stalled


def train_network(config: Config, run: Run) -> Outcome:
    """Train one network on the run's replicate and test it once, at the end."""
    mode = set_up(config)
    reset_peak(mode.device)
    parts = load_parts(config, run, mode)
    trained = untrained(config, run, mode, parts.images.classes)
    parts, trained = with_stored_features(config, run, parts, mode, trained)
    trained = replace(trained, least=fewest_images(config, [len(parts.fit)]))
    if (checkpoint := run.resume(lambda path: fits(path, trained))) is not None:
        restore(checkpoint, trained)
    if config.numerics.compile:
        trained.network.compile()  # in place: names of weights, checkpoints and exports stay what they are
    train_epochs(config, run, parts, mode, trained)
    if trained.progress.best_state is not None:
        restore_weights(trained.progress.best_state, trained)
    elif trained.average is not None:
        restore_weights(trained.average.state_dict(), trained)
    return write_outcome(config, run, parts, mode, trained)


def train_epochs(config: Config, run: Run, parts: Subsets, mode: Mode, trained: TrainingState) -> None:
    """Every epoch the run still has to do, each reported when it is over."""
    progress = trained.progress
    while progress.epoch < config.epochs:
        train_epoch(config, run, parts.fit, mode, trained)
        started = time.monotonic()
        metrics = _epoch_metrics(config, run, parts, mode, trained)
        _add_seconds(progress, since=started)
        finished = progress.epoch + 1
        run.epoch(finished, metrics)
        if run.protocol.watch_test and not run.protocol.sealed:
            progress.watched.append(right_on_test(config, run, parts, mode, trained))
        if run.protocol.weights == "best":
            _keep_best(_upward(run.protocol.metric, metrics), trained)
        progress.epoch, progress.step, progress.loss_sum, progress.correct_sum = finished, 0, 0.0, 0
        progress.history.append(metrics)
        if config.early_stopping is not None:
            watched = [_upward(config.early_stopping.metric, metrics) for metrics in progress.history]
            if has_stalled(watched, patience=config.early_stopping.patience):
                break


class Batch(NamedTuple):
    """What one step is taken on.

    images: (n, C, S, S), normalised. targets: (n,) class indices, or (n, K) where they are mixed or
    an image has several labels. importance: (n,) how much each image counts, or None for all the same.
    text: what the network takes beside the images, see `Subset.text_of`.
    """

    images: Tensor
    targets: Tensor
    importance: Tensor | None
    text: tuple[Tensor, ...] = ()


def train_epoch(config: Config, run: Run, part: Subset, mode: Mode, trained: TrainingState) -> None:
    """One pass over the training images, from the step the run has reached."""
    network, optimizer, progress = trained.network, trained.optimizer, trained.progress
    epoch = progress.epoch
    order = epoch_order(run.replicate, epoch, len(part))
    if config.sampling is not None:
        order = balanced_order(part.targets, order_generator(run.replicate, epoch))
    batches = send(order, part.rows.device).split(batch_sizes(len(order), config.batch_size, least=trained.least))
    class_weights = None
    if config.class_weights is not None:
        class_weights = mode.send(class_importance(part.targets, config.class_weights, classes=config.data.classes))
    watched: list[float] = []
    if isinstance(config.schedule, Plateau):
        watched = [metrics[config.schedule.metric] for metrics in progress.history]
    dropping = dropout_seed(run.replicate, epoch)
    weights = trained_weights(optimizer)
    # Read once, at the end or before a checkpoint: reading them at each step would make a GPU wait.
    losses: list[Tensor] = []
    hits: list[Tensor] = []
    set_training(network, trained.frozen)
    state_bytes = most_bytes(trained)
    started = time.monotonic()
    for step in range(progress.step, len(batches)):
        batch = make_batch(config, part, mode, trained, batches[step], StepRandom(run.replicate, epoch, step))
        if class_weights is not None:
            batch = batch._replace(importance=importance_of(batch.targets, class_weights))
        moment = StepPosition(epoch, step, len(batches), config.epochs)
        for group in optimizer.param_groups:
            group["lr"] = learning_rate(group["initial_lr"], config.warmup, config.schedule, moment, watched)
        seed_dropout(dropping, step, mode.device)
        loss, logits = take_step(config, mode, trained, weights, batch)

        losses.append(loss)
        hits.append(is_correct(logits, batch.targets, several=config.data.multi_label).sum())
        progress.steps_done += 1
        progress.images_seen += len(logits)
        progress.step = step + 1
        if run.tick(epoch + 1, step + 1, len(batches), state_bytes=state_bytes):
            _add_up(progress, batches, losses, hits)
            started = _add_seconds(progress, since=started)  # what resumes here has taken them, too
            run.checkpoint(lambda path: save(path, trained))
    _add_up(progress, batches, losses, hits)
    _add_seconds(progress, since=started)


def make_batch(
    config: Config, part: Subset, mode: Mode, trained: TrainingState, chosen: Tensor, draws: StepRandom
) -> Batch:
    """The chosen images, augmented as pixels in [0, 1], normalised, then mixed, then attacked."""
    targets = part.targets_of(chosen)
    if is_random(config.augment):
        pixels = augment_batch(part.pixels_of(chosen), config.augment, draws, mean=part.mean, frames=part.frames)
        images = part.normalised(pixels)
    else:
        images = part.images_of(chosen)
    if config.mixing is not None:
        rng, classes = draws.numpy("mixing"), config.data.classes
        images, targets = mix_images(images, targets, config.mixing, classes=classes, rng=rng, frames=part.frames)
    if config.adversarial is not None:
        loss_of = loss_to_raise(trained.network, targets, mode, several=config.data.multi_label)
        scale = Scale(part.mean, part.std)
        images = attack_images(images, loss_of, config.adversarial, scale=scale, generator=draws.own("adversarial"))
    return Batch(images, targets, None, part.text_of(chosen))


def take_step(
    config: Config, mode: Mode, trained: TrainingState, weights: Sequence[nn.Parameter], batch: Batch
) -> tuple[Tensor, Tensor]:
    """Move the weights once; the batch's mean loss, without penalties, and its logits."""
    optimizer, scaler = trained.optimizer, trained.scaler
    for weight in weights:
        weight.grad = None
    if config.numerics.micro_batch is None:
        loss, logits = add_gradients(config, mode, trained, batch)
    else:
        loss, logits = add_gradients_in_pieces(config, mode, trained, batch, size=config.numerics.micro_batch)
    if config.penalties is not None or config.clipping is not None:
        scaler.unscale_(optimizer)
    if config.penalties is not None:
        add_penalty_gradients(weights, config.penalties)
    if config.clipping is not None:
        nn.utils.clip_grad_norm_(weights, config.clipping.norm)
    scaler.step(optimizer)
    scaler.update()
    if config.averaging is not None and trained.average is not None:
        step = trained.progress.steps_done
        update_average(trained.average, trained.network, step=step, decay=config.averaging.decay)
    return loss, logits


def add_gradients(
    config: Config, mode: Mode, trained: TrainingState, batch: Batch, *, share: Tensor | float | None = None
) -> tuple[Tensor, Tensor]:
    """Add the gradient of `share` times the batch's mean loss to the weights'; that loss, and the logits."""
    with mode.autocast():
        logits = trained.network(batch.images, *batch.text)
        loss = batch_loss(logits, batch.targets, config.loss, smoothing=config.smoothing, importance=batch.importance)
    if share is not None:
        loss = loss * share
    trained.scaler.scale(loss).backward()
    return loss.detach(), logits.detach()


def add_gradients_in_pieces(
    config: Config, mode: Mode, trained: TrainingState, batch: Batch, *, size: int
) -> tuple[Tensor, Tensor]:
    """The same for `size` images at a time."""
    losses, outputs = [], []
    for rows, share in micro_batches(len(batch.images), size, batch.importance, least=trained.least):
        importance = None if batch.importance is None else batch.importance[rows]
        text = tuple(one[rows] for one in batch.text)
        piece = Batch(batch.images[rows], batch.targets[rows], importance, text)
        loss, logits = add_gradients(config, mode, trained, piece, share=share)
        losses.append(loss)
        outputs.append(logits)
    return torch.stack(losses).sum(), torch.cat(outputs)


def _add_seconds(progress: TrainingProgress, *, since: float) -> float:
    """Count the time since a moment; now, which is the next such moment."""
    now = time.monotonic()
    progress.seconds += now - since
    return now


def _add_up(progress: TrainingProgress, batches: Sequence[Tensor], losses: list[Tensor], hits: list[Tensor]) -> None:
    """Move what the last steps left on the device into the progress, in the order of the steps.

    Raises Diverged where a loss is no number.
    """
    if not losses:
        return
    taken = batches[progress.step - len(losses) : progress.step]
    # Both at once: each reading waits for the device. The widest type holds either without loss.
    wide = widest(losses[0].device)
    read = torch.stack([torch.stack(losses).to(wide), torch.stack(hits).to(wide)]).tolist()
    for batch, loss in zip(taken, read[0], strict=True):
        progress.loss_sum += loss * len(batch)
    progress.correct_sum += int(sum(read[1]))
    losses.clear()
    hits.clear()
    if not math.isfinite(progress.loss_sum):
        raise Diverged(
            f"the training loss is no longer finite (epoch {progress.epoch + 1}, at step {progress.step} or before)"
        )


def _epoch_metrics(config: Config, run: Run, parts: Subsets, mode: Mode, trained: TrainingState) -> dict[str, float]:
    progress = trained.progress
    metrics = {
        "train/loss": progress.loss_sum / len(parts.fit),
        "train/accuracy": progress.correct_sum / len(parts.fit),
        **{f"train/{name}": rate for name, rate in learning_rates(trained.optimizer).items()},
    }
    if config.penalties is not None:
        metrics["train/penalty"] = penalty(trained_weights(trained.optimizer), config.penalties)
    if len(parts.val):
        batch_size = evaluation_batch(config)
        scores = evaluate(trained.tested, parts.val, mode, batch_size=batch_size, alive=run.alive)
        found = with_measured(scores.metrics(), _chosen_by(run), scores, parts.images.classes, val=scores)
        metrics |= {f"val/{name}": value for name, value in found.items()}
    if not math.isfinite(metrics.get("val/loss", 0.0)):
        raise Diverged(f"the validation loss is no longer finite (epoch {progress.epoch + 1})")
    return metrics


def _keep_best(value: float, trained: TrainingState) -> None:
    """Keep the weights of the epoch that is best on validation; of equal ones the first."""
    progress = trained.progress
    if progress.best_value is None or value > progress.best_value:
        progress.best_value = value
        progress.best_epoch = progress.epoch + 1
        progress.best_state = copy_of(trained.tested)


def _chosen_by(run: Run) -> str:
    """The metric that the best epoch, or a search, is chosen by; empty where nothing is."""
    return run.protocol.metric if run.protocol.weights == "best" or run.protocol.sealed else ""


def _upward(metric: str, metrics: dict[str, float]) -> float:
    """A validation metric such that more is better; minus infinity where these images do not have it."""
    value = metrics.get(f"val/{metric}")
    if value is None:
        return -math.inf
    return -value if metric == "loss" or measured_goal(metric) == "min" else value
