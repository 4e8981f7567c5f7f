"""Texts beside the images of a request: of a table of paths and texts, as the study's own source has them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from ablate.errors import DataError
from ablate.readers.image_folders import is_image

if TYPE_CHECKING:
    from ablate.workflows.predict import FinishedRun

TABLES = (".csv", ".tsv")


class CaptionedImages(NamedTuple):
    """Images with a text each, in the order of the table."""

    images: list[Path]
    texts: list[str]


def captions_in(run: FinishedRun, paths: Sequence[Path], text: str | None) -> CaptionedImages | None:
    """The images and texts of a table; None where the request names no table.

    Its columns have the names of the study's: those of the path and of the text. Raises DataError for a table beside
    other paths or beside a text, and for one that has no such columns or empty cells in them.
    """
    tables = [path for path in paths if path.suffix.lower() in TABLES]
    if not tables:
        return None
    if len(paths) > 1 or text is not None:
        raise DataError(f"{tables[0]} is a table of images and texts", hint="Give it alone, without --text.")
    return _read(tables[0], *_columns(run))


def _columns(run: FinishedRun) -> tuple[str, str]:
    """The headings of the paths and of the texts. Raises DataError where the study's data have no texts."""
    data = run.spec.config.get("data")
    source = data.get("source") if isinstance(data, Mapping) else None
    if not isinstance(source, Mapping) or not source.get("text"):
        raise DataError(
            "the network of this run reads no text, so it needs no table of them", hint="Give images, or folders."
        )
    return str(source.get("path", "path")), str(source["text"])


def _read(table: Path, path: str, text: str) -> CaptionedImages:
    from ablate.training.data.cells import read_cells

    if not table.is_file():
        raise DataError(f"there is no table {table}", hint=f"Its first row must name the columns {path} and {text}.")
    rows = read_cells(table, {"path": path, "text": text})
    empty = next((line for line, cell in rows if not cell[path] or not cell[text]), None)
    if empty is not None:
        raise DataError(
            f"{table}, line {empty}: a {path} or a {text} is missing", hint="Fill it in, or take the row out."
        )
    if not rows:
        raise DataError(f"{table} has no rows", hint="One row per image, below the columns' names.")
    images = [table.parent / cell[path] for _, cell in rows]
    wrong = next((image for image in images if not is_image(image.name)), None)
    if wrong is not None:
        raise DataError(f"{table}: {wrong} is no image by its name", hint=f"The column {path} must hold images' paths.")
    return CaptionedImages(images, [cell[text] for _, cell in rows])
