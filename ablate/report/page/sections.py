"""From findings to the page: which sections a report has, and in which order."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from ablate.report.facts.findings import Findings
from ablate.report.figures.answers import answer_curves_infos
from ablate.report.figures.forest import forest_caption, forest_info
from ablate.report.figures.numbers import (
    curves_caption,
    curves_info,
    levels_caption,
    levels_info,
    pareto_infos,
)
from ablate.report.page.answers import answer_sections
from ablate.report.page.blocks import (
    Block,
    Bullets,
    Claim,
    Commands,
    Figure,
    Gallery,
    Links,
    Page,
    Section,
    Sheet,
    Terms,
    Text,
    Thumbnail,
    section,
)
from ablate.report.page.first_screen import opening
from ablate.report.page.learning import learning_section
from ablate.report.page.other_sets import other_set_sections
from ablate.report.page.what_if import what_if_json
from ablate.report.tables.costs import confounds_table, costs_table, optimism_table, provenance_table, reads_table
from ablate.report.tables.derived import derived_table
from ablate.report.tables.details import (
    comparisons_table,
    contributions_table,
    epochs_table,
    failures_table,
    tuning_table,
    variants_table,
)
from ablate.report.tables.probabilities import probabilities_table
from ablate.report.tables.table import steps_tables
from ablate.report.tables.test_images import classes_table, confusions_table, disagreements_table, matrix_tables
from ablate.report.wording.evidence import evidence_lines, settling_lines
from ablate.report.wording.further import further_words
from ablate.report.wording.language import ENGLISH, Words
from ablate.report.wording.sentences import may_not_write, metric_title, metric_words, threshold_words
from ablate.stats.method import METHOD

CONTENTS: Mapping[str, tuple[str, ...]] = {
    "answers": ("evidence", "contributions", "comparisons", "further", "set", "variants", "derived"),
    "training": ("more-images", "curves", "epochs", "tuning", "cost", "costs", "confounds"),
    "images": ("probabilities", "classes", "confusions", "disagree", "never-right", "changed-images", "slices"),
    "record": ("optimism", "reads", "provenance", "failures", "deployed", "explained", "reruns", "glossary"),
}
"""The table of contents: groups of anchors; a section that none of them names goes with the last."""


def page_of(findings: Findings, say: Words = ENGLISH) -> Page:
    """The whole report of a study."""
    return Page(
        title=findings.study.name,
        words=say,
        opening=tuple(opening(findings, say)),
        sections=tuple(found for found in _sections(findings, say) if found is not None),
        footer=say("heading.sheets"),
        what_if=what_if_json(findings, say),
        method=METHOD,
        contents=tuple((say(f"contents.{group}"), anchors) for group, anchors in CONTENTS.items()),
    )


def _sections(findings: Findings, say: Words) -> Iterator[Section | None]:
    yield _evidence(findings, say)
    worth = contributions_table(findings, say)
    yield section(worth.title, "contributions", [Sheet(worth), Text(worth.note, "note")])
    yield learning_section(findings, say)
    yield section(say("heading.curves"), "curves", list(_curves(findings, say)))
    yield section(say("heading.comparisons"), "comparisons", list(_comparisons(findings, say)))
    yield section(
        say("heading.pareto", metric=metric_title(findings.study.metric)),
        "cost",
        [Figure(info, info.title, info.caption) for info in pareto_infos(findings, say)],
    )
    yield section(say("heading.further"), "further", list(_further(findings, say)))
    yield from other_set_sections(findings, say)
    made = derived_table(findings, say)
    yield section(made.title, "derived", [Sheet(made), Text(made.note, "note")])
    yield section(say("heading.variants"), "variants", list(_variants(findings, say)))
    tuned = tuning_table(findings, say)
    yield section(
        tuned.title, "tuning", [Sheet(tuned), Text(tuned.note, "note")] if findings.exploratory.tuning else []
    )
    yield _probabilities(findings, say)
    yield from _images(findings, say)
    yield from answer_sections(findings, say)
    yield _epochs(findings, say)
    for heading, anchor, table in (
        ("costs", "costs", costs_table(findings, say)),
        ("confounds", "confounds", confounds_table(findings, say)),
        ("optimism", "optimism", optimism_table(findings, say)),
        ("reads", "reads", reads_table(findings, say)),
        ("provenance", "provenance", provenance_table(findings, say)),
        ("failures", "failures", failures_table(findings, say)),
    ):
        shown = len(table.columns) > 2 or heading == "failures"
        yield section(say(f"heading.{heading}"), anchor, [Sheet(table), Text(table.note, "note")] if shown else [])
    yield section(say("heading.deployed"), "deployed", [Text(say("note.deployed")), Links(findings.runs.deployed)])
    yield section(say("heading.explained"), "explained", [Text(say("note.explained")), Links(findings.runs.explained)])
    yield section(
        say("heading.reruns"),
        "reruns",
        [Text(say("note.reruns")), Commands(tuple(findings.next_steps.reruns.values()))],
    )
    yield section(say("heading.glossary"), "glossary", [Terms(tuple(_glossary(findings, say)))])


def _evidence(findings: Findings, say: Words) -> Section | None:
    refused = may_not_write(findings, say)
    settling = findings.next_steps.settling
    blocks: list[Block | None] = [
        Bullets(tuple(evidence_lines(findings, say))),
        None
        if refused is None
        else Claim(say("heading.may_not"), say("heading.quoted", sentence=refused.sentence), refused.why),
    ]
    if findings.evidence.test is not None:
        blocks += [
            Text(say("heading.settle"), "subheading"),
            Bullets(tuple(settling_lines(findings, say))),
            Commands((settling.command,)) if settling is not None and settling.command else None,
        ]
    return section(say("heading.rests_on"), "evidence", blocks)


def curve_metrics(findings: Findings) -> list[str]:
    """The metrics whose curves are drawn."""
    return list(dict.fromkeys([findings.study.metric.name, "loss"]))


def _curves(findings: Findings, say: Words) -> Iterator[Block]:
    for metric in curve_metrics(findings):
        if (info := curves_info(findings, metric, say)) is not None:
            path = f"figures/curves-{re.sub('[^A-Za-z0-9]+', '-', metric)}.png"
            yield Figure(info, say("figure.by_epoch", metric=info.label), curves_caption(info, say), path)


def _comparisons(findings: Findings, say: Words) -> Iterator[Block]:
    if (info := forest_info(findings, say)) is not None:
        yield Figure(info, info.label, forest_caption(info, findings, say), "figures/forest.png")
    table = comparisons_table(findings, say)
    if table.rows:
        yield Sheet(table, folded=say("heading.in_numbers"))
        yield Text(table.note, "note")


def _further(findings: Findings, say: Words) -> Iterator[Block]:
    """Each further metric in a table a family; what all of them together may get wrong comes first."""
    if findings.further:
        yield Text(further_words(findings, say))
    for other in findings.further:
        name = metric_words(other.study.metric)
        for table in steps_tables(other, say):
            slug = re.sub("[^A-Za-z0-9]+", "-", other.study.metric.name).strip("-")
            yield Text(say("heading.further_family", metric=name, family=table.title), "subheading")
            yield Sheet(table._replace(name=f"{table.name}-{slug}"))
    if findings.further:
        yield Text(say("note.brackets"), "note")


def _variants(findings: Findings, say: Words) -> Iterator[Block]:
    if (info := levels_info(findings)) is not None:
        title = say("figure.levels", metric=info.label)
        yield Figure(info, title, levels_caption(info, say), "figures/levels.png")
    table = variants_table(findings, say)
    yield Sheet(table)
    yield Text(table.note, "note")


def _probabilities(findings: Findings, say: Words) -> Section | None:
    table = probabilities_table(findings, say)
    blocks: list[Block | None] = [
        Figure(info, info.title, info.caption, info.path) for info in answer_curves_infos(findings, say)
    ]
    blocks += [Sheet(table), Text(table.note, "note")] if table.rows else []
    return section(table.title, "probabilities", blocks)


def _images(findings: Findings, say: Words) -> Iterator[Section | None]:
    classes = classes_table(findings, say)
    yield section(say("heading.classes"), "classes", [Text(classes.note), Sheet(classes)])
    confusions = confusions_table(findings, say)
    blocks: list[Block | None] = [Text(confusions.note), Sheet(confusions)]
    matrices = matrix_tables(findings.exploratory.images, say)
    blocks += [Sheet(table, folded=table.title, matrix=True) for table in matrices]
    blocks += [Text(table.note, "note") for table in matrices[:1]]
    yield section(say("heading.confusions"), "confusions", blocks)
    table = disagreements_table(findings, say)
    gallery = _gallery(findings, say)
    folded = say("heading.as_table") if gallery is not None else ""
    yield section(say("heading.disagree"), "disagree", [Text(table.note), gallery, Sheet(table, folded=folded)])


def _gallery(findings: Findings, say: Words) -> Gallery | None:
    found = findings.exploratory.images.disagreements if findings.exploratory.images is not None else ()
    table, shown = disagreements_table(findings, say), findings.exploratory
    items = [
        Thumbnail(item.id, item.label, shown.thumbnails[item.id], row[-2], row[-1], shown.texts.get(item.id, ""))
        for item, row in zip(found, table.rows, strict=True)
        if item.id in shown.thumbnails
    ]
    return Gallery(tuple(items), say("column.right_by"), say("column.wrong_by")) if items else None


def _epochs(findings: Findings, say: Words) -> Section | None:
    table = epochs_table(findings, say)
    folded = say("heading.epochs_folded", lines=say.count(len(table.rows), "line"))
    return section(say("heading.epochs"), "epochs", [Sheet(table, folded=folded), Text(table.note, "note")])


def _glossary(findings: Findings, say: Words) -> Iterator[tuple[str, str]]:
    sizes = {
        "negligible": threshold_words(findings.evidence.negligible, findings.study.metric, say),
        "worthwhile": threshold_words(findings.evidence.worthwhile, findings.study.metric, say),
        "tolerable": threshold_words(_tolerable(findings), findings.study.metric, say),
        "metric": metric_words(findings.study.metric),
    }
    for key in say.keys_below("glossary"):
        if key == "glossary.no_worse" and not findings.claims:
            continue
        term, meaning = say.pair(key)
        yield term, meaning.format(**sizes)


def _tolerable(findings: Findings) -> float | None:
    """The loss that the claims are about; the same for all."""
    return next((effect.no_worse.tolerable for effect in findings.claims if effect.no_worse is not None), None)
