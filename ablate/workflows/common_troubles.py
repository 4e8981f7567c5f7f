"""What goes wrong on many machines, each with the command that fixes it: looked at, nothing measured."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple

from ablate.execute.devices import Device, devices

OURS = "ablate-harness"
"""This package, by the name it is installed under."""


class Finding(NamedTuple):
    """One thing that was looked at. advice: what to do about it; empty where all is well."""

    what: str
    measured: str
    advice: str = ""


def troubles(work: Path) -> Iterator[Finding]:
    """The packages, the build of torch, the fonts, runs that nobody reads any more."""
    yield _namesakes(metadata.packages_distributions().get("ablate", []))
    if find_spec("torch") is not None:
        yield _torch_build(metadata.version("torch"), devices())
    if find_spec("matplotlib") is not None:
        yield _fonts()
    yield from _file_store(work)


def _namesakes(names: Sequence[str]) -> Finding:
    """Other packages whose modules are called `ablate`, too: whichever was installed last has overwritten files."""
    others = sorted(set(names) - {OURS})
    if not others:
        return Finding("packages called ablate", "this one alone")
    advice = (
        f"`pip uninstall {' '.join(others)}`, then `pip install --force-reinstall --no-deps .` in the clone of ablate."
    )
    return Finding("packages called ablate", f"also installed: {', '.join(others)}", advice)


def _torch_build(version: str, cards: Sequence[Device]) -> Finding:
    is_blind = version.endswith("+cpu") and bool(cards)
    advice = "It uses no graphics card: `pip install --force-reinstall torch torchvision` installs one that does."
    return Finding("torch", f"{version}{', for processors alone' * version.endswith('+cpu')}", advice * is_blind)


def _file_store(work: Path) -> Iterator[Finding]:
    """A folder in which an earlier MLflow kept runs; an `mlruns` that holds none is somebody else's."""
    store = work / "mlruns"
    if any(store.glob("*/meta.yaml")):
        command = f"mlflow migrate-filestore --source {store} --target sqlite:///{work / 'mlflow.db'}"
        yield Finding("file store", f"{store} has runs that MLflow no longer writes to", f"`{command}` moves them.")


def _fonts() -> Finding:
    """Whether names in Chinese, Japanese and Korean can be drawn."""
    from ablate.report.figures.fonts import missing_font

    if not missing_font(["\u732b"]):
        return Finding("fonts", "names in every usual script can be drawn")
    advice = (
        "Only needed for such names: `apt-get install fonts-noto-cjk` (`brew install font-noto-sans-cjk` on a Mac)."
    )
    return Finding("fonts", "no font here has Chinese, Japanese or Korean", advice)
