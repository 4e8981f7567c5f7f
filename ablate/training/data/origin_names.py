"""File names that look like origins: patient12_3.png, IMG_20260101_0001.jpg, walk_frame_0017.png."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import NamedTuple

_WORDS = (
    "patient|subject|subj|participant|person|donor|animal|plant|tree|specimen|case|slide|video|vid|clip|movie|"
    "sequence|seq|scene|session|site|visit|burst|recording"
)
PATTERNS = (
    rf"((?:{_WORDS})[-_ ]?\d+)",
    r"([A-Z]{2,4}_\d{8})_\d",
    r"(.+?)[-_ ]?(?:frame|frm)[-_ ]?\d+",
    r"(.+_g\d+)_c\d+",
)
"""Tried in this order; each matches the origin. A dated name (`IMG_20260101_`) is of one camera on one day, and
`v_Biking_g01_c03` the third clip of the first recording of its class (UCF101, Soomro et al. 2012)."""

MOST_SINGLE = 0.9
"""Of the images: with more different origins than so many of them, names just number the images."""


class NamedOrigins(NamedTuple):
    """A pattern found in every image's name, how many origins it tells, and the largest with its number of images."""

    pattern: str
    origins: int
    largest: str
    images: int


def origins_in_names(ids: Sequence[str], classes: int) -> NamedOrigins | None:
    """What the images' names seem to say of their origin; None where they say nothing.

    Not where there are no more origins than classes: those are the names of the classes' folders.
    """
    for pattern in PATTERNS:
        compiled = re.compile(pattern, 0 if "[A-Z]" in pattern else re.IGNORECASE)
        found = list(_found_until_none(compiled, ids))
        if not found or len(found) < len(ids):
            continue
        origins = Counter(match.group(1) for match in found)
        if classes < len(origins) <= MOST_SINGLE * len(ids):
            ((largest, images),) = origins.most_common(1)
            written = pattern if compiled.flags & re.IGNORECASE == 0 else f"(?i){_short(pattern, found)}"
            return NamedOrigins(written, len(origins), largest, images)
    return None


def notes_on_names(ids: Sequence[str], classes: int) -> list[str]:
    """That names look like origins, with the line to add; nothing where they do not."""
    named = origins_in_names(ids, classes)
    if named is None:
        return []
    return [
        f"the names look like origins: {len(ids):,} images of {named.origins:,}, such as {named.largest} with "
        f"{named.images:,}; if images of one are alike, add data.groups: '{named.pattern}', which keeps them in one "
        "part and counts them as one draw"
    ]


def _found_until_none(pattern: re.Pattern[str], ids: Sequence[str]) -> Iterator[re.Match[str]]:
    """A match in each name, up to the first name without one: among 200,000 the others need no search then."""
    for name in ids:
        match = pattern.search(name.rpartition("/")[2]) or pattern.search(name)
        if match is None:
            return
        yield match


def _short(pattern: str, found: Sequence[re.Match[str]]) -> str:
    """The pattern with the one word that is there, instead of all that were looked for."""
    words = {re.split(r"[-_ \d]", match.group(1))[0].lower() for match in found}
    return pattern.replace(_WORDS, "|".join(sorted(words))) if _WORDS in pattern else pattern
