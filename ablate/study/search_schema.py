"""The part of a study file that searches: spaces, objectives, when to stop, what to confirm."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, field_validator, model_validator

from ablate.settings import Settings

ShareOrCount = Annotated[float, Field(gt=0, lt=1)] | Annotated[int, Field(ge=1)]
Pruner = Literal["none", "median", "hyperband", "successive_halving", "wilcoxon"]
COSTS = ("parameters", "seconds", "latency")
"""What a run costs that can be an objective: fewer weights, less training, less time per image."""


class RangeBlock(Settings):
    """A range of numbers to search."""

    low: float | int
    high: float | int
    log: bool = False
    step: float | int | None = None

    @model_validator(mode="after")
    def _not_empty(self) -> RangeBlock:
        if self.low >= self.high:
            raise ValueError(f"low ({self.low}) is not below high ({self.high}); swap them")
        if self.log and self.low <= 0:
            raise ValueError(f"low ({self.low}) has no logarithm; raise it above 0, or leave log out")
        if self.log and self.step is not None:
            raise ValueError("step and log: true exclude each other; leave one out")
        if self.step is not None and not 0 < self.step <= self.high - self.low:
            raise ValueError(f"step ({self.step}) does not fit between low and high; make it above 0 and smaller")
        return self


Parameter = RangeBlock | Annotated[list[Any], Field(min_length=1)]


class OptionBlock(Settings):
    """A choice that opens a space of its own: `{value: ..., space: {...}}`."""

    value: Any
    """What the key is set to."""
    space: Annotated[dict[str, Parameter], Field(min_length=1)]
    """What is searched as well where this value is chosen, by dotted keys within the value."""


class StopBlock(Settings):
    """When a search ends before its last trial: at the first of these."""

    no_improvement: Annotated[int, Field(ge=1)] | None = None
    """Trials in a row that ended without a new best."""
    seconds: Annotated[float, Field(gt=0)] | None = None
    """Seconds in which trials ran, those of earlier calls included."""

    @model_validator(mode="after")
    def _says_something(self) -> StopBlock:
        if self.no_improvement is None and self.seconds is None:
            raise ValueError("nothing to stop at; write {no_improvement: 20} or {seconds: 3600}")
        return self


class ConfirmBlock(Settings):
    """The best settings trained again and read once on the sealed test part, against the winner's curse."""

    top: Annotated[int, Field(ge=1)] = 3
    """How many of the best settings."""
    replicates: Annotated[int, Field(ge=2)] = 5
    """How often each of them and the baseline is trained."""


class SearchBlock(Settings):
    """What `ablate optuna` searches: ranges and choices by dotted key, the study's factors, or both."""

    space: dict[str, Parameter] = Field(default={})
    factors: Literal["searched"] | None = None
    """`searched` makes each factor of the study, on or off, a parameter of its own."""
    objective: Annotated[list[str], Field(min_length=1, max_length=2)] | None = None
    """The validation metric, by default evidence.metric; two, such as [accuracy, parameters], give a Pareto front."""
    replicates: Annotated[list[Annotated[int, Field(ge=0)]], Field(min_length=1)] = Field(default=[0])
    """A number of replicates, or a list of them: each trial's value is the mean over them."""
    val: ShareOrCount = 0.1
    """Share (or number) of all images, out of the training part, that trials are judged on."""
    trials: Annotated[int, Field(ge=1)] | None = None
    """Total number of trials where `--trials` does not say."""
    enqueue: list[Annotated[dict[str, Any], Field(min_length=1)]] = Field(default=[])
    """Points to try after the baseline and before all others; a key left out is suggested."""
    sampler: Literal["tpe", "random"] = "tpe"
    pruner: Pruner = "none"
    """Which trials to prune, by their validation values epoch by epoch (wilcoxon: replicate by replicate)."""
    stop_when: StopBlock | None = None
    split: Literal["trainer"] | None = None
    """`trainer` searches over a trainer that splits the images by itself: nobody then checks what it reads."""
    confirm: ConfirmBlock | None = None

    @field_validator("objective", mode="before")
    @classmethod
    def _one_objective(cls, value: Any) -> Any:
        return [value] if isinstance(value, str) else value

    @field_validator("replicates", mode="before")
    @classmethod
    def _that_many(cls, value: Any) -> Any:
        is_number = isinstance(value, int) and not isinstance(value, bool)
        return list(range(value)) if is_number and value > 0 else value

    @model_validator(mode="after")
    def _consistent(self) -> SearchBlock:
        if not self.space and self.factors is None:
            raise ValueError(
                "nothing to search; add space: {optimizer.lr: {low: 1e-5, high: 1e-2}} or factors: searched"
            )
        if len(set(self.replicates)) < len(self.replicates):
            raise ValueError(f"replicates has one of them twice: {self.replicates}; leave it out")
        if self.objective is not None and len(self.objective) == 2:
            if self.objective[0] == self.objective[1]:
                raise ValueError(f"objective names {self.objective[0]!r} twice; leave one out")
            if self.pruner != "none":
                raise ValueError(f"pruner ({self.pruner}) judges by one objective; leave it out, or one of the two")
            if self.stop_when is not None and self.stop_when.no_improvement is not None:
                raise ValueError("stop_when: no_improvement is about one objective; use seconds with two")
        if self.pruner == "wilcoxon" and len(self.replicates) < 3:
            raise ValueError("pruner (wilcoxon) compares replicates; give it some, such as replicates: 5")
        return self


class TuneBlock(Settings):
    """The same search for every variant of a study, before its replicates are trained."""

    space: Annotated[dict[str, Parameter], Field(min_length=1)]
    trials: Annotated[int, Field(ge=2)]
    """Trials for each variant, its untuned setting included."""
    val: ShareOrCount = 0.1
    """Share (or number) of all images, out of the training part, that trials are judged on."""
    sampler: Literal["tpe", "random"] = "tpe"
    pruner: Pruner = "none"
    split: Literal["trainer"] | None = None
    """`trainer` tunes a trainer that splits the images by itself: nobody then checks what it reads."""

    @model_validator(mode="after")
    def _consistent(self) -> TuneBlock:
        if self.pruner == "wilcoxon":
            raise ValueError("pruner (wilcoxon) compares replicates, and a trial of tune has one; choose another")
        return self
