"""What is tested on which images, and which random stream a replicate has: the protocol of a run."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import Any, Literal


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


@dataclass(frozen=True, slots=True, kw_only=True)
class Replicate:
    """Which split and which luck: shared by all variants of a study."""

    index: int
    stream: str = "main"

    def seed(self, *purpose: str | int) -> int:
        """A 63-bit seed for one purpose: the only source of randomness a run may use."""
        text = json.dumps([self.index, self.stream, *purpose])
        return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big") >> 1

    def seed32(self, *purpose: str | int) -> int:
        """The same in 32 bits, for what takes no more: `np.random.seed`, `seed_everything`, `random_state`."""
        return self.seed(*purpose) >> 31


@dataclass(frozen=True, slots=True, kw_only=True)
class Protocol:
    """What a run is tested on and which weights are tested; the same for every variant.

    val: share (or number) of all images taken out of the training part, or None.
    weights: `last` epoch, or the epoch that was `best` on val by `metric`.
    sealed: the test part of replicate 0 is set aside and never read (search).
    watch_test: record right and wrong test images after each epoch; nothing is chosen by it, so it is no identity.
    must_split: the run fails unless its trainer took its parts from `run.split` and returned the ids it was judged
    on (search); no identity, since it changes no outcome.
    """

    test: TestRule
    val: float | int | None = None
    weights: Literal["last", "best"] = "last"
    metric: str = "accuracy"
    sealed: bool = False
    watch_test: bool = False
    must_split: bool = False

    def identity(self) -> dict[str, Any]:
        """What of the protocol changes the outcome of a run."""
        content: dict[str, Any] = {"test": test_to_json(self.test), "val": self.val, "weights": self.weights}
        if self.weights == "best":
            content["metric"] = self.metric
        if self.sealed:
            content["sealed"] = True
        return content
