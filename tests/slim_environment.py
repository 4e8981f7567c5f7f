"""An environment that holds some of the installed packages and no others, made without a network.

It is a virtual environment of links: processes that a command starts in it find no more than the command itself.
"""

from __future__ import annotations

import venv
from collections.abc import Iterable, Sequence
from importlib import metadata
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[1]


def requirements_of(file: Path) -> list[Requirement]:
    """The lines of a requirements file."""
    lines = [line.partition("#")[0].strip() for line in file.read_text(encoding="utf-8").splitlines()]
    return [Requirement(line) for line in lines if line]


def closure(requirements: Iterable[Requirement]) -> set[str]:
    """The distributions that these need, themselves included, as far as they are installed here."""
    found: set[str] = set()
    waiting = list(requirements)
    while waiting:
        one = waiting.pop()
        name = canonicalize_name(one.name)
        extras = one.extras or {""}
        if name in found or (one.marker is not None and not one.marker.evaluate()):
            continue
        found.add(name)
        needed = [Requirement(line) for line in metadata.requires(one.name) or ()]
        waiting += [
            Requirement(f"{other.name}[{','.join(other.extras)}]" if other.extras else other.name)
            for other in needed
            if other.marker is None or any(other.marker.evaluate({"extra": extra}) for extra in extras)
        ]
    return found


def make_environment(folder: Path, distributions: Iterable[str]) -> Path:
    """A new environment with these distributions and ablate itself; the path of its Python."""
    venv.create(folder, symlinks=True, with_pip=False)
    (packages,) = folder.glob("lib/*/site-packages")
    for name in distributions:
        for entry in _entries(name):
            if not (packages / entry.name).exists():
                (packages / entry.name).symlink_to(entry)
    (packages / "ablate").symlink_to(ROOT / "ablate")
    described = packages / "ablate_harness-0.dist-info"
    described.mkdir()
    (described / "METADATA").write_text("Metadata-Version: 2.1\nName: ablate-harness\nVersion: 0\n", encoding="utf-8")
    return folder / "bin" / "python"


def _entries(name: str) -> Sequence[Path]:
    """What a distribution has at the top of the folder of installed packages."""
    found = metadata.distribution(name)
    tops = {file.parts[0] for file in found.files or () if file.parts[0] not in ("..", "__pycache__")}
    return [Path(str(found.locate_file(top))) for top in sorted(tops)]
