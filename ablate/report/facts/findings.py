"""What a report says, as plain values in the unit they are shown in: percent and points for rates.

None stands for "not known" throughout. Nothing here is formatted, rounded or escaped.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple

from ablate.report.facts.effect import EffectRow
from ablate.report.facts.exploratory import Exploratory
from ablate.report.facts.groups import GroupFacts
from ablate.report.facts.next_steps import NextSteps
from ablate.report.facts.other_sets import SetFacts
from ablate.report.facts.provenance import ProvenanceFacts
from ablate.report.facts.robustness import Robustness
from ablate.report.facts.runs import RunFacts
from ablate.report.facts.what_if import WhatIf
from ablate.results.question import Metric
from ablate.scoring.unit import Unit
from ablate.splits.rules import TestRule
from ablate.stats.student import Basis
from ablate.study.ends import Closed

SYNTHETIC = "synthetic"
"""How a note on the data begins where the images are made up."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StudyFacts:
    """What was asked."""

    name: str
    """The study's name."""
    question: str
    """What it asks, in the words of its file."""
    design: str | None
    """The design; None where there is none."""
    metric: Metric
    """What was measured."""
    published_note: str
    """What the source says of how it came by its figures; empty where nothing is known."""
    data: str = ""
    """What the images are called: a data set, a folder, a table; empty where nothing is known."""
    small: str = ""
    """What a small version keeps of the question; empty for a study itself."""
    counts_epochs: bool = False
    """Whether the trainer's settings say how many epochs it trains, so that steps can be matched."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Noise:
    """Standard deviations over replicates: of one variant's results, and of paired differences; pooled."""

    runs: float | None
    differences: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """What was fixed before the first run, and how far the study has come.

    test is None for numbers that others made, of which nothing else is known. look counts from 1. share: the
    part of alpha spent at this look. images: distinct test images behind the comparisons, None without scores
    of single images. basis: the unit of chance, None before the first comparison; `counts` for single runs of
    which only the number of right answers is known. negligible, worthwhile: in shown units, None where nobody has
    stated them; unfit: sizes that were stated and cannot be meant. weights: those that were tested, None where
    the trainer does not say. parts_known: whether test and validation images are known to be those asked for.
    groups: of test images, where these and not single images are the unit of chance. rarest: of the classes that the
    metric rests on, the one with the fewest test images, and their number; None for a metric of all images alike.
    unit: what is scored where it is not the image, and how its images' answers become one; `images` then counts such
    units. closed: for time, before the last planned look; `looks` are then those there were.
    """

    test: TestRule | None
    val: float | int | None
    weights: Literal["last", "best"] | None
    looks: tuple[int, ...]
    look: int
    share: float
    alpha: float
    negligible: float | None
    worthwhile: float | None
    basis: Basis | Literal["counts"] | None
    images: int | None
    noise: Noise
    unfit: tuple[float, ...] = ()
    parts_known: bool = True
    parts_told: bool = True
    """Whether a command is told the fold or the split; other trainers always are."""
    groups: GroupFacts | None = None
    rarest: tuple[str, int] | None = None
    unit: Unit | None = None
    closed: Closed | None = None

    @property
    def replicates(self) -> int:
        """Runs of each variant planned up to this look."""
        return self.looks[self.look - 1]


