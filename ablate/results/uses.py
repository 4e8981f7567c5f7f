"""Which studies of a work folder have shown verdicts on the same test images before.

Each keeps the error rate of its own, and nothing pays for the others: so a reader is told how many there were. What
was there when a study first showed a verdict is noted beside it; later studies change nothing of that.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from ablate.errors import AblateError
from ablate.files import read_json, write_json
from ablate.records import Cell, Finished
from ablate.results.declared_looks import FILE as DECLARED
from ablate.store.data_identity import DataIdentity
from ablate.store.run_names import read_names, read_source
from ablate.store.work_folder import Store

FILE = "uses.json"
REPORT = "report.json"


class Use(NamedTuple):
    """A study and how many families of comparisons it judged."""

    study: str
    families: int


def earlier_uses(store: Store, study: str, cells: Sequence[Cell]) -> tuple[Use, ...]:
    """Other studies that showed verdicts on the test images of this one before it did."""
    own = store.study(study)
    noted = read_json(own / FILE)
    if isinstance(noted, dict):
        return _read(noted)
    digest = next((found for cell in cells if cell.replicate.index == 0 and (found := _tested_on(cell.result))), "")
    folders = sorted(path for path in own.parent.iterdir() if path.name != study) if own.parent.is_dir() else []
    shown = _shown_at(own)
    return tuple(
        Use(folder.name, _families(folder))
        for folder in folders
        if (at := _shown_at(folder)) is not None
        and (shown is None or at < shown)
        and digest
        and digest in _digests(folder, store)
    )


def remember_uses(folder: Path, families: int, earlier: Sequence[Use]) -> None:
    """Note what was judged before on the same test images, and how much is now, unless it was noted already."""
    if not (folder / FILE).exists():
        write_json(folder / FILE, {"families": families, "before": [list(use) for use in earlier]})


def _read(noted: dict[str, Any]) -> tuple[Use, ...]:
    before = noted.get("before")
    pairs = [one for one in before if isinstance(one, list) and len(one) == 2] if isinstance(before, list) else []
    return tuple(Use(str(name), number) for name, number in pairs if isinstance(number, int) and number > 0)


def _tested_on(result: object) -> str:
    return result.test_digest if isinstance(result, Finished) else ""


def _shown_at(folder: Path) -> int | None:
    """When a study first showed verdicts; None where it has not. Earlier versions left the first file alone."""
    for name in (DECLARED, FILE):
        path = folder / name
        if path.is_file() and not path.is_symlink():
            return path.stat().st_mtime_ns
    return None


def _families(folder: Path) -> int:
    noted = read_json(folder / FILE)
    number = noted.get("families") if isinstance(noted, dict) else None
    if isinstance(number, int):
        return max(1, number)
    report = read_json(folder / REPORT)
    effects = report.get("effects") if isinstance(report, dict) else None
    names = {
        str(effect.get("family"))
        for effect in (effects if isinstance(effects, list) else [])
        if isinstance(effect, dict) and effect.get("verdict") != "not_assessable"
    }
    return max(1, len(names))


def _digests(folder: Path, store: Store) -> set[str]:
    """The test images of a study's first replicate, as far as its own runs are here."""
    try:
        for variant, runs in (read_names(folder) or {}).items():
            results = store.finished(runs["0"]) if "0" in runs else []
            own = _own(results, read_source(folder, variant)) if results else []
            if found := {result.test_digest for result in own} - {""}:
                return found
    except (AblateError, AttributeError, KeyError, TypeError, ValueError):
        pass  # what somebody wrote there is no plan
    return set()


def _own(results: Sequence[Finished], source: DataIdentity) -> list[Finished]:
    """Those on the study's own data: studies of equal settings on other images share the fingerprints of their runs."""
    same = [result for result in results if source.has(result.stamp.data_digest)]
    return same or [result for result in results if source.is_of(result)]
