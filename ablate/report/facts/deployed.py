"""What a model card says of a network beyond what was measured of its file."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class CardFacts:
    """Of the study the network comes from; empty and None where it comes from none that is known.

    data: what its images are, in words. digest: of these. fit, val, test: images of the first replicate. calibrated:
    whether INT8 ranges were found on fit images. first_weights: where its weights began, unless at random. verdicts:
    sentences of the study's report about the variant.
    """

    data: str = ""
    digest: str = ""
    fit: int | None = None
    val: int | None = None
    test: int | None = None
    first_weights: str = ""
    verdicts: tuple[str, ...] = ()
