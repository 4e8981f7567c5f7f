"""Sections on what the stored answers know of single images and of parts of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from ablate.report.facts.answers import MOST_CHANGED, MOST_LISTED, AnswerFacts, ChangedImage, NeverRight, SliceColumn
from ablate.report.facts.findings import Findings
from ablate.report.page.blocks import Block, Bullets, Gallery, Section, Sheet, Text, Thumbnail, section
from ablate.report.tables.answers import changed_table, changes_table, never_right_table, right_of, slice_table
from ablate.report.wording.language import Words


class Images(NamedTuple):
    """Image id -> a small image, and the text that comes with it."""

    thumbnails: Mapping[str, bytes]
    texts: Mapping[str, str]


def answer_sections(findings: Findings, say: Words) -> Iterator[Section | None]:
    """Images never right, images that a step fixes or breaks, and accuracy by what is known about the images."""
    facts = findings.exploratory.answers
    if facts is None:
        return
    images = Images(findings.exploratory.thumbnails, findings.exploratory.texts)
    yield section(say("answers.never_right"), "never-right", list(_never_right(facts, images, say)))
    yield section(say("answers.changed"), "changed-images", list(_changed(facts, images, say)))
    yield section(say("answers.slices"), "slices", list(_slices(facts, say)))


def _never_right(facts: AnswerFacts, images: Images, say: Words) -> Iterator[Block | None]:
    found = facts.never_right
    if not found:
        return
    yield Text(say("answers.never_right_note", images=say.count(len(found), "test_image")))
    if len(found) > MOST_LISTED:
        yield Text(say("answers.first", n=MOST_LISTED, file="tables/never-right.csv"), "note")
    items = [
        Thumbnail(one.id, one.label, images.thumbnails[one.id], _said(one, say), "", images.texts.get(one.id, ""))
        for one in found[:MOST_LISTED]
        if one.id in images.thumbnails
    ]
    yield Gallery(tuple(items), say("answers.said"), "")
    yield Sheet(never_right_table(facts, say), folded=say("heading.as_table") if items else "")


def _said(one: NeverRight, say: Words) -> str:
    if not one.said:
        return ""
    return say("answers.said_in", said=one.said, times=one.times, runs=one.runs)


def _changed(facts: AnswerFacts, images: Images, say: Words) -> Iterator[Block | None]:
    if not facts.changes:
        return
    if not any(change.assessed for change in facts.changes):
        most = max(change.most_tests for change in facts.changes)
        yield Bullets((say("answers.none_assessable", tests=say.count(most, "test")),))
        return
    yield Text(say("answers.changed_note"))
    yield Sheet(changes_table(facts, say))
    cut = False
    for change in facts.changes:
        for key, net, listed in (
            ("fixed", change.net_fixed, change.fixed),
            ("broken", change.net_broken, change.broken),
        ):
            if not listed:
                continue
            cut = cut or len(listed) > MOST_CHANGED
            title = say(f"answers.{key}_by", name=change.name, images=say.count(len(listed), "image"), net=net)
            yield Text(title, "subheading")
            shown = listed[:MOST_CHANGED]
            gallery = _changed_gallery(shown, images, say)
            yield gallery
            yield Sheet(changed_table(shown, title, say), folded=say("heading.as_table") if gallery else "")
    if cut:
        yield Text(say("answers.first_each", n=MOST_CHANGED, file="tables/changed-images.csv"), "note")


def _changed_gallery(shown: Sequence[ChangedImage], images: Images, say: Words) -> Gallery | None:
    items = [
        Thumbnail(
            one.id,
            one.label,
            images.thumbnails[one.id],
            right_of(one.before, one.tests, say),
            right_of(one.after, one.tests, say),
            images.texts.get(one.id, ""),
        )
        for one in shown
        if one.id in images.thumbnails
    ]
    return Gallery(tuple(items), say("answers.before"), say("answers.after")) if items else None


def _slices(facts: AnswerFacts, say: Words) -> Iterator[Block | None]:
    if not facts.slices:
        return
    yield Text(say("answers.slices_note"))
    for column in facts.slices:
        yield Text(column.name, "subheading")
        yield Sheet(slice_table(column, say), in_order=True)
        yield Text(" ".join(_about(column, say)), "note")
    if facts.passed_over:
        names = [say("answers.passed", name=name, n=n) for name, n in facts.passed_over]
        yield Text(say("answers.passed_over", names=say.listed(names)), "note")


def _about(column: SliceColumn, say: Words) -> Iterator[str]:
    if column.whole.levels and any(row.levels for row in column.rows):
        yield say("answers.by_image")
        yield say("answers.together", n=column.intervals)
    if column.is_cut:
        yield say("answers.cut")
    for reason in ("images", "groups"):
        small = [say("answers.part", value=row.value, n=row.n) for row in column.rows if row.reason == reason]
        if small:
            yield say(f"answers.few_{reason}", parts=say.listed(small, at_most=20))
    if column.unknown:
        yield say("answers.unknown", images=say.count(column.unknown, "image"))
