"""What another test set is, and what its verdicts rest on, in words."""

from __future__ import annotations

from collections.abc import Iterator

from ablate.metrics import of_class
from ablate.report.facts.findings import Findings, OtherSet
from ablate.report.facts.other_sets import SetFacts
from ablate.report.wording.language import ENGLISH, Words


def set_title(facts: SetFacts, say: Words = ENGLISH) -> str:
    """`On camera B`."""
    return say("other_set.title", name=facts.name)


def set_lines(one: OtherSet, findings: Findings, say: Words = ENGLISH) -> list[str]:
    """What a reader of the set's verdicts must know, and the warnings first."""
    return [*set_cautions(one.facts, say), *_lines(one, findings, say)]


def _lines(one: OtherSet, findings: Findings, say: Words) -> Iterator[str]:
    facts, evidence = one.facts, findings.evidence
    if not facts.images:
        return
    groups = say("other_set.groups", groups=say.count(facts.groups, "group")) if facts.groups else ""
    classes = say.listed([f"{name} {count:,}" for name, count in facts.counts.items()], at_most=10)
    images = say.count(facts.images, "image")
    yield say("other_set.images", images=images, groups=groups, classes=classes)
    yield say("other_set.scored", scored=facts.scored, wanted=facts.wanted)
    if facts.copies:
        yield say("other_set.copies")
    if facts.lacking:
        yield say("other_set.lacking", names=say.listed(list(facts.lacking)))
    if facts.left_out:
        yield say("other_set.left_out", images=say.count(facts.left_out, "image"))
    yield from facts.notes
    asked = of_class(findings.study.metric.name)
    if asked is not None and asked.specificity is not None:
        yield say("other_set.threshold")
    if one.findings is not None:
        families = sum(len(other.findings.families) for other in findings.other_sets if other.findings is not None)
        most = f"{min(1.0, evidence.alpha * families):.0%}"
        yield say("other_set.family", alpha=f"{evidence.alpha:.0%}")
        yield say.form("other_set.error", families, n=say.in_words(families), most=most)
    if facts.earlier and one.findings is not None:
        last = facts.number + len(one.findings.families) - 1
        numbers = str(facts.number) if last == facts.number else say("cell.range", first=facts.number, last=last)
        yield say("other_set.uses", studies=say.listed([use.study for use in facts.earlier]), numbers=numbers)


def set_cautions(facts: SetFacts, say: Words = ENGLISH) -> list[str]:
    """What speaks against taking the set's numbers for what they seem to be, or is still to be done."""
    name, found = facts.name, []
    if not facts.images:
        return [say("other_set.changed" if facts.is_changed_in_file else "other_set.unread", name=name)]
    if facts.is_other_now:
        found.append(say("other_set.other_now", name=name, times=facts.times))
    if facts.alike:
        found.append(say("other_set.alike", name=name, images=say.count(facts.alike, "image")))
    if not facts.is_checked:
        found.append(say("other_set.unchecked", name=name))
    if facts.scored < facts.wanted:
        missing = say("other_set.missing", name=name, scored=facts.scored, wanted=facts.wanted)
        found.append(missing + (say("other_set.why", reason=facts.reason) if facts.reason else ""))
    return found
