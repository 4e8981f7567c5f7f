"""What is shown beside the verdicts and decides none of them, as plain values; None stands for "not known"."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from ablate.report.facts.answers import AnswerFacts
from ablate.report.facts.curves import AnswerCurves
from ablate.report.facts.learning import LearningCurve


@dataclass(frozen=True, slots=True, kw_only=True)
class ClassRow:
    """One variant on the test images of one class: the mean over its replicates. n: distinct images."""

    variant: str
    label: str
    n: int
    mean: float | None
    lo: float | None
    hi: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Confusion:
    """What one variant took the images of each class for: shares of the true class's evaluations.

    counts: [true class][predicted class], summed over `runs` runs.
    """

    variant: str
    counts: tuple[tuple[int, ...], ...]
    runs: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Disagreement:
    """A test image that some variants get right and others do not. label: its class.

    right: variant -> share of its runs on this image that are right, 0 to 1.
    """

    id: str
    label: str
    right: Mapping[str, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageFacts:
    """What the stored answers to single test images say. labels: the classes' names.

    reads: how often an image was read for the verdicts: distinct images, reads, the most reads of one.
    """

    labels: tuple[str, ...]
    classes: tuple[ClassRow, ...]
    confusions: tuple[Confusion, ...]
    disagreements: tuple[Disagreement, ...]
    reads: tuple[int, int, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class TuningRow:
    """What a variant of a study was given before its replicates: its own search, as large as everybody's.

    untuned: its value on validation with the setting it has in the file; both in shown units.
    """

    variant: str
    trials: int
    finished: int
    untuned: float | None
    value: float
    point: Mapping[str, Any]
    search: str
    is_checked: bool = True
    """Whether it is known that its trials left the test images alone."""


class VisibleStep(NamedTuple):
    """The smallest true difference a planned look shows with 80 % power, by the noise seen so far."""

    replicates: int
    difference: float | None


class OptimismRow(NamedTuple):
    """Picking the best epoch on test, as the source did, on our own runs; in shown units.

    See `ablate.stats.optimism.Optimism`. lo, hi: of the optimism, None for a single replicate. Verdicts never
    use any of it.
    """

    variant: str
    as_source: float
    honest: float
    optimism: float
    lo: float | None
    hi: float | None
    n_replicates: int
    n_epochs: int


class SelfTestRow(NamedTuple):
    """The baseline against itself, in shown units; see `ablate.stats.selftest.SelfTest`."""

    kappa: float
    spread: float
    correlation: float | None
    false_verdicts: int
    judged: int


@dataclass(frozen=True, slots=True, kw_only=True)
class DerivedRow:
    """One row made without training, in percent and points.

    n: groups of networks that answered; networks: in each. reason: why there is no number, else empty.
    """

    name: str
    sources: tuple[str, ...]
    words: str
    networks: int
    n: int = 0
    mean: float | None = None
    lo: float | None = None
    hi: float | None = None
    difference: float | None = None
    difference_lo: float | None = None
    difference_hi: float | None = None
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Exploratory:
    """What is shown beside the verdicts."""

    images: ImageFacts | None = None
    """What the test images tell one by one."""
    answers: AnswerFacts | None = None
    """What they know of single images and of parts of them."""
    thumbnails: Mapping[str, bytes] = field(default_factory=dict)
    """Image id -> PNG."""
    texts: Mapping[str, str] = field(default_factory=dict)
    """Image id -> the text that comes with it, of those shown."""
    optimism: tuple[OptimismRow, ...] = ()
    """What picking the epoch on test adds, where the source did so."""
    watched_reads: tuple[int, int, int] | None = None
    """Reads of test images for `optimism` alone: distinct images, reads, most reads of one; None without any."""
    self_test: SelfTestRow | None = None
    """For the design that compares the baseline with itself."""
    derived: tuple[DerivedRow, ...] = ()
    """Rows made without training."""
    tuning: tuple[TuningRow, ...] = ()
    """What each variant was given by `tune:`."""
    curves: AnswerCurves | None = None
    """What the stored probabilities say."""
    learning: LearningCurve | None = None
    """For the design that trains the baseline on shares of its images."""
