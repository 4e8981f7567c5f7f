"""The fixed words of a report, one table a language, and how a language counts and lists."""

from __future__ import annotations

import os
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from importlib import resources
from typing import Any, Literal, cast, get_args

from ablate.errors import StudyError

Language = Literal["en", "zh"]
LANGUAGES: tuple[Language, ...] = get_args(Language)
VARIABLE = "ABLATE_LANG"
"""The environment variable that names the language where no option and no study does."""


def chosen_language(*wanted: Language | None) -> Language:
    """The first that is given, else that of ABLATE_LANG, else English.

    Raises StudyError where ABLATE_LANG names a language that there are no words of.
    """
    for language in wanted:
        if language is not None:
            return language
    named = os.environ.get(VARIABLE, "")
    code = named.partition(".")[0].partition("_")[0].partition("-")[0].lower()  # as LANG has it: zh_CN.UTF-8
    if not code:
        return "en"
    if code not in LANGUAGES:
        raise StudyError(f"{VARIABLE}={named}: no such language", hint=f"One of: {', '.join(LANGUAGES)}.")
    return code


@dataclass(frozen=True, slots=True)
class Words:
    """One language. Keys are dotted: `column.step`.

    Values put into a text are not looked up: names and numbers stay as they are.
    """

    language: Language
    table: dict[str, Any] = field(repr=False)

    def __call__(self, key: str, **values: object) -> str:
        """The text of a key, filled in."""
        return str(self.table[key]).format(**values)

    def has(self, key: str) -> bool:
        """Whether the table has a text for this key; free text such as a reason may have none."""
        return key in self.table

    def by(self, group: str, name: str, default: str | None = None) -> str:
        """The text for a name that may not be ours, else the default, else the name itself."""
        key = f"{group}.{name}"
        return str(self.table[key]) if key in self.table else name if default is None else default

    def form(self, key: str, number: int, **values: object) -> str:
        """The singular or the plural of a text."""
        forms = cast("Sequence[str]", self.table[key])
        return forms[0 if number == 1 else -1].format(**values)

    def count(self, number: int, noun: str) -> str:
        """`1 replicate`, `1,797 images`; noun: a key of the table's `count`."""
        return self.form(f"count.{noun}", number, n=f"{number:,}")

    def in_words(self, number: int) -> str:
        """`two`, up to twelve; digits beyond, and in languages that write digits."""
        known = cast("Sequence[str]", self.table["number.words"])
        return known[number] if 0 <= number < len(known) else f"{number:,}"

    def listed(self, names: Sequence[str], *, at_most: int = 4) -> str:
        """`a, b and c`; a long list ends in `and 5 others`."""
        shown = list(names)
        if len(names) > at_most + 1:
            shown = [*names[:at_most], self("join.others", n=len(names) - at_most)]
        if len(shown) < 2:
            return "".join(shown)
        return f"{self('join.comma').join(shown[:-1])}{self('join.and')}{shown[-1]}"

    def pair(self, name: str) -> tuple[str, str]:
        """A term and its meaning, the latter not filled in."""
        term, meaning = cast("Sequence[str]", self.table[name])
        return term, meaning

    def keys_below(self, group: str) -> list[str]:
        """The keys of one group, in the order of the table."""
        return [key for key in self.table if key.startswith(f"{group}.")]


@cache
def words_of(language: Language = "en") -> Words:
    """The words of a language; where it lacks one, the English."""
    own = read_words(language)
    return Words(language, own if language == "en" else words_of("en").table | own)


def read_words(language: Language) -> dict[str, Any]:
    """A language's own table."""
    text = (resources.files("ablate.report") / "languages" / f"{language}.toml").read_text(encoding="utf-8")
    return dict(_flat(tomllib.loads(text)))


def _flat(tables: Mapping[str, Mapping[str, Any]]) -> Iterator[tuple[str, Any]]:
    for group, entries in tables.items():
        for name, value in entries.items():
            yield f"{group}.{name}", value


ENGLISH = words_of("en")
