"""Groups of test images that share their luck, as a report tells of them; rates in percent."""

from __future__ import annotations

from typing import Literal, NamedTuple


class AlikeRow(NamedTuple):
    """A comparison with every group of the same weight, beside the one that is judged, with every image of the same."""

    name: str
    difference: float
    lo: float
    hi: float


class GroupFacts(NamedTuple):
    """What was drawn at random where it was not the image.

    kind: `copies` where only equal images are joined. n: groups, an image on its own counts as one; effective: of
    equal size that would tell as much. largest: share of the weight. design_effect: the image part of the variance
    over what independent images would give, the median over the comparisons. alike: a check, never judged.
    """

    kind: Literal["groups", "copies"]
    n: int
    effective: float
    largest: float
    design_effect: float
    alike: tuple[AlikeRow, ...] = ()
