"""The entry point of every run: what a trainer returns or raises becomes a record."""

from __future__ import annotations

import hashlib
import math
import re
import sys
import types
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ablate import Outcome, Settings
from ablate.errors import Diverged
from ablate.execute import worker
from ablate.execute.live import LiveRun, Task
from ablate.files import sha256_json
from ablate.records import Failed, Finished, RunResult
from ablate.store.journal import Journal, read_events, read_result
from tests.disk import syncs
from tests.training_builders import a_spec, a_task, an_attempt


class Config(Settings):
    """No settings."""


Train = Callable[[LiveRun], Any]


@pytest.fixture
def carry_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[Train], RunResult]]:
    """Carry out a run whose training is the given function."""
    monkeypatch.setattr(sys, "path", list(sys.path))

    def carry_out(deed: Train) -> RunResult:
        def train(config: Config, run: LiveRun) -> Any:
            del config
            return deed(run)

        train.__annotations__["config"] = Config
        module = types.ModuleType("scripted")
        vars(module)["train"] = train
        monkeypatch.setitem(sys.modules, "scripted", module)
        attempt = an_attempt(a_task(tmp_path, a_spec({}, trainer="scripted:train"), git_commit="f00d"))
        code = worker.main(attempt)
        result = read_result(attempt)
        assert result is not None
        assert code == int(isinstance(result, Failed))
        return result

    return carry_out


def raises(error: BaseException) -> Train:
    def deed(run: LiveRun) -> Any:
        raise error

    return deed


class OutOfMemoryError(RuntimeError):
    """Named as torch's."""


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (ValueError("no"), "error"),
        (RuntimeError("no"), "error"),
        (SystemExit(0), "error"),
        (Diverged("the loss"), "diverged"),
        (MemoryError(), "oom"),
        (OutOfMemoryError("CUDA out of memory"), "oom"),
        (RuntimeError("[enforce fail at alloc_cpu.cpp] DefaultCPUAllocator: can't allocate memory"), "oom"),
    ],
    ids=repr,
)
def test_what_a_trainer_raises_becomes_a_reason(
    error: BaseException, reason: str, carry_out: Callable[[Train], RunResult]
) -> None:
    """With the message and the traceback."""
    result = carry_out(raises(error))

    assert isinstance(result, Failed)
    assert result.reason == reason
    assert type(error).__name__ in result.message
    assert "in deed" in result.traceback


def test_metrics_alone_are_enough(carry_out: Callable[[Train], RunResult]) -> None:
    """A plain dict, of any kind of numbers."""
    result = carry_out(lambda run: {"accuracy": np.float32(0.5), "count": 3})

    assert isinstance(result, Finished)
    assert result.metrics == {"accuracy": 0.5, "count": 3.0}
    assert (result.images, result.test_digest) == (None, "")


@pytest.mark.parametrize(
    ("returned", "words"),
    [
        (None, "returned NoneType"),
        (0.5, "returned float"),
        ({"accuracy": 85.3}, "not a fraction"),
        ({"loss": 0.5}, "no 'accuracy', only loss"),
        ({"accuracy": math.nan}, "accuracy = nan"),
        ({"accuracy": 0.5, "loss": math.inf}, "loss = inf"),
        (Outcome(metrics={"accuracy": 0.5}, files={"weights": Path("/etc/hostname")}), "outside its folder"),
    ],
    ids=str,
)
def test_what_breaks_the_contract_is_a_failure(
    returned: Any, words: str, carry_out: Callable[[Train], RunResult]
) -> None:
    """Never a number in a table."""
    result = carry_out(lambda run: returned)

    assert isinstance(result, Failed)
    assert words in result.message


@pytest.mark.parametrize("late", [lambda run: {"accuracy": 0.5}, lambda run: 1 / 0])
def test_a_run_that_was_given_up_has_no_second_end(late: Train, carry_out: Callable[[Train], RunResult]) -> None:
    """It was out of reach, and another attempt is under way: the coordinator has had the last word."""

    def deed(run: LiveRun) -> Any:
        given_up = Failed(folder=run.folder, reason="killed", message="out of reach")
        Journal(run.folder).append("failed", given_up.to_json())
        return late(run)

    result = carry_out(deed)
    kinds = [event.kind for event in read_events(result.folder)[0]]

    assert isinstance(result, Failed)
    assert result.message == "out of reach"
    assert kinds == ["started", "failed"]


def test_a_result_names_its_files_within_its_folder(carry_out: Callable[[Train], RunResult]) -> None:
    """So that the folder may be moved; test images are told by the digest of their sorted ids."""

    def deed(run: LiveRun) -> Outcome:
        path = run.folder / "scores" / "outcomes.npz"
        path.parent.mkdir()
        np.savez(path, id=np.array(["b", "a"]), score=np.array([1.0, 0.0]))
        return Outcome(metrics={"accuracy": 0.5}, images=path, files={"scores": path})

    result = carry_out(deed)

    assert isinstance(result, Finished)
    assert result.images == result.files["scores"] == "scores/outcomes.npz"
    assert result.test_digest == sha256_json(["a", "b"])


def test_a_result_carries_its_stamp(carry_out: Callable[[Train], RunResult]) -> None:
    """Code, data and machine."""
    result = carry_out(lambda run: {"accuracy": 0.5})

    assert isinstance(result, Finished)
    assert (result.stamp.source_digest, result.stamp.data_digest, result.stamp.git_commit) == ("code", "data", "f00d")
    assert result.stamp.versions["numpy"] == np.__version__
    assert result.stamp.device
    assert result.seconds >= 0


