"""Which network, size, batch, epochs and replicates a first study has, for the images there are and the time there is.

All of it is arithmetic on what was counted and measured: plain values in, plain values out.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

Settings = Mapping[str, Any]

FOLDS = 5
LOOKS = ((10, 20), (5, 10), (3, 6))
"""Replicates at the planned looks: the more the better, where there is time."""
VARIANTS = 4
"""The base and three changes on top of each other."""

START_SECONDS = 12.0
"""What `ablate run` takes beside training: importing torch, opening the tracking store, writing the report."""
RUN_SECONDS = {"cpu": 0.7, "cuda": 4.0}
"""What a run takes beside its steps and its test."""
IMBALANCED = 2.0
"""The largest class has so many times the images of the smallest."""


class Candidate(NamedTuple):
    """A network on images of a size. weights: torchvision's name of those it begins from, empty for none."""

    size: int
    model: Settings
    weights: str = ""

    def base(self, data: Settings, *, batch: int, epochs: int, threads: int) -> dict[str, Any]:
        """The settings of the built-in trainer."""
        begun = {"weights": {"torchvision": self.weights, "fresh": "output"}} if self.weights else {}
        return {
            "data": {**data, "image_size": self.size},
            "model": dict(self.model),
            **begun,
            "optimizer": {"name": "adam", "lr": 3e-4 if self.weights else 1e-3},
            "warmup": {"epochs": 1},
            "schedule": {"name": "cosine"},
            "batch_size": batch,
            "epochs": epochs,
            "numerics": {"threads": threads},
        }

    def epochs(self, steps: int) -> tuple[int, int]:
        """The fewest that let it learn, and the most that are worth their time. steps: of an epoch."""
        if self.weights:
            return max(5, math.ceil(100 / steps)), max(20, math.ceil(500 / steps))
        return max(20, math.ceil(400 / steps)), max(60, math.ceil(2000 / steps))


class Pace(NamedTuple):
    """Seconds, as measured: a training step of the base and of all changes together, and the test of one image."""

    step: float
    changed_step: float
    image: float


class Amount(NamedTuple):
    """Images of one run, and how its runs are made. again: seconds to decode all images at another size."""

    fit: int
    test: int
    workers: int
    kind: str = "cpu"
    again: float = 0.0


class Proposal(NamedTuple):
    """What the study says. seconds: of `ablate run` up to the first look, None where nothing was measured."""

    candidate: Candidate
    batch: int
    epochs: int
    looks: tuple[int, int]
    seconds: float | None = None

    @property
    def runs(self) -> int:
        """Runs of the first look."""
        return VARIANTS * self.looks[0]


def ladder(sides: tuple[int, int], weights: Sequence[tuple[str, str]]) -> list[Candidate]:
    """What might be trained, the most promising first. weights: model and name of what torchvision has here."""
    side = min(sides) or 64
    begun = [
        Candidate(size, {"name": f"torchvision:{model}"}, name)
        for model, name in weights
        for size in (224, 128, 64)
        if size <= max(64, side)
    ]
    small = [(96, 32), (64, 32), (64, 16), (48, 16), (32, 16)]
    return begun + [Candidate(size, _vgg(size, width)) for size, width in small if size <= max(32, side)]


def _vgg(size: int, width: int) -> Settings:
    """Blocks of one convolution, down to a map of 4 or 6 pixels a side."""
    blocks = {32: 3, 48: 3, 64: 4, 96: 4}[size]
    return {"name": "vgg", "blocks": [1] * blocks, "width": width, "norm": {"name": "batch"}, "head": {"name": "gap"}}


def batch_for(images: int) -> int:
    """So many that an epoch has ten steps, between 8 and 32."""
    return max(8, min(32, 1 << int(math.log2(max(1, images / 10)))))


def folds_for(smallest: int) -> int:
    """Five, or as many as every class has images for."""
    return max(2, min(FOLDS, smallest))


def changes(size: int, counts: Mapping[str, int]) -> dict[str, dict[str, Any]]:
    """Three changes worth trying: two of the images, one of how they count."""
    is_uneven = bool(counts) and max(counts.values()) >= IMBALANCED * max(1, min(counts.values()))
    third: dict[str, dict[str, Any]] = (
        {"Balanced": {"sampling": "balanced"}} if is_uneven else {"Smoothing": {"smoothing": {"alpha": 0.1}}}
    )
    return {"Flip": {"augment.flip": {}}, "Crop": {"augment.crop": {"padding": max(1, size // 8)}}, **third}


def choose(paces: Sequence[tuple[Candidate, Pace]], amount: Amount, *, seconds: float) -> Proposal:
    """The first of the candidates that learns enough in the time there is, with as many epochs as fit.

    Ten replicates are only proposed where that costs the first candidate no epoch. Where nothing fits, the last
    candidate with its fewest epochs and replicates: its seconds say what that takes.
    """
    batch = batch_for(amount.fit)
    steps = math.ceil(amount.fit / batch)
    first, pace = paces[0]
    most = Proposal(first, batch, first.epochs(steps)[1], LOOKS[0])
    most = most._replace(seconds=_seconds(most, pace, amount, is_first=True))
    if (most.seconds or 0.0) <= seconds:
        return most
    for looks in LOOKS[1:]:
        for number, (candidate, pace) in enumerate(paces):
            fewest, enough = candidate.epochs(steps)
            proposed = Proposal(candidate, batch, fewest, looks)
            none = _seconds(proposed._replace(epochs=0), pace, amount, is_first=not number)
            each = (_seconds(proposed, pace, amount, is_first=not number) - none) / fewest
            epochs = min(enough, int((seconds - none) / each))
            if epochs >= fewest:
                return proposed._replace(epochs=epochs, seconds=none + each * epochs)
    last, pace = paces[-1]
    least = Proposal(last, batch, last.epochs(steps)[0], LOOKS[-1])
    return least._replace(seconds=_seconds(least, pace, amount, is_first=len(paces) == 1))


def unmeasured(candidate: Candidate, fit: int) -> Proposal:
    """What is written where nothing could be measured."""
    batch = batch_for(fit)
    return Proposal(candidate, batch, candidate.epochs(math.ceil(fit / batch))[0], LOOKS[1])


def _seconds(proposal: Proposal, pace: Pace, amount: Amount, *, is_first: bool) -> float:
    """Of `ablate run`. is_first: the images are decoded at this size already."""
    steps = proposal.epochs * math.ceil(amount.fit / proposal.batch)
    # Each change is in one variant more than the one after it: on average half of what they all take.
    training = steps * (pace.step + pace.changed_step) / 2
    each = RUN_SECONDS[amount.kind] + training + amount.test * pace.image
    side_by_side = min(amount.workers, proposal.runs)
    return START_SECONDS + (0.0 if is_first else amount.again) + proposal.runs / side_by_side * each
