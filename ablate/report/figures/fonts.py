"""Which characters can be drawn on this machine: matplotlib's own font, then those for East Asian scripts.

matplotlib takes each character from the first font of a list that has it, so a Latin text with some
Chinese, Japanese or Korean names in it needs no more than the right list. Where a character is missing, the
machine is looked at again: matplotlib keeps a list of fonts on disk and never sees one that was installed
later, and a script this module does not know may have a font here, too.
"""

from __future__ import annotations

import logging
import os
import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, fields, is_dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from ablate.report.wording.language import ENGLISH, Words

if TYPE_CHECKING:
    from matplotlib.font_manager import FontEntry

OWN = "DejaVu Sans"
"""Comes with matplotlib."""

EAST_ASIAN = (
    "Noto Sans CJK SC", "Noto Sans CJK JP", "Noto Sans CJK KR", "Noto Sans SC", "Noto Sans JP", "Noto Sans KR",
    "Source Han Sans SC", "Source Han Sans", "WenQuanYi Micro Hei", "WenQuanYi Zen Hei", "Droid Sans Fallback",
    "IPAexGothic", "NanumGothic", "PingFang SC", "Hiragino Sans", "Apple SD Gothic Neo", "Microsoft YaHei", "SimHei",
    "Yu Gothic", "MS Gothic", "Malgun Gothic", "Arial Unicode MS",
)  # fmt: skip
"""Fonts that know Chinese, Japanese or Korean, by the names matplotlib gives them; all that are here are used."""

_NO_LETTERS = ("last resort", "lastresort", "adobe blank", "unicode bmp fallback")
"""Beginnings of the names of fonts that have a sign for everything, and show nothing of it."""

MISSING = "□"
"""Stands for a character that no font here has."""

_SCRIPTS = {"CJK": "Chinese", "HIRAGANA": "Japanese", "KATAKANA": "Japanese", "HANGUL": "Korean"}


@dataclass(slots=True)
class _Fonts:
    """The fonts that figures use. sought: characters no font here had when it was last looked for them."""

    families: list[str] = field(default_factory=list)
    files: list[str] = field(default_factory=list)
    characters: set[int] = field(default_factory=set)
    sought: set[int] = field(default_factory=set)

    def add(self, family: str, file: str) -> None:
        """Use one more font, after those there are."""
        from matplotlib.font_manager import get_font

        self.families.append(family)
        self.files.append(file)
        self.characters.update(get_font(file).get_charmap())


def drawable(text: str) -> str:
    """The text with □ for every character that no font here has."""
    look_for([text])
    known = _fonts().characters
    return "".join(character if ord(character) in known else MISSING for character in text)


def missing_font(texts: Iterable[str], say: Words = ENGLISH) -> str:
    """What cannot be drawn of some texts, and what to install; empty where nothing is missing.

    Looks at the machine's fonts again where something seems to be.
    """
    texts = [text for text in texts if not all(map(_is_certain, text))]
    if not texts:
        return ""  # and matplotlib need not be loaded
    _fonts().sought.clear()
    look_for(texts)
    known = _fonts().characters
    absent = dict.fromkeys(c for text in texts for c in text if c.isprintable() and ord(c) not in known)
    if not absent:
        return ""
    shown = list(absent)[:8]
    scripts = dict.fromkeys(_SCRIPTS.get(unicodedata.name(character, "").split(" ")[0], "") for character in absent)
    named = [say(f"fonts.{script}") for script in scripts if script]
    more = say("fonts.more", n=len(absent) - len(shown)) if len(absent) > len(shown) else ""
    signs = say("fonts.of_scripts", scripts=say.listed(named)) if named else say("fonts.characters")
    told = say("fonts.missing", signs=signs, shown=f"{' '.join(shown)}{more}")
    return told + say("join.sentence") + say("fonts.remedy" if named else "fonts.other_remedy")


