"""Whether a written report still says what the journals say, number by number."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from html import unescape
from itertools import zip_longest
from pathlib import Path
from typing import NamedTuple, get_args

from ablate.records import Cell, Finished
from ablate.report.wording.language import Language, words_of
from ablate.stats.score_book import ScoreBook
from ablate.stats.scores import PER_IMAGE_METRIC

_NUMBER = re.compile(r"[-+]?\d[\d,]*(?:\.\d+)?(?:e[-+]?\d+)?")
_UNSEEN = re.compile(
    r"<style>.*?</style>|<script>.*?</script>|'sha256-[^']*'|base64,[A-Za-z0-9+/=]*|</?h[1-6]\b|\b80 ?% power\b",
    re.DOTALL,
)
"""What holds no number of the study. Reports once said "four times in five" for a power of 80 %."""
_INTERVAL = re.compile(r'<svg class="interval(?:<svg\b.*?</svg>|(?!</?svg\b).)*</svg>', re.DOTALL)
"""An interval as it is drawn: places on an axis. Its numbers stand in words beside it."""
_WARNINGS = [words_of(language).table["fonts.missing"].partition("{")[0].strip() for language in get_args(Language)]
_APART = re.compile(r"""(\]\(|href=")explain/|""" + "|".join(map(re.escape, _WARNINGS)))
"""Lines whose numbers are not the study's: links to pages about a run, and how many characters no font here has."""
_METHOD = re.compile(
    "|".join(
        words_of(language)("method.judged", n="\0").replace(".", r"\.").replace("\0", r"(\d+)")
        for language in get_args(Language)
    )
)
"""The line that tells by which version of the rules a report judges; it is none of the study's numbers."""
_WIDER = re.compile(r"[-\d.,]+ to [-\d.,]+(?= allowing for )|(?<=为 )[-\d.,]+ 至 [-\d.,]+(?=[；）])")
_HOLM = re.compile("by Holm's method|adjusted for the planned looks|已按 Holm 方法|已对计划的各次检视校正")
"""Sentences to cite once held the interval for the whole family even where it did not carry what they said."""
TOLERANCE = 1e-6
"""How far a run's accuracy may be from the mean of its answers: both are stored as decimals."""


class Difference(NamedTuple):
    """One place where the written report and the journals part. line: counted from 1, 0 for a whole file."""

    file: str
    line: int
    written: str
    now: str


def differences(
    folder: Path, texts: Mapping[str, str], earlier: Mapping[str, str] | None = None, *, drawn: bool = True
) -> list[Difference]:
    """The first line of each file whose numbers differ. texts: path from the folder -> what it should hold.

    earlier: the same of tables in an earlier form, for those that were written in it. drawn: whether intervals were
    drawn as they are now, so that what is drawn is compared, too.

    Words may differ, between versions of this program or languages; numbers may not.
    """
    found = []
    for name, text in texts.items():
        path = folder / name
        if not path.is_file():
            found.append(Difference(name, 0, "", "the file is missing"))
            continue
        written = path.read_text(encoding="utf-8", errors="replace")
        first = _first_difference(name, written, text, drawn=drawn)
        if first is not None and earlier is not None and name in earlier:
            former = _first_difference(name, written, earlier[name], drawn=drawn)
            first = None if former is None else former if _heading(written) == _heading(earlier[name]) else first
        found += [first] if first is not None else []
    return found


def _first_difference(name: str, written: str, text: str, *, drawn: bool) -> Difference | None:
    for before, now in zip_longest(_lines(written, drawn=drawn), _lines(text, drawn=drawn), fillvalue=(0, "")):
        numbers = _NUMBER.findall(now[1])
        told = [before[1], *([_WIDER.sub("", before[1])] if _HOLM.search(now[1]) else [])]
        if all(_NUMBER.findall(line) != numbers for line in told):
            return Difference(name, before[0] or now[0], _shown(before[1]), _shown(now[1]))
    return None


def _heading(text: str) -> str:
    return text.partition("\n")[0].strip()


def _lines(text: str, *, drawn: bool) -> list[tuple[int, str]]:
    """The lines that hold numbers of the study, each with its own, counted from 1.

    A link to a page of `ablate explain` is none: the page may have come after the report. Nor is what fonts a computer
    has, or the line that tells the version of the rules. drawn: whether drawings of intervals are read, too.
    """
    text = text if drawn else _INTERVAL.sub("", text)
    found = _UNSEEN.sub(lambda match: "\n" * match.group().count("\n"), text).splitlines()
    seen = map(unescape, found)  # an apostrophe is &#x27;, which is no number of the study
    return [
        (number, line)
        for number, line in enumerate(seen, start=1)
        if _NUMBER.search(line) and not _APART.search(line) and not _METHOD.search(line)
    ]


def method_of(text: str) -> int:
    """By which version of the rules a written report judges; 1 where it does not say, as those of method 1."""
    found = _METHOD.search(text)
    return int(next(filter(None, found.groups()))) if found else 1


def _shown(line: str) -> str:
    words = " ".join(unescape(re.sub(r"<[^>]*>", " ", line)).split())
    return words if len(words) <= 120 else f"{words[:119]}…"


def untrue_metrics(cells: Sequence[Cell], book: ScoreBook | None) -> list[Difference]:
    """Runs whose journal gives another accuracy than their answers to single images."""
    if book is None:
        return []
    found = []
    for cell in cells:
        row = book.rows.get((cell.variant, cell.replicate.index))
        if row is None or not isinstance(cell.result, Finished):
            continue
        told, mean = cell.result.metrics.get(PER_IMAGE_METRIC), float(row.scores.mean())
        if told is not None and abs(told - mean) > TOLERANCE:
            where = f"{cell.variant}, replicate {cell.replicate.index}"
            found.append(Difference(where, 0, f"{told:.6f} in its journal", f"{mean:.6f} by its answers"))
    return found
