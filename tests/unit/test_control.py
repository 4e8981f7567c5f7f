"""Step-matched controls: what a change gains, told apart from what longer training gains."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import Field

from ablate.errors import StudyError
from ablate.protocols import Run
from ablate.settings import Settings
from ablate.study.plan import Plan
from tests.study_builders import a_plan, by_name


class Config(Settings):
    """A trainer that knows no epochs."""

    optimizer: dict[str, float] = Field(default={})
    rate: float = 1.0


def train(config: Config, run: Run) -> dict[str, float]:
    """Never called."""
    raise NotImplementedError


DATA = {"data": {"source": {"name": "digits"}, "classes": 10, "image_size": 8, "channels": 1, "train": 0.45}}
BASE: dict[str, Any] = {
    **DATA,
    "model": {"name": "vgg", "blocks": [1, 1], "width": 4, "head": {"name": "gap"}},
    "optimizer": {"name": "adam", "lr": 1e-2},
    "batch_size": 16,
    "epochs": 40,
}


def controlled(**factors: Any) -> Plan:
    """A chain over the built-in trainer, with controls."""
    base = {key: value for key, value in BASE.items() if key != "optimizer"}
    return a_plan(
        trainer="ablate.training:train", base=base | {"optimizer": BASE["optimizer"]}, control="steps", chain=factors
    )


def test_more_images_are_run_again_for_the_steps_of_fewer() -> None:
    """Forty epochs on 45% of the images are thirty on 60%."""
    plan = controlled(**{"wide": {"model.width": 8}, "more images": {"data.train": 0.6}})
    control = by_name(plan)["more images, same steps"]
    (contrast,) = (c for c in plan.contrasts if c.family == "step-matched")

    assert control.config["epochs"] == 30
    assert (control.config["data"]["train"], control.config["model"]["width"]) == (0.6, 8)
    assert contrast.weights == {"more images, same steps": 1.0, "wide": -1.0}
    assert [c.family for c in plan.contrasts] == ["chain", "chain", "step-matched"]


def test_larger_batches_are_run_for_longer() -> None:
    """Half the steps an epoch are made up by twice the epochs."""
    plan = controlled(**{"big batches": {"batch_size": 32}})

    assert by_name(plan)["big batches, same steps"].config["epochs"] == 80


@pytest.mark.parametrize("change", [{"model.width": 8}, {"epochs": 80}])
def test_what_trains_alike_or_changes_nothing_else_needs_no_control(change: dict[str, Any]) -> None:
    """The control of longer training alone would be its reference."""
    assert [v.name for v in controlled(step=change).variants] == ["baseline", "step"]


def test_without_asking_there_are_no_controls() -> None:
    """They cost runs."""
    plan = a_plan(trainer="ablate.training:train", base=BASE, chain={"more images": {"data.train": 0.6}})

    assert len(plan.variants) == 2


def test_a_share_and_a_number_cannot_be_matched() -> None:
    """How many images a share is, only the data know."""
    with pytest.raises(StudyError, match="one a share and one a number"):
        controlled(**{"more images": {"data.train": 1000}})


def test_all_images_are_matched_with_themselves_and_with_no_share() -> None:
    """`all` is as many in both, and how many it is next to a share nobody has counted yet."""
    base = BASE | {"data": DATA["data"] | {"train": "all"}}
    same = a_plan(
        trainer="ablate.training:train", base=base, control="steps", chain={"big batches": {"batch_size": 32}}
    )

    assert by_name(same)["big batches, same steps"].config["epochs"] == 80
    with pytest.raises(StudyError, match="how many all are, only the data know"):
        controlled(**{"more images": {"data.train": "all"}})


def test_a_trainer_without_epochs_cannot_be_matched() -> None:
    """It is told before anything is trained."""
    with pytest.raises(StudyError, match="no setting `epochs`"):
        a_plan(trainer="tests.unit.test_control:train", base={}, control="steps", chain={"A": {"rate": 2.0}})
