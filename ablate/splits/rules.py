"""Which images a study tests on: the rules that `evidence.test` knows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Folds:
    """Replicate r tests on fold r mod `count` of repetition r // `count`."""

    count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Share:
    """One fixed test part: a share of all images (below 1) or a number of them."""

    share: float | int


@dataclass(frozen=True, slots=True, kw_only=True)
class Official:
    """The source's own labelled test part."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FirstFold:
    """Fold 0 of `count`, whatever the replicate: what a search has sealed, and its confirmation reads."""

    count: int


TestRule = Folds | Share | Official | FirstFold


def test_to_json(test: TestRule) -> Any:
    """The test rule as the study file writes it."""
    match test:
        case Folds(count=count):
            return {"folds": count}
        case Share(share=share):
            return {"share": share}
        case FirstFold(count=count):
            return {"first_fold_of": count}
        case _:
            return "official"


def test_from_json(data: Any) -> TestRule:
    """The test rule that `test_to_json` wrote: {folds: F}, {share: s} or "official"."""
    match data:
        case {"folds": count}:
            return Folds(count=count)
        case {"share": share}:
            return Share(share=share)
        case {"first_fold_of": count}:
            return FirstFold(count=count)
        case _:
            return Official()


# Their names would be collected by pytest.
test_to_json.__test__ = False  # type: ignore[attr-defined]
test_from_json.__test__ = False  # type: ignore[attr-defined]
