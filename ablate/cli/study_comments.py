"""The remarks in a study file that a command has written, in the reader's language."""

from __future__ import annotations

import re
from pathlib import Path

from ablate.cli.translation import spoken, translated_part
from ablate.files import write_text

_REMARK = re.compile(r"(?P<before>.*\S\s+# |\s+# )(?P<remark>.+)|(?P<whole>(?:# |question: ).+)")


def translate_remarks(path: Path) -> None:
    """Translate the remarks of a file, and the question it begins with; what has no translation stays."""
    if spoken() == "en":
        return
    lines = path.read_text(encoding="utf-8").splitlines()
    write_text(path, "\n".join(map(_in_words, lines)) + "\n")


def _in_words(line: str) -> str:
    found = _REMARK.fullmatch(line)
    if found is None:
        return line
    if found["whole"]:
        return translated_part(found["whole"])
    return found["before"] + translated_part(found["remark"])
