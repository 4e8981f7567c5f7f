"""The first screen: what was asked, the answer, the tables with their legend, and the sentence to cite."""

from __future__ import annotations

from collections.abc import Iterator

from ablate.report.facts.findings import Findings
from ablate.report.page.blocks import Block, Bullets, Claim, Key, Legend, Sheet, Text
from ablate.report.page.learning import learning_lines
from ablate.report.tables.first_screen import shown_steps
from ablate.report.tables.table import effects_axis, terminal_steps
from ablate.report.wording.evidence import banners, warnings
from ablate.report.wording.first_screen import (
    all_comparisons,
    asked_of,
    basis_words,
    column_words,
    decides_words,
    deciding_words,
    is_thin,
    longer_words,
    rounding_words,
    threshold_meanings,
    verdict_meanings,
)
from ablate.report.wording.headline import first_sentence
from ablate.report.wording.language import ENGLISH, Words
from ablate.report.wording.sentences import citations


def opening(findings: Findings, say: Words = ENGLISH) -> Iterator[Block]:
    """Everything before the sections."""
    for banner in banners(findings, say):
        yield Text(banner, "banner")
    if findings.study.question:
        yield Text(findings.study.question, "question")
    yield Text(first_sentence(findings, say), "lead")
    for line in learning_lines(findings, say):
        yield Text(line, "basis")
    for warning in warnings(findings, say):
        yield Text(warning, "warning")
    if basis := basis_words(findings, say):
        yield Text(basis, "basis")
    steps = shown_steps(findings, say)
    for table, shown in steps:
        yield Text(table.title, "heading")
        yield Sheet(table, first=True, shown=shown)
    if not steps:
        levels = terminal_steps(findings, say)
        yield Sheet(levels, first=True)
        yield Text(levels.note, "note")
        return
    yield legend(findings, say)
    cited = citations(findings, say)
    if cited:
        yield Claim(say("heading.may"), cited[0], cited=True)
    if cited[1:]:
        yield Bullets(tuple(cited[1:]), folded=say("heading.may_others"))
    yield Text(notes(findings, say), "note")


def legend(findings: Findings, say: Words = ENGLISH) -> Legend:
    """What is drawn and what the words mean; only of what is there."""

    def join(*parts: str) -> str:
        return say("join.sentence").join(filter(None, parts))

    meanings = list(verdict_meanings(findings, say))
    bands = list(threshold_meanings(findings, say))
    about = list(
        filter(None, [join(asked_of(findings, say), rounding_words(findings, say)), column_words(findings, say)])
    )
    longer = longer_words(findings, say)
    drawn = [
        *(Key(mark, text) for mark, text in _marks(findings, say)),
        *(Key(kind, text) for kind, text in bands),
        *(Key(verdict, text) for verdict, text in meanings),
        *(Key("", text) for text in about),
        *([Key("†", longer)] if longer else []),
    ]
    plain = [
        say("screen.plain_marks"),
        plain_thresholds(findings, say),
        deciding_words(findings, say, key="screen.plain_thin") if _is_decided(findings) else "",
        *(text for _, text in meanings),
        *about,
        f"† {longer}" if longer else "",
    ]
    return Legend(tuple(drawn), tuple(filter(None, plain)))


def read_on_terminal(findings: Findings, say: Words = ENGLISH) -> list[str]:
    """How to read the table of a terminal, then the sentence to cite."""
    if not findings.effects:
        return [note] if (note := terminal_steps(findings, say).note) else []
    read = [
        say("screen.plain_marks"),
        plain_thresholds(findings, say),
        deciding_words(findings, say, key="screen.plain_thin") if _is_decided(findings) else "",
        *(text for verdict, text in verdict_meanings(findings, say) if verdict in ("same", "no_worthwhile_gain")),
        asked_of(findings, say),
        f"† {longer}" if (longer := longer_words(findings, say)) else "",
        *(f"{say('heading.may')} {sentence}" for sentence in citations(findings, say)[:1]),
    ]
    return [line for line in read if line]


def plain_thresholds(findings: Findings, say: Words = ENGLISH) -> str:
    """Both thresholds as numbers in one sentence; empty where nobody has stated any."""
    bands = say("join.clause").join(text for _, text in threshold_meanings(findings, say))
    return say("screen.plain_bands", bands=bands) if bands else ""


def _is_decided(findings: Findings) -> bool:
    """Whether a verdict is given, by an interval that is not the one beside it."""
    return _any_thin(findings) and bool(decides_words(findings))


def _any_thin(findings: Findings) -> bool:
    return any(map(is_thin, all_comparisons(findings)))


def _marks(findings: Findings, say: Words) -> Iterator[tuple[str, str]]:
    effects, axis = all_comparisons(findings), effects_axis(findings)
    thin = _any_thin(findings)
    yield "point", say("screen.point")
    if any(effect.measured.lo != effect.measured.hi for effect in effects):
        yield "thick", say("screen.thick") if thin else say("screen.thick_only", decides=decides_words(findings, say))
    if thin:
        yield "thin", deciding_words(findings, say)
    if any(len(effect.measured.by_replicate) > 1 for effect in effects):
        yield "dots", say("screen.dots")
    found = [effect.measured for effect in effects if effect.measured.difference is not None]
    ends = [end for one in found for end in (one.lo, one.lo_all)]
    tops = [end for one in found for end in (one.hi, one.hi_all)]
    if any(end is None or end < axis.lo for end in ends) or any(end is None or end > axis.hi for end in tops):
        yield "arrow", say("screen.arrow")


def notes(findings: Findings, say: Words = ENGLISH) -> str:
    """What else the numbers need: unequal n, whose costs, what is published."""
    parts = []
    if len({effect.measured.n for effect in findings.effects}) > 1:
        parts.append(say("note.unequal" if findings.evidence.look == 1 else "note.unequal_looks"))
    own = [say.by("family_note", family, say("family_note.one at a time")) for family in findings.families]
    parts += dict.fromkeys(own)
    if any(row.published for row in findings.variants):
        parts.append(say("note.published", note=findings.study.published_note or say("note.published_default")))
    return say("join.sentence").join(filter(None, parts))
