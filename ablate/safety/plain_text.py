"""Free text as one line that shows what it holds: names and messages may hold anything."""

from __future__ import annotations

import unicodedata

_HIDDEN = ("Cc", "Cf", "Cs", "Co")


def plain(text: str, *, width: int | None = None, spaces: bool = False) -> str:
    """One line without control characters and without marks that turn the direction of writing.

    spaces: keep each of several in a row, as what is copied must.
    """
    kept = "".join(" " if character.isspace() else character for character in text if _is_shown(character))
    line = kept.strip() if spaces else " ".join(kept.split())
    return line if width is None or len(line) <= width else f"{line[: width - 1]}…"


def _is_shown(character: str) -> bool:
    # Cf holds the zero-width joiner, which many emoji need, beside marks that reverse a line.
    return character.isspace() or character == "\u200d" or unicodedata.category(character) not in _HIDDEN
