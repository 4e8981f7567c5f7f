"""What is known about a study's images: by the table they are listed in, and by one that is given to the report."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ablate.errors import StudyError
from ablate.readers.image_columns import Columns, ImageColumns, columns_about, columns_by_path
from ablate.readers.sheet import read_sheet
from ablate.report.facts.answers import AnswerFacts

LONGEST = 200
"""Characters of a text that are shown beside its image."""


def image_columns(config: Mapping[str, Any], given: Path | None) -> ImageColumns:
    """The columns of the source's own table and of the one given, which comes first.

    config: of the baseline. given: a table with one row per image. The source's table is read as it is now; where it
    is gone, nothing is said. Calls raise StudyError for what is wrong with the one given.
    """
    data = config.get("data")
    source = data.get("source") if isinstance(data, Mapping) else None

    def about(ids: Sequence[str]) -> Columns:
        own = _of_source(source, ids) if isinstance(source, Mapping) and source.get("name") == "csv" else {}
        told = columns_about(read_sheet(given), ids) if given is not None else {}
        return {**told, **{name: column for name, column in own.items() if name not in told}}

    return about


def image_texts(config: Mapping[str, Any], ids: Sequence[str]) -> Mapping[str, str]:
    """Image id -> the text that comes with it, by the source's own table as it is now; none where it names none."""
    data = config.get("data")
    source = data.get("source") if isinstance(data, Mapping) else None
    column = source.get("text") if isinstance(source, Mapping) else None
    if not isinstance(source, Mapping) or not column:
        return {}
    found = _of_source({**source, "text": None}, ids).get(str(column), {})
    return {name: text if len(text) <= LONGEST else f"{text[:LONGEST]}..." for name, text in found.items()}


def _of_source(source: Mapping[str, Any], ids: Sequence[str]) -> Columns:
    """All columns but those the study itself is made of: path, label, part and text."""
    try:
        table = Path(str(source["file"])).expanduser().resolve()
        root = Path(str(source["root"])).expanduser().resolve() if source.get("root") else table.parent
        split = source.get("split") or {}
        path = str(source.get("path", "path"))
        without = {str(source.get("label", "label")), str(split.get("column", "")), str(source.get("text") or "")}
        return columns_by_path(
            read_sheet(table), path, ids, root=root.as_posix(), suffix=source.get("suffix") or "", without=without
        )
    except (OSError, StudyError):
        return {}


def check_cut(found: AnswerFacts | None, given: Path) -> None:
    """Raises StudyError where there is nothing that a given table could cut."""
    if found is None:
        raise StudyError(
            f"--slices {given}: no run has stored whether it is right on single test images",
            hint="A trainer that hands them over does: docs/own_trainer.md, docs/command.md.",
        )
