"""Verdicts on what people already have: published counts, tables, logs, answers, runs in MLflow. No training.

Wires readers, statistics and report together; torch is never needed, mlflow only for its own runs.
"""

from __future__ import annotations

import shlex
from math import inf
from pathlib import Path
from typing import TYPE_CHECKING

from ablate.errors import StudyError
from ablate.metrics import Thresholds, thresholds_for
from ablate.report.facts.findings import Findings
from ablate.report.gather.external import ExternalResults, JudgeOptions, judge_tested
from ablate.report.wording.language import ENGLISH, Words
from ablate.safety.addresses import without_secrets
from ablate.workflows.judge_logs import TABLES, not_read, read_answers, read_logged, read_one_search, read_table_file
from ablate.workflows.judge_request import Request, only_rate
from ablate.workflows.judge_sources import read_experiment, read_published

if TYPE_CHECKING:
    from ablate.study.schema import EvidenceBlock

__all__ = ["PASTE", "Request", "judge_results", "only_rate"]

PASTE = "-"
"""The source that stands for a pasted text."""


def judge_results(request: Request, say: Words = ENGLISH) -> Findings:
    """Verdicts and intervals in about a second.

    Raises StudyError for a source that cannot be read or holds nothing to compare, TrackingError for MLflow.
    """
    claim = None
    evidence: EvidenceBlock | None = None
    path = Path(request.source)
    _check_pasted(request)
    if request.sheet is not None:
        tested = read_table_file(request, path, say)
    elif request.others:
        tested = read_answers(request, say)
    elif request.source == PASTE:
        from ablate.workflows.judge_paste import read_pasted

        tested, claim = read_pasted(request, say)
    elif path.suffix.lower() in (".yaml", ".yml") and request.by is None:
        tested, evidence = read_published(request, say)
    else:
        tested = _logged(request, path, say)
    negligible, worthwhile = _stated(request, evidence)
    found = thresholds_for(tested.metric.name, negligible, worthwhile, request.no_worse)
    _check_sizes(found, (negligible, worthwhile, request.no_worse))
    asked = JudgeOptions(
        found.negligible,
        found.worthwhile,
        request.paired,
        found.unfit,
        tolerable=found.tolerable,
        no_worse=request.no_worse is not None,
    )
    findings = judge_tested(tested, asked, say)
    if claim is not None:
        from ablate.workflows.judge_paste import with_review

        return with_review(findings, tested, asked, claim, say)
    return findings


def _logged(request: Request, path: Path, say: Words) -> ExternalResults:
    """What stands in a file or a folder, or in MLflow."""
    from ablate.readers.kinds import kind_of
    from ablate.readers.wandb_api import SCHEME
    from ablate.workflows.judge_logs import EXPERIMENT

    if request.source.startswith((SCHEME, EXPERIMENT)):
        from ablate.workflows import judge_logs

        is_mlflow = request.source.startswith(EXPERIMENT)
        return (judge_logs.read_grouped_experiment if is_mlflow else judge_logs.read_server)(request, say)
    is_table = path.suffix.lower() in TABLES
    file, mark, study = request.source.rpartition("::")
    if mark and _exists(Path(file)) and (kind := kind_of(Path(file))) is not None:
        return read_one_search(request, Path(file), study, kind, say)
    there = _exists(path)
    if not is_table and there and (kind := kind_of(path)) is not None:
        return read_logged(request, path, kind, say)
    if request.by is not None and not is_table:
        return read_experiment(request, say)
    if there and path.is_dir():
        raise not_read(path)
    if is_table or there:
        return read_table_file(request, path, say)
    raise StudyError(
        f"there is no file {without_secrets(request.source)[:200]}",
        hint="Give a study file, a CSV file, the files of a logger, or the name of an MLflow experiment with --by "
        "TAG_OR_PARAMETER; or mlflow:EXPERIMENT, whose runs are grouped by all their parameters.",
    )


def _check_pasted(request: Request) -> None:
    """Refuse what only a pasted table can be told."""
    told = {"--images": request.images, "--runs": request.runs, "--ours": request.ours}
    given = [name for name, value in told.items() if value is not None]
    if given and request.source != PASTE:
        raise StudyError(
            f"{' and '.join(given)} apply to a pasted table, `ablate judge -`, and this is another source",
            hint=f"A table as a paper prints it: `ablate judge - < {_typed(request.source)}`. In a table of results "
            "they are columns: images, runs; what others are compared with is --baseline.",
        )
    if request.others and PASTE in (request.source, *request.others):
        raise StudyError("a pasted table is a source of its own", hint="`ablate judge -` alone.")


def _typed(source: str) -> str:
    """A source as a shell takes it."""
    return shlex.quote(without_secrets(source)[:200])


def _stated(request: Request, evidence: EvidenceBlock | None) -> tuple[float | None, float | None]:
    """The thresholds of the command, else those that the study file states."""
    stated = evidence.model_fields_set if evidence is not None else set()
    negligible, worthwhile = request.negligible, request.worthwhile
    if evidence is not None and negligible is None and "negligible" in stated:
        negligible = evidence.negligible
    if evidence is not None and worthwhile is None and "worthwhile" in stated:
        worthwhile = evidence.worthwhile
    return negligible, worthwhile


def _check_sizes(found: Thresholds, stated: tuple[float | None, ...]) -> None:
    sizes = [size for size in (found.negligible, found.worthwhile, *stated) if size is not None]
    if not all(0 < size < inf for size in sizes) or (found.negligible or 0) > (found.worthwhile or inf):
        named = [("negligible", found.negligible), ("worthwhile", found.worthwhile), ("no worse", stated[2])]
        raise StudyError(
            ", ".join(f"{name} {size:g}" for name, size in named if size is not None),
            hint="All must be above 0, and negligible no larger than worthwhile.",
        )


def _exists(path: Path) -> bool:
    try:
        return path.exists()
    except (OSError, ValueError):  # a name that is too long for a file, or no name of one
        return False
