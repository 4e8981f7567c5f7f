"""What a command says, in the reader's language: the English sentence is looked up when it is printed.

A catalogue maps the sentences of the source to those of another language. Their blanks are numbered, `no variant {0}`;
what fills them stays as it is, but where it is a sentence of the catalogue itself. What has no entry stays English.
Errors cross processes and journals as text, so the sentence is all there is to go by: docs/adr/0054.
"""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from contextvars import ContextVar
from functools import cache
from importlib import resources
from string import Formatter
from typing import TYPE_CHECKING, Literal, NamedTuple

from ablate.errors import StudyError

if TYPE_CHECKING:
    from ablate.report.wording.language import Language

Catalogue = Literal["lines", "messages", "remedies", "help"]
SAID: tuple[Catalogue, ...] = ("lines", "messages", "remedies")
"""The catalogues of what is printed, in the order in which they are looked into."""

_OF_STUDY: ContextVar[Language | None] = ContextVar("language of the study", default=None)
_ENDS = re.compile(r"(?<=[.?!:;])[ \n]+|\n[ \n]*")
"""Where one sentence of a text may end; a place such as `studies/x.yaml:7: ` counts as one."""
_SENTENCE_ENDS = re.compile(r"(?<=[.?!])[ \n]+|\n[ \n]*")
"""Where one surely ends: what follows a colon or a semicolon is of the same sentence."""
_LONGEST = 4000
"""Letters of a text that is looked up; what is longer is a log or a listing."""


def speak(language: Language | None) -> None:
    """The language of the study a command is about; None at its start."""
    _OF_STUDY.set(language)


def spoken() -> Language:
    """The language of what a command says: its study's, else that of ABLATE_LANG where there are words of it."""
    if _OF_STUDY.get() is None and not os.environ.get("ABLATE_LANG"):
        return "en"  # nothing need be read for that
    from ablate.report.wording.language import chosen_language

    try:
        return chosen_language(_OF_STUDY.get())
    except StudyError:
        return "en"


class Entry(NamedTuple):
    """A sentence with blanks, and its translation. pieces: what stands between the blanks, whose numbers follow.

    words: how many the pieces hold; none where they would be found in any sentence, as those of `{0} or {1}`.
    """

    pieces: tuple[str, ...]
    numbers: tuple[int, ...]
    translation: str
    words: int

    @property
    def stops(self) -> bool:
        """Whether a full stop stands before a blank, and is one in the translation, too."""
        return "。{" in self.translation

    def values(self, text: str) -> dict[int, str] | None:
        """What fills the blanks in a text, by number; None where it is another sentence."""
        if not all(piece in text for piece in self.pieces):
            return None
        found = re.fullmatch(_pattern(self.pieces, stops=self.stops), text, flags=re.DOTALL)
        if found is None or not all(map(self._may_fill, range(len(self.numbers)), found.groups())):
            return None
        return dict(zip(self.numbers, found.groups(), strict=True))

    def _may_fill(self, at: int, value: str) -> bool:
        """Whether a blank may hold a value: several lines only where it stands on lines of its own, or begins one."""
        before, after = self.pieces[at], self.pieces[at + 1]
        alone = before[-1:] in {"", "\n"} and after[:1] in {"", "\n"}
        return "\n" not in value or value.startswith("\n") or alone


def _pattern(pieces: Sequence[str], *, stops: bool) -> str:
    """Of two blanks side by side the first ends with the name in quotes that it begins with.

    stops: a full stop before a blank ends a sentence; so it is none inside a name, as in `*.jpg`.
    """
    shown = [re.escape(piece) + (r"(?!\S)" if stops and piece.endswith(".") else "") for piece in pieces]
    blanks = ["(.*?)" if after else "('[^']*'|.*?)" for after in pieces[1:-1]]
    return shown[0] + "".join(f"{blank}{piece}" for blank, piece in zip([*blanks, "(.*?)"], shown[1:], strict=True))


class Table(NamedTuple):
    """A catalogue: sentences without blanks, and those with blanks, the most particular first."""

    whole: Mapping[str, str]
    blanks: Sequence[Entry]


@cache
def table(language: Language, catalogue: Catalogue) -> Table:
    """One catalogue, read once."""
    file = resources.files("ablate.cli") / "languages" / language / f"{catalogue}.toml"
    whole, blanks = {}, []
    read = tomllib.loads(file.read_text(encoding="utf-8"))
    for english, translation in _with_halves(read) if catalogue == "messages" else read.items():
        parts = list(Formatter().parse(english))
        numbers = tuple(int(number) for _, number, _, _ in parts if number)
        if numbers:
            blanks.append(_entry(_pieces(english), numbers, translation))
        else:
            whole[english.format()] = translation.format()
            whole.setdefault(english.format().strip(), translation.format().strip())
    blanks.sort(key=lambda entry: -sum(map(len, entry.pieces)))
    return Table(whole, blanks)


