"""Pooling a step over the data sets of several studies: opens them, judges each by itself, writes one page."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from ablate.files import sha256_json
from ablate.records import Finished
from ablate.report.gather.judged import judge_cells
from ablate.report.page.pooled import pooled_page
from ablate.report.page.render import write_page
from ablate.report.wording.language import Words
from ablate.results.declared_looks import looks_before
from ablate.results.pooling import PooledStudies, StudyAnswers, pool_studies
from ablate.results.survey import collect
from ablate.workflows.options import Options
from ablate.workflows.session import Session

MOST_CHARACTERS = 120
"""Of a folder's name, which holds the names of all studies as long as they fit."""


def pool_sessions(sessions: Sequence[tuple[Session, Options]], steps: Sequence[str]) -> PooledStudies:
    """Steps over several studies, each a data set, from the runs there are; trains nothing."""
    return pool_studies([_answers(session, options) for session, options in sessions], steps)


def _answers(session: Session, options: Options) -> StudyAnswers:
    study, plan = session.study, session.plan
    cells = collect(plan, session.store, session.origin, look=options.look)
    before = looks_before(session.store.study(study.name), plan)
    judged = judge_cells(study, plan, cells, look=options.look, prepared={}, looks_before=before)
    digests = {cell.result.stamp.data_digest for cell in cells if isinstance(cell.result, Finished)}
    thresholds = study.evidence.thresholds
    changes = {variant.name: variant.changes for variant in plan.variants}
    return StudyAnswers(
        study=study.name,
        declared=study.evidence.pool or "",
        metric=judged.metric,
        thresholds=(thresholds.negligible, thresholds.worthwhile),
        effects={effect.contrast.name: effect for effect in judged.effects},
        changes={contrast.name: changes.get(contrast.variant, {}) for contrast in plan.contrasts},
        digests=frozenset(filter(None, digests)),
    )


def write_pooled(found: PooledStudies, work: Path, say: Words) -> Path:
    """Write `reports/pooled--<a>--<b>--<c>/`; the path of its report.md."""
    steps = "" if len(found.steps) != 1 else re.sub(r"[^\w.-]+", "-", found.steps[0].name).strip("-")
    name = "--".join(filter(None, ["pooled", steps, *found.studies]))
    if len(name) > MOST_CHARACTERS:
        name = f"pooled--{steps[:60]}--{sha256_json([name])[:12]}"
    return write_page(pooled_page(found, say), work / "reports" / name, pooled_page(found))
