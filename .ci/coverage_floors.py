"""Hold the measured branch coverage of each folder against its floor.

    python .ci/coverage_floors.py coverage.json

The file is coverage's own JSON. Each floor is a percentage of lines and, by itself, one of branches: lines do not make
up for branches that nothing takes. What is missing is listed by file and line.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

FLOORS = {"ablate": (100.0, 100.0), "ablate/study": (100.0, 100.0), "ablate/stats": (100.0, 100.0)}
"""The folders that verdicts and stored files rest on. `ablate` is its own modules, without the folders below."""

ALL = (89.0, 80.0)
"""Everything together. Commands and servers are run whole by the contract, integration and end-to-end tests, which are
not measured; raise these with the unit tests, and never lower them."""


class Measured(NamedTuple):
    """What one file's tests ran and what they did not."""

    path: str
    lines: int
    lines_run: int
    branches: int
    branches_taken: int
    missing_lines: tuple[int, ...]
    missing_branches: tuple[tuple[int, int], ...]

    def missing(self) -> Iterator[str]:
        """Each line not run and each branch not taken from a line that was, as file:line."""
        for line in self.missing_lines:
            yield f"{self.path}:{line}: never run"
        for start, end in self.missing_branches:
            if start not in self.missing_lines:
                where = f"to line {end}" if end > 0 else "out of the function"
                yield f"{self.path}:{start}: never goes on {where}"


def read(report: Mapping[str, Any]) -> list[Measured]:
    """The files of coverage's JSON."""
    return [
        Measured(
            path.replace("\\", "/"),
            summary["num_statements"],
            summary["covered_lines"],
            summary["num_branches"],
            summary["covered_branches"],
            tuple(file["missing_lines"]),
            tuple((start, end) for start, end in file["missing_branches"]),
        )
        for path, file in sorted(report["files"].items())
        for summary in [file["summary"]]
    ]


def belongs(path: str, folder: str) -> bool:
    """Whether a file counts for a folder's floor."""
    return path.startswith(f"{folder}/") if "/" in folder else Path(path).parent.as_posix() == folder


def shares(files: Iterable[Measured]) -> tuple[float, float]:
    """The percentage of lines run and of branches taken."""
    kept = list(files)
    lines, branches = sum(file.lines for file in kept), sum(file.branches for file in kept)
    run, taken = sum(file.lines_run for file in kept), sum(file.branches_taken for file in kept)
    return 100.0 * run / lines if lines else 100.0, 100.0 * taken / branches if branches else 100.0


def main(path: Path) -> int:
    """Print each floor's line, what is missing below a broken one, and give the exit status."""
    files = read(json.loads(path.read_text(encoding="utf-8")))
    broken = 0
    for folder, floor in [*FLOORS.items(), ("all", ALL)]:
        kept = files if folder == "all" else [file for file in files if belongs(file.path, folder)]
        if not kept:
            print(f"{folder}: nothing was measured.")
            broken += 1
            continue
        lines, branches = shares(kept)
        short = lines < floor[0] or branches < floor[1]
        broken += short
        verdict = "BELOW" if short else "at or above"
        floors = f"{floor[0]:g} % and {floor[1]:g} %"
        print(f"{folder}: lines {lines:.2f} %, branches {branches:.2f} %, {verdict} the floors of {floors}")
        if short:
            print("\n".join(f"  {line}" for file in kept for line in file.missing()))
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
