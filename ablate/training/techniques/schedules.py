"""Learning-rate schedules as pure functions: the learning rate at any step.

None of them keeps a state: a plateau is read off the losses of the epochs before, so a run that
resumes has the learning rate it would have had.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

from ablate.training.config import (
    AbsoluteLr,
    Constant,
    Cosine,
    Cyclical,
    OneCycle,
    Plateau,
    Schedule,
    Step,
    Warmup,
)


class StepPosition(NamedTuple):
    """A step of a training; epoch and step count from 0, step within the epoch."""

    epoch: int
    step: int
    steps_per_epoch: int
    epochs: int

    @property
    def done(self) -> int:
        """Steps before this one."""
        return self.epoch * self.steps_per_epoch + self.step

    @property
    def total(self) -> int:
        """Steps of the whole training."""
        return self.epochs * self.steps_per_epoch

    def after(self, epochs: int) -> StepPosition:
        """The same step, counted from the end of the first epochs."""
        return self._replace(epoch=self.epoch - epochs, epochs=self.epochs - epochs)


def learning_rate(
    peak: float, warmup: Warmup | None, schedule: Schedule, moment: StepPosition, losses: Sequence[float] = ()
) -> float:
    """The learning rate at one step: first the warm-up, then the schedule, which counts from the warm-up's end.

    peak: the learning rate the optimizer was given.
    losses: the watched loss of each epoch so far, for a plateau.
    """
    if warmup is not None:
        if moment.epoch < warmup.epochs:
            return warmed_up(peak, warmup, moment)
        moment, losses = moment.after(warmup.epochs), losses[warmup.epochs :]
    return peak * lr_factor(schedule, moment, losses)


def warmed_up(peak: float, warmup: Warmup, moment: StepPosition) -> float:
    """In a straight line over the steps of the warm-up; its last step is one short of the peak (Goyal et al. 2017)."""
    steps = warmup.epochs * moment.steps_per_epoch
    if isinstance(warmup.start, AbsoluteLr):
        return warmup.start.lr + (peak - warmup.start.lr) * moment.done / steps
    return peak * (warmup.start + (1 - warmup.start) * moment.done / steps)


def lr_factor(schedule: Schedule, moment: StepPosition, losses: Sequence[float] = ()) -> float:
    """What the learning rate is multiplied by at one step."""
    match schedule:
        case Constant():
            return 1.0
        case Step(every=every, gamma=gamma):
            return float(gamma ** (moment.epoch // every))
        case Cosine():
            return cosine(schedule, moment)
        case Plateau():
            return plateau(schedule, losses)
        case Cyclical():
            return cyclical(schedule, moment)
        case OneCycle():
            return one_cycle(schedule, moment)


def cosine(schedule: Cosine, moment: StepPosition) -> float:
    """Half a cosine from 1 to `end`, without restarts (Loshchilov & Hutter 2017)."""
    return between(1.0, schedule.end, moment.done / max(1, moment.total))


def plateau(schedule: Plateau, losses: Sequence[float]) -> float:
    """`factor` to the power of how often more than `patience` epochs in a row brought no lower loss.

    The count begins anew after each time; torch's ReduceLROnPlateau with a relative threshold.
    """
    factor, lowest, waited = 1.0, math.inf, 0
    for loss in losses:
        if loss < lowest * (1 - schedule.threshold):
            lowest, waited = loss, 0
        else:
            waited += 1
        if waited > schedule.patience:
            factor, waited = factor * schedule.factor, 0
    return factor


def cyclical(schedule: Cyclical, moment: StepPosition) -> float:
    """A triangle wave between `low` and 1, which begins at `low` (Smith 2017)."""
    share = moment.done / (2 * schedule.rise * moment.steps_per_epoch)
    cycle = math.floor(share)
    height = 1 - abs(2 * (share - cycle) - 1)
    return schedule.low + (1 - schedule.low) * height / (2**cycle if schedule.halve else 1)


def one_cycle(schedule: OneCycle, moment: StepPosition) -> float:
    """From `start` up to 1, then down to `end`, which the last step reaches (Smith & Topin 2018; phases as torch's)."""
    top, last = schedule.rise * moment.total - 1, moment.total - 1
    curve = between if schedule.shape == "cosine" else straight
    if moment.done <= top:
        return curve(schedule.start, 1.0, moment.done / top if top > 0 else 1.0)
    return curve(1.0, schedule.end, (moment.done - top) / (last - top))


def between(first: float, last: float, share: float) -> float:
    """On half a cosine from `first` to `last`."""
    return last + (first - last) * (1 + math.cos(math.pi * share)) / 2


def straight(first: float, last: float, share: float) -> float:
    """On a straight line from `first` to `last`."""
    return first + (last - first) * share
