"""What this machine can do, measured, and what follows for running studies on it.

Writes nothing in the work folder; how fast each precision is, which other commands ask for, is remembered in the
user's cache folder.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from ablate.errors import AblateError
from ablate.execute.devices import devices
from ablate.execute.environment import ALLOCATOR, PYTHON, cores, machine, worker_environment
from ablate.execute.joining import refuse_silent
from ablate.execute.pool import CAN_FORK
from ablate.execute.precisions import Kind, speeds
from ablate.safety.addresses import without_secrets
from ablate.store.disk_space import SPARE, refuse_unwritable
from ablate.track.open import check_uri, tracking_uri
from ablate.workflows.common_troubles import Finding, troubles
from ablate.workflows.slow_precision import precision_note

GIB = 2**30
RAY_FLOOR = (2, 54)
"""The first version without CVE-2026-27482; as pyproject.toml has it."""


def examine_machine(work: Path, *, measure: bool = True) -> Iterator[Finding]:
    """Look at the machine, the work folder and the tracking store, one after the other.

    measure: also train and decode for some seconds, in processes of their own.
    """
    yield from _machine()
    yield from troubles(work)
    yield _folder(work)
    yield _tracking(work)
    if measure:
        yield from _speed(work)


def _machine() -> Iterator[Finding]:
    versions = ", ".join(f"{name} {version}" for name, version in machine().versions.items())
    yield Finding("versions", versions)
    count = cores()
    load = os.getloadavg()[0] if hasattr(os, "getloadavg") else 0.0
    busy = "Something else is running on this machine: runs will take longer than necessary." if load > count else ""
    yield Finding("cores", f"{count}, load {load:.1f}", busy)
    memory = _memory()
    if memory is not None:
        scarce = f"Below 2 GiB a run: begin with --workers {max(1, int(memory // 2))}." if memory < 2 * count else ""
        yield Finding("memory", f"{memory:.1f} GiB free", scarce)
    cards = devices()
    kinds = sorted({card.kind or "unknown" for card in cards})
    mixed = "Replicates stay on one kind of card each, so that no variant is favoured." if len(kinds) > 1 else ""
    yield Finding("graphics cards", f"{len(cards)}: {', '.join(kinds)}" if cards else "none", mixed)
    if not CAN_FORK:
        yield Finding("processes", "a new one per run", "Each run imports torch anew; on Linux it would not.")
    yield _ray()


def _ray() -> Finding:
    try:
        version = metadata.version("ray")
    except metadata.PackageNotFoundError:
        return Finding("ray", "not installed", "Only --executor ray needs it: pip install 'ray>=2.54'.")
    advice = []
    if tuple(int(part) for part in re.findall(r"\d+", version)[:2]) < RAY_FLOOR:
        advice.append(f"Versions below {'.'.join(map(str, RAY_FLOOR))} have a known vulnerability: upgrade.")
    if os.environ.get("RAY_AUTH_MODE", "token") != "token":
        advice.append("RAY_AUTH_MODE lets in everybody who reaches the cluster: unset it, or set it to token.")
    address = os.environ.get("RAY_ADDRESS")
    where = f"installed, {version}; without --ray-address on this machine alone"
    if address:
        where = f"installed, {version}; RAY_ADDRESS is {without_secrets(address)}"
        try:
            refuse_silent(address)
        except AblateError as error:
            advice.append(error.message.replace("--ray-address", "RAY_ADDRESS") + ".")
    return Finding("ray", where, " ".join(advice))


def _memory() -> float | None:
    """GiB that could be taken without swapping."""
    try:
        lines = Path("/proc/meminfo").read_text().splitlines()
    except OSError:
        return None
    free = [line.split()[1] for line in lines if line.startswith("MemAvailable:")]
    return int(free[0]) * 1024 / GIB if free else None


def _folder(work: Path) -> Finding:
    try:
        refuse_unwritable(work)
    except AblateError as error:
        return Finding("work folder", error.message, error.hint)
    above = next(folder for folder in (work, *work.parents) if folder.exists())
    free = shutil.disk_usage(above).free
    with tempfile.NamedTemporaryFile(dir=above) as file:
        started = time.monotonic()
        for _ in range(10):
            file.write(b"x" * 200)
            file.flush()
            os.fsync(file.fileno())
        sync = (time.monotonic() - started) / 10
    advice = "Nearly full: `ablate clean` says what can go." if free < 16 * SPARE else ""
    if sync > 0.05:
        advice = f"{advice} A slow disk: put --work on a local one.".strip()
    return Finding("work folder", f"{free / GIB:.0f} GiB free, {1000 * sync:.1f} ms to sync a line to disk", advice)


def _tracking(work: Path) -> Finding:
    uri = tracking_uri(None, work)
    try:
        check_uri(uri)
    except AblateError as error:
        return Finding("tracking", error.message, error.hint)
    return Finding("tracking", without_secrets(uri))


def _speed(work: Path) -> Iterator[Finding]:
    if find_spec("torch") is None:
        advice = "Verdicts and reports do not need it; to train, `pip install torch torchvision`."
        yield Finding("speed", "not measured: torch is not installed", advice)
        return
    count = cores()
    calm = _measured(worker_environment(), sorted({1, count}))
    plain = {name: value for name, value in worker_environment().items() if name not in ALLOCATOR}
    without = _measured(plain, [1])
    if calm is None or without is None:
        yield Finding(
            "speed", "could not be measured", "torch cannot be imported; `python -c 'import torch'` says why."
        )
        return
    one, all_ = calm["steps"]["1"], calm["steps"][str(count)]
    yield Finding("training, 1 thread", f"{one:.1f} steps per second (32 images of 64 x 64)")
    if count > 1:
        together = f"{all_:.1f} steps per second, {all_ / one:.2f} times as many as with one"
        advice = (
            f"Leave numerics.threads at 1 where a study has {count} runs or more: {count} side by side do more than "
            f"one with {count} threads. `ablate plan` proposes a number for fewer."
        )
        yield Finding(f"training, {count} threads", together, advice if all_ < 0.9 * count * one else "")
    gain = one / without["steps"]["1"]
    kept = "worth having; `ablate run` sets it" if gain > 1.03 else "no difference here"
    yield Finding("allocator settings", f"{gain:.2f} times as fast with them: {kept}")
    yield from _precisions()
    yield Finding("decoding", f"{calm['images']:.0f} JPEG files per second and core; done once, then cached")
    if sys.platform == "linux":
        yield Finding("a fresh process", f"{_fresh(work):.1f} s until torch is imported; from the warm server far less")


def _precisions() -> Iterator[Finding]:
    """What bf16 and fp16 come to beside fp32, on the processor and, where there is one, on a graphics card."""
    kinds: tuple[Kind, ...] = ("cpu", "cuda") if devices() else ("cpu",)
    for kind in kinds:
        found = speeds(kind)
        if found is None or not (plain := found.per_second.get("fp32")):
            yield Finding(f"convolutions, {kind}", "could not be measured")
            continue
        slower = [found.times_slower(name) for name in ("bf16", "fp16")]
        bf16, fp16 = (f"{1 / times:.2g} times that" if times else "not possible" for times in slower)
        advice = " ".join(filter(None, (precision_note(name, found) for name in ("bf16", "fp16"))))
        shown = f"fp32 {plain / 1e9:.3g} GFLOPS; bf16 {bf16}, fp16 {fp16}"
        yield Finding(f"convolutions, {kind}", shown, advice)


def _measured(environment: Mapping[str, str], threads: list[int]) -> dict[str, Any] | None:
    command = [*PYTHON, "-m", "ablate.training.speed", *map(str, threads)]
    # OMP_NUM_THREADS=1 would keep the second measurement from having threads.
    env = {name: value for name, value in environment.items() if not name.endswith("_NUM_THREADS")}
    done = subprocess.run(command, env=env, capture_output=True, text=True, check=False, timeout=300)
    found: dict[str, Any] | None = json.loads(done.stdout) if done.returncode == 0 else None
    return found


def _fresh(work: Path) -> float:
    started = time.monotonic()
    command = [*PYTHON, "-c", "import torch"]
    subprocess.run(command, env=worker_environment(), capture_output=True, check=False, timeout=300)
    return time.monotonic() - started
