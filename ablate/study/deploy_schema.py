"""The block `deploy:`: which files `ablate deploy STUDY/VARIANT` makes of finished runs, and how they are judged."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from ablate.settings import Settings

Form = Literal["onnx", "openvino", "pt2"]


class FineTune(Settings):
    """Training that goes on from a run's weights, with everything but this as the run had it."""

    epochs: Annotated[int, Field(ge=1)] = 2
    lr: Annotated[float, Field(gt=0)] = 1e-4
    """Of its optimizer, the same throughout."""


class PruneStep(Settings):
    """Channels taken out for good, and what is trained afterwards."""

    channels: Annotated[float, Field(gt=0, lt=1)]
    """Share of each convolution's channels, and of each hidden linear layer's: those of the least L1 norm."""
    fine_tune: FineTune = FineTune()


class DeployStep(Settings):
    """One step with settings: either prune or int8."""

    prune: PruneStep | None = None
    """{channels: 0.3, fine_tune: {epochs: 2, lr: 1e-4}}: a network with fewer channels, trained on."""
    int8: Literal["after_training", "aware"] | None = None
    """after_training: calibrated on training images; aware: trained on with rounded weights before that."""
    fine_tune: FineTune | None = None
    """Of int8: aware; left out: that of prune, else 2 epochs at 1e-4."""

    @model_validator(mode="after")
    def _one_thing(self) -> DeployStep:
        if (self.prune is None) == (self.int8 is None):
            raise ValueError("a step is either prune or int8; write {prune: {channels: 0.3}} or {int8: after_training}")
        if self.fine_tune is not None and self.int8 != "aware":
            raise ValueError("fine_tune stands inside prune, or beside int8: aware; move it there")
        return self


Step = DeployStep | Form


class DeployBlock(Settings):
    """What becomes of finished runs: pruned, quantised, exported. No part of what a run is."""

    steps: Annotated[list[Step], Field(min_length=1)]
    """In this order: prune, int8, then the kinds of files: onnx, openvino, pt2 (torch.export's)."""
    tolerable: Annotated[float, Field(gt=0, lt=100)] = 1.0
    """No worse: a loss of so many points of accuracy or more is ruled out."""
    batch: Annotated[int, Field(ge=1)] = 32
    """Images a call of the second timing; the first is of one image."""

    @model_validator(mode="after")
    def _in_order(self) -> DeployBlock:
        kinds = [kind_of(step) for step in self.steps]
        if twice := next((kind for kind in kinds if kinds.count(kind) > 1), None):
            raise ValueError(f"steps has {twice} twice; name each once")
        order = sorted(kinds, key=lambda kind: ("prune", "int8").index(kind) if kind in ("prune", "int8") else 2)
        if kinds != order:
            raise ValueError(f"steps are made in the order {', '.join(order)}; write them so")
        if "int8" in kinds and not {"onnx", "openvino"} & set(kinds):
            raise ValueError("steps has int8, and no kind of file that holds it; add onnx or openvino")
        return self

    @property
    def prune(self) -> PruneStep | None:
        """What is taken out; None where nothing is."""
        return next((step.prune for step in self.steps if isinstance(step, DeployStep) and step.prune), None)

    @property
    def int8(self) -> Literal["after_training", "aware"] | None:
        """How files in INT8 come about; None where there are none."""
        return next((step.int8 for step in self.steps if isinstance(step, DeployStep) and step.int8), None)

    @property
    def aware(self) -> FineTune | None:
        """The training aware of INT8; None where it is not asked for."""
        step = next((one for one in self.steps if isinstance(one, DeployStep) and one.int8 == "aware"), None)
        if step is None:
            return None
        return step.fine_tune or (self.prune.fine_tune if self.prune else FineTune())

    @property
    def forms(self) -> tuple[Form, ...]:
        """The kinds of files."""
        return tuple(step for step in self.steps if not isinstance(step, DeployStep))


def kind_of(step: Step) -> str:
    """prune, int8, or a kind of file."""
    return step if isinstance(step, str) else "prune" if step.prune is not None else "int8"


DEFAULT = DeployBlock(
    steps=[DeployStep(prune=PruneStep(channels=0.3)), DeployStep(int8="after_training"), "onnx", "openvino"]
)
"""Where a study names none."""
