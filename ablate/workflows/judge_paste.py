"""A table pasted from a paper: whether it shows what it claims, and what to ask its authors for."""

from __future__ import annotations

from dataclasses import replace
from math import sqrt

from ablate.errors import StudyError
from ablate.metrics import is_known
from ablate.readers.paste import PastedTable, ours_of, read_paste
from ablate.readers.table import read_rows
from ablate.readers.units import Note
from ablate.report.facts.findings import Findings
from ablate.report.gather.external import ExternalResults, JudgeOptions, judge_tested
from ablate.report.gather.review import Claim, review_paragraph
from ablate.report.wording.language import Words
from ablate.workflows.judge_request import Request, ask_of, tested_of


def read_pasted(request: Request, say: Words) -> tuple[ExternalResults, Claim]:
    """The methods of a pasted table as results, and what the paragraph at the end is to be about.

    Raises StudyError where nothing says over how many runs means and spreads were taken.
    """
    _check(request)
    pasted = read_paste(request.text, metric=request.metric, images=request.images, runs=request.runs)
    if pasted.spread and request.runs is None:
        raise StudyError(
            "the paste has means with a spread, and nothing says over how many runs",
            hint="Say so: --runs 3. (Where the paper does not say, that is the first thing to ask for.)",
        )
    names = [row.cells[0] for row in pasted.sheet.rows]
    ours, asked = ours_of(names, request.ours)
    if pasted.goal and request.goal is None:
        request = replace(request, goal="min" if pasted.goal == "min" else "max")
    ask = ask_of(request)._replace(metric=pasted.metric, by="variant", replicate=None)
    handed = read_rows(pasted.sheet, ask)
    own = {"judge.columns_alone", "judge.metric_assumed", "judge.unread"}
    notes = [*pasted.notes, *_told(pasted, request), *(note for note in handed.notes if note.key not in own)]
    if ours is not None and not asked:
        notes.append(Note("logged.ours_named", {"name": ours}))
    baseline = request.baseline or ours
    tested = tested_of(
        replace(request, baseline=baseline), "paste", handed._replace(notes=tuple(notes)),
        say("logged.paste"), say,
    )  # fmt: skip
    shown = tested.contrasts[0].reference
    return tested, Claim(shown, request.images, request.runs, spread=pasted.spread)


def with_review(found: Findings, tested: ExternalResults, asked: JudgeOptions, claim: Claim, say: Words) -> Findings:
    """The findings with the paragraph for a review."""
    other = None
    if claim.spread:  # had the spread been a standard error
        wider = tuple(
            run._replace(deviation=None if run.deviation is None else run.deviation * sqrt(run.runs))
            for run in tested.runs
        )
        other = judge_tested(tested._replace(runs=wider), asked, say)
    paragraph = review_paragraph(found, other, claim, say)
    return replace(found, notices=replace(found.notices, remarks=(paragraph,)))


def _check(request: Request) -> None:
    if request.replicate is not None or request.by is not None or request.group is not None or request.paired:
        raise StudyError(
            "--by, --replicate, --group and --paired do not apply to a pasted table",
            hint="It has one row per method. Say --images, --runs and --ours of it.",
        )
    for name, value in (("--images", request.images), ("--runs", request.runs)):
        if value is not None and value < 1:
            raise StudyError(f"{name} {value}", hint="Give a number of 1 or more.")


def _told(pasted: PastedTable, request: Request) -> list[Note]:
    found = []
    if pasted.spread:
        found.append(Note("logged.spread_assumed", {"runs": request.runs or 1}))
    elif (request.runs or 1) > 1:
        found.append(Note("logged.no_spread", {"runs": request.runs or 1}))
    if pasted.metric == "accuracy" and pasted.heading and not is_known(pasted.heading):
        found.append(Note("logged.taken_as_accuracy", {"column": pasted.heading}))
    return found
