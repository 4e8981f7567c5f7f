"""Write the two locks: what is installed, each file by its hash, in the versions of constraints.txt.

    python .ci/lock.py            # asks PyPI by pip; installs nothing

requirements.lock is what `make setup` installs, for the tested platform: Python 3.11 on Linux with x86-64.
docker/requirements.lock is the MLflow image's, which is built for ARM, too. The hashes are PyPI's own: mirrors and
folders of wheels that this machine's pip is told of are not asked.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parent.parent
INDEX = "https://pypi.org/simple"
IMAGE = ("mlflow[auth]>=3.17,<3.18", "psycopg[binary]>=3.2,<4")
NEWEST_GLIBC = 28
HEADER = "# {what}. Written by `make lock` from constraints.txt; not by hand.\n"


class Pin(NamedTuple):
    """One project: its version, the sha256 of each of its files that may be installed, the extras others ask for."""

    version: str
    hashes: set[str]
    extras: set[str]


Locked = dict[str, Pin]
"""By the name of the project."""


def resolved(wanted: Sequence[str], machine: str) -> list[Mapping[str, Any]]:
    """What pip would install on such a machine, with where each file comes from."""
    with tempfile.TemporaryDirectory() as folder:
        command = [
            sys.executable, "-m", "pip", "install", "--dry-run", "--ignore-installed", "--quiet", "--report", "-",
            "--index-url", INDEX, "--target", folder, "--only-binary=:all:", "--python-version", "3.11",
            "--implementation", "cp", "--abi", "cp311", "--abi", "abi3", "--abi", "none",
            "-c", str(ROOT / "constraints.txt"), *wanted,
        ]  # fmt: skip
        for glibc in range(NEWEST_GLIBC, 4, -1):
            command += ["--platform", f"manylinux_2_{glibc}_{machine}"]
        for older in ("2014", "2010", "1"):
            command += ["--platform", f"manylinux{older}_{machine}"]
        kept = {name: value for name, value in os.environ.items() if not name.startswith("PIP_") or name == "PIP_CERT"}
        environment = kept | {"PIP_CONFIG_FILE": os.devnull}
        done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, env=environment)
    found: list[Mapping[str, Any]] = json.loads(done.stdout)["install"]
    return found


def group(name: str, groups: Mapping[str, list[Any]]) -> list[str]:
    """The requirements of a dependency group, with those it includes."""
    found: list[str] = []
    for entry in groups[name]:
        found += [entry] if isinstance(entry, str) else group(entry["include-group"], groups)
    return found


def for_developers() -> list[str]:
    """What the package needs and what its developers do, which has what builds it in place."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    return [*project["project"]["dependencies"], *group("dev", project["dependency-groups"])]


def merged(reports: Sequence[Sequence[Mapping[str, Any]]]) -> Locked:
    """One table of several machines. Raises ValueError where they would get different versions."""
    locked: Locked = {}
    for report in reports:
        for item in report:
            name, version = item["metadata"]["name"].lower().replace("_", "-"), item["metadata"]["version"]
            pin = locked.setdefault(name, Pin(version, set(), set()))
            if pin.version != version:
                raise ValueError(f"{name}: {pin.version} on one machine and {version} on another")
            pin.hashes.add(item["download_info"]["archive_info"]["hashes"]["sha256"])
    for name, extras in _asked_for(item for report in reports for item in report):
        if name in locked:
            locked[name].extras.update(extras)
    return locked


def _asked_for(items: Iterable[Mapping[str, Any]]) -> Iterator[tuple[str, set[str]]]:
    """The extras that a package needs of another: pip takes a pin without them for no pin at all."""
    for item in items:
        for needed in map(Requirement, item["metadata"].get("requires_dist", ())):
            if needed.extras and (needed.marker is None or needed.marker.evaluate({"extra": ""})):
                yield canonicalize_name(needed.name), needed.extras


def written(what: str, locked: Locked) -> str:
    """The lock file's text."""
    lines = []
    for name, pin in sorted(locked.items()):
        extras = f"[{','.join(sorted(pin.extras))}]" if pin.extras else ""
        hashes = (f"    --hash=sha256:{one}" for one in sorted(pin.hashes))
        lines.append(" \\\n".join([f"{name}{extras}=={pin.version}", *hashes]))
    return HEADER.format(what=what) + "\n".join(lines) + "\n"


def write(path: Path, what: str, wanted: Iterable[str], machines: Iterable[str]) -> None:
    """One lock file."""
    locked = merged([resolved(list(wanted), machine) for machine in machines])
    path.write_text(written(what, locked), encoding="utf-8")


if __name__ == "__main__":
    write(
        ROOT / "requirements.lock",
        "What a developer installs on Python 3.11, Linux, x86-64, each file by the hash that PyPI has",
        for_developers(),
        ["x86_64"],
    )
    write(
        ROOT / "docker" / "requirements.lock",
        "What docker/mlflow.Dockerfile installs",
        IMAGE,
        ["x86_64", "aarch64"],
    )
