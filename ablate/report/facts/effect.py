"""A comparison of a report, as plain values in the unit they are shown in; None stands for "not known"."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, NamedTuple

from ablate.stats.no_worse import NoWorse
from ablate.stats.verdict import Needed, NextLook, Supplement, Verdict


@dataclass(frozen=True, slots=True, kw_only=True)
class Compared:
    """What is compared with what, and in which family."""

    name: str
    """What is asked about, as the design or the study file calls it."""
    variant: str
    """The variant, or the average of several, that is compared."""
    reference: str
    """What it is compared with."""
    family: str
    """The questions it is judged together with."""
    family_size: int
    """Comparisons that are judged together."""
    is_pair: bool
    """Whether variant and reference are two variants of the plan, not averages."""
    factors: tuple[str, ...] = ()
    """The changes it is about."""
    key: str = ""
    """By what a page knows it among the comparisons by the study's own metric; empty where it need not."""

    @property
    def called(self) -> str:
        """Its name in tables and figures: that of its variant, by which `--only` and `predict` know it."""
        return self.variant if self.is_pair and self.variant == f"only {self.name}" else self.name


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """The estimate with its intervals, and what it rests on."""

    difference: float | None = None
    """Variant minus reference, in shown units; None without an estimate."""
    lo: float | None = None
    """Lower end of the interval for this comparison alone."""
    hi: float | None = None
    """Upper end of it."""
    lo_all: float | None = None
    """Lower end of the interval that holds for the whole family at once."""
    hi_all: float | None = None
    """Upper end of it."""
    n: int
    """Matched replicates."""
    n_planned: int | None = None
    """Replicates planned up to its look; fewer matched ones (n) mean runs that failed or are missing."""
    images: int | None = None
    """Distinct test images behind it; None without scores of single images."""
    by_replicate: tuple[float, ...] = ()
    """Differences of the matched replicates."""
    wins: float | None = None
    """Share of the matched replicates in which the variant did better."""
    relative: float | None = None
    """Of the reference's errors, the share that the change removes; None for metrics that are no rate."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """The verdict, and what it was decided by."""

    verdict: Verdict
    """The word."""
    verdict_text: str
    """The word with its numbers, in English."""
    supplement: Supplement = ""
    """What the interval says of the size beyond the word; empty where it says nothing more."""
    reason: str = ""
    """Why it is not assessable; empty where it is."""
    p: float | None = None
    """The p-value of this comparison alone, at its look."""
    p_adjusted: float | None = None
    """Holm's adjustment, over family_size comparisons, of the smallest p / share over the looks so far."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Course:
    """How far it has come over the planned looks, and what going on would take."""

    look: int
    """The look that decided it, whose numbers these are, or else the present one; counted from 1."""
    share: float = 1.0
    """The part of alpha that its look spends."""
    early: bool = False
    """Whether it was decided before the last planned look, so that the difference is exaggerated a little."""
    stopped: bool = False
    """Whether it is not pursued, because `chance` is too small."""
    chance: float | None = None
    """The predicted chance that the looks still planned show a difference; None where it was not asked."""
    next_look: NextLook | None = None
    """What pursuing it takes; None where no look is planned or nothing is open."""
    visible: float | None = None
    """The smallest difference this evidence shows with 80 % power."""
    needed: Needed | None = None
    """What an answer would take."""
    images_dominate: bool = False
    """Whether most of the variance is the test images' own, which further replicates cannot shrink."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ExtraCost:
    """What the change costs: variant minus reference."""

    parameters: float | None = None
    """Parameters of the network."""
    steps: float | None = None
    """Optimizer steps of a run."""
    seconds: float | None = None
    """Seconds of a run."""
    flops: float | None = None
    """FLOPs, as the trainer counts them."""
    images_seen: float | None = None
    """Images seen in training."""
    step_seconds: float | None = None
    """Seconds per optimizer step."""


class Between(NamedTuple):
    """A number over every agreement of two networks on the same images: its ends, and for independent answers."""

    least: float
    independent: float
    most: float


@dataclass(frozen=True, slots=True, kw_only=True)
class SameImages:
    """What two counts say, were both networks tested on the same images; of these networks, not of the methods."""

    p: Between
    """For "no difference", of this comparison alone."""
    no_gain: Between
    """The posterior probability, for a flat prior on the difference, that the variant is no better."""


CostName = Literal["parameters", "flops", "seconds"]
"""What may get cheaper: the network's size, its work an image, a run's time."""


class CostChange(NamedTuple):
    """A cost that changes by more than its noise."""

    cost: CostName
    """Which one."""
    share: float
    """Of the reference's; below 0 where it gets cheaper."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NoWorseClaim:
    """Whether a loss that nobody would accept is ruled out; the claim stands beside the verdict."""

    word: NoWorse
    """The word."""
    asked: bool
    """Whether the study file or the command asked; else something gets cheaper."""
    tolerable: float | None
    """The loss in question, in shown units; None where nobody has stated any."""
    p: float | None
    """Of the claim that the loss is smaller, adjusted over the family; None where it is not assessable."""
    p_inferior: float | None
    """Of the claim that it is at least as large."""
    costs: tuple[CostChange, ...] = ()
    """What gets cheaper or dearer."""
    reason: str = ""
    """Why it is not assessable; empty where it is."""


class Repeat(NamedTuple):
    """Would it come out again, on new images and with new runs? Chances, from sceptical to hopeful."""

    same: tuple[float, float]
    """Of the same word."""
    opposite: tuple[float, float] | None
    """Of the word that contradicts it; None where none does."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EffectRow:
    """One contrast answered."""

    compared: Compared
    """What is compared with what."""
    measured: Measured
    """The estimate with its intervals."""
    decision: Decision
    """The verdict."""
    course: Course
    """How far it has come over the planned looks."""
    extra: ExtraCost
    """What the change costs."""
    same_images: SameImages | None = None
    """For single runs of which only the number of right answers is known; else None."""
    no_worse: NoWorseClaim | None = None
    """Whether it is no worse; None where nothing gets cheaper and nobody asked."""
    repeat: Repeat | None = None
    """Whether its word would come out again; None where there is no word."""
