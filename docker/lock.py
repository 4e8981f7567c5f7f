"""Write requirements.lock: what the MLflow image installs, each file by its hash, in the tested versions.

    python docker/lock.py            # asks pip; installs nothing

For Linux on x86-64 and on ARM, as the image's Python (3.11) is built for both.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
WANTED = ("mlflow>=3.17,<3.18", "psycopg2-binary>=2.9,<3")
MACHINES = ("x86_64", "aarch64")
HEADER = """\
# What docker/mlflow.Dockerfile installs. Written by `python docker/lock.py` from constraints.txt; not by hand.
"""

Locked = dict[str, tuple[str, set[str]]]
"""Project -> its version, and the sha256 of each of its files that may be installed."""


def resolved(machine: str) -> list[Mapping[str, Any]]:
    """What pip would install on such a machine, with where each file comes from."""
    with tempfile.TemporaryDirectory() as folder:
        command = [
            sys.executable, "-m", "pip", "install", "--dry-run", "--ignore-installed", "--quiet", "--report", "-",
            "--target", folder, "--only-binary=:all:", "--python-version", "3.11", "--implementation", "cp",
            "--abi", "cp311", "-c", str(HERE.parent / "constraints.txt"), *WANTED,
        ]  # fmt: skip
        for age in ("manylinux_2_28", "manylinux_2_17", "manylinux2014"):
            command += ["--platform", f"{age}_{machine}"]
        done = subprocess.run(command, check=True, capture_output=True, text=True)
    found: list[Mapping[str, Any]] = json.loads(done.stdout)["install"]
    return found


def merged(reports: Iterable[Iterable[Mapping[str, Any]]]) -> Locked:
    """One table of several machines. Raises ValueError where they would get different versions."""
    locked: Locked = {}
    for report in reports:
        for item in report:
            name, version = item["metadata"]["name"].lower().replace("_", "-"), item["metadata"]["version"]
            known, hashes = locked.setdefault(name, (version, set()))
            if known != version:
                raise ValueError(f"{name}: {known} on one machine and {version} on another")
            hashes.add(item["download_info"]["archive_info"]["hashes"]["sha256"])
    return locked


def written(locked: Locked) -> str:
    """The lock file's text."""
    lines = []
    for name, (version, hashes) in sorted(locked.items()):
        lines.append(" \\\n".join([f"{name}=={version}", *(f"    --hash=sha256:{one}" for one in sorted(hashes))]))
    return HEADER + "\n".join(lines) + "\n"


if __name__ == "__main__":
    (HERE / "requirements.lock").write_text(written(merged(map(resolved, MACHINES))), encoding="utf-8")
