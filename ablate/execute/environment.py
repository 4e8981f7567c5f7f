"""The machine: what a run ran on, and how many runs fit at once."""

from __future__ import annotations

import os
import platform
import subprocess
import sys
from collections.abc import Mapping
from functools import cache
from importlib import metadata
from pathlib import Path
from typing import NamedTuple

from ablate.records import Stamp

PACKAGES = ("torch", "torchvision", "numpy", "pillow")

THREADS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")

PYTHON = (sys.executable, "-P")
"""Begins a process of ours: without the current folder before Python's own modules. Its children are not told."""
ALLOCATOR = {
    # glibc gives freed tensors back to the system and faults them in again at the next step; kept, and on
    # huge pages, they are not. Read before main(), so only new processes can have it (docs/adr/0008).
    "MALLOC_MMAP_MAX_": "0",
    "MALLOC_TRIM_THRESHOLD_": "100000000000",
    "THP_MEM_ALLOC_ENABLE": "1",
}


class Machine(NamedTuple):
    """What a process runs on and with."""

    versions: Mapping[str, str]
    processor: str
    platform: str


@cache
def machine() -> Machine:
    """Found out once a process, and inherited by forks: asking takes tens of milliseconds."""
    versions = {"python": platform.python_version()}
    for package in PACKAGES:
        try:
            versions[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            continue
    return Machine(versions, platform.processor() or platform.machine(), platform.platform())


def own_version() -> str:
    """The version of ablate; `unknown` where it lies on Python's path without having been installed."""
    try:
        return metadata.version("ablate-harness")
    except metadata.PackageNotFoundError:
        return "unknown"


def machine_stamp(
    *, source_digest: str, data_digest: str, device: str, git_commit: str, weights_digest: str = ""
) -> Stamp:
    """The stamp of a run that ends in this process."""
    here = machine()
    return Stamp(
        source_digest=source_digest,
        data_digest=data_digest,
        weights_digest=weights_digest,
        versions=here.versions,
        device=device or here.processor,
        git_commit=git_commit,
        platform=here.platform,
    )


def git_commit(folder: Path) -> str:
    """The commit checked out in this folder, `+changes` where files differ from it; empty outside git."""
    try:
        commit = _git(folder, "rev-parse", "HEAD")
        return f"{commit}+changes" if _git(folder, "status", "--porcelain", "-uno") else commit
    except (OSError, subprocess.SubprocessError):
        return ""


def _git(folder: Path, *arguments: str) -> str:
    command = ["git", "-C", str(folder), *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=True, timeout=10).stdout.strip()


def worker_environment() -> dict[str, str]:
    """The environment of worker processes: one thread a library, a calm allocator."""
    environment = dict(os.environ)
    for name in THREADS:
        environment.setdefault(name, "1")
    if sys.platform == "linux":
        for name, value in ALLOCATOR.items():
            environment.setdefault(name, value)
    # A log takes whatever a trainer prints, also where the terminal of the command would not.
    environment["PYTHONIOENCODING"] = "utf-8:backslashreplace"
    return environment


def cores() -> int:
    """Processors this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
