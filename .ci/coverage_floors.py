"""Hold the measured branch coverage of each folder against its floor.

    python .ci/coverage_floors.py coverage.json

The file is coverage's own JSON. The floor of a folder is a percentage of lines and, by itself, one of branches: lines
do not make up for branches that nothing takes. The floor of everything is coverage's own total, of lines and branches
together. What is missing is listed by file and line.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

FLOORS = {"ablate": (100.0, 100.0), "ablate/study": (100.0, 100.0), "ablate/stats": (100.0, 100.0)}
"""The folders that verdicts and stored files rest on. `ablate` is its own modules, without the folders below."""

ALL = 90.0
"""Everything, as coverage counts it: lines run and branches taken, of all there are."""


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


def held(files: Sequence[Measured], folder: str, floor: tuple[float, float]) -> bool:
    """Print a folder's line, and what is missing where it is below its floors; whether it holds them."""
    kept = [file for file in files if belongs(file.path, folder)]
    if not kept:
        print(f"{folder}: nothing was measured.")
        return False
    lines, branches = shares(kept)
    short = lines < floor[0] or branches < floor[1]
    floors = f"{floor[0]:g} % and {floor[1]:g} %"
    print(f"{folder}: lines {lines:.2f} %, branches {branches:.2f} %, {_verdict(short=short)} the floors of {floors}")
    _list(kept if short else ())
    return not short


def all_held(files: Sequence[Measured], total: float) -> bool:
    """The same for everything; total: coverage's own figure."""
    lines, branches = shares(files)
    short = total < ALL
    verdict = f"{_verdict(short=short)} the floor of {ALL:g} %"
    print(f"all: {total:.2f} % (lines {lines:.2f} %, branches {branches:.2f} %), {verdict}")
    _list(files if short else ())
    return not short


def _verdict(*, short: bool) -> str:
    return "BELOW" if short else "at or above"


def _list(files: Iterable[Measured]) -> None:
    for file in files:
        for line in file.missing():
            print(f"  {line}")


def main(path: Path) -> int:
    """Print each floor's line, what is missing below a broken one, and give the exit status."""
    report = json.loads(path.read_text(encoding="utf-8"))
    files = read(report)
    found = [held(files, folder, floor) for folder, floor in FLOORS.items()]
    found.append(all_held(files, report["totals"]["percent_covered"]))
    return 0 if all(found) else 1


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
