"""Learning-rate schedules as pure functions: a factor on the learning rate for any step."""

from __future__ import annotations

import math

from ablate.training.config import Constant, Cosine, Schedule, Step


def lr_factor(schedule: Schedule, *, epoch: int, step: int, steps_per_epoch: int, epochs: int) -> float:
    """What the learning rate is multiplied by at one step.

    epoch and step count from 0; step is the step within the epoch.
    """
    match schedule:
        case Constant():
            return 1.0
        case Step(every=every, gamma=gamma):
            return float(gamma ** (epoch // every))
        case Cosine():
            return _cosine(
                schedule, done=epoch * steps_per_epoch + step, steps_per_epoch=steps_per_epoch, epochs=epochs
            )


def _cosine(schedule: Cosine, *, done: int, steps_per_epoch: int, epochs: int) -> float:
    """Linear from `start` to 1 over the warm-up, then half a cosine from 1 to `end` (Loshchilov & Hutter 2017)."""
    warmup = schedule.warmup * steps_per_epoch
    if done < warmup:
        return schedule.start + (1 - schedule.start) * done / warmup
    share = (done - warmup) / max(1, epochs * steps_per_epoch - warmup)
    return schedule.end + (1 - schedule.end) * (1 + math.cos(math.pi * share)) / 2
