"""How fast each precision is on this machine: measured once, then remembered in the user's cache folder.

By processor, instructions, cards and version of torch, so that a home folder may be shared by machines.
"""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Literal, NamedTuple

from ablate.execute.devices import devices
from ablate.execute.environment import PYTHON, machine, worker_environment
from ablate.files import read_sealed, sha256_json, user_cache, write_sealed

LAYOUT = 1
LIMITS = ("ATEN_CPU_CAPABILITY", "ONEDNN_MAX_CPU_ISA", "DNNL_MAX_CPU_ISA")
"""Variables that keep torch from instructions the processor has."""
INSTRUCTIONS = {"bf16": ("avx512_bf16", "amx_bf16"), "fp16": ("avx512_fp16", "amx_fp16")}
"""Precision -> flags of processors by Intel and AMD, one of which it takes to be fast."""
SHOWN = {"bf16": "no AVX512-BF16 or AMX", "fp16": "no AVX512-FP16 or AMX-FP16"}

Kind = Literal["cpu", "cuda"]


class Speeds(NamedTuple):
    """kind: of the device. per_second: precision -> operations of convolutions, None where torch cannot do it."""

    kind: Kind
    per_second: Mapping[str, float | None]

    def times_slower(self, precision: str) -> float | None:
        """Than fp32; below 1 where it is faster; None where it is not possible at all."""
        own, plain = self.per_second.get(precision), self.per_second.get("fp32")
        return plain / own if own and plain else None


def speeds(kind: Kind) -> Speeds | None:
    """As remembered, else as measured now in a process of its own; None where it cannot be measured."""
    if find_spec("torch") is None:
        return None
    remembered = read_sealed(_place(kind))
    if remembered is not None:
        return Speeds(kind, remembered["per_second"])
    measured = _measure(kind)
    if measured is None:
        return None
    found = Speeds(kind, measured)
    with contextlib.suppress(OSError):  # a home folder that cannot be written to: measured again the next time
        remember(found)
    return found


def remember(found: Speeds) -> Path:
    """Keep what was measured here, with these instructions and this torch; the file."""
    path = _place(found.kind)
    path.parent.mkdir(parents=True, exist_ok=True)
    write_sealed(path, {"per_second": dict(found.per_second)})
    return path


def why_slow(precision: str) -> str:
    """What the processor lacks for it, or is kept from; empty where neither is known."""
    flags = _flags()
    if flags and not flags.intersection(INSTRUCTIONS[precision]):
        return SHOWN[precision]
    limits = [f"{name}={os.environ[name]}" for name in LIMITS if name in os.environ]
    return f"with {' and '.join(limits)}" if limits else ""


def _place(kind: Kind) -> Path:
    here = machine()
    flags = sorted(flag for pair in INSTRUCTIONS.values() for flag in pair if flag in _flags())
    limits = [os.environ.get(name, "") for name in LIMITS]
    cards = sorted({card.kind for card in devices()}) if kind == "cuda" else []
    key = sha256_json([LAYOUT, here.processor, _model(), flags, limits, cards, here.versions.get("torch", "")])
    return user_cache() / f"convolutions-{kind}-{key[:16]}.json"


def _measure(kind: Kind) -> dict[str, float | None] | None:
    command = [*PYTHON, "-m", "ablate.training.convolutions", kind]
    try:
        done = subprocess.run(
            command, env=worker_environment(), capture_output=True, text=True, check=False, timeout=120
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    found: dict[str, float | None] | None = json.loads(done.stdout) if done.returncode == 0 else None
    return found


def _flags() -> frozenset[str]:
    return frozenset(_line("flags").split())


def _model() -> str:
    return _line("model name")


def _line(name: str) -> str:
    """A line about the first processor; empty where the system has no such file."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return ""
    return next((line.split(":", 1)[1].strip() for line in lines if line.startswith(name) and ":" in line), "")