@dataclass(frozen=True, slots=True, kw_only=True)
class Published:
    """A source's figure; images: its number of test images where the source gave a count."""

    value: float
    images: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class VariantRow:
    """One variant: its level with interval, and what a run of it takes.

    n: finished runs; spread: standard deviation over them. seconds: mean over them. counts: images in
    train, val, test and unused for replicate 0. step_seconds: training time of one optimizer step.
    factors: the design's changes that are on. alias: what this design calls it, where another named it first.
    run_seconds: replicate -> seconds of its run.
    """

    name: str
    reference: str | None
    changes: Mapping[str, Any]
    n: int
    mean: float | None
    lo: float | None
    hi: float | None
    spread: float | None
    parameters: int | None
    flops: int | None
    steps: float | None
    images_seen: float | None
    peak_bytes: int | None
    seconds: float | None
    counts: Mapping[str, int]
    published: Published | None
    step_seconds: float | None = None
    factors: tuple[str, ...] = ()
    alias: str = ""
    run_seconds: Mapping[int, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class DataFacts:
    """What is known of the images."""

    notes: tuple[str, ...] = ()
    """What the trainer says of the data."""
    unreadable: tuple[str, ...] = ()
    """Images that could not be read."""

    @property
    def synthetic(self) -> tuple[str, ...]:
        """What says that the images are made up; a reader must see it first."""
        return tuple(note for note in self.notes if note.lower().startswith(SYNTHETIC))

    @property
    def plain_notes(self) -> tuple[str, ...]:
        """The notes on the data that are no such warning."""
        return tuple(note for note in self.notes if note not in self.synthetic)


@dataclass(frozen=True, slots=True, kw_only=True)
class Notices:
    """Sentences that stand beside the numbers."""

    cautions: tuple[str, ...] = ()
    """On numbers that may not mean what they seem to: plans changed after looking, identical answers."""
    remarks: tuple[str, ...] = ()
    """On the evidence as a whole."""


class OtherSet(NamedTuple):
    """Another test set: what it is, and the same runs judged on it; None before any was scored there."""

    facts: SetFacts
    findings: Findings | None = None

    @property
    def is_judged(self) -> bool:
        """Whether a verdict on it is shown."""
        effects = () if self.findings is None else self.findings.effects
        return any(effect.decision.verdict != "not_assessable" for effect in effects)


@dataclass(frozen=True, slots=True, kw_only=True)
class Findings:
    """Everything a report says."""

    study: StudyFacts
    """What was asked."""
    evidence: Evidence
    """What was fixed before the first run, and how far the study has come."""
    variants: tuple[VariantRow, ...]
    """The variants, in the order of the plan."""
    effects: tuple[EffectRow, ...]
    """The comparisons, in the order of the plan."""
    total: EffectRow | None
    """The last variant of a chain against the baseline."""
    runs: RunFacts
    """The runs up to this look."""
    provenance: ProvenanceFacts
    """What made them."""
    data: DataFacts
    """What is known of the images."""
    next_steps: NextSteps
    """How to go on."""
    notices: Notices
    """Sentences that stand beside the numbers."""
    exploratory: Exploratory
    """What is shown beside the verdicts."""
    further: tuple[Findings, ...] = ()
    """The same runs by each further metric the study asks for, as families of their own."""
    other_sets: tuple[OtherSet, ...] = ()
    """The same runs on each other test set the study names, as families of their own."""
    what_if: WhatIf | None = None
    """What judges again by other thresholds; None before there is a verdict, and for results that others made."""
    robustness: Robustness | None = None
    """How far the words carry; None before there is one, and for results that others made."""

    @property
    def families(self) -> Mapping[str, tuple[EffectRow, ...]]:
        """The contrasts by family, both in the order of the plan."""
        names = dict.fromkeys(effect.compared.family for effect in self.effects)
        return {name: tuple(effect for effect in self.effects if effect.compared.family == name) for name in names}

    @property
    def claims(self) -> tuple[EffectRow, ...]:
        """The comparisons of which it is told whether they are no worse."""
        return tuple(effect for effect in self.effects if effect.no_worse is not None)

    @property
    def has_single_runs(self) -> bool:
        """Whether every comparison is of one run of each variant, so that nothing is known of how runs differ."""
        return all(effect.measured.n <= 1 for effect in self.effects)

    def variant(self, name: str) -> VariantRow | None:
        """The row of that name; None for an average such as `with BN`."""
        return next((row for row in self.variants if row.name == name), None)
