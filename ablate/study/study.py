"""A study as it was read: what is varied, what is compared, and on what evidence."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from pydantic import ValidationError

from ablate.errors import SettingError, StudyError
from ablate.metrics import Goal, is_own, measured_goal
from ablate.settings import Settings
from ablate.splits.rules import Folds, Official, Protocol, Share
from ablate.study.deploy_schema import DeployBlock
from ablate.study.derived_schema import DeriveBlock
from ablate.study.factors import Factor, Overrides, Place
from ablate.study.flow_style import flow
from ablate.study.overrides import OverrideError, apply_overrides
from ablate.study.reader import Document
from ablate.study.schema import (
    EvidenceBlock,
    SmallBlock,
    StandInBlock,
    TestBlock,
)
from ablate.study.search_schema import SearchBlock, TuneBlock
from ablate.study.shown import study_html
from ablate.study.validation import dotted, validate
from ablate.trainer import Trainer

if TYPE_CHECKING:
    from ablate.scoring.metric import Metric

BEST_ON_TEST = re.compile(r"\bbest epoch on (the )?test\b", re.IGNORECASE)
"""How `published.protocol` says that the source picked its epoch on the test images."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """A question outside the design."""

    name: str
    reference: str
    overrides: Overrides
    ask: Literal["", "no_worse"] = ""
    """What is asked beyond a difference."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Study:
    """The parsed question. `document` remembers where each part stands in the file."""

    name: str
    question: str
    trainer: Trainer
    base: Mapping[str, Any]
    design: str | None
    own_design: str | None
    factors: tuple[Factor, ...]
    comparisons: tuple[Comparison, ...]
    evidence: EvidenceBlock
    published: Mapping[str, Any] | None
    search: SearchBlock | None
    experiment: str
    document: Document = field(repr=False)
    keep_weights: bool = True
    timeout: float | None = None
    """Seconds an attempt at a run may take."""
    tune: TuneBlock | None = None
    deploy: DeployBlock | None = None
    """What is made of its finished runs; null: the usual."""
    sets: tuple[str, ...] = ()
    """`key=value` changes that were laid on the file, as they were given."""
    derive: Mapping[str, DeriveBlock] = field(default_factory=dict)
    """Rows made without training."""
    about_data: str = ""
    """What the data are and who supplies them, shown where they are missing."""
    stand_in: StandInBlock | None = None
    """How to make synthetic data instead; null where the file offers none."""
    stand_in_root: Path | None = None
    """The folder of synthetic data this study is asked of; null: of its own data."""
    small: SmallBlock | None = None
    """How to ask it at a small size; null where the file does not say."""
    is_small: bool = False
    """Whether this is that small version."""
    lang: Literal["en", "zh"] | None = None
    """The language of what it says; null for that of the reader's environment."""
    control: str | None = None
    """`steps`: changes that train longer or shorter get a step-matched control."""

    def resolve(self, overrides: Overrides, *places: Place) -> Settings:
        """The complete config under some overrides; `places`: where these stand in the file, the last first named."""
        try:
            config = apply_overrides(self.base, overrides, complete=self._completed)
        except OverrideError as error:
            raise self._misfit(error, overrides, *places) from None
        return validate(self.trainer.config, config, lambda at: self._where(dotted(at), overrides, places))

    def check(self, settings: Settings, overrides: Overrides, *places: Place) -> None:
        """Ask the trainer whether it can do what a config wants. Raises StudyError with file, line and key."""
        if self.trainer.check_config is not None:
            try:
                self.trainer.check_config(settings, self.protocol)
            except SettingError as error:
                raise self._misfit(error, overrides, *places) from None

    @property
    def stand_in_is_asked(self) -> bool:
        """Whether its synthetic data were asked for by themselves: not by a small version that has no other."""
        by_small = self.is_small and self.small is not None and self.small.stand_in
        return self.stand_in_root is not None and not by_small

    def place_of_change(self, block: str, name: str, *inside: str) -> Place:
        """Where a factor or comparison stands in the file: in its block, or where the small version changes it."""
        changed = self.is_small and self.small is not None and name in self.small.changes
        return ("small", "changes", name) if changed else (block, name, *inside)

    def _misfit(self, error: SettingError, overrides: Overrides, *places: Place) -> StudyError:
        return StudyError(f"{self._where(error.key, overrides, places)}: {error.message}", hint=error.hint)

    def _where(self, key: str, overrides: Overrides, places: Sequence[Place]) -> str:
        """The line that gave a key its value: of the override around or inside it, else of the base.

        Where neither is to blame alone, the last of the changes is what does not fit.
        """
        for place in reversed(places):
            for override in overrides:
                related = key == override or key.startswith(f"{override}.") or override.startswith(f"{key}.")
                if related and (*place, override) in self.document.lines:
                    return self.document.where((*place, override))
        if places and overrides:
            return self.document.where(places[-1])
        at = tuple(key.split("."))
        return self.document.where(at if at[0] == "evidence" else ("base", *at))

    def _completed(self, config: dict[str, Any]) -> Mapping[str, Any]:
        try:
            return self.trainer.config.model_validate(config).model_dump(mode="json")
        except ValidationError:  # of two changes that go together only the first is made yet
            return self.trainer.config.model_validate(self.base).model_dump(mode="json")

    @property
    def goal(self) -> Goal:
        """Which way the metric gets better."""
        name, own = self.evidence.metric, self.own_metric
        return measured_goal(name) or (self.trainer.metrics[name] if own is None else own.goal)

    @property
    def own_metric(self) -> Metric | None:
        """The metric where it is a function of the user's own, and none that the trainer reports under such a name."""
        name = self.evidence.metric
        if name in self.trainer.metrics or not is_own(name):
            return None
        from ablate.scoring.own import load_metric

        return load_metric(name)

    @property
    def protocol(self) -> Protocol:
        """The part of the evidence that a run itself must know."""
        match self.evidence.test:
            case TestBlock(folds=int(folds)):
                test: Folds | Share | Official = Folds(count=folds)
            case TestBlock(share=int(share) | float(share)):
                test = Share(share=share)
            case _:
                test = Official()
        evidence, said = self.evidence, str((self.published or {}).get("protocol", ""))
        return Protocol(
            test=test,
            val=evidence.val,
            weights=evidence.weights,
            metric=evidence.metric,
            watch_test=BEST_ON_TEST.search(said) is not None,
        )

    def _repr_html_(self) -> str:
        design = (self.design or "no design").replace("_", " ")
        changes = {name: (design, level) for factor in self.factors for name, level in factor.levels.items()}
        changes |= {one.name: (one.reference, one.overrides) for one in self.comparisons}
        evidence = self.evidence
        test = evidence.test if isinstance(evidence.test, str) else evidence.test.model_dump(exclude_none=True)
        looks = ", ".join(map(str, evidence.replicates))
        on = [f"metric: {evidence.metric}", f"test: {flow(test)}", f"replicates: [{looks}]"]
        return study_html(self.name, self.question, on, changes)
