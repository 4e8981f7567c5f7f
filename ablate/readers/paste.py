"""A table pasted from a paper: tabs, commas, LaTeX or Markdown, or the spaces that a PDF leaves.

What comes of it is a sheet with one row per method, and what was guessed on the way.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from ablate.errors import StudyError, near_match
from ablate.metrics import is_known
from ablate.readers import columns
from ablate.readers.latex_table import ESCAPED, is_latex, latex_rows
from ablate.readers.numbers import quoted
from ablate.readers.replicates import FIRST, LAST, TOGETHER, first_names, plain_key
from ablate.readers.sheet import SheetRow, TableSheet
from ablate.readers.units import Note, without_unit

MOST_BYTES = 1 << 20
_NUMBER = r"[-+\u2212]?(?:\d+(?:[.,]\d+)?|[.,]\d+)\s?(?:\\?%)?"
_SPREAD = rf"\s*(?:\xb1|\+/-|\+-|\\pm)\s*{_NUMBER}|\s*\(\s*(?:\xb1|\\pm)?\s*\d*[.,]?\d+\s*\\?%?\s*\)"
_VALUE = re.compile(rf"(?:{_NUMBER})(?:{_SPREAD})?|[-\u2013\u2014]{{1,3}}|n/?a|N/?A")
_SIZE = r"\d+(?:\.\d+)?\s?[kKMGBT]\b"
"""Parameters and FLOPs: a cell, and no result."""
_TRAILING = re.compile(rf"(?:^|(?<=[\s\])*\u2020\u2021]))(?:{_VALUE.pattern}|{_SIZE})$")
_IN_BRACKETS = re.compile(
    r"(?P<mean>[\d.,]+\s?\\?%?)\s*\(\s*(?:\xb1|\\pm)?\s*(?P<spread>\d*[.,]?\d+)\s*(?P<sign>\\?%?)\s*\)"
)
_CITATION = re.compile(r"\s*(?:\[[\d,;\s\u2013-]{1,30}\]|[*\u2020\u2021\u00a7]+$)")
_ARROW = re.compile(r"\s*(?P<way>[\u2191\u2193]|\\(?:up|down)arrow|\((?:\u2191|\u2193)\))\s*")
_LATEX = re.compile(
    r"\\(?:textbf|mathbf|underline|textit|emph|text|textsc|bf|boldsymbol)\s*(?=\{)|\\(?:bf(?:series)?|hline|toprule|midrule|bottomrule)\b"
)
_OURS = re.compile(r"\bours?\b|\bour (?:method|model|approach)\b|\bproposed\b", re.IGNORECASE)


class PastedTable(NamedTuple):
    """The methods with one column of results. heading: of that column, empty where none has one; metric: what it is
    taken to measure. goal: by its arrow. spread: whether means come with one.
    """

    sheet: TableSheet
    heading: str
    metric: str
    goal: str
    spread: bool
    notes: tuple[Note, ...]


class Measured(NamedTuple):
    """A column of results: its heading, what it is taken to measure, and which way its arrow points."""

    heading: str
    metric: str
    goal: str


def read_paste(text: str, *, metric: str | None, images: int | None, runs: int | None) -> PastedTable:
    """The table in a text.

    Raises StudyError, naming the line, for what is none, and where one of several columns has to be named.
    """
    if "\0" in text:
        raise StudyError("the pasted text is not text", hint="Paste the rows of a table, a method each.")
    latex = is_latex(text)
    numbered = latex_rows(text) if latex else list(enumerate(text.splitlines(), 1))
    lines = [(number, plain) for number, line in numbered if (plain := _plain(line))]
    rows = [(number, cells) for number, cells in _cells(lines, "&" if latex else None) if cells]
    headings, body = _split_headings(rows)
    if len(body) < 2:
        raise StudyError(
            f"{len(body)} rows with a name and a number were pasted",
            hint="Paste the rows of a table, a method each: its name, then its results. `ablate judge - < table.txt` "
            "reads a file.",
        )
    place = _chosen(headings, body, metric)
    heading, goal = _heading(headings[place] if headings else "")
    return _sheet(body, place, Measured(heading, _metric(heading, metric), goal), images=images, runs=runs)


# --- cells ------------------------------------------------------------------------------------


def _plain(line: str) -> str:
    """A line without what LaTeX and PDFs leave around numbers."""
    for odd, plain in (("\u00a0", " "), ("\u2009", " "), ("\u202f", " "), ("\u2007", " "), ("$", ""), ("\\,", " ")):
        line = line.replace(odd, plain)
    line = re.sub(r"~?\\cite[a-z]*(?:\[[^\]]*\])*\{[^}]*\}", "", line).replace("~", " ")
    line = re.sub(r"_\{\s*(\\pm\s*[\d.,]+)\s*\}", r" \1", _LATEX.sub("", line))
    if "&" in line or "{" in line:
        line = line.replace("{", "").replace("}", "")
    return line.replace("**", "").replace("\\%", "%").replace("\\_", "_").strip()


def _cells(lines: Sequence[tuple[int, str]], known: str | None) -> list[tuple[int, list[str]]]:
    mark = known or _separator([line for _, line in lines])
    if mark is None:
        return _by_spaces(lines)
    found = []
    for number, line in lines:
        if mark == "|" and set(line) <= set("|-: "):
            continue  # the rule below Markdown's headings
        bare = line.strip("|") if mark == "|" else line
        cells = next(csv.reader([bare], delimiter=mark)) if mark in ",;" else bare.split(mark)
        found.append((number, [cell.replace(ESCAPED, "&").strip() for cell in cells]))
    return found


def _separator(lines: Sequence[str]) -> str | None:
    """What stands between the cells of every line; None where only spaces do."""
    for mark in ("\t", "&", "|", ";"):
        if lines and sum(mark in line for line in lines) >= max(2, len(lines) - 1):
            return mark
    counts = {len(next(csv.reader([line]))) for line in lines}
    decimals = sum(bool(re.search(r"\d,\d", line)) for line in lines)
    with_commas = len(counts) == 1 and counts.pop() > 1
    return "," if with_commas and (decimals == 0 or any("." in line for line in lines)) else None


def _by_spaces(lines: Sequence[tuple[int, str]]) -> list[tuple[int, list[str]]]:
    """Names and trailing numbers; a name keeps the numbers that not every row has."""
    split = [(number, *_trailing(line)) for number, line in lines]
    counts = [len(values) for _, name, values in split if values and name]
    most = min(counts, default=0)
    found = []
    for number, name, values in split:
        if not values or not name:
            found.append((number, _words(f"{name} {' '.join(values)}".strip(), most)))
            continue
        extra = len(values) - most
        found.append((number, [" ".join([name, *values[:extra]]), *values[extra:]]))
    return found


def _trailing(line: str) -> tuple[str, list[str]]:
    values: list[str] = []
    rest = line.rstrip()
    while rest and (match := _TRAILING.search(rest)) is not None:
        values.insert(0, match[0].strip())
        rest = rest[: match.start()].rstrip()
    return rest, values


def _words(line: str, columns_: int) -> list[str]:
    """A line of headings: cut where two spaces are, else by words, a unit in brackets with its word.

    Nothing where it may be cut in several ways: a number under a wrong heading is worse than one under none.
    """
    wide = re.split(r"\s{2,}", line)
    if len(wide) == columns_ + 1:
        return wide
    words = [word.replace("\0", " ") for word in re.sub(r"\s+(?=\([^)]*\)|[\u2191\u2193%])", "\0", line).split()]
    if columns_ == 1 and len(words) > 1:
        return [words[0], " ".join(words[1:])]
    if len(words) == columns_ + 1:
        return words
    ends = [i for i, word in enumerate(words) if word.endswith((")", "\u2191", "\u2193", "%"))]
    if columns_ and len(ends) == columns_ and ends[-1] == len(words) - 1 and ends[0] > 0:
        begins = [1, *(end + 1 for end in ends[:-1])]
        return [words[0], *(" ".join(words[begin : end + 1]) for begin, end in zip(begins, ends, strict=True))]
    return []


# --- rows and columns ---------------------------------------------------------------------------


def _split_headings(rows: Sequence[tuple[int, list[str]]]) -> tuple[list[str], list[tuple[int, list[str]]]]:
    """The headings, none where the first row has numbers, and the rows that have a name and a number."""
    body = [(number, cells) for number, cells in rows if cells[0] and any(map(_is_number, cells[1:]))]
    first = body[0][0] if body else 0
    above = [cells for number, cells in rows if number < first and any(cells[1:])]
    width = max((len(cells) for _, cells in body), default=0)
    headings = above[-1] if above else []
    for number, cells in body:
        if len(cells) != width:
            raise StudyError(
                f"line {number} of the paste: {len(cells)} cells, and {width} in others",
                hint="Write - where a method has no number. Between cells stand tabs, commas or two spaces.",
            )
    if len(headings) == width - 1:
        headings = ["", *headings]  # no heading above the names
    return headings if len(headings) == width else [], body


def _is_number(cell: str) -> bool:
    return _VALUE.fullmatch(cell.strip()) is not None and any(sign.isdecimal() for sign in cell)


def _chosen(headings: Sequence[str], body: Sequence[tuple[int, list[str]]], metric: str | None) -> int:
    """The column that is judged."""
    width = len(body[0][1])
    numeric = [i for i in range(1, width) if all(_is_value(cells[i]) for _, cells in body)]
    if not numeric:
        number, cells = next((n, c) for n, c in body if not any(_is_value(cell) for cell in c[1:])) if any(
            not any(_is_value(cell) for cell in c[1:]) for _, c in body
        ) else body[0]  # fmt: skip
        raise StudyError(
            f"line {number} of the paste: {quoted(' | '.join(cells))}: no column holds numbers in every row",
            hint="A cell is a number, 91.2, 91.2 %, or a mean with its spread, 91.2 ± 0.3 or 91.2 (0.3).",
        )
    names = [_heading(headings[i])[0] if headings else "" for i in numeric]
    if metric is not None:
        plain = [columns.spelling(columns.bare(name)) for name in names]
        wanted = columns.spelling(columns.bare(metric.replace("\\%", "%")))
        if wanted in plain:
            return numeric[plain.index(wanted)]
        if metric.strip().isdecimal() and 1 <= int(metric) <= len(numeric):
            return numeric[int(metric) - 1]
        if len(numeric) > 1 or (is_known(metric) and is_known(names[0])):
            raise StudyError(
                f"the paste has no column {quoted(metric)}",
                hint=f"{near_match(metric[:80], names)}There are: "
                f"{first_names([name or str(i) for i, name in enumerate(names, 1)])}.",
            )
    if len(numeric) == 1:
        return numeric[0]
    rates = [i for i, name in zip(numeric, names, strict=True) if is_known(name)]
    if len(rates) == 1:
        return rates[0]
    if not any(names):
        raise StudyError(
            f"the paste has {len(numeric)} columns of numbers, and no headings that fit them",
            hint="Say which by its place behind the names, counted from 1: --metric 1.",
        )
    named = [name for name in names if plain_key(name) not in ("", *FIRST, *TOGETHER, *LAST)] or list(
        filter(None, names)
    )
    example = columns.proposed([name for name in named if is_known(name)] or named)
    raise StudyError(
        f"the paste has several columns of numbers: {first_names(names)}",
        hint=f"Say which: --metric '{example}'; or by its place behind the names: --metric 1.",
    )


def _is_value(cell: str) -> bool:
    return _VALUE.fullmatch(cell.strip()) is not None or not cell.strip()


def _heading(text: str) -> tuple[str, str]:
    """A heading without its arrow, and which way that says is better."""
    match = _ARROW.search(text)
    goal = "" if match is None else "min" if "\u2193" in match["way"] or "down" in match["way"] else "max"
    return _ARROW.sub(" ", text).strip(), goal


def _metric(heading: str, asked: str | None) -> str:
    """What a column measures: by its heading, else what is asked for, else an accuracy."""
    if is_known(heading):
        return columns.metric_name(heading)
    return asked if asked is not None and is_known(asked) else "accuracy"


def _sheet(
    body: Sequence[tuple[int, list[str]]],
    place: int,
    measured: Measured,
    *,
    images: int | None,
    runs: int | None,
) -> PastedTable:
    names = [_CITATION.sub("", cells[0]).strip() or cells[0] for _, cells in body]
    for i, name in enumerate(names):
        if name in names[:i]:
            raise StudyError(
                f"line {body[i][0]} of the paste: {quoted(name)} appears twice",
                hint="Give each method one row, or the rows different names. A table with a row per run goes in as a "
                "file: `ablate judge runs.csv`.",
            )
    cells = [_with_spread(row[place]) for _, row in body]
    spread = any("\xb1" in cell for cell in cells)
    notes = [Note("logged.pasted", {"rows": len(body), "column": measured.heading or str(place)})]
    if any(brackets := [_digits(row[place]) is not None for _, row in body]):
        example = body[brackets.index(True)][1][place]
        notes.append(Note("logged.pasted_digits", {"text": example, "read": _with_spread(example)}))
    unit = " (%)" if without_unit(measured.heading)[1] == "percent" else ""
    headings = ["variant", f"{measured.metric}{unit}" + (" (mean \xb1 std)" if spread else "")]
    extra: list[str] = []
    if spread and runs is not None:
        headings, extra = [*headings, "runs"], [str(runs)]
    elif not spread and images is not None and runs in (None, 1):
        headings, extra = [*headings, "images"], [str(images)]
    sheet = TableSheet(
        Path("paste"),
        tuple(headings),
        tuple(
            SheetRow(number, (name, cell, *extra)) for (number, _), name, cell in zip(body, names, cells, strict=True)
        ),
    )
    return PastedTable(sheet, *measured, spread, tuple(notes))


def _with_spread(cell: str) -> str:
    """`91.2 (0.3)` as `91.2 ± 0.3`, and so `0.912(3)`, whose brackets hold its last digit."""
    plain = re.sub(r"\\pm|\+/-|\+-", "\xb1", cell.replace("\\%", "%"))
    if (digits := _digits(cell)) is not None:
        return digits
    match = _IN_BRACKETS.fullmatch(plain.strip())
    return plain.strip() if match is None else f"{match['mean'].strip()} \xb1 {match['spread']}{match['sign']}"


def _digits(cell: str) -> str | None:
    match = re.fullmatch(r"(?P<mean>\d*\.(?P<after>\d+))\((?P<spread>\d+)\)", cell.strip())
    if match is None:
        return None
    return f"{match['mean']} \xb1 {int(match['spread']) / 10 ** len(match['after']):.{len(match['after'])}f}"


def ours_of(names: Sequence[str], asked: str | None) -> tuple[str | None, bool]:
    """The method whose claim is judged: the one asked for, else the one that is called ours; and whether it was asked.

    Raises StudyError for a name that is not there.
    """
    if asked is None:
        found = [name for name in names if _OURS.search(name)]
        return (found[0], False) if len(found) == 1 else (None, False)
    plain = {" ".join(name.lower().split()): name for name in reversed(names)}
    wanted = " ".join(asked.lower().split())
    within = [name for name in names if wanted in name.lower()]
    name = plain.get(wanted) or (within[0] if len(within) == 1 else None)
    if name is None:
        raise StudyError(
            f"the paste has no row {quoted(asked)}",
            hint=f"{near_match(asked[:80], names)}There are: {first_names(names)}.",
        )
    return name, True
