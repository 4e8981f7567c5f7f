"""Another test set as a report tells of it; rates in percent."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from ablate.report.facts.robustness import EarlierUse


class PrevalenceRow(NamedTuple):
    """A variant's level at the prevalence of the set, and at that of the study's own test images; the mean over n."""

    variant: str
    n: int
    here: float
    there: float


@dataclass(frozen=True, slots=True, kw_only=True)
class SetFacts:
    """What is known of a set. Without images it was not read yet, or is to be read anew."""

    name: str
    digest: str = ""
    """Of its images, their classes and groups."""
    content: str = ""
    """Of its images alone, whatever they are called."""
    counts: Mapping[str, int] = field(default_factory=dict)
    """The study's class -> images."""
    groups: int = 0
    """Groups of images; 0 where every image is on its own."""
    lacking: tuple[str, ...] = ()
    """Classes of the study that it has no image of."""
    left_out: int = 0
    """Images of classes that the study file says to leave out."""
    copies: bool = False
    """Its images are copies of the study's own, and each run is scored on those of its own test images."""
    alike: int = 0
    """The most images of it that have the name of a test image of a run; 0 for copies."""
    scored: int = 0
    wanted: int = 0
    """Finished runs that were asked, and those there are."""
    reason: str = ""
    """Why a run could not be asked."""
    notes: tuple[str, ...] = ()
    earlier: tuple[EarlierUse, ...] = ()
    """Who judged on just these images before."""
    is_other_now: bool = False
    """Verdicts on this set were shown first on other images than these."""
    times: int = 0
    """How many different contents of this set verdicts were shown on, with these."""
    is_checked: bool = True
    """Whether somebody looked that no run was trained on its images."""
    is_changed_in_file: bool = False
    """What the study file says of it has changed since it was read."""
    prevalence: tuple[PrevalenceRow, ...] = ()
    """The variants at both prevalences; empty where the metric does not depend on it."""
    reads: tuple[int, int, int] = (0, 0, 0)
    """Distinct images that were read, reads, the most reads of one."""
    shares: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    """Class -> its share here and in the study's own test images, where the two differ."""

    @property
    def images(self) -> int:
        """How many it has."""
        return sum(self.counts.values())

    @property
    def number(self) -> int:
        """Which family on these images the first of this study is, counted from 1."""
        return 1 + sum(use.families for use in self.earlier)
