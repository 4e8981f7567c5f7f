"""From the cells of a study to everything its report says."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from ablate.readers.image_columns import ImageColumns
from ablate.records import Cell, Prepared
from ablate.report.facts.exploratory import Exploratory
from ablate.report.facts.findings import DataFacts, Evidence, Findings, Notices, StudyFacts
from ablate.report.facts.next_steps import NextSteps
from ablate.report.facts.provenance import ProvenanceFacts
from ablate.report.facts.runs import RunFacts
from ablate.report.gather.cautions import (
    attribution_remarks,
    cautions_of,
    changed_looks,
    closed_cautions,
    command_cautions,
    optimism_remarks,
    probability_remark,
    self_test_remarks,
    threshold_cautions,
    visible_remark,
)
from ablate.report.gather.data_name import data_name
from ablate.report.gather.evidence import evidence_of, visible_of
from ablate.report.gather.exploratory import Thumbnails, exploratory_of
from ablate.report.gather.further import further_findings
from ablate.report.gather.groups import group_cautions
from ablate.report.gather.history import histories_of, mixed_of, provenance_of, stale_of
from ablate.report.gather.judged import Judged, judge_cells, total_of
from ablate.report.gather.next_steps import commands_for, settling_of
from ablate.report.gather.robustness import robustness_of
from ablate.report.gather.rows import run_row
from ablate.report.gather.sensitivity import training_sets_remark
from ablate.report.gather.what_if import what_if_of
from ablate.report.wording.language import ENGLISH, Words
from ablate.results.closing import whole_plan
from ablate.results.question import metric_of
from ablate.results.survey import CurrentProvenance
from ablate.splits.rules import Folds
from ablate.stats.effects import Effect
from ablate.study.plan import Plan
from ablate.study.small import small_notes
from ablate.study.stand_in import synthetic_notes
from ablate.study.study import Study

__all__ = ["Findings", "Thumbnails", "make_findings"]


def make_findings(  # noqa: PLR0913 - what was asked, what came of it, and what is here now
    study: Study,
    plan: Plan,
    cells: Sequence[Cell],
    *,
    look: int,
    prepared: Mapping[str, Prepared],
    work: Path,
    origin: CurrentProvenance | None,
    looks_before: tuple[int, ...] | None = None,
    thumbnails: Thumbnails | None = None,
    columns: ImageColumns | None = None,
    say: Words = ENGLISH,
) -> Findings:
    """Judge the cells of a plan up to a planned look, and gather what a reader needs to weigh the verdicts.

    cells: every run of the plan up to `look`, with None for those that have not ended. prepared: variant ->
    what a look at the data found, as far as it is known. work: the folder the runs lie below; paths are
    given from there. origin: present code and data, None where nobody asked. looks_before: other looks under
    which verdicts were shown already, which voids them; None where the plan was kept.
    thumbnails: image ids -> small images of those that can be read. columns: image ids -> what is known about them.
    say: the language of sentences.
    Raises StatisticsError for results that cannot be what was measured.
    """
    judged = judge_cells(study, plan, cells, look=look, prepared=prepared, looks_before=looks_before)
    evidence = evidence_of(judged)
    runs = _runs(judged, work)
    next_steps = _next_steps(judged, runs, evidence, work, reuse=bool(stale_of(judged.cells, origin)))
    exploratory = exploratory_of(judged, prepared, thumbnails, columns)
    total = total_of(judged)
    findings = Findings(
        study=_study(study, plan),
        evidence=evidence,
        variants=judged.variants,
        effects=judged.rows,
        total=total,
        runs=runs,
        provenance=_provenance(judged, origin),
        data=_data(study, prepared),
        next_steps=next_steps,
        notices=Notices(
            cautions=_cautions(judged, evidence, looks_before, say),
            remarks=_remarks(judged, next_steps, exploratory, say),
        ),
        exploratory=exploratory,
        robustness=robustness_of(judged, total),
        what_if=what_if_of(judged),
    )
    further = further_findings(findings, judged, prepared=prepared, looks_before=looks_before)
    return replace(findings, further=tuple(further))


def _study(study: Study, plan: Plan) -> StudyFacts:
    config = plan.variants[0].config
    return StudyFacts(
        name=study.name,
        question=study.question,
        design=study.design,
        metric=metric_of(study),
        small=" ".join(small_notes(study)),
        published_note=str((study.published or {}).get("protocol", "")),
        data=data_name(config),
        counts_epochs="epochs" in config,
    )


def _runs(judged: Judged, work: Path) -> RunFacts:
    settled = _settled_before(judged.plan, judged.effects, judged.look)
    return RunFacts(
        rows=tuple(run_row(cell, work, is_open=cell.variant not in settled) for cell in judged.cells),
        histories=histories_of(judged.cells),
    )


def _settled_before(plan: Plan, effects: Sequence[Effect], look: int) -> set[str]:
    """The variants all of whose comparisons an earlier look has decided."""
    open_ = {name for effect in effects if effect.look == look for name in effect.contrast.weights}
    compared = {name for contrast in plan.contrasts for name in contrast.weights}
    return compared - open_


def _provenance(judged: Judged, origin: CurrentProvenance | None) -> ProvenanceFacts:
    return ProvenanceFacts(
        groups=provenance_of(judged.plan, judged.cells),
        mixed=mixed_of(judged.cells, origin),
        stale=stale_of(judged.cells, origin),
    )


def _data(study: Study, prepared: Mapping[str, Prepared]) -> DataFacts:
    return DataFacts(
        notes=_union([synthetic_notes(study), *(found.notes for found in prepared.values())]),
        unreadable=_union([found.unreadable for found in prepared.values()]),
    )


def _union(parts: Sequence[Sequence[str]]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(item for part in parts for item in part))


def _next_steps(judged: Judged, runs: RunFacts, evidence: Evidence, work: Path, *, reuse: bool) -> NextSteps:
    commands = replace(commands_for(judged.study, work), reuse=reuse)
    failed = {run.variant for run in runs.failed}
    names = [row.name for row in judged.variants]
    return NextSteps(
        settling=settling_of(judged.rows, judged.plan.contrasts, judged.variants, runs.rows, evidence, commands),
        reruns={name: commands.run(only=[name], look=judged.look, retry=name in failed) for name in names},
        visible=visible_of(judged),
    )


def _cautions(judged: Judged, evidence: Evidence, looks_before: tuple[int, ...] | None, say: Words) -> tuple[str, ...]:
    test = judged.plan.protocol.test
    folds = test.count if isinstance(test, Folds) else 0
    return (
        *closed_cautions(evidence, say),
        *([] if looks_before is None else [changed_looks(looks_before, whole_plan(judged.plan).looks, say)]),
        *cautions_of(judged.cells, judged.effects, judged.levels, judged.book, judged.metric, say),
        *threshold_cautions(evidence, judged.metric, judged.rows, say),
        *group_cautions(evidence.groups, say),
        *command_cautions(judged.study.trainer, judged.cells, say, folds=folds),
    )


def _remarks(judged: Judged, next_steps: NextSteps, exploratory: Exploratory, say: Words) -> tuple[str, ...]:
    metric = judged.metric
    return (
        *visible_remark(next_steps.visible, metric, say),
        *self_test_remarks(exploratory.self_test, metric, say),
        *attribution_remarks(judged.rows, metric, say),
        *optimism_remarks(exploratory.optimism, metric, say),
        *probability_remark(exploratory.curves, say),
        *training_sets_remark(judged.rows, judged.variants, judged.plan.protocol.test, metric, say),
    )
