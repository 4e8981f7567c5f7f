"""The schema of rows made without training: several views of an image, several networks."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, field_validator, model_validator

from ablate.settings import Settings


class TtaBlock(Settings):
    """Test-time augmentation: several views of a test image, their probabilities averaged."""

    flip: bool = False
    """Each view and its mirror image."""
    crops: Annotated[int, Field(ge=1)] | None = None
    """Pad by so many zero pixels; the image itself and the four corners of the padded one."""
    draws: Annotated[int, Field(ge=1, le=100)] | None = None
    """The image itself and so many draws of the variant's own training augmentation."""

    @model_validator(mode="after")
    def _some_views(self) -> TtaBlock:
        if not self.flip and self.crops is None and self.draws is None:
            raise ValueError("tta asks for no further view; write {flip: true}, {crops: 4} or {draws: 5}")
        if self.draws is not None and (self.flip or self.crops is not None):
            raise ValueError("draws stands beside flip or crops; keep either the fixed views or the drawn ones")
        return self


class EnsembleBlock(Settings):
    """Several networks, one answer."""

    members: Annotated[int, Field(ge=1)] = 1
    """Replicates' networks of each variant."""
    how: Literal["mean", "vote"] = "mean"
    """mean: of the probabilities; vote: of the classes, ties by the mean."""


class DeriveBlock(Settings):
    """A row made without training, by `tta`, by `ensemble`, or by both."""

    from_: Annotated[list[str], Field(alias="from", min_length=1)]
    """Name of a variant, or a list of them for an ensemble."""
    tta: TtaBlock | None = None
    ensemble: EnsembleBlock | None = None

    @field_validator("from_", mode="before")
    @classmethod
    def _one_name(cls, value: Any) -> Any:
        return [value] if isinstance(value, str) else value

    @model_validator(mode="after")
    def _does_something(self) -> DeriveBlock:
        networks = len(self.from_) * (self.ensemble.members if self.ensemble else 1)
        if self.tta is None and self.ensemble is None:
            raise ValueError("nothing is derived; add tta: {flip: true} or ensemble: {members: 3}")
        if self.ensemble is None and networks > 1:
            raise ValueError("from names several variants; add ensemble: {how: mean} to join them")
        if self.ensemble is not None and networks == 1:
            raise ValueError("an ensemble of one network is that network; raise members, or name more variants")
        if len(set(self.from_)) < len(self.from_):
            raise ValueError(f"from names a variant twice: {', '.join(self.from_)}; raise members instead")
        return self