def _with_halves(entries: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """The entries; those of a validator, `what is wrong; what to do`, also by halves, since it is told in two parts."""
    for english, translation in entries.items():
        yield english, translation
        if "; " in english and "；" in translation:
            yield from zip(english.split("; ", 1), translation.split("；", 1), strict=True)


def _entry(pieces: tuple[str, ...], numbers: tuple[int, ...], translation: str) -> Entry:
    words = count_words("".join(pieces))
    is_open = words < 3 and not pieces[0].strip() and not pieces[-1].strip()
    return Entry(pieces, numbers, translation, 0 if is_open else words)


def _pieces(english: str) -> tuple[str, ...]:
    found = [""]
    for letters, number, _, _ in Formatter().parse(english):
        found[-1] += letters
        if number is not None:
            found.append("")
    return tuple(found)


def count_words(text: str) -> int:
    """How many words a text has."""
    return len(re.findall(r"[A-Za-z]{2,}", text))


def _is_prose(text: str) -> bool:
    """Whether a text is more than names: three plain words outside of quotes."""
    bare = re.sub(r"'[^']*'|`[^`]*`", "", text)
    return sum(re.fullmatch(r"[A-Za-z][a-z]+[,.;:]?", word) is not None for word in bare.split()) >= 3


def _first_sentence(text: str) -> str:
    found = _SENTENCE_ENDS.search(text)
    return text if found is None else text[: found.end()]


class _HalfTranslatedError(Exception):
    """A blank that is one of ours, or fills most of a sentence, has no translation."""


class _Blank(NamedTuple):
    """What fills a blank. `{0:any}` says that it is one of ours, however short; else only a sentence is looked up.

    is_open: it is of an entry with few words of its own, so the sentence would stay English but for these.
    """

    text: str
    look_up: Callable[[str, int], str]
    is_open: bool

    def __format__(self, how: str) -> str:
        found = self.look_up(self.text, 0 if how == "any" else 1 if "\n" in self.text else 3)
        if found == self.text and (how == "any" or self.is_open) and _is_prose(found):
            raise _HalfTranslatedError
        return found


def translated_part(text: str) -> str:
    """Part of a sentence that is ours, however short, such as `3 runs`."""
    return translated(text, least=0)


def translated(text: str, catalogues: Sequence[Catalogue] = SAID, *, least: int = 1) -> str:
    """A text in the language that is spoken, sentence by sentence; English where there is no entry."""
    language = spoken()
    if language == "en" or len(text) > _LONGEST or not count_words(text):
        return text
    return _Reader(language, catalogues).translated(text, least)


_FULL_STOPS = ("。", "？", "！", "：", "；")


class _Reader(NamedTuple):
    """Looks texts up. least: how many words a sentence must have; 0 also finds those that any text may hold."""

    language: Language
    catalogues: Sequence[Catalogue]

    def translated(self, text: str, least: int) -> str:
        """A text, sentence by sentence."""
        if not count_words(text):
            return text
        if (whole := self.whole(text, max(least, 1))) is not None:
            return whole
        ends = [found.span() for found in _ENDS.finditer(text)]
        for end, after in reversed(ends):
            # The blank behind a sentence belongs to it in some: `Did you mean 'x'? `.
            for head, gap in ((text[:after], ""), (text[:end], text[end:after])):
                if (part := self.whole(head, max(least, 1))) is not None:
                    if text[end - 1] == ";" and self._stays_english(text[after:]):
                        continue
                    gap = "" if gap == " " and part.endswith(_FULL_STOPS) else gap
                    return f"{part}{gap}{self.translated(text[after:], least)}"
        if not least and (whole := self.whole(text, 0)) is not None:
            return whole
        if not ends:
            return text
        after = ends[0][1]
        if text[ends[0][0] - 1] in ":;" and "\n" not in text[slice(*ends[0])] and _is_prose(text[:after]):
            after = len(_first_sentence(text))
        return text[:after] + self.translated(text[after:], least)

    def _stays_english(self, text: str) -> bool:
        """Whether the rest of a sentence has no translation."""
        rest = _first_sentence(text)
        return _is_prose(rest) and self.translated(rest, 1) == rest

    def whole(self, text: str, least: int) -> str | None:
        """The translation of a text that is one sentence, or one that was made a sentence by a capital."""
        stop = {".": "。", ":": "："}.get(text[-1:], "")
        bare = [text[:-1], text[:1].lower() + text[1:-1]] if stop else []
        for look_up in (self.named, self.filled):
            if (found := look_up(text, least)) is not None:
                return found
            for short in bare:
                if (found := look_up(short, least)) is not None:
                    return f"{found}{stop}"
        return None

    def named(self, text: str, least: int) -> str | None:
        """The translation of a sentence without blanks."""
        if count_words(text) < least:
            return None
        tables = (table(self.language, catalogue).whole for catalogue in self.catalogues)
        return next((whole[text] for whole in tables if text in whole), None)

    def filled(self, text: str, least: int) -> str | None:
        """The translation of a sentence with blanks."""
        for catalogue in self.catalogues:
            for entry in table(self.language, catalogue).blanks:
                if entry.words >= least and (values := entry.values(text)) is not None:
                    is_open = entry.words < 3 and not entry.pieces[0].strip()
                    blanks = [_Blank(values.get(n, ""), self.translated, is_open) for n in range(max(values) + 1)]
                    with suppress(_HalfTranslatedError):
                        return entry.translation.format(*blanks)
        return None


def paragraphs(text: str) -> list[str]:
    """The paragraphs of a help text, each on one line."""
    return [" ".join(part.split()) for part in text.split("\n\n") if part.strip()]
