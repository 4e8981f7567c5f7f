"""Free text made harmless: names, notes and messages of failures may hold anything."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Sequence
from typing import Any

from ablate.safety.plain_text import plain as plain

_SPECIAL = re.compile(r"[\\`*\[\]<>|~$&#]|(?<![^\W_])_|_(?![^\W_])")
_BLOCK_START = re.compile(r"^([-+=](?!\d)|\d+[.)](?=\s|$))")


def markdown(text: str) -> str:
    """The text as itself within a line of Markdown, such as a table's cell."""
    return _SPECIAL.sub(lambda found: _entity(found.group()), plain(text))


def markdown_block(text: str) -> str:
    """The text as itself where a paragraph or a list item begins."""
    return _BLOCK_START.sub(lambda found: f"{found.group()[:-1]}\\{found.group()[-1]}", markdown(text))


def _entity(character: str) -> str:
    # An HTML entity where a backslash would not stop HTML or a table's column.
    return {"<": "&lt;", ">": "&gt;", "&": "&amp;", "|": "&#124;"}.get(character, f"\\{character}")


def code_span(text: str, *, in_table: bool = True) -> str:
    """The text between backticks, in characters of one width; nothing for nothing."""
    line = plain(text)
    if not line:
        return ""
    fence = "`" * (max((len(run) for run in re.findall("`+", line)), default=0) + 1)
    inner = line.replace("|", "\\|") if in_table else line
    pad = " " if line.startswith("`") or line.endswith("`") else ""
    return f"{fence}{pad}{inner}{pad}{fence}"


def code_block(lines: Sequence[str], language: str = "") -> str:
    """Lines to be copied as they are, between fences longer than any run of backticks inside."""
    body = [plain(line, spaces=True) for line in lines]
    longest = max((len(run) for line in body for run in re.findall("`+", line)), default=0)
    fence = "`" * max(3, longest + 1)
    return "\n".join([f"{fence}{language}", *body, fence])


def csv_cell(text: str) -> str:
    """The text as a spreadsheet should show it: never a formula, numbers left alone."""
    return no_formula(plain(text, spaces=True))


def no_formula(text: str) -> str:
    """The text as it is, but for an apostrophe in front where a spreadsheet would take it for a formula."""
    if not text.startswith(("=", "+", "-", "@", "\t", "\r", "\n")) or _is_number(text):
        return text
    return f"'{text}"


def csv_lines(columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    """A table as CSV, the one way every table is written: no text of it is a formula to a spreadsheet."""
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(map(no_formula, columns))
    writer.writerows([no_formula(cell) if isinstance(cell, str) else cell for cell in row] for row in rows)
    return stream.getvalue()


_WITH_INTERVAL = re.compile(r"[-+][\d.,]+ \[[-+]?[\d.,]+, [-+]?[\d.,]+\]")


def _is_number(text: str) -> bool:
    if _WITH_INTERVAL.fullmatch(text):
        return True
    try:
        float(text)
    except ValueError:
        return False
    return True
