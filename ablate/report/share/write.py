"""What goes into a paper, a slide or a pull request, as files beside a report."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import resources
from pathlib import Path

from ablate import files
from ablate.records import Contrast
from ablate.report.facts.findings import Findings
from ablate.report.page.sections import page_of
from ablate.report.share.ablation import ablation_float, ablation_sheet
from ablate.report.share.answers import ScoredRuns, answers_table
from ablate.report.share.checklists import checklists_text
from ablate.report.share.claims import claims_json
from ablate.report.share.drawings import write_drawings
from ablate.report.share.macros import macros_text
from ablate.report.share.methods import Scoring, methods_text
from ablate.report.share.pull_request import pull_request_text
from ablate.report.tables.sheets import csv_text
from ablate.report.wording.language import ENGLISH, Words
from ablate.stats.effects import Question

SHARE = "share"
ANSWERS, RECOMPUTE = "tables/answers.csv.gz", "recompute.py"


@dataclass(frozen=True, slots=True, kw_only=True)
class Shared:
    """A study's findings with what they were computed from. runs: None where nobody has scores of single images."""

    findings: Findings
    contrasts: Sequence[Contrast]
    question: Question
    runs: ScoredRuns | None


def figures_folder(report: Path) -> Path:
    """Where the figures in vectors of a report lie. report: the path of its page."""
    return report.parent / SHARE / "figures"


def write_shared(shared: Shared, folder: Path, say: Words = ENGLISH, *, draw: bool = False) -> None:
    """Write `share/`, the table of answers and `recompute.py` into a report's folder, and remove what is no more.

    draw: whether to draw the figures in vectors, which takes longer than everything else; else outdated ones go.
    """
    write_drawings(page_of(shared.findings, say), folder / SHARE / "figures", draw=draw)
    _write_answers(shared, folder)
    claims = claims_json(shared.findings, shared.contrasts, shared.question, shared.runs)
    findings = shared.findings
    texts = {
        "claims.json": json.dumps(claims, ensure_ascii=False, indent=1, allow_nan=False) + "\n",
        "ablation.tex": ablation_float(findings, say),
        "ablation.csv": csv_text(ablation_sheet(findings)),
        "numbers.tex": macros_text(findings, say),
        "pr.md": pull_request_text(findings, say),
        "checklists.md": checklists_text(findings, say),
        "methods.txt": methods_text(findings, _scoring(shared), say),
    }
    for name, text in texts.items():
        files.write_text(folder / SHARE / name, text)


def _scoring(shared: Shared) -> Scoring | None:
    if shared.runs is None:
        return None
    cells = shared.runs.cells
    return Scoring(cells.is_binary, is_weighed=cells.strata is not None, is_own=shared.question.own is not None)


def _write_answers(shared: Shared, folder: Path) -> None:
    if shared.runs is None:
        for name in (ANSWERS, RECOMPUTE):
            (folder / name).unlink(missing_ok=True)
        return
    files.write_bytes(folder / ANSWERS, answers_table(shared.runs))
    program = resources.files("ablate.report") / "templates" / "recompute.py.txt"
    files.write_text(folder / RECOMPUTE, program.read_text(encoding="utf-8"))
