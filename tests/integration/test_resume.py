"""A run that was killed goes on from its checkpoint and ends as if nothing had happened, bit for bit."""

from __future__ import annotations

import random
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from ablate.execute.inline import InlineExecutor
from ablate.execute.live import Task
from ablate.execute.pool import CAN_FORK, ForkPool
from ablate.protocols import Executor
from ablate.splits.rules import Protocol, Share
from ablate.store.journal import read_events, read_history, read_result
from ablate.training import loop
from tests.integration import killing
from tests.training_builders import (
    ALL_AUGMENT,
    BUILT_IN,
    LOADED,
    PROTOCOL,
    TINY,
    TRICKS,
    a_config,
    a_spec,
    a_task,
    carried_out,
    finished,
    share_cache,
)
from tests.video_fixtures import write_classes

BEST = replace(PROTOCOL, weights="best")
EPOCHS, STEPS = 3, 4
ALL_STEPS = EPOCHS * STEPS

CASES: Mapping[str, tuple[Mapping[str, Any], Protocol]] = {
    "everything": ({**LOADED, "early_stopping": {"patience": 5}}, BEST),
    "bf16": ({**LOADED, "numerics": {"precision": "bf16"}}, PROTOCOL),
    "fp16": ({**LOADED, "numerics": {"precision": "fp16"}}, PROTOCOL),
    "channels last": ({**LOADED, "numerics": {"channels_last": True}}, BEST),
    "momentum": ({"optimizer": {"name": "sgd", "lr": 0.1, "momentum": 0.9, "nesterov": True}}, PROTOCOL),
    "adamw": ({"optimizer": {"name": "adamw", "lr": 0.01}, "model": LOADED["model"]}, PROTOCOL),
    **{name: ({**LOADED, **changes}, BEST) for name, changes in TRICKS.items()},
    "augmented": ({**LOADED, "augment": ALL_AUGMENT}, PROTOCOL),
    "stops early": (
        {**LOADED, "early_stopping": {"patience": 0, "metric": "loss"}, "optimizer": TINY["optimizer"]},
        BEST,
    ),
}

PLACES = [
    "tick 1",
    f"tick {STEPS}",
    f"half {STEPS}",
    f"saved {STEPS}",
    "epoch 1",
    "reported 1",
    f"tick {STEPS + 1}",
    f"half {STEPS + 2}",
    f"saved {ALL_STEPS}",
    f"epoch {EPOCHS}",
    f"reported {EPOCHS}",
]
"""In the first epoch, at its last step, between epochs, and behind the very last step."""


class Killed(BaseException):
    """Ends a run without any word: nothing but a process's death does that."""


class End(NamedTuple):
    """Everything a run leaves behind that must not depend on interruptions."""

    weights: bytes
    scores: bytes
    metrics: Mapping[str, float]
    epoch: int | None
    history: list[Any]
    counts: tuple[int | None, int | None]


def end_of(attempt: Path) -> End:
    """What the attempt left behind."""
    result = finished(read_result(attempt))
    return End(
        weights=(attempt / "weights.safetensors").read_bytes(),
        scores=(attempt / "outcomes.npz").read_bytes(),
        metrics=result.metrics,
        epoch=result.epoch,
        history=[(event.data["epoch"], event.data["metrics"]) for event in read_history(attempt)],
        counts=(result.cost.steps, result.cost.images_seen),
    )


def a_resuming_task(work: Path, case: str, *, trainer: str = BUILT_IN, **fields: Any) -> Task:
    """A run that takes a checkpoint after every step."""
    changes, protocol = CASES[case]
    spec = a_spec(a_config({**changes, "epochs": EPOCHS}), protocol=protocol)
    return a_task(work, replace(spec, trainer=trainer), **({"checkpoint_seconds": 0.0} | fields))


