"""The one script of a page, which its policy allows by its hash, and what it knows: JSON beside it."""

from __future__ import annotations

import json
from base64 import b64encode
from functools import cache
from hashlib import sha256
from importlib import resources

from ablate.report.page.blocks import Page
from ablate.report.wording.verdicts import VERDICTS

PARTS = ("rejudge.js", "numbers.js", "sort.js", "what_if.js", "page.js")
SAID = ("turn", "verdict", "join")
"""The groups of words a script may say; of others, OTHERS."""
OTHERS = ("cell.same",)


@cache
def page_script() -> str:
    """The same on every page, so that who allows its hash has read it."""
    folder = resources.files("ablate.report") / "templates"
    return "\n".join((folder / name).read_text(encoding="utf-8") for name in PARTS)


@cache
def script_hash() -> str:
    """As a content security policy names it."""
    return "sha256-" + b64encode(sha256(page_script().encode()).digest()).decode()


def page_data(page: Page) -> str:
    """What the script reads, as JSON that cannot end the element it stands in, whatever is named how."""
    say = page.words
    keys = [*(key for group in SAID for key in say.keys_below(group)), *OTHERS]
    data = {
        "words": {key: say.table[key] for key in keys},
        "glyphs": {word: shown.glyph for word, shown in VERDICTS.items()},
        "what_if": page.what_if,
    }
    text = json.dumps(data, separators=(",", ":"), allow_nan=False)
    for character in "<>&":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return text
