"""Writes the golden files of the study side again: `python -m tests.golden.regenerate_study`."""

from __future__ import annotations

import json
import os
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ablate.errors import AblateError
from ablate.study.load import load_study
from ablate.study.plan import make_plan

FOLDER = Path(__file__).parent
ROOT = FOLDER.parents[1]
FINGERPRINTS = FOLDER / "fingerprints.json"
STUDIES = [ROOT / "studies" / "quickstart.yaml", FOLDER / "studies" / "faces.yaml", FOLDER / "studies" / "toy.yaml"]
WRITTEN_OUT = ("numerics.channels_last=false", "numerics.channels_last=true")
"""Values of the quick start that were written out before their default changed; their runs keep their names."""
MISSING = Path("errors/unknwn_key.yaml")
"""A file that is not there."""


def fingerprints() -> dict[str, dict[str, str]]:
    """Study -> variant/replicate -> fingerprint, for every run up to the last look."""
    plain = {path.stem: dict(_runs_of(path)) for path in STUDIES}
    return plain | {f"{STUDIES[0].stem} {key}": dict(_runs_of(STUDIES[0], key)) for key in WRITTEN_OUT}


def _runs_of(path: Path, *sets: str) -> Iterator[tuple[str, str]]:
    plan = make_plan(load_study(path, sets=sets))
    for variant, spec in plan.runs(len(plan.looks)):
        yield f"{variant.name}/{spec.replicate.index}", spec.fingerprint


def cases() -> list[Path]:
    """Every study file that is refused, as seen from this folder."""
    return [MISSING, *sorted(path.relative_to(FOLDER) for path in (FOLDER / "errors").glob("*.yaml"))]


def expected(case: Path) -> Path:
    """Where the text stands that a user must see."""
    return FOLDER / case.with_suffix(".txt")


def refusal(case: Path) -> AblateError:
    """The error that a case ends with; call it in this folder, so that paths are the same everywhere."""
    try:
        make_plan(load_study(case, **_options(case)))
    except AblateError as error:
        return error
    raise AssertionError(f"{case} is a good study")


def _options(case: Path) -> dict[str, Any]:
    """The options that the second line of a case asks for."""
    lines = case.read_text(encoding="utf-8", errors="replace").splitlines()[:2] if case.exists() else []
    words = [word for line in lines if line.startswith("# options: ") for word in shlex.split(line[11:])]
    pairs = list(zip(words[::2], words[1::2], strict=True))
    designs = [value for option, value in pairs if option == "--design"]
    return {"sets": [value for option, value in pairs if option == "--set"], "design": designs[0] if designs else None}


def printed(error: AblateError) -> str:
    """As the commands print it."""
    return f"Error: {error.message}\n" + (f"{error.hint}\n" if error.hint else "")


def main() -> None:
    """Write everything; review the diff like code."""
    os.chdir(FOLDER)
    FINGERPRINTS.write_text(json.dumps(fingerprints(), indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    for case in cases():
        expected(case).write_text(printed(refusal(case)), encoding="utf-8")


if __name__ == "__main__":
    main()
