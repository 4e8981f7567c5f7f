"""Where times are taken: the processor, the packages, how busy it is."""

from __future__ import annotations

import os
import platform

from ablate.deploy.cpu import this_cpu
from ablate.deploy.records import Machine

VERSIONS = ("torch", "onnxruntime", "openvino")


def this_machine(threads: int, load_before: float | None) -> Machine:
    """Where this process runs, and how busy it was before and is now."""
    from importlib.metadata import PackageNotFoundError, version

    versions = {}
    for name in VERSIONS:
        try:
            versions[name] = version(name)
        except PackageNotFoundError:
            continue
    cpu, now = this_cpu(), load_now()
    return Machine(
        cpu=cpu.name,
        cores=cores(),
        instruction_sets=cpu.instructions,
        threads=threads,
        load=None if load_before is None or now is None else (load_before, now),
        platform=platform.platform(),
        versions=versions,
    )


def cores() -> int:
    """Processors this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def load_now() -> float | None:
    """Processes that want to run, the mean of the last minute."""
    return os.getloadavg()[0] if hasattr(os, "getloadavg") else None
