"""The figures of a report in vectors, as files: drawn anew only where they show something else."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path

from ablate import files
from ablate.report.figures.sheet import SHEETS
from ablate.report.page.blocks import Figure, Page

FORM = 1
"""How figures are drawn; counted up where that changes."""
DRAWN = "drawn.json"
"""Figure -> digest of what its files show."""
ENDINGS = tuple(f"{size}.{ending}" for size in SHEETS for ending in ("pdf", "svg"))


def write_drawings(page: Page, folder: Path, *, draw: bool) -> None:
    """Every figure of the page at each size, as PDF and SVG. draw: whether to draw; else what is outdated goes."""
    from ablate.report.figures.vectors import vectors_of

    figures = named_figures(page)
    wanted = {name: _digest(figure) for name, figure in figures.items()}
    known = _known(folder)
    kept = {name: digest for name, digest in wanted.items() if known.get(name) == digest and _are_there(folder, name)}
    for name in known.keys() - kept.keys():
        for ending in ENDINGS:
            (folder / f"{name}-{ending}").unlink(missing_ok=True)
    for name in wanted.keys() - kept.keys() if draw else ():
        for ending, content in vectors_of(figures[name].info).items():
            files.write_bytes(folder / f"{name}-{ending}", content)
        kept[name] = wanted[name]
    if kept or known:
        files.write_json(folder / DRAWN, {name: kept[name] for name in sorted(kept)})


def named_figures(page: Page) -> Mapping[str, Figure]:
    """The figures by the names of their files; those that the page alone draws are counted."""
    found: dict[str, Figure] = {}
    for block in page.blocks():
        if isinstance(block, Figure):
            name = Path(block.path).stem if block.path else f"cost-{1 + sum(one.startswith('cost-') for one in found)}"
            found[name] = block
    return found


def _digest(figure: Figure) -> str:
    return hashlib.sha256(f"{FORM}\0{figure.info!r}".encode(errors="surrogateescape")).hexdigest()


def _known(folder: Path) -> Mapping[str, str]:
    """What was drawn; nothing where the list was changed by hand."""
    try:
        found = json.loads((folder / DRAWN).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    if not isinstance(found, dict):
        return {}
    return {name: str(digest) for name, digest in found.items() if Path(name).name == name}


def _are_there(folder: Path, name: str) -> bool:
    return all((folder / f"{name}-{ending}").is_file() for ending in ENDINGS)