@pytest.mark.skipif(sys.platform != "linux", reason="asks the system what is synced")
def test_a_result_is_written_when_what_it_names_is_safe(
    carry_out: Callable[[Train], RunResult], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither scores nor weights that a result names, nor what was asked, can be lost to a power cut."""

    def deed(run: LiveRun) -> Outcome:
        for name in ("scores.npz", "weights"):
            np.savez(run.folder / name, id=np.array(["a"]))
        files = {"weights": run.folder / "weights.npz"}
        return Outcome(metrics={"accuracy": 0.5}, images=run.folder / "scores.npz", files=files)

    with syncs(monkeypatch) as order:
        result = carry_out(deed)
    attempt, run, runs = result.folder, result.folder.parent, result.folder.parents[1]

    assert order[-2:] == ["journal.jsonl", attempt.name]
    assert set(order[:3]) == {"spec.json", "scores.npz", "weights.npz"}
    assert order[3:-2] == [attempt.name, run.name, runs.name]


def test_the_journal_begins_with_the_start_and_ends_with_the_end(carry_out: Callable[[Train], RunResult]) -> None:
    """Whatever happens in between."""
    result = carry_out(lambda run: run.epoch(1, {"train/loss": 1.0}) or {"accuracy": 0.5})

    kinds = [event.kind for event in read_events(result.folder)[0]]
    assert kinds == ["started", "epoch", "finished"]


def test_a_run_without_memory_says_how_much_it_had(carry_out: Callable[[Train], RunResult]) -> None:
    """The peak is what the next attempt has to stay below."""
    result = carry_out(raises(OutOfMemoryError("CUDA out of memory")))

    assert isinstance(result, Failed)
    assert re.search(r"\(peak: .*GiB in the process\)", result.message)


@pytest.mark.parametrize("keep", ["best", "none"])
def test_weights_stay_only_where_they_are_to_be_kept(
    keep: str, carry_out: Callable[..., RunResult], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every file that stays has its checksum in the record."""
    read = Task.read
    monkeypatch.setattr(Task, "read", staticmethod(lambda attempt: replace(read(attempt), keep_weights=keep == "best")))

    def deed(run: LiveRun) -> Outcome:
        files = {name: run.folder / f"{name}.bin" for name in ("weights", "notes")}
        for path in files.values():
            path.write_bytes(b"abc")
        return Outcome(metrics={"accuracy": 0.5}, files=files)

    result = carry_out(deed)
    expected = {"weights", "notes"} if keep == "best" else {"notes"}

    assert isinstance(result, Finished)
    assert set(result.files) == expected
    assert {path.stem for path in result.folder.glob("*.bin")} == expected
    assert dict(result.digests) == {f"{name}.bin": hashlib.sha256(b"abc").hexdigest() for name in expected}


@pytest.mark.parametrize(
    ("value", "shown"),
    [("high", "'high'"), ([0.5, 0.6], "[0.5, 0.6]"), ({"mean": 0.5}, "{'mean': 0.5}"), (1j, "1j"), (object, "object")],
    ids=str,
)
@pytest.mark.parametrize("name", ["accuracy", "auc"])
def test_a_metric_that_is_not_a_number_is_named(
    name: str, value: Any, shown: str, carry_out: Callable[[Train], RunResult]
) -> None:
    """With what came back, whether the study is judged by it or not."""
    result = carry_out(lambda run: {"accuracy": 0.5} | {name: value})

    assert isinstance(result, Failed)
    assert f"returned {name} = " in result.message
    assert shown in result.message
    assert "is not a number" in result.message


@pytest.mark.parametrize("value", [math.nan, None, np.float32("nan")], ids=str)
def test_a_secondary_metric_that_is_undefined_is_missing(value: Any, carry_out: Callable[[Train], RunResult]) -> None:
    """A class that no test image has leaves an AUC undefined; the run has a result all the same."""
    result = carry_out(lambda run: {"accuracy": 0.5, "auc": value})

    assert isinstance(result, Finished)
    assert result.metrics == {"accuracy": 0.5}


def test_a_secondary_loss_that_is_nan_has_diverged(carry_out: Callable[[Train], RunResult]) -> None:
    """A mean loss is defined on any images; what is none comes from a network that answers nothing."""
    result = carry_out(lambda run: {"accuracy": 0.1, "test_loss": math.nan})

    assert isinstance(result, Failed)
    assert result.reason == "diverged"
    assert "test_loss = nan" in result.message


def test_a_metric_under_another_name_is_pointed_out(carry_out: Callable[[Train], RunResult]) -> None:
    """The nearest name is the likely one."""
    result = carry_out(lambda run: {"Accuracy": 0.5, "loss": 1.0})

    assert isinstance(result, Failed)
    assert "no 'accuracy', only Accuracy, loss" in result.message
    assert "Did you mean 'Accuracy'?" in result.message


@pytest.mark.parametrize("value", [math.nan, None])
def test_the_fold_on_which_the_metric_is_undefined_is_named(
    value: Any, carry_out: Callable[[Train], RunResult]
) -> None:
    """With the metric: it is undefined on these test images, and mostly on no others."""
    result = carry_out(lambda run: {"accuracy": value})

    assert isinstance(result, Failed)
    assert "accuracy = " in result.message
    assert "replicate 0" in result.message


def test_an_epoch_s_metric_that_is_not_a_number_is_named(carry_out: Callable[[Train], RunResult]) -> None:
    """None is a point that is missing; a text is a mistake."""
    wrong = carry_out(lambda run: run.epoch(1, {"val/auc": "high"}) or {"accuracy": 0.5})  # type: ignore[dict-item]
    right = carry_out(lambda run: run.epoch(1, {"val/auc": None}) or {"accuracy": 0.5})  # type: ignore[dict-item]

    assert isinstance(wrong, Failed)
    assert "val/auc = 'high'" in wrong.message
    assert isinstance(right, Finished)
