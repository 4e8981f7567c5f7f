"""The floors of branch coverage are held by what coverage wrote, folder by folder."""

from __future__ import annotations

import importlib.util
import json
from collections.abc import Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest


@pytest.fixture(scope="module")
def floors() -> ModuleType:
    """The script of the gate; it lies in no package."""
    path = Path(__file__).parents[2] / ".ci" / "coverage_floors.py"
    described = importlib.util.spec_from_file_location("coverage_floors", path)
    assert described is not None
    assert described.loader is not None
    module = importlib.util.module_from_spec(described)
    described.loader.exec_module(module)
    return module


def a_file(*, lines: tuple[int, ...] = (), branches: tuple[tuple[int, int], ...] = (), of: int = 10) -> Any:
    """What coverage says of a file with so many lines and branches, of which these are missing."""
    return {
        "summary": {
            "num_statements": of,
            "covered_lines": of - len(lines),
            "num_branches": of,
            "covered_branches": of - len(branches),
        },
        "missing_lines": list(lines),
        "missing_branches": [list(one) for one in branches],
    }


WHOLE = {name: a_file() for name in ("ablate/files.py", "ablate/study/space/tree.py", "ablate/stats/looks.py")}


def checked(floors: ModuleType, folder: Path, more: Mapping[str, Any]) -> int:
    """The exit status for these files beside those that have everything."""
    path = folder / "coverage.json"
    path.write_text(json.dumps(a_report({**WHOLE, **more})), encoding="utf-8")
    return int(floors.main(path))


def a_report(files: Mapping[str, Any]) -> Any:
    """What coverage writes of these files; its total is of lines and branches together."""
    of, covered = (
        sum(file["summary"][name] for file in files.values() for name in names)
        for names in (("num_statements", "num_branches"), ("covered_lines", "covered_branches"))
    )
    return {"files": dict(files), "totals": {"percent_covered": 100.0 * covered / of}}


def test_all_floors_are_held(floors: ModuleType, tmp_path: Path) -> None:
    """A hole in a folder without a floor of its own counts among all files alone."""
    assert checked(floors, tmp_path, {"ablate/report/page.py": a_file(lines=(3,))}) == 0


@pytest.mark.parametrize("path", ["ablate/metrics.py", "ablate/study/space/reading.py", "ablate/stats/looks.py"])
def test_what_is_missing_below_a_floor_is_listed_by_file_and_line(
    path: str, floors: ModuleType, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A line that never ran once, without the branches that start from it."""
    missing = a_file(lines=(7,), branches=((4, 6), (5, -2), (7, 8)))

    assert checked(floors, tmp_path, {path: missing}) == 1
    told = capsys.readouterr().out
    assert [line.strip() for line in told.splitlines() if line.startswith("  ")] == [
        f"{path}:7: never run",
        f"{path}:4: never goes on to line 6",
        f"{path}:5: never goes on out of the function",
    ]
    assert told.count("BELOW") == 1


def test_branches_of_a_folder_have_a_floor_of_their_own(floors: ModuleType, tmp_path: Path) -> None:
    """Many lines do not make up for branches that nothing takes."""
    missing = a_file(branches=((4, 6),))

    assert checked(floors, tmp_path, {"ablate/stats/looks.py": missing}) == 1


@pytest.mark.parametrize(("missing", "status"), [(7, 0), (8, 0), (9, 1)])
def test_all_files_are_held_by_the_total_of_lines_and_branches(
    missing: int, status: int, floors: ModuleType, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Of 80 of them, 8 may be missing, however many of those are branches."""
    branches = tuple((line, line + 1) for line in range(1, missing + 1))

    assert checked(floors, tmp_path, {"ablate/report/page.py": a_file(branches=branches)}) == status
    assert f"all: {100 - 100 * missing / 80:.2f} %" in capsys.readouterr().out


def test_a_folder_of_which_nothing_was_measured_is_below_its_floor(floors: ModuleType, tmp_path: Path) -> None:
    """As after a folder was renamed."""
    path = tmp_path / "coverage.json"
    path.write_text(json.dumps(a_report({"ablate/files.py": a_file()})), encoding="utf-8")

    assert floors.main(path) == 1