def texts_in(record: Any) -> Iterator[str]:
    """Every text within records, tuples and mappings, however deep."""
    if isinstance(record, str):
        yield record
    elif isinstance(record, Mapping):
        for key, value in record.items():
            yield from texts_in(key)
            yield from texts_in(value)
    elif isinstance(record, (tuple, list)):
        for item in record:
            yield from texts_in(item)
    elif is_dataclass(record) and not isinstance(record, type):
        for part in fields(record):
            yield from texts_in(getattr(record, part.name))


def families() -> tuple[str, ...]:
    """matplotlib's own font, those of `EAST_ASIAN` that are on this machine, and what else was needed so far."""
    return tuple(_fonts().families)


def font_files() -> tuple[str, ...]:
    """The file of each of `families`."""
    return tuple(_fonts().files)


def look_for(texts: Iterable[str]) -> bool:
    """Look for a font of every character that has none yet; whether `families` grew."""
    fonts = _fonts()
    absent = {ord(c) for text in texts for c in text if c.isprintable()} - fonts.characters - fonts.sought
    if not absent:
        return False
    before = len(fonts.families)
    _add_new_files()
    _add_east_asian(fonts)
    absent -= fonts.characters
    fonts.sought |= absent
    for entry in _others(fonts) if absent else ():
        found = absent & _charmap(entry.fname)
        if found:
            fonts.add(entry.name, entry.fname)
            absent -= found
        if not absent:
            break
    fonts.sought -= fonts.characters
    return len(fonts.families) > before


def forget_fonts() -> None:
    """Begin with the fonts matplotlib knows of now."""
    _fonts.cache_clear()
    _charmap.cache_clear()


def _is_certain(character: str) -> bool:
    """Whether matplotlib's own font has it, as far as one can say without opening it."""
    return character < "\u0250" or character in "–—…−×·±≤≥"


@lru_cache(maxsize=1)
def _fonts() -> _Fonts:
    fonts = _Fonts()
    with quiet_matplotlib():
        fonts.add(OWN, _file_of(OWN))
        _add_east_asian(fonts)
    return fonts


def _add_east_asian(fonts: _Fonts) -> None:
    from matplotlib.font_manager import fontManager

    here = set(fontManager.get_font_names())
    for name in EAST_ASIAN:
        if name in here and name not in fonts.families:
            fonts.add(name, _file_of(name))


def _add_new_files() -> None:
    """Tell matplotlib of the fonts that were installed since it wrote its list."""
    from matplotlib.font_manager import findSystemFonts, fontManager

    known = {os.path.realpath(entry.fname) for entry in fontManager.ttflist}
    for path in sorted(findSystemFonts()):
        if os.path.realpath(path) in known:
            continue
        try:
            fontManager.addfont(path)
        except (OSError, RuntimeError, ValueError, KeyError):
            continue  # a broken file, or a kind of font that matplotlib cannot use


def _others(fonts: _Fonts) -> list[FontEntry]:
    """The fonts that are not used yet, upright and regular ones first, one a family."""
    from matplotlib.font_manager import fontManager

    def plainness(entry: FontEntry) -> tuple[bool, bool, str, str]:
        return (entry.style != "normal", entry.weight not in (400, "normal", "regular"), entry.name, entry.fname)

    chosen: dict[str, Any] = {}
    for entry in sorted(fontManager.ttflist, key=plainness):
        if entry.name not in fonts.families and not entry.name.strip(". ").lower().startswith(_NO_LETTERS):
            chosen.setdefault(entry.name, entry)
    return list(chosen.values())


@contextmanager
def quiet_matplotlib() -> Iterator[None]:
    """matplotlib writes no log lines of its own about fonts and caches: a report says in a sentence what is missing."""
    logger = logging.getLogger("matplotlib")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        logger.setLevel(level)


def _file_of(family: str) -> str:
    from matplotlib.font_manager import FontProperties, findfont

    return str(findfont(FontProperties(family=family)))


@lru_cache(maxsize=1024)
def _charmap(file: str) -> frozenset[int]:
    from matplotlib.font_manager import get_font

    try:
        return frozenset(get_font(file).get_charmap())
    except (OSError, RuntimeError):
        return frozenset()  # it was removed, or is broken
