"""The trainer contract over the built-in trainer, the toy, and the example of a user's own."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

import pytest

from ablate.splits.rules import Folds, Protocol
from tests.contract.trainer_contract import Case, TrainerContract
from tests.training_builders import BUILT_IN, LOADED, TINY

FOLDS = Protocol(test=Folds(count=5))
DOCS = Path(__file__).parents[2] / "docs"


class TestBuiltInTrainer(TrainerContract):
    """Digits at 8x8: a plain variant, one with everything, one with more images, one in bf16."""

    @pytest.fixture
    def case(self, digits: Path) -> Case:
        plain = dict(TINY)
        more = {**TINY, "data": {**TINY["data"], "train": 90}}
        return Case(
            trainer=BUILT_IN,
            variants=(plain, {**TINY, **LOADED}, more, {**TINY, "numerics": {"precision": "bf16"}}),
            protocol=Protocol(test=Folds(count=5), val=20),
            work=digits,
        )


class TestToy(TrainerContract):
    """The trainer whose true effects are known."""

    @pytest.fixture
    def case(self, tmp_path: Path) -> Case:
        variants: tuple[dict[str, object], ...] = ({}, {"gain": 5.0}, {"noise": 0.0, "epochs": 5})
        return Case(trainer="ablate.toy:train", variants=variants, protocol=FOLDS, work=tmp_path)


class TestOwnTrainer(TrainerContract):
    """docs/own_trainer.py, as a user would have it in the work folder."""

    @pytest.fixture
    def case(self, tmp_path: Path, elsewhere: Path, monkeypatch: pytest.MonkeyPatch) -> Case:
        # Loaded by hand: a test shall not depend on what else is called own_trainer on the module path.
        spec = importlib.util.spec_from_file_location("own_trainer", DOCS / "own_trainer.py")
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        monkeypatch.setitem(sys.modules, "own_trainer", module)
        spec.loader.exec_module(module)
        variants: tuple[dict[str, object], ...] = ({"epochs": 3}, {"epochs": 5, "weight_decay": 1e-3}, {"train": 400})
        return Case(trainer="own_trainer:train", variants=variants, protocol=FOLDS, work=tmp_path)
