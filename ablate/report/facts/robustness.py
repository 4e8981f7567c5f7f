"""How far the words of a report carry: other thresholds, other claims on the same images; in shown units."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, NamedTuple


class Flip(NamedTuple):
    """A word that other thresholds would change. claim: `no_worse` where it is of that one."""

    name: str
    now: str
    then: str
    claim: Literal["verdict", "no_worse"] = "verdict"


class OtherThresholds(NamedTuple):
    """The thresholds times a factor, and what that would change with the same runs; None: nobody has stated one."""

    negligible: float | None
    worthwhile: float | None
    flips: tuple[Flip, ...]


class EarlierUse(NamedTuple):
    """Another study that showed verdicts on the same test images before, and how many families it judged there."""

    study: str
    families: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Robustness:
    """How far the words carry."""

    kinds: int
    """Kinds of claim that are made of each family, each with the error rate of its own."""
    families: int
    """Families that are judged."""
    thresholds: tuple[OtherThresholds, ...] = ()
    """Half the thresholds, then double."""
    earlier: tuple[EarlierUse, ...] = ()
    """What was judged before on the same test images, in this work folder."""

    @property
    def bound(self) -> int:
        """How many times the error rate a study of this make may err by, at most."""
        return self.kinds * self.families

    @property
    def number(self) -> int:
        """Which family on these test images the first of this study is, counted from 1."""
        return 1 + sum(use.families for use in self.earlier)
