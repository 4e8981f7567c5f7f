"""The runs of a study judged on another test set: families of their own, by the study's own metric and looks."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np

from ablate.records import Cell, Finished
from ablate.report.facts.exploratory import Exploratory
from ablate.report.facts.findings import Findings, Notices, OtherSet
from ablate.report.facts.other_sets import PrevalenceRow, SetFacts
from ablate.report.facts.runs import RunFacts
from ablate.report.gather.evidence import evidence_of
from ablate.report.gather.further import bare, latest_answers, without_costs
from ablate.report.gather.judged import Judged, judge_cells
from ablate.report.gather.rows import effect_rows
from ablate.report.gather.test_images import reads_of
from ablate.scoring.answers import Answers, NotMeasurable
from ablate.scoring.prevalence import at_shares, class_shares, depends_on_prevalence, value_of
from ablate.splits.rules import Official
from ablate.stats.measured import probable_answers
from ablate.study.plan import Plan
from ablate.study.study import Study

SAME = 0.0005
"""Shares that differ by less are the same."""


def judged_set(  # noqa: PLR0913 - a study's runs here and there
    study: Study,
    plan: Plan,
    cells: Sequence[Cell],
    there: Sequence[Cell],
    facts: SetFacts,
    findings: Findings,
    *,
    look: int,
    looks_before: tuple[int, ...] | None,
) -> OtherSet:
    """The set with its verdicts.

    cells: the runs on the study's own test images; there: the same runs on the set, without those that were not asked.
    Its images are the same in all replicates, but for copies, which a replicate has of its own test images.
    """
    counted = [sum(isinstance(cell.result, Finished) for cell in some) for some in (there, cells)]
    facts = replace(facts, scored=counted[0], wanted=counted[1])
    if not facts.scored:
        return OtherSet(facts)
    if not facts.copies:
        plan = replace(plan, protocol=replace(plan.protocol, test=Official()))
    judged = judge_cells(study, plan, there, look=look, prepared={}, looks_before=looks_before, is_other_set=True)
    rows = effect_rows(latest_answers(judged), judged.variants, judged.metric, plan.looks)
    found = replace(
        findings,
        evidence=evidence_of(judged),
        variants=tuple(map(without_costs, judged.variants)),
        effects=tuple(map(bare, rows)),
        total=None,
        runs=RunFacts(rows=()),
        notices=Notices(),
        exploratory=Exploratory(),
        further=(),
        other_sets=(),
        what_if=None,
        robustness=None,
    )
    facts = replace(facts, reads=reads_of(there))
    return OtherSet(_with_prevalence(facts, judged, cells), found)


def _with_prevalence(facts: SetFacts, judged: Judged, cells: Sequence[Cell]) -> SetFacts:
    """With the classes that are lacking, and the levels at both prevalences where they differ."""
    unit = judged.question.unit
    first = judged.variants[0].name
    own = [found for cell in cells if cell.variant == first and (found := probable_answers(cell, unit)) is not None]
    if not own:
        return facts
    counted = [class_shares(answers) for answers in own]
    there = {name: float(np.mean([one.get(name, 0.0) for one in counted])) for one in counted for name in one}
    facts = replace(facts, lacking=tuple(name for name in there if name not in facts.counts))
    some = next((found for cell in judged.cells if (found := probable_answers(cell, unit)) is not None), None)
    if facts.copies or some is None:
        return facts
    here = class_shares(some)
    total = sum(there.get(name, 0.0) for name in here)
    shares = {name: (share, there.get(name, 0.0) / total) for name, share in here.items()} if total else {}
    differ = any(abs(a - b) > SAME for a, b in shares.values())
    if not differ or not depends_on_prevalence(judged.metric.name, len(there)):
        return facts
    return replace(facts, prevalence=tuple(_levels(judged, there)), shares=shares)


def _levels(judged: Judged, shares: dict[str, float]) -> Iterator[PrevalenceRow]:
    for row in judged.variants:
        answers = [
            found
            for cell in judged.cells
            if cell.variant == row.name and (found := probable_answers(cell, judged.question.unit)) is not None
        ]
        try:
            pairs = [(_value(one, judged), _value(at_shares(one, shares), judged)) for one in answers]
        except NotMeasurable:
            continue
        if pairs:
            here, there = (float(np.mean(values)) * judged.metric.scale for values in zip(*pairs, strict=True))
            yield PrevalenceRow(row.name, len(pairs), here, there)


def _value(answers: Answers, judged: Judged) -> float:
    return value_of(answers, judged.metric.name, judged.question.own)
