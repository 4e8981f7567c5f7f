"""Which characters can be drawn on this machine: matplotlib's own font, then those for East Asian scripts.

matplotlib takes each character from the first font of a list that has it, so a Latin text with some
Chinese, Japanese or Korean names in it needs no more than the right list.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable
from functools import lru_cache

OWN = "DejaVu Sans"
"""Comes with matplotlib."""

EAST_ASIAN = (
    "Noto Sans CJK SC", "Noto Sans CJK JP", "Noto Sans CJK KR", "Noto Sans SC", "Noto Sans JP", "Noto Sans KR",
    "Source Han Sans SC", "Source Han Sans", "WenQuanYi Micro Hei", "WenQuanYi Zen Hei", "Droid Sans Fallback",
    "IPAexGothic", "NanumGothic", "PingFang SC", "Hiragino Sans", "Apple SD Gothic Neo", "Microsoft YaHei", "SimHei",
    "Yu Gothic", "MS Gothic", "Malgun Gothic", "Arial Unicode MS",
)  # fmt: skip
"""Fonts that know Chinese, Japanese or Korean, by the names matplotlib gives them; all that are here are used."""

MISSING = "□"
"""Stands for a character that no font here has."""

_SCRIPTS = {"CJK": "Chinese", "HIRAGANA": "Japanese", "KATAKANA": "Japanese", "HANGUL": "Korean"}
_REMEDY = (
    "Install a font that has them, such as Noto Sans CJK (Debian, Ubuntu: `apt-get install fonts-noto-cjk`; "
    "Fedora: `dnf install google-noto-sans-cjk-fonts`; elsewhere: https://github.com/notofonts/noto-cjk), "
    "then draw the figures again."
)


def drawable(text: str) -> str:
    """The text with □ for every character that no font here has."""
    known = _known_characters()
    return "".join(character if ord(character) in known else MISSING for character in text)


def missing_font(texts: Iterable[str]) -> str:
    """What cannot be drawn of some texts, and what to install; empty where nothing is missing."""
    known = _known_characters()
    absent = dict.fromkeys(c for text in texts for c in text if c.isprintable() and ord(c) not in known)
    if not absent:
        return ""
    shown = list(absent)[:8]
    scripts = dict.fromkeys(_SCRIPTS.get(unicodedata.name(character, "").split(" ")[0], "") for character in absent)
    named = " and ".join(script for script in scripts if script)
    signs = f"{named} characters" if named else "characters"
    more = f" and {len(absent) - len(shown)} more" if len(absent) > len(shown) else ""
    return f"Figures show {MISSING} for {signs} that no font here has ({' '.join(shown)}{more}). {_REMEDY}"


@lru_cache(maxsize=1)
def families() -> tuple[str, ...]:
    """matplotlib's own font, then those of `EAST_ASIAN` that are on this machine."""
    from matplotlib.font_manager import fontManager

    here = set(fontManager.get_font_names())
    return (OWN, *(name for name in EAST_ASIAN if name in here))


@lru_cache(maxsize=1)
def font_files() -> tuple[str, ...]:
    """The file of each of `families`."""
    from matplotlib.font_manager import FontProperties, findfont

    return tuple(findfont(FontProperties(family=name)) for name in families())


@lru_cache(maxsize=1)
def _known_characters() -> frozenset[int]:
    from matplotlib.font_manager import get_font

    return frozenset(code for path in font_files() for code in get_font(path).get_charmap())


def forget_fonts() -> None:
    """Look at the machine's fonts again."""
    for cached in (families, font_files, _known_characters):
        cached.cache_clear()
