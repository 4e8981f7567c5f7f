"""The processor that latencies are measured on, and what of it matters to them."""

from __future__ import annotations

import ctypes
import platform
import re
import subprocess
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

UNKNOWN = "unknown"

X86 = {
    "avx2": ("avx2", "avx2_0"),
    "avx512": ("avx512f",),
    "avx-vnni": ("avx_vnni",),
    "avx512-vnni": ("avx512_vnni", "avx512vnni"),
    "avx512-bf16": ("avx512_bf16",),
    "amx-int8": ("amx_int8",),
    "amx-bf16": ("amx_bf16",),
}
"""What is shown -> what the system calls it, on processors like Intel's and AMD's."""
ARM = {"dotprod": ("asimddp", "dotprod"), "i8mm": ("i8mm",), "bf16": ("bf16",), "sve": ("sve",), "sme": ("sme",)}
SUMS_OF_BYTES = frozenset({"avx-vnni", "avx512-vnni", "amx-int8", "dotprod", "i8mm"})
"""Each adds products of 8-bit numbers up in 32 bits; without one, x86 adds pairs up in 16, which can overflow."""

WINDOWS_FEATURES = {"avx2": 40, "avx512f": 41, "asimddp": 43}
"""As the argument of IsProcessorFeaturePresent; it knows no others of ours."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cpu:
    """A processor. name: as the system calls it. instructions: of X86 or ARM above, or None where nobody says."""

    name: str
    architecture: str
    instructions: tuple[str, ...] | None = None

    @property
    def adds_bytes_exactly(self) -> bool:
        """Whether 8-bit products are surely summed without overflow; if not, INT8 weights use 7 bits."""
        if self.instructions is None:
            return False
        return not SUMS_OF_BYTES.isdisjoint(self.instructions) or not _is_x86(self.architecture)

    def __str__(self) -> str:
        known = UNKNOWN if self.instructions is None else ", ".join(self.instructions) or "none of those that matter"
        return f"{self.name} ({self.architecture}; instruction sets: {known})"


def this_cpu() -> Cpu:
    """The processor of this machine."""
    match platform.system():
        case "Linux":
            return linux_cpu(_text(Path("/proc/cpuinfo")), platform.machine())
        case "Darwin":
            return mac_cpu(_sysctl, platform.machine())
        case "Windows":
            return windows_cpu(platform.processor(), platform.machine(), _has_windows_feature)
        case _:
            return Cpu(name=platform.processor() or UNKNOWN, architecture=platform.machine() or UNKNOWN)


def linux_cpu(cpuinfo: str, architecture: str) -> Cpu:
    """By the text of /proc/cpuinfo, of its first processor. In a container or on ARM it may have no name."""
    lines = _first_of_each(cpuinfo)
    flags = lines.get("flags") or lines.get("Features")
    name = lines.get("model name") or lines.get("Processor") or lines.get("Hardware") or UNKNOWN
    known = None if flags is None else _shown(flags.split(), architecture)
    return Cpu(name=name, architecture=architecture or UNKNOWN, instructions=known)


def mac_cpu(sysctl: Callable[[str], str], architecture: str) -> Cpu:
    """By `sysctl`, which gives a value as text, empty where there is none."""
    if _is_x86(architecture):
        flags = f"{sysctl('machdep.cpu.features')} {sysctl('machdep.cpu.leaf7_features')}".lower().split()
    else:
        asked = {"dotprod": "FEAT_DotProd", "i8mm": "FEAT_I8MM", "bf16": "FEAT_BF16", "sme": "FEAT_SME"}
        flags = [flag for flag, key in asked.items() if sysctl(f"hw.optional.arm.{key}") == "1"]
    name = sysctl("machdep.cpu.brand_string") or UNKNOWN
    return Cpu(name=name, architecture=architecture, instructions=_shown(flags, architecture) if flags else None)


def windows_cpu(name: str, architecture: str, has: Callable[[int], bool]) -> Cpu:
    """By `has`, which asks for a feature by its number. It does not know of VNNI, so a 7-bit range is used there."""
    found = [flag for flag, number in WINDOWS_FEATURES.items() if has(number)]
    return Cpu(
        name=name or UNKNOWN,
        architecture=architecture or UNKNOWN,
        instructions=_shown(found, architecture) if found else None,
    )


def _shown(flags: Iterable[str], architecture: str) -> tuple[str, ...] | None:
    there = frozenset(flags)
    known = X86 if _is_x86(architecture) else ARM if _is_arm(architecture) else None
    return None if known is None else tuple(name for name, spelled in known.items() if there.intersection(spelled))


def _is_x86(architecture: str) -> bool:
    return re.fullmatch(r"(?i)x86_64|amd64|i[3-6]86|x86", architecture) is not None


def _is_arm(architecture: str) -> bool:
    return re.fullmatch(r"(?i)aarch64|arm.*", architecture) is not None


def _first_of_each(cpuinfo: str) -> Mapping[str, str]:
    found: dict[str, str] = {}
    for line in cpuinfo.splitlines():
        name, colon, value = line.partition(":")
        if colon:
            found.setdefault(name.strip(), value.strip())
    return found


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""


def _sysctl(key: str) -> str:  # pragma: no cover - macOS
    done = subprocess.run(["/usr/sbin/sysctl", "-n", key], capture_output=True, text=True, check=False)
    return done.stdout.strip()


def _has_windows_feature(number: int) -> bool:  # pragma: no cover - Windows
    kernel = getattr(ctypes, "windll").kernel32  # noqa: B009 - mypy knows it on Windows alone
    return bool(kernel.IsProcessorFeaturePresent(number))
