"""What every trainer promises, whatever it trains: subclass TrainerContract and give it a `case`."""

from __future__ import annotations

import json
import math
import sys
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ablate.execute.inline import InlineExecutor
from ablate.records import Finished, RunSpec
from ablate.splits.rules import FirstFold, Folds, Protocol
from ablate.store.journal import read_history, read_result
from ablate.trainer import load_trainer
from tests.training_builders import BUILT_IN, a_spec, a_task, carried_out, finished

FOLDS = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """A trainer under test.

    variants: configs that a study might compare; the first is the baseline. work: where its runs go.
    """

    trainer: str
    variants: tuple[dict[str, Any], ...]
    protocol: Protocol
    work: Path

    def spec(self, variant: int = 0, replicate: int = 0) -> RunSpec:
        """A run of one of the variants."""
        return a_spec(self.variants[variant], trainer=self.trainer, protocol=self.protocol, replicate=replicate)

    def train(self, variant: int = 0, replicate: int = 0, protocol: Protocol | None = None) -> Finished:
        """A run as a worker carries it out, by the case's protocol or another."""
        spec = self.spec(variant, replicate)
        spec = spec if protocol is None else replace(spec, protocol=protocol)
        attempt = carried_out(InlineExecutor(), a_task(self.work, spec))
        return finished(read_result(attempt))


def test_ids(result: Finished) -> list[str]:
    """The test images of a run, in the order of its table."""
    assert result.images is not None
    with np.load(result.folder / result.images, allow_pickle=False) as columns:
        names: list[str] = columns["id"].tolist()
    return names


test_ids.__test__ = False  # type: ignore[attr-defined]  # no test in itself


class TrainerContract:
    """Promises of a trainer."""

    @pytest.fixture
    def case(self, tmp_path: Path) -> Case:
        """The trainer under test."""
        raise NotImplementedError

    @pytest.fixture(autouse=True)
    def elsewhere(self, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
        """Run in an empty folder; a worker puts its work folder on the module path, which shall not last."""
        monkeypatch.setattr(sys, "path", list(sys.path))
        folder = tmp_path_factory.mktemp("elsewhere")
        monkeypatch.chdir(folder)
        return folder

    def test_the_same_run_twice_has_the_same_result(self, case: Case) -> None:
        """Metrics and scores: all luck comes from the replicate."""
        first, second = case.train(), case.train()

        assert first.metrics == second.metrics
        assert (first.epoch, first.test_digest) == (second.epoch, second.test_digest)
        if first.images is not None and second.images is not None:
            with np.load(first.folder / first.images) as mine, np.load(second.folder / second.images) as theirs:
                assert sorted(mine) == sorted(theirs)
                assert all(np.array_equal(mine[name], theirs[name]) for name in mine)

    def test_it_reports_what_it_promises(self, case: Case) -> None:
        """Metrics of METRICS alone, the one it is judged by among them, as numbers."""
        metrics = case.train().metrics

        assert {case.protocol.metric} <= set(metrics) <= set(load_trainer(case.trainer).metrics)
        assert all(math.isfinite(value) for value in metrics.values())

    def test_it_writes_into_its_own_folder_only(self, case: Case, elsewhere: Path) -> None:
        """Beside the caches that all runs share."""
        result = case.train()

        allowed = (result.folder, case.work / ".ablate" / "cache")
        written = [path for path in case.work.rglob("*") if path.is_file()]
        assert [path for path in written if not any(folder in path.parents for folder in allowed)] == []
        assert list(elsewhere.iterdir()) == []

    def test_epochs_are_reported_from_one_on(self, case: Case) -> None:
        """In order, each once, with numbers."""
        history = read_history(case.train().folder)

        assert [event.data["epoch"] for event in history] == list(range(1, len(history) + 1))
        assert history
        assert all(isinstance(value, float) for event in history for value in event.data["metrics"].values())

    def test_all_variants_of_a_replicate_are_tested_on_the_same_images(self, case: Case) -> None:
        """Whatever a variant changes: else no difference between two could be read."""
        for replicate in (0, 1):
            results = [case.train(variant, replicate) for variant in range(len(case.variants))]

            assert len({result.test_digest for result in results}) == 1
            assert all(test_ids(result) == test_ids(results[0]) for result in results)

    def test_while_a_search_runs_no_test_image_is_judged(self, case: Case) -> None:
        """Sealed runs come back with validation images alone: none of those the confirmation is tested on."""
        opened = replace(case.protocol, test=FirstFold(count=FOLDS), val=20)
        sealed = replace(case.protocol, test=Folds(count=FOLDS), val=20, sealed=True)
        sealed = replace(sealed, must_split=case.trainer != BUILT_IN)
        confirmed = {name for replicate in (0, 1) for name in test_ids(case.train(0, replicate, opened))}

        for variant, replicate in [*((variant, 0) for variant in range(len(case.variants))), (0, 1)]:
            result = case.train(variant, replicate, sealed)
            if case.trainer == BUILT_IN:  # keeps no scores of validation images
                assert (result.images, result.test_digest) == (None, "")
                continue
            assert confirmed.isdisjoint(test_ids(result))
            assert len(test_ids(result)) == result.parts["val"] > 0
            assert result.parts["test"] == 0
            assert result.is_checked

    def test_it_is_tested_on_the_images_it_was_handed(self, case: Case) -> None:
        """Every one of them once, in each replicate."""
        for replicate in (0, 1):
            result = case.train(replicate=replicate)

            assert case.trainer == BUILT_IN or result.parts["test"] == len(test_ids(result))

    def test_folds_share_no_image(self, case: Case) -> None:
        """Each fold of a repetition tests on images of its own."""
        first, second = (test_ids(case.train(replicate=replicate)) for replicate in (0, 1))

        assert first
        assert set(first).isdisjoint(second)
        assert len(set(first)) == len(first)

    def test_scores_agree_with_the_accuracy(self, case: Case) -> None:
        """The mean over the test images is the number reported."""
        result = case.train()
        assert result.images is not None
        with np.load(result.folder / result.images) as columns:
            mean = float(columns["score"].mean())

        assert mean == pytest.approx(result.metrics["accuracy"])

    def test_a_config_survives_its_file(self, case: Case) -> None:
        """What a worker reads from spec.json is what the study asked for."""
        for variant in range(len(case.variants)):
            spec = case.spec(variant)
            read = RunSpec.from_json(json.loads(json.dumps(spec.to_json())))

            assert read == spec
            assert a_spec(read.config, trainer=case.trainer, protocol=case.protocol).fingerprint == spec.fingerprint

    def test_an_unknown_key_is_refused(self, case: Case) -> None:
        """A misspelt setting would otherwise be trained without."""
        config = load_trainer(case.trainer).config

        with pytest.raises(ValueError, match="no_such_setting"):
            config.model_validate(case.variants[0] | {"no_such_setting": 1})

    def test_a_value_of_the_wrong_type_is_refused(self, case: Case) -> None:
        """Nothing is guessed."""
        config = load_trainer(case.trainer).config

        with pytest.raises(ValueError, match="epochs"):
            config.model_validate(case.variants[0] | {"epochs": "many"})

    def test_a_study_cannot_ask_for_a_metric_it_does_not_get(self, case: Case) -> None:
        """A missing metric is a failed run, not a missing number."""
        spec = replace(case.spec(), protocol=replace(case.protocol, metric="no_such_metric"))
        result = read_result(carried_out(InlineExecutor(), a_task(case.work, spec)))

        assert not isinstance(result, Finished)
        assert result is not None
        assert "no_such_metric" in result.message
