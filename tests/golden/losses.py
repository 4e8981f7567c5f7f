"""The losses of tiny trainings, epoch by epoch: a change that is meant to change no numbers keeps them.

Written by `make golden`. The file's first line names the processor, its instruction set and torch: there the
numbers are the same bit for bit. Elsewhere libraries add in another order. With this processor's own lesser
instruction sets (ATEN_CPU_CAPABILITY, ONEDNN_MAX_CPU_ISA, MKL_CBWR) the losses moved by up to 6e-8,
relatively; 1e-5 leaves room for other processors and none for another computation.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from ablate.store.journal import read_history
from ablate.training.loop import train_network
from ablate.training.numerics import device_name
from tests.training_builders import ALL_AUGMENT, LOADED, TINY, TRICKS, a_config, a_live_run, a_spec

PATH = Path(__file__).parent / "loss" / "tiny_cpu.txt"
ELSEWHERE = 1e-5
"""Relative tolerance on another machine than the one that wrote the file."""

FC = {"model": {**TINY["model"], "head": {"name": "fc", "hidden": [16], "pool": 2}}}
LONG = {"batch_size": 8, "epochs": 8}
FAST = {"optimizer": {"name": "adam", "lr": 3e-2}}
TRAININGS: Mapping[str, Mapping[str, Any]] = {
    "plain": {**FC, **LONG},
    "contiguous": {**FC, **LONG, "numerics": {"channels_last": False}},  # `plain` before its layout changed
    "momentum": {**FC, **LONG, "optimizer": {"name": "sgd", "lr": 0.1, "momentum": 0.9}},
    "everything": {**LOADED, **LONG, "optimizer": {"name": "adam", "lr": 3e-2, "weight_decay": 1e-4}},
    **{name: {**FC, **LONG, **FAST, **changes} for name, changes in TRICKS.items()},
    # Without RandAugment: it rounds to bytes, and elsewhere a byte may round the other way.
    "augmented": {**FC, **LONG, **FAST, "augment": {**ALL_AUGMENT, "randaugment": None, "flip": None, "cutout": None}},
}


def machine() -> str:
    """What decides the last bits."""
    instructions = torch.backends.cpu.get_cpu_capability()  # one name of a processor stands for several
    return f"{device_name(torch.device('cpu'))}; {instructions}; torch {torch.__version__}"


def losses_of(changes: Mapping[str, Any], work: Path) -> list[float]:
    """The training losses of one run, an epoch each."""
    config = a_config(changes)
    run = a_live_run(work, a_spec(config))
    train_network(config, run)
    return [event.data["metrics"]["train/loss"] for event in read_history(run.folder)]


def written(losses: Mapping[str, list[float]]) -> str:
    """The golden file: the machine, then a name and its losses a line."""
    lines = [" ".join([name, *map(repr, values)]) for name, values in losses.items()]
    return "\n".join([machine(), *lines, ""])


def read() -> tuple[str, dict[str, list[float]]]:
    """The machine that wrote the golden file, and the losses by name."""
    by, *lines = PATH.read_text(encoding="utf-8").splitlines()
    words = [line.split() for line in lines]
    return by, {name: [float(value) for value in values] for name, *values in words}


def write(work: Path) -> None:
    """Write the golden file again; the folder is for the runs."""
    text = written({name: losses_of(changes, work) for name, changes in TRAININGS.items()})
    PATH.parent.mkdir(parents=True, exist_ok=True)
    PATH.write_text(text, encoding="utf-8")
