"""A command's words, and the places in them that values are put into: fixed before any value is known.

A value becomes a whole argument, or a part of one, and never more than the list it is: there is no shell that could
read it again.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator, Mapping, Sequence
from pathlib import PurePath, PureWindowsPath
from typing import Any, Literal, NamedTuple

from ablate.command.texts import hydra_text, json_text, value_text
from ablate.errors import SettingError, near_match
from ablate.settings import flattened

GIVEN = ("seed", "replicate", "fold", "folder", "split", "config", "overrides", "python", "checkpoint")
"""What the harness puts in; no key of `base:` may be called so at the top."""
VARYING = ("seed", "replicate", "fold", "split")
"""Without one of these all replicates of a variant would be the same run."""
_PART = re.compile(r"\{\{|\}\}|\{(?P<mark>\?)?(?P<key>[^{}:?]+)(?::(?P<how>[^{}]*))?\}|[{}]")
_SHELL_NAMES = re.compile(r"(sh|bash|dash|zsh|ksh|fish)[\d.]*")
_CODE_LETTERS = (
    (_SHELL_NAMES, "c"),
    (re.compile(r"(python|pypy)[\d.]*"), "c"),
    (re.compile(r"(perl|ruby|julia|lua|rscript)[\d.]*"), "eE"),
    (re.compile(r"(node|nodejs|deno|bun)[\d.]*"), "ep"),
    (re.compile(r"php[\d.]*"), "r"),
)
"""Interpreters, and the letters of the options by which they take code."""
_CODE_WORDS = ("--eval", "--print", "--command")
_SCRIPT = re.compile(r"\.\w+$")
_SHELLS = {"cmd", "powershell", "pwsh"}
_SHELL_WORDS = {"|", "||", "&&", "&", ";", ">", ">>", "<", "2>&1", "2>"}


class Place(NamedTuple):
    """Where a value goes. kind: `value`, or `flag` for {?key}. how: what stands behind the colon, None without one."""

    key: str
    kind: Literal["value", "flag"]
    how: str | None

    def __str__(self) -> str:
        return f"{{{'?' * (self.kind == 'flag')}{self.key}{'' if self.how is None else f':{self.how}'}}}"


Word = tuple[str | Place, ...]
"""Text and places, in order."""


def split_words(command: str | Sequence[str | int | float]) -> list[str]:
    """The words of a command. In a text, quotes keep words together and a backslash is a character like any other."""
    if not isinstance(command, str):
        return [word if isinstance(word, str) else value_text(word) for word in command]
    lexer = shlex.shlex(command, posix=True, punctuation_chars=False)
    lexer.whitespace_split, lexer.escape, lexer.commenters = True, "", ""
    try:
        words = list(lexer)
    except ValueError:
        raise SettingError(
            "trainer.command", f"a quote is not closed: {command[:80]}", hint="Close it, or write the words as a list."
        ) from None
    if not words:
        raise SettingError("trainer.command", "the command is empty", hint="Write [python, train.py, ...].")
    return words


def read_words(words: Sequence[str], *, key: str = "trainer.command") -> list[Word]:
    """Each word with its places. Raises SettingError for what could not be carried out as it is meant."""
    read = [tuple(_parts(word, key)) for word in words]
    if key == "trainer.command" and any(isinstance(part, Place) and part.key != "python" for part in read[0]):
        raise SettingError(key, f"{words[0]!r}: which program runs may not depend on a value", hint="Name it.")
    for number, word in enumerate(words):
        if word in _SHELL_WORDS:
            raise SettingError(
                key,
                f"{word!r} is for a shell, and none is called",
                hint="Put the line into a script of its own, and call that.",
            )
        _refuse_code(number, words, read, key)
    return read


def _refuse_code(number: int, words: Sequence[str], read: Sequence[Word], key: str) -> None:
    """A value in what an interpreter reads as code would be code."""
    name = PureWindowsPath(words[number]).stem.lower() if number == 0 else PurePath(words[number]).name
    has_places = any(isinstance(part, Place) for word in read[number + 1 :] for part in word)
    if number == 0 and name in _SHELLS and has_places:
        raise SettingError(key, f"{words[0]} reads its arguments as code", hint="Call the program itself.")
    if number == 0 and PureWindowsPath(words[0]).suffix.lower() in (".bat", ".cmd") and has_places:
        raise SettingError(key, f"{words[0]} hands its arguments to a shell", hint="Call the program that it calls.")
    name = "python" if words[number] == "{python}" else name.lower().removesuffix(".exe")
    found = next(((names is _SHELL_NAMES, letters) for names, letters in _CODE_LETTERS if names.fullmatch(name)), None)
    if found is None:
        return
    at = _code_place(words, number + 1, *found)
    if at is not None and any(isinstance(part, Place) for part in read[at]):
        raise SettingError(
            key,
            f"{words[at]!r} is code, and a value put into it would be code, too",
            hint='Hand values over as arguments behind it: [bash, -c, \'train "$1"\', bash, "{optimizer.lr}"].',
        )


def _code_place(words: Sequence[str], first: int, is_shell: bool, letters: str) -> int | None:  # noqa: FBT001 - of two
    """Which word an interpreter reads as code, of those behind it; None where it is given a script."""
    behind_option = False
    for at in range(first, len(words)):
        word = words[at]
        if not word.startswith("-"):
            if not behind_option or _SCRIPT.search(word):
                return None
            behind_option = False  # the value of an option, such as -W ignore
            continue
        if word in ("-", "--", "-m"):
            return None
        option, equals, _ = word.partition("=")
        cluster = re.match(rf"-[A-Za-z]*?[{letters}]", word)
        if option in _CODE_WORDS or cluster is not None:
            if is_shell and not equals:
                code = (number for number in range(at + 1, len(words)) if words[number][:1] not in ("-", "+"))
                return next(code, None)
            is_own = bool(equals) if cluster is None else cluster[0] != word
            return at if is_own else at + 1 if at + 1 < len(words) else None
        behind_option = True
    return None


def _parts(word: str, key: str) -> Iterator[str | Place]:
    at, text = 0, ""
    for found in _PART.finditer(word):
        text += word[at : found.start()]
        at = found.end()
        if found[0] in ("{{", "}}"):
            text += found[0][0]
            continue
        if found["key"] is None:
            raise SettingError(
                key, f"{word[:80]!r} has a brace that opens or closes nothing", hint="A brace itself is written twice."
            )
        place = Place(found["key"].strip(), "flag" if found["mark"] else "value", found["how"])
        if (place.kind == "flag" or place.key == "overrides") and found[0] != word:
            raise SettingError(key, f"{word[:80]!r}: {place} has to be a word of its own", hint="Set it apart.")
        if place.key == "config" and place.how not in (None, "json", "yaml"):
            raise SettingError(key, f"{place} is no kind of file", hint="Write {config:json} or {config:yaml}.")
        if place.key == "checkpoint" and key == "trainer.command":
            raise SettingError(key, f"{place} is for the words of resume: alone", hint="Write resume: {file, words}.")
        yield from [text] * bool(text)
        text = ""
        yield place
    text += word[at:]
    if text or not word:
        yield text


def places_in(words: Sequence[Word]) -> list[Place]:
    """All places, in order."""
    return [part for word in words for part in word if isinstance(part, Place)]


class Values(NamedTuple):
    """What is put in. config: the settings of the variant. given: what the harness says, by the names in GIVEN."""

    config: Mapping[str, Any]
    given: Mapping[str, str | int]


def fill_in(words: Sequence[Word], values: Values) -> list[str]:
    """The arguments of a run. Raises SettingError, with the key, for a value that cannot stand where it would."""
    filled: list[str] = []
    before: str | None = None  # an option that is a word of its own, directly before
    for word in words:
        made = _fill_word(word, values, before)
        if made is None:
            if before is not None and not _begins_as_option(word):
                filled.pop()
            made = []
        elif isinstance(made, _Repeated):
            filled.pop()
        filled += made
        option = word[0] if len(word) == 1 and isinstance(word[0], str) else ""
        before = option if re.match(r"--?[A-Za-z]", option) and "=" not in option else None
    return filled


class _Repeated(list[str]):
    """Words that bring the option before them along."""


def _begins_as_option(word: Word) -> bool:
    return (isinstance(word[0], str) and word[0].startswith("-")) or (
        isinstance(word[0], Place) and (word[0].kind == "flag" or word[0].key == "overrides")
    )


def _fill_word(word: Word, values: Values, before: str | None) -> list[str] | None:
    """The arguments that come of a word; None where a value of it is null, and the word is left out."""
    if len(word) == 1 and isinstance(word[0], Place):
        return _fill_alone(word[0], values, before)
    text = ""
    for part in word:
        if isinstance(part, str):
            text += part
            continue
        value = value_at(part, values)
        if value is None or value == []:
            return None
        if isinstance(value, list):
            if part.how in (None, "*"):
                raise SettingError(
                    part.key,
                    f"{part} is a list inside a word",
                    hint=f"Write {{{part.key}:,}} to join it, or set it apart.",
                )
            if part.how != "json":
                value = part.how.join(map(value_text, value))
        text += json_text(value) if part.how == "json" and part.key not in GIVEN else _text(part, value)
    return [text]


def _fill_alone(place: Place, values: Values, before: str | None) -> list[str] | None:
    if place.kind == "flag":
        return _flag(place, value_at(place, values))
    if place.key == "overrides":
        return [f"{key}={hydra_text(value)}" for key, value in flattened(values.config).items()]
    value = value_at(place, values)
    if value is None or value == []:
        return None
    if place.how == "json":
        return [json_text(value) if place.key not in GIVEN else str(value)]
    if not isinstance(value, list):
        return [_text(place, value)]
    if place.how is None:
        return [_text(place, item) for item in value]
    if place.how != "*":
        return [place.how.join(_text(place, item) for item in value)]
    if before is None:
        raise SettingError(
            place.key, f"{place} repeats the option before it, and there is none", hint="Write --option before it."
        )
    return _Repeated(word for item in value for word in (before, _text(place, item)))


def _flag(place: Place, value: Any) -> list[str]:
    """`--use-bn` for true; one of a pair; nothing for null."""
    if value is not None and not isinstance(value, bool):
        raise SettingError(
            place.key, f"{place} is for true, false or null, and the value is {value!r}", hint=f"Write {{{place.key}}}."
        )
    if place.how is None:
        return [f"--{place.key.rpartition('.')[2].replace('_', '-')}"] if value else []
    on, _, off = place.how.partition("|")
    chosen = "" if value is None else on if value else off
    return [chosen] if chosen else []


def _text(place: Place, value: Any) -> str:
    if isinstance(value, Mapping | list):
        raise SettingError(
            place.key,
            f"{place} names a block, not a value",
            hint=f"Name a key inside it, or write {{{place.key}:json}} for all of it as JSON.",
        )
    return value_text(value)


def value_at(place: Place, values: Values) -> Any:
    """The value of a place. Raises SettingError where the variant has none."""
    if place.key in values.given:
        return values.given[place.key]
    here: Any = values.config
    for part in place.key.split("."):
        if here is None:
            return None  # a block that is off
        if not isinstance(here, Mapping) or part not in here:
            raise SettingError(
                place.key,
                f"the command has {place}, and the settings have no such key here",
                hint=f"{near_match(place.key, flattened(values.config))}A block that is replaced needs all its keys.",
            )
        here = here[part]
    return here
