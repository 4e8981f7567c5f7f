"""First weights from elsewhere, and parts of a network that are not trained."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from ablate.settings import NotIdentity, Settings
from ablate.training.config.bounds import Count

Names = Annotated[list[str], Field(min_length=1)]


class Prune(Settings):
    """Channels that are taken out for good, after the weights are read: the network has fewer, and so has its file."""

    channels: Annotated[float, Field(gt=0, lt=1)]
    """Share of each convolution's channels, and of each hidden linear layer's: those of the least L1 norm."""


class Weights(Settings):
    """First weights from elsewhere: of torchvision, of timm, a file, or an earlier run. Exactly one of these."""

    torchvision: (
        Annotated[str, Field(pattern=r"^(default|\w+\.\w+)$", examples=["default", "VGG16_Weights.IMAGENET1K_V1"])]
        | None
    ) = None
    """default, which is torchvision's for the model, or one of its enumeration by name; downloaded once."""
    timm: Annotated[str, Field(pattern=r"^[\w.-]+$", examples=["default", "a1_in1k"])] | None = None
    """default, which is timm's for the model, or one of its tags; read from timm's cache, never downloaded."""
    file: str | None = None
    """A state dict: .safetensors, or torch's format without code in it."""
    run: Annotated[str, Field(pattern=r"^[^/]+/[^/]+$", examples=["STUDY/VARIANT"])] | None = None
    """An earlier run of this work folder, STUDY/VARIANT; each replicate begins with the same replicate's weights."""
    fresh: Literal["output"] | Names | None = None
    """What keeps its first weights: `output` (the layer that gives the logits) or names of modules."""
    prune: Prune | None = None
    """Channels to be taken out of the network with these weights, before it is trained on."""

    @model_validator(mode="after")
    def _one_origin(self) -> Weights:
        names = ("torchvision", "timm", "file", "run")
        given = [name for name in names if getattr(self, name) is not None]
        if len(given) != 1:
            told = " and ".join(given) or "none"
            raise ValueError(f"expected exactly one of torchvision, timm, file and run, got {told}")
        return self


class Freeze(Settings):
    """Parameters that are not trained. Exactly one of modules, first and all_but says which."""

    modules: Names | None = None
    """Names of modules, such as [features], as `ablate show` lists them."""
    first: Count | None = None
    """So many of the first modules of `features`, layers without parameters counted."""
    all_but: Literal["output"] | Names | None = None
    """Everything except these modules; `output` is the layer that gives the logits."""
    dropout: Literal["active", "off"] = "active"
    """Dropout inside a frozen part while training: active, as torch's train() leaves it, or off."""
    cache: NotIdentity[bool] = True
    """Compute what stands before the first trained or random module once, where that changes no result."""

    @model_validator(mode="after")
    def _one_way(self) -> Freeze:
        given = [name for name in ("modules", "first", "all_but") if getattr(self, name) is not None]
        if len(given) != 1:
            raise ValueError(f"expected exactly one of modules, first and all_but, got {' and '.join(given) or 'none'}")
        return self