@pytest.fixture(scope="module")
def uninterrupted(decoded_digits: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, End]:
    """How each case ends when it is left alone and takes no checkpoint."""
    ends = {}
    for case in CASES:
        work = share_cache(decoded_digits, tmp_path_factory.mktemp("alone"))
        ends[case] = end_of(carried_out(InlineExecutor(), a_resuming_task(work, case, checkpoint_seconds=1e9)))
    return ends


def die(task: Task, place: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """An attempt that ends at a place in the manner of a killed process."""

    def end() -> None:
        raise Killed

    real = loop.train_network
    with monkeypatch.context() as patch:
        patch.setattr(loop, "train_network", lambda config, run: real(config, killing.DyingRun(run, place, end)))
        with pytest.raises(Killed):
            carried_out(InlineExecutor(), task)


@pytest.mark.parametrize("place", PLACES)
def test_a_run_killed_anywhere_ends_as_if_it_had_not_been(
    place: str, uninterrupted: dict[str, End], digits: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With augmentation, dropout, batch norm, Adam, early stopping and the best weights."""
    task = a_resuming_task(digits, "everything")
    die(task, place, monkeypatch)

    assert end_of(carried_out(InlineExecutor(), task)) == uninterrupted["everything"]


@pytest.mark.parametrize("case", CASES)
def test_every_kind_of_state_is_resumed(
    case: str, uninterrupted: dict[str, End], digits: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In the middle of the second epoch, whatever the optimizer, the techniques, the precision and the layout."""
    task = a_resuming_task(digits, case)
    die(task, f"saved {STEPS + 2}", monkeypatch)

    assert end_of(carried_out(InlineExecutor(), task)) == uninterrupted[case]


def test_a_run_killed_again_and_again_ends_as_if_it_had_not_been(
    uninterrupted: dict[str, End], digits: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each attempt goes on from the one before it; the history has each epoch once."""
    task = a_resuming_task(digits, "everything")
    for place in ("saved 2", "half 3", "reported 1", "saved 3"):
        die(task, place, monkeypatch)

    attempt = carried_out(InlineExecutor(), task)

    assert attempt.name == "005"
    assert end_of(attempt) == uninterrupted["everything"]
    assert [event.data["epoch"] for event in read_history(attempt)] == list(range(1, EPOCHS + 1))


def test_a_damaged_checkpoint_gives_way_to_the_one_before(
    uninterrupted: dict[str, End], digits: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One flipped bit in the newest; torch would load it without a word."""
    task = a_resuming_task(digits, "everything")
    die(task, "saved 6", monkeypatch)
    newest = max(digits.rglob("checkpoint-??????"))
    content = bytearray(newest.read_bytes())
    content[len(content) // 2] ^= 1
    newest.write_bytes(content)

    attempt = carried_out(InlineExecutor(), task)

    assert "resumed" in [event.kind for event in read_events(attempt)[0]]
    assert end_of(attempt) == uninterrupted["everything"]


@pytest.mark.parametrize("other", [{"source_digest": "other code"}, {"data_digest": "other data"}])
def test_a_checkpoint_of_other_code_or_data_is_not_gone_on_from(
    other: dict[str, str], digits: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The run begins anew."""
    die(a_resuming_task(digits, "momentum", **other), "saved 5", monkeypatch)

    attempt = carried_out(InlineExecutor(), a_resuming_task(digits, "momentum"))

    kinds = [event.kind for event in read_events(attempt)[0]]
    assert kinds == ["started", *["epoch"] * EPOCHS, "finished"]


def test_checkpoints_are_dropped_once_there_is_a_result(digits: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Those of all attempts."""
    task = a_resuming_task(digits, "momentum")
    die(task, "saved 5", monkeypatch)
    before = list(digits.rglob("checkpoint-*"))
    carried_out(InlineExecutor(), task)

    assert len(before) == 4
    assert list(digits.rglob("checkpoint-*")) == []


@pytest.fixture(scope="module")
def killed_work(decoded_digits: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A work folder with the trainer that dies."""
    work = share_cache(decoded_digits, tmp_path_factory.mktemp("killed"))
    shutil.copy(killing.__file__, work)
    return work


@pytest.fixture(scope="module")
def pool(killed_work: Path) -> Iterator[Executor]:
    """One warm pool for all of them."""
    pool = ForkPool(slots=1, work=killed_work, warm=[killing.WARM])
    yield pool
    pool.close()


@pytest.mark.slow
@pytest.mark.skipif(not CAN_FORK, reason="this platform cannot fork")
@pytest.mark.parametrize("case", ["everything", "bf16"])
@pytest.mark.parametrize("place", [*PLACES, "end", *["anywhere"] * 4])
def test_a_killed_process_is_gone_on_from(
    place: str, case: str, pool: Executor, killed_work: Path, uninterrupted: dict[str, End]
) -> None:
    """With real processes and a real SIGKILL: the same bits as a run in another process that never died."""
    if place == "anywhere":
        place = f"saved {random.randint(1, ALL_STEPS)}"
    shutil.rmtree(killed_work / ".ablate" / "runs", ignore_errors=True)
    task = a_resuming_task(killed_work, case, trainer="killing:train")
    (killed_work / killing.PLACE).write_text(place)
    dead = carried_out(pool, task)

    attempt = carried_out(pool, task)

    assert read_result(dead) is None
    assert end_of(attempt) == uninterrupted[case]


def test_a_pruned_run_goes_on_with_the_channels_it_had(
    decoded_digits: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Fine-tuning after pruning is training: killed in its second epoch it ends as if nothing had happened."""
    works = [share_cache(decoded_digits, tmp_path / name) for name in ("donor", "alone", "killed")]
    donor = carried_out(InlineExecutor(), a_task(works[0], a_spec(a_config({**LOADED, "epochs": 2}))))
    weights = {"file": str(donor / "weights.safetensors"), "prune": {"channels": 0.3}}
    spec = a_spec(a_config({**LOADED, "weights": weights, "epochs": EPOCHS}))
    alone = end_of(carried_out(InlineExecutor(), a_task(works[1], spec)))
    task = a_task(works[2], spec, checkpoint_seconds=0.0)
    die(task, f"saved {STEPS + 2}", monkeypatch)

    attempt = carried_out(InlineExecutor(), task)

    assert "resumed" in [event.kind for event in read_events(attempt)[0]]
    assert end_of(attempt) == alone


@pytest.mark.parametrize("name", ["vgg3d", "frames_lstm"])
def test_a_run_on_clips_ends_as_if_it_had_not_been_killed(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With every augmentation, which is drawn once a clip, dropout and an LSTM."""
    root = write_classes(tmp_path / "clips")
    models: Mapping[str, Any] = {
        "vgg3d": {"name": name, "blocks": [1, 1], "width": 4, "norm": {"name": "batch"}, "head": {"name": "gap"}},
        "frames_lstm": {"name": name, "blocks": [1, 1], "width": 4, "pool": 2, "hidden": 8, "dropout": 0.3},
    }
    data = {"source": {"name": "video_folder", "root": str(root)}, "classes": 2, "train": 14}
    changes = {
        "data": data | {"clip": {"frames": 4, "size": 8}, "channels": 3, "normalize": "imagenet", "image_size": 8},
        "model": models[name],
        "augment": ALL_AUGMENT,
        "batch_size": 4,
        "epochs": 2,
    }
    spec = a_spec(a_config(changes), protocol=Protocol(test=Share(share=6), val=4))
    alone, killed = (
        a_task(tmp_path / work, spec, checkpoint_seconds=seconds) for work, seconds in (("alone", 1e9), ("killed", 0.0))
    )
    die(killed, "saved 4", monkeypatch)

    assert end_of(carried_out(InlineExecutor(), killed)) == end_of(carried_out(InlineExecutor(), alone))
