"""Ctrl-C: once is a request, twice is an order, three times ends the command."""

from __future__ import annotations

import os
import shutil
import signal
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import ablate.training
from ablate.execute import live
from ablate.execute.inline import InlineExecutor
from ablate.execute.live import LiveRun
from ablate.execute.pool import open_pool
from ablate.harness.coordinator import Coordinator, Listener, RunUpdate
from ablate.harness.fixed_source import FixedSource
from ablate.harness.interruption import Interruption
from ablate.protocols import Executor
from ablate.records import Failed, Finished, Outcome, RunResult, RunSpec
from ablate.store.journal import read_events, read_history, read_result
from ablate.store.work_folder import Store
from ablate.training.config import Config
from tests.contract import pranks
from tests.training_builders import LOADED, a_config, a_spec, a_task, carried_out

TRAIN = ablate.training.train


@pytest.fixture(autouse=True)
def hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    """Look for stop requests at every tick."""
    monkeypatch.setattr(live, "LOOK_SECONDS", 0.0)


@pytest.fixture
def prank_work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A work folder with the trainer that misbehaves."""
    shutil.copy(pranks.__file__, tmp_path)
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])
    yield tmp_path
    sys.modules.pop("pranks", None)


def press_ctrl_c() -> None:
    os.kill(os.getpid(), signal.SIGINT)


def conduct(
    specs: list[RunSpec], executor: Executor, work: Path, listener: Listener = lambda news: None
) -> tuple[Interruption, FixedSource]:
    """Run them as a command does."""
    interruption, source = Interruption(), FixedSource(list(specs))
    with interruption.watching():
        Coordinator(source, executor, Store(work), a_task(work, specs[0]), listener, interruption).run()
    return interruption, source


def newest(work: Path, spec: RunSpec) -> RunResult | None:
    return read_result(Store(work).attempts(spec.fingerprint)[-1])


@pytest.mark.parametrize("step", [1, 4, 6, 8], ids=["first step", "end of an epoch", "in an epoch", "last step"])
def test_ctrl_c_becomes_a_checkpoint_and_the_next_call_goes_on(
    step: int, digits: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The run ends as if it had not been interrupted, bit for bit; the one behind it waits for the next call."""
    alone = shutil.copytree(digits, tmp_path_factory.mktemp("alone") / "work")
    specs = [a_spec(a_config(LOADED), replicate=replicate) for replicate in (0, 1)]
    expected = carried_out(InlineExecutor(), a_task(alone, specs[0]))

    with monkeypatch.context() as patch:
        patch.setattr(ablate.training, "train", pressing_at(step))
        interruption, source = conduct(specs, InlineExecutor(), digits)
    stopped = newest(digits, specs[0])
    conduct(specs, InlineExecutor(), digits)

    assert (interruption.asked, interruption.exit_code, len(source.waiting)) == (True, 130, 1)
    assert isinstance(stopped, Failed)
    assert stopped.reason == "interrupted"
    assert isinstance(newest(digits, specs[0]), Finished)
    attempt = Store(digits).attempts(specs[0].fingerprint)[-1]
    assert "resumed" in [event.kind for event in read_events(attempt)[0]]
    for name in ("weights.safetensors", "outcomes.npz"):
        assert (attempt / name).read_bytes() == (expected / name).read_bytes()
    assert [event.data["epoch"] for event in read_history(attempt)] == [1, 2]


def pressing_at(step: int) -> Callable[[Config, LiveRun], Outcome]:
    """The built-in training during which somebody presses Ctrl-C right before a step is reported."""

    class Pressing:
        def __init__(self, run: LiveRun) -> None:
            self.run, self.ticks = run, 0

        def __getattr__(self, name: str) -> Any:
            return getattr(self.run, name)

        def tick(self, *at: int, **size: float) -> bool:
            self.ticks += 1
            if self.ticks == step:
                press_ctrl_c()
            return self.run.tick(*at, **size)

    def train(config: Config, run: LiveRun) -> Outcome:
        return TRAIN(config, Pressing(run))

    return train


def test_ctrl_c_stops_every_run_of_a_pool(prank_work: Path) -> None:
    """Both write a checkpoint; nothing more is started."""
    specs = [a_spec({"do": "wait", "number": number}, trainer="pranks:train") for number in range(3)]
    pool = open_pool(slots=2, work=prank_work)
    begun: set[Path] = set()

    def listen(news: RunUpdate) -> None:
        if news.kind == "progress" and news.attempt not in begun:
            begun.add(news.attempt)
            if len(begun) == 2:
                press_ctrl_c()

    interruption, source = conduct(specs, pool, prank_work, listen)
    pool.close()

    assert interruption.count == 1
    assert source.waiting == specs[2:]
    results = [newest(prank_work, spec) for spec in specs[:2]]
    assert [result.reason for result in results if isinstance(result, Failed)] == ["interrupted"] * 2
    assert len(list(prank_work.rglob("checkpoint-??????"))) == 2


def test_ctrl_c_twice_ends_a_run_that_does_not_listen(prank_work: Path) -> None:
    """It is interrupted, not failed: the next call runs it again."""
    spec = a_spec({"do": "sleep"}, trainer="pranks:train")
    pool = open_pool(slots=1, work=prank_work)

    def listen(news: RunUpdate) -> None:
        if news.event is not None and news.event.kind == "started":
            press_ctrl_c()
            press_ctrl_c()

    interruption, _ = conduct([spec], pool, prank_work, listen)
    pool.close()

    result = newest(prank_work, spec)
    assert interruption.count == 2
    assert isinstance(result, Failed)
    assert result.reason == "interrupted"
    assert "SIGKILL" in result.message


def test_ctrl_c_three_times_ends_the_command() -> None:
    """Whatever it waits for."""
    interruption = Interruption()

    with interruption.watching(), pytest.raises(KeyboardInterrupt):  # noqa: PT012 - the third one raises
        for _ in range(3):
            press_ctrl_c()


def test_handlers_are_put_back() -> None:
    """After a study Ctrl-C does what it did before."""
    before = signal.getsignal(signal.SIGINT)
    with Interruption().watching():
        pass

    assert signal.getsignal(signal.SIGINT) is before


def test_the_exit_code_is_that_of_the_first_signal() -> None:
    """143 for SIGTERM, as shells have it."""
    interruption = Interruption()
    with interruption.watching():
        os.kill(os.getpid(), signal.SIGTERM)
        press_ctrl_c()

    assert interruption.exit_code == 143
    assert interruption.at_once
