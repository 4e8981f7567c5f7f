"""What one cell of somebody's table says: a number, a percentage, a count, a mean with its spread, or no result."""

from __future__ import annotations

import re
from collections.abc import Sequence
from math import isfinite
from typing import Literal, NamedTuple

from ablate.errors import StudyError

LARGEST = 1e100
"""Beyond it squares are no longer finite."""

Kind = Literal["count", "rate", "plain"]
"""What a column holds: whole numbers from 0, shares of something, or anything."""

_MISSING = frozenset(
    ["", "-", "--", "---", "\u2013", "\u2014", "?", "n/a", "#n/a", "na", "nan", "none", "null", "inf", "infinity"]
)
_GROUPED = re.compile(r"\d{1,3}(?:[ '_]\d{3})+(?=[.,]|$)")
_BODY = re.compile(r"([+-]?)([\d.,]+)((?:[eE][+-]?\d{1,4})?)")
_THOUSANDS = re.compile(r"[1-9]\d{0,2}(?:[.,]\d{3})+")
_SPREAD = re.compile(r"\+/-|\+-|\\pm|\xb1")
_IN_BRACKETS = re.compile(r"(.*\d)\s*\(\s*([\d.,]+)\s*\)")
_COUNT = re.compile(r"([0-9]{1,15})\s*/\s*([0-9]{1,15})")
_PERCENT = re.compile(r"\s*(?:\\?%|\uff05|\s(?:percent|pct)\.?)$", re.IGNORECASE)


class TableCell(NamedTuple):
    """A cell as it was found. where: for a message; text: as written; body: its number, still as text.

    percent: whether it says so itself. spread: what follows a plus-minus, as text;
    behind: whether the only percent sign stands behind it. of: (right, images) of `149/360`.
    """

    where: str
    text: str
    body: str
    percent: bool = False
    spread: str | None = None
    behind: bool = False
    of: tuple[int, int] | None = None


def quoted(text: str, most: int = 60) -> str:
    """A text in quotes for a message, never longer than a line."""
    return repr(text if len(text) <= most else f"{text[: most - 3]}...")


def read_cell(text: str, where: str) -> TableCell | None:
    """The parts of a cell; None where it says that there is no result (empty, NaN, inf, N/A, a dash)."""
    plain = _plain(text)
    if plain.lstrip("+-").lower() in _MISSING or plain.lower() in _MISSING:
        return None
    if (count := _COUNT.fullmatch(plain)) is not None:
        return TableCell(where, text, plain, of=(int(count[1]), int(count[2])))
    bare, percent = _without_percent(plain)
    if bare.lower() in _MISSING:
        return None
    inner = False
    if bare.startswith("(") and bare.endswith(")") and _SPREAD.search(bare) is not None:
        bare, inner = bare[1:-1].strip(), percent
    parts = _SPREAD.split(bare)
    if len(parts) == 2:
        (mean, first), (spread, last) = _without_percent(parts[0].strip()), _without_percent(parts[1].strip())
        return TableCell(where, text, mean, percent or first or last, spread, behind=not (first or inner))
    if (found := _IN_BRACKETS.fullmatch(bare)) is not None:
        return TableCell(where, text, found[1].strip(), percent, found[2])
    return TableCell(where, text, bare, percent)


def _plain(text: str) -> str:
    for odd in "\u00a0\u2007\u2009\u202f":
        text = text.replace(odd, " ")
    return text.replace("\u2212", "-").replace("\u2019", "'").replace("$", "").strip()


def _without_percent(text: str) -> tuple[str, bool]:
    bare = _PERCENT.sub("", text)
    return bare.strip(), bare != text


def numbers_of(cells: Sequence[TableCell], kinds: Sequence[Kind], bodies: Sequence[str] | None = None) -> list[float]:
    """The numbers of a table's cells, in which one mark, the point or the comma, stands before decimals.

    kinds: what each cell's column holds. bodies: other texts of the same cells, such as their spreads. Raises
    StudyError, naming the cell, for what is not a number and for what two readings would give two numbers.
    """
    texts = [cell.body for cell in cells] if bodies is None else list(bodies)
    point = [_as_read(text, ".") for text in texts]
    comma = [_as_read(text, ",") for text in texts]
    likely = [
        [
            value if value is not None and _is_likely(value, kind) else None
            for value, kind in zip(row, kinds, strict=True)
        ]
        for row in (point, comma)
    ]
    whole = [None not in row for row in likely]
    if all(whole):
        for cell, text, kind, one, two in zip(cells, texts, kinds, point, comma, strict=True):
            if one != two and ("," in text or kind == "count"):
                raise StudyError(
                    f"{cell.where} {quoted(cell.text)} may be {_said(one)} or {_said(two)}",
                    hint="Write decimals with a point and thousands without a mark.",
                )
    chosen = likely[0] if whole[0] else likely[1] if whole[1] else None
    if chosen is None:
        chosen = [_alone(*both) for both in zip(*likely, point, comma, strict=True)]
    return [_checked(value, cell) for value, cell in zip(chosen, cells, strict=True)]


def _said(value: float | None) -> str:
    return "nothing" if value is None else f"{value:.12g}"


def _alone(
    likely_point: float | None, likely_comma: float | None, point: float | None, comma: float | None
) -> float | None:
    """A cell of a table that has both marks: its only likely reading, else its only reading."""
    for one, two in ((likely_point, likely_comma), (point, comma)):
        found = {value for value in (one, two) if value is not None}
        if found:
            return found.pop() if len(found) == 1 else None
    return None


def _checked(value: float | None, cell: TableCell) -> float:
    if value is None:
        raise StudyError(
            f"{cell.where} {quoted(cell.text)} is not a number",
            hint="Write one number per cell, such as 0.914 or 91.4 %. Leave the cell empty where a run has no result.",
        )
    if not isfinite(value) or abs(value) > LARGEST:
        raise StudyError(
            f"{cell.where} {quoted(cell.text)} is too large to compute with",
            hint="Leave the cell empty where a run has no result.",
        )
    return value


def _is_likely(value: float, kind: Kind) -> bool:
    return (
        kind == "plain" or (kind == "rate" and 0 <= value <= 100) or (kind == "count" and value >= 0 and value % 1 == 0)
    )


def _as_read(text: str, decimal: str) -> float | None:
    """The number, where `decimal` stands before decimals and the other mark between thousands; None for none."""
    grouped = _GROUPED.search(text)
    if grouped is not None:
        text = text.replace(grouped[0], re.sub(r"[ '_]", "", grouped[0]))
    match = _BODY.fullmatch(text)
    if match is None:
        return None
    sign, digits, exponent = match.groups()
    before, mark, after = digits.partition(decimal)
    other = "," if decimal == "." else "."
    if other in before:
        if _THOUSANDS.fullmatch(before) is None or decimal in after:
            return None
        before = before.replace(other, "")
    elif _THOUSANDS.fullmatch(digits) is not None and digits.count(decimal) > 1:
        before, mark, after = digits.replace(decimal, ""), "", ""  # 1,234,567: no decimals, whatever the mark
    if other in after or decimal in after or not (before or after):
        return None
    return float(f"{sign}{before}{'.' if mark else ''}{after}{exponent}")
