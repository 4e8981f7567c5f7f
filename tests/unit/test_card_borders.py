"""What is asked of CUDA and Metal where no test machine has either: each fake stands for one call of torch's."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import torch

from ablate.errors import TrainerError
from ablate.execute import server
from ablate.training.numerics import Mode, find_device, reset_peak, send
from ablate.training.outcome import _peak_bytes
from ablate.training.seeding import seed_dropout

CUDA = torch.device("cuda", 1)


class FakeTensor(NamedTuple):
    """A fake of a tensor on the CPU: what is asked of it, in order."""

    asked: list[Any]
    device: torch.device = torch.device("cpu")

    def pin_memory(self) -> FakeTensor:
        self.asked.append("pinned")
        return self

    def to(self, device: torch.device, *, non_blocking: bool) -> FakeTensor:
        self.asked.append((device.type, non_blocking))
        return self


class FakeGenerator:
    """A fake of a device's generator."""

    seed: int | None = None

    def manual_seed(self, seed: int) -> None:
        self.seed = seed


@pytest.mark.parametrize(
    ("device", "asked"),
    [
        ("cuda:1", ["pinned", ("cuda", True)]),
        ("mps", [("mps", False)]),
        ("cpu", [("cpu", True)]),
    ],
)
def test_a_batch_is_sent_without_waiting_only_where_its_source_stays(device: str, asked: list[Any]) -> None:
    """CUDA reads pinned memory that torch keeps until it was read; Metal may read memory that is free again."""
    tensor = FakeTensor([])
    send(tensor, torch.device(device))  # type: ignore[arg-type]

    assert tensor.asked == asked


def test_what_is_on_the_device_is_not_pinned() -> None:
    """Pinning is for the CPU's memory, and raises for any other."""
    tensor = FakeTensor([], CUDA)
    send(tensor, CUDA)  # type: ignore[arg-type]

    assert tensor.asked == [("cuda", True)]


def test_on_the_cpu_sending_copies_nothing() -> None:
    """The same tensor comes back."""
    tensor = torch.ones(3)

    assert send(tensor, torch.device("cpu")) is tensor


@pytest.mark.parametrize(("device", "seeded"), [("cuda:1", 1), ("cuda", 0)])
def test_dropout_is_seeded_on_the_card_that_trains(device: str, seeded: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each card has a generator of its own; without a number it is the current one."""
    generators = (FakeGenerator(), FakeGenerator())
    monkeypatch.setattr(torch.cuda, "default_generators", generators)
    monkeypatch.setattr(torch.cuda, "current_device", lambda: 0)

    seed_dropout(40, 2, torch.device(device))

    assert [one.seed for one in generators] == [42 if number == seeded else None for number in (0, 1)]


@pytest.mark.parametrize("precision", ["bf16", "fp16"])
def test_half_precision_is_asked_of_the_device_that_trains(precision: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """autocast by the kind of device; the loss is scaled for fp16 alone."""
    dtype = {"bf16": torch.bfloat16, "fp16": torch.float16}[precision]
    asked: list[Any] = []
    monkeypatch.setattr(torch, "autocast", lambda device, *, dtype: asked.append((device, dtype)))
    monkeypatch.setattr(torch.amp, "GradScaler", lambda device, *, enabled: asked.append((device, enabled)))
    mode = Mode(CUDA, dtype, channels_last=False)

    mode.autocast()
    mode.scaler()

    assert asked == [("cuda", dtype), ("cuda", precision == "fp16")]


def test_each_runs_peak_memory_is_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    """Torch counts the peak of the process: without a reset a small run after a large one is told to be as large."""
    asked: list[Any] = []
    monkeypatch.setattr(torch.cuda, "init", lambda: asked.append("init"))
    monkeypatch.setattr(torch.cuda, "reset_peak_memory_stats", lambda device: asked.append(("reset", device)))
    monkeypatch.setattr(torch.cuda, "max_memory_allocated", lambda device: 7 if device == CUDA else 0)

    reset_peak(CUDA)
    reset_peak(torch.device("cpu"))

    assert asked == ["init", ("reset", CUDA)]
    assert _peak_bytes(Mode(CUDA, torch.float32, channels_last=False)) == 7


def test_a_card_that_is_not_there_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """With how many there are."""
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)

    assert find_device("cuda:1") == CUDA
    with pytest.raises(TrainerError, match="2 CUDA devices"):
        find_device("cuda:2")


def test_runs_forked_from_the_warm_server_may_use_a_card() -> None:
    """Torch refuses CUDA in a process that was forked after CUDA was asked anything; it knows that without a card."""
    code = (
        "import os, sys\n"
        "from ablate.execute import worker\n"
        "from ablate.training.warm import warm_up\n"
        "worker.warm_up(); warm_up()\n"
        "import torch\n"
        "child = os.fork()\n"
        "if not child: os._exit(torch.cuda._is_in_bad_fork())\n"
        "sys.exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))\n"
    )

    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_a_trainer_that_asks_for_a_card_when_it_is_imported_asks_the_driver(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While the server loads it, and not in the runs, where CUDA itself may be asked."""
    told = tmp_path / "told"
    module = f"import os, pathlib\npathlib.Path({str(told)!r}).write_text(os.environ[{server.ASK_DRIVER!r}])\n"
    (tmp_path / "asks_for_a_card.py").write_text(module)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delenv(server.ASK_DRIVER, raising=False)

    server.load(["asks_for_a_card"])

    assert told.read_text() == "1"
    assert server.ASK_DRIVER not in os.environ
