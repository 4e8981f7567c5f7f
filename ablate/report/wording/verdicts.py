"""How each verdict is shown: a new one has its line here, its words in the languages, and its hue in the style sheet.

Whatever shows a verdict asks this table; what decides it is `stats/verdict.py`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple


class ShownVerdict(NamedTuple):
    """One verdict as reports show it.

    glyph: beside the colour on the page, so that nothing is said by colour alone. colour: in figures.
    latex: the glyph in a table of a paper, by amssymb.
    sentence: the key of what may be said of it in a paper; empty where no text of its own says it.
    threshold: the setting without which it is never given.
    """

    glyph: str
    colour: str
    latex: str
    sentence: str = ""
    threshold: str = ""


VERDICTS: Mapping[str, ShownVerdict] = {
    "better": ShownVerdict("▲", "#0072b2", "$\\blacktriangle$"),
    "worse": ShownVerdict("▼", "#d55e00", "$\\blacktriangledown$"),
    "same": ShownVerdict("=", "#009e73", "$=$", "may.same", "negligible"),
    "no_worthwhile_gain": ShownVerdict("≯", "#6b6b6b", "$\\ngtr$", "may.no_gain", "worthwhile"),
    "undecided": ShownVerdict("?", "#b07d00", "?", "may.undecided"),
    "not_assessable": ShownVerdict("×", "#a0a0a0", "$\\times$"),
}
"""Okabe and Ito's palette, told apart by colour-blind eyes; every verdict stands there as a word, too."""
