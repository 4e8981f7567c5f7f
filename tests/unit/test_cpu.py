"""The processor that stands beside every latency."""

from __future__ import annotations

import pytest

from ablate.deploy.cpu import UNKNOWN, Cpu, linux_cpu, mac_cpu, this_cpu, windows_cpu

SKYLAKE = """processor\t: 0
model name\t: Intel(R) Core(TM) i7-6700K CPU @ 4.00GHz
flags\t\t: fpu sse2 avx avx2 bmi2

processor\t: 1
model name\t: another
flags\t\t: avx512f avx512_vnni
"""
SAPPHIRE = "model name : Intel(R) Xeon(R)\nflags : avx2 avx512f avx512_vnni avx512_bf16 avx_vnni amx_bf16 amx_int8\n"
GRAVITON = "processor\t: 0\nFeatures\t: fp asimd asimddp sve i8mm bf16\nCPU implementer\t: 0x41\n"


@pytest.mark.parametrize(
    ("text", "architecture", "instructions", "exact"),
    [
        (SKYLAKE, "x86_64", ("avx2",), False),
        (
            SAPPHIRE,
            "x86_64",
            ("avx2", "avx512", "avx-vnni", "avx512-vnni", "avx512-bf16", "amx-int8", "amx-bf16"),
            True,
        ),
        (GRAVITON, "aarch64", ("dotprod", "i8mm", "bf16", "sve"), True),
        ("flags : fpu sse2\n", "x86_64", (), False),
        ("Features : fp asimd\n", "aarch64", (), True),
        ("", "x86_64", None, False),
        ("cpu : POWER9\nflags : vsx\n", "ppc64le", None, False),
    ],
)
def test_linux_tells_the_instruction_sets_of_the_first_processor(
    text: str, architecture: str, instructions: tuple[str, ...] | None, *, exact: bool
) -> None:
    """Those that decide how fast, and how exactly, 8-bit and 16-bit numbers are multiplied."""
    cpu = linux_cpu(text, architecture)

    assert (cpu.instructions, cpu.adds_bytes_exactly) == (instructions, exact)


def test_what_is_not_told_is_unknown() -> None:
    """No name and no flags are no reason to fail, and no reason to promise anything."""
    cpu = linux_cpu("", "")

    assert cpu == Cpu(name=UNKNOWN, architecture=UNKNOWN)
    assert str(cpu) == "unknown (unknown; instruction sets: unknown)"


def test_a_mac_is_asked_by_sysctl() -> None:
    """Apple's own processors and Intel's in Macs tell it under different names."""
    apple = {"machdep.cpu.brand_string": "Apple M2", "hw.optional.arm.FEAT_DotProd": "1"}
    apple |= {"hw.optional.arm.FEAT_I8MM": "1", "hw.optional.arm.FEAT_SME": "0"}
    intel = {"machdep.cpu.brand_string": "Intel", "machdep.cpu.leaf7_features": "AVX2 AVX512F AVX512VNNI"}

    assert mac_cpu(lambda key: apple.get(key, ""), "arm64").instructions == ("dotprod", "i8mm")
    assert mac_cpu(lambda key: intel.get(key, ""), "x86_64").instructions == ("avx2", "avx512", "avx512-vnni")
    assert mac_cpu(lambda key: "", "arm64") == Cpu(name=UNKNOWN, architecture="arm64")


def test_windows_knows_some_instruction_sets_and_promises_nothing_of_others() -> None:
    """It has no number for VNNI."""
    cpu = windows_cpu("Intel64 Family 6", "AMD64", lambda number: number in (40, 41))

    assert (cpu.instructions, cpu.adds_bytes_exactly) == (("avx2", "avx512"), False)
    assert windows_cpu("", "", lambda number: False) == Cpu(name=UNKNOWN, architecture=UNKNOWN)


@pytest.mark.parametrize("system", ["Linux", "FreeBSD"])
def test_this_machine_has_one(monkeypatch: pytest.MonkeyPatch, system: str) -> None:
    """Whatever the system is."""
    monkeypatch.setattr("platform.system", lambda: system)

    assert this_cpu().architecture
