"""What a report says, as plain values in the unit they are shown in: percent and points for rates.

None stands for "not known" throughout. Nothing here is formatted, rounded or escaped.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from ablate.records import Stamp
from ablate.report.facts.effect import EffectRow
from ablate.report.facts.exploratory import DerivedRow, ImageFacts, OptimismRow, SelfTestRow, TuningRow, VisibleStep
from ablate.results.question import Metric
from ablate.splits.rules import TestRule
from ablate.stats.student import Basis
from ablate.stats.verdict import Needed, Verdict

SYNTHETIC = "synthetic"
"""How a note on the data begins where the images are made up."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """What was fixed before the first run, and how far the study has come.

    test is None for numbers that others made, of which nothing else is known. look counts from 1. share: the
    part of alpha spent at this look. images: distinct test images behind the comparisons, None without scores
    of single images. basis: the unit of chance, None before the first comparison; `counts` for single runs of
    which only the number of right answers is known. negligible, worthwhile: in shown units, None where nobody has
    stated them; unfit: sizes that were stated and cannot be meant. weights: those that were tested, None where
    the trainer does not say. parts_known: whether test and validation images are known to be those asked for.
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
    unfit: tuple[float, ...] = ()
    parts_known: bool = True

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
    train, val, test and unused for replicate 0. step_seconds: training time of one optimiser step.
    factors: the design's changes that are on. alias: what this design calls it, where another named it first.
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


@dataclass(frozen=True, slots=True, kw_only=True)
class RunRow:
    """One run that was planned up to this look. metrics: in shown units, empty unless it finished.

    spared: not made, and not needed, because every comparison of its variant was decided at an earlier look.
    traceback: of a failure, empty where there is none.
    """

    variant: str
    replicate: int
    status: Literal["finished", "failed", "missing", "spared"]
    reason: str
    message: str
    metrics: Mapping[str, float]
    epoch: int | None
    seconds: float | None
    folder: str
    traceback: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class History:
    """One finished run, epoch by epoch: metric name (`val/accuracy`) -> one value an epoch, or None."""

    variant: str
    replicate: int
    epochs: tuple[int, ...]
    metrics: Mapping[str, tuple[float | None, ...]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Provenance:
    """Runs that were made alike: same code, data, versions, device and numeric settings.

    runs: variant -> number of its runs. first, last: seconds since 1970, UTC.
    """

    runs: Mapping[str, int]
    stamp: Stamp
    numerics: Mapping[str, Any]
    first: float | None
    last: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class MixedStamps:
    """Something that should be the same for runs that are compared, and is not: value -> runs."""

    what: str
    values: Mapping[str, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class StaleRun:
    """A run that was made by other code or on other data than are here now."""

    variant: str
    replicate: int
    differences: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Noise:
    """Standard deviations over replicates: of one variant's results, and of paired differences; pooled."""

    runs: float | None
    differences: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenStep:
    """A comparison without an answer, and what an answer would take. visible: see EffectRow."""

    name: str
    verdict: Verdict
    needed: Needed | None
    visible: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Settling:
    """How to go on: the command, and its price from finished runs.

    kind: finish this look; run again what failed; go on to the next planned look; declare a further one;
    nothing but more test images helps (no command). replicates_before, replicates: runs of each variant
    without and with it. seconds: one run after another.
    """

    kind: Literal["finish", "retry", "planned", "declared", "images"]
    open: tuple[OpenStep, ...]
    replicates_before: int
    replicates: int
    runs: int
    seconds: float | None
    command: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Findings:
    """Everything a report says."""

    study: str
    """Its name."""
    question: str
    """What the study asks, in the words of its file."""
    design: str | None
    """The design; None where there is none."""
    metric: Metric
    """What was measured."""
    evidence: Evidence
    """What was fixed before the first run, and how far the study has come."""
    variants: tuple[VariantRow, ...]
    """The variants, in the order of the plan."""
    effects: tuple[EffectRow, ...]
    """The comparisons, in the order of the plan."""
    runs: tuple[RunRow, ...]
    """Every run planned up to this look."""
    histories: tuple[History, ...]
    """The finished runs, epoch by epoch."""
    provenance: tuple[Provenance, ...]
    """Runs that were made alike."""
    mixed: tuple[MixedStamps, ...]
    """What should be the same for runs that are compared, and is not."""
    stale: tuple[StaleRun, ...]
    """Runs made by other code or on other data than are here now."""
    noise: Noise
    """Standard deviations over replicates."""
    settling: Settling | None
    """How to go on; None where nothing is open."""
    reruns: Mapping[str, str]
    """Variant -> the command that trains it again."""
    published_note: str
    """What the source says of how it came by its figures; empty where nothing is known."""
    data_notes: tuple[str, ...]
    """What the trainer says of the data."""
    unreadable: tuple[str, ...]
    """Images that could not be read."""
    cautions: tuple[str, ...] = ()
    """Sentences on numbers that may not mean what they seem to: plans changed after looking, identical answers."""
    visible: tuple[VisibleStep, ...] = ()
    """What each planned look can show."""
    self_test: SelfTestRow | None = None
    """For the design that compares the baseline with itself."""
    remarks: tuple[str, ...] = ()
    """Sentences on the evidence as a whole."""
    optimism: tuple[OptimismRow, ...] = ()
    """What picking the epoch on test adds, where the source did so."""
    watched_reads: tuple[int, int, int] | None = None
    """Reads of test images for `optimism` alone: distinct images, reads, most reads of one; None without any."""
    total: EffectRow | None = None
    """The last variant of a chain against the baseline."""
    images: ImageFacts | None = None
    """What the test images tell one by one."""
    thumbnails: Mapping[str, bytes] = field(default_factory=dict)
    """Image id -> PNG."""
    derived: tuple[DerivedRow, ...] = ()
    """Rows made without training."""
    tuning: tuple[TuningRow, ...] = ()
    """What each variant was given by `tune:`."""
    explained: tuple[tuple[str, str], ...] = ()
    """Pages about single runs: the run's name, and the path from the report's folder."""

    @property
    def synthetic(self) -> tuple[str, ...]:
        """What says that the images are made up; a reader must see it first."""
        return tuple(note for note in self.data_notes if note.lower().startswith(SYNTHETIC))

    @property
    def plain_notes(self) -> tuple[str, ...]:
        """The notes on the data that are no such warning."""
        return tuple(note for note in self.data_notes if note not in self.synthetic)

    @property
    def failed(self) -> tuple[RunRow, ...]:
        """Runs that ended without a result."""
        return tuple(run for run in self.runs if run.status == "failed")

    @property
    def missing(self) -> tuple[RunRow, ...]:
        """Runs that this look waits for."""
        return tuple(run for run in self.runs if run.status == "missing")

    @property
    def spared(self) -> tuple[RunRow, ...]:
        """Runs that an earlier look made needless."""
        return tuple(run for run in self.runs if run.status == "spared")

    @property
    def families(self) -> Mapping[str, tuple[EffectRow, ...]]:
        """The contrasts by family, both in the order of the plan."""
        names = dict.fromkeys(effect.family for effect in self.effects)
        return {name: tuple(effect for effect in self.effects if effect.family == name) for name in names}

    def variant(self, name: str) -> VariantRow | None:
        """The row of that name; None for an average such as `with BN`."""
        return next((row for row in self.variants if row.name == name), None)
