"""What a paper, a slide and a pull request take from a finished study, written beside its report."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from ablate.records import Cell
from ablate.results.survey import collect
from ablate.workflows.options import Options
from ablate.workflows.report import judged_origin, remember_shown, report_folder
from ablate.workflows.session import Session

if TYPE_CHECKING:
    from ablate.report.facts.findings import Findings
    from ablate.report.share.answers import ScoredRuns
    from ablate.report.wording.language import Language
    from ablate.stats.effects import Question


def write_share(
    findings: Findings, session: Session, options: Options, language: Language | None = None, *, draw: bool = False
) -> None:
    """Write `reports/<study>/share/`, the table of answers and the program that computes the report from it.

    language: None for the study's. draw: whether to draw the figures in vectors, which takes longer than all else.
    """
    from ablate.report.share.write import Shared, write_shared
    from ablate.report.wording.language import chosen_language, words_of
    from ablate.results.question import question_of

    question = question_of(session.study, session.plan)
    cells = collect(session.plan, session.store, judged_origin(session), look=options.look)
    shared = Shared(
        findings=findings, contrasts=session.plan.contrasts, question=question, runs=scored_runs(cells, question)
    )
    write_shared(
        shared, report_folder(session, options), words_of(chosen_language(language, session.study.lang)), draw=draw
    )
    remember_shown("share", findings, session, options, language)


def scored_runs(cells: Sequence[Cell], question: Question) -> ScoredRuns | None:
    """The score of each run on each test image; None where there are none, or they do not fit together."""
    from ablate.report.share.answers import ScoredRuns
    from ablate.stats.cells import StatisticsError
    from ablate.stats.effects import read_asked
    from ablate.stats.frame import different_tests
    from ablate.stats.scores import arrange, other_images

    book = read_asked(cells, question)
    if book is None or not book.rows:
        return None
    variants = tuple(dict.fromkeys(cell.variant for cell in cells))
    elsewhere = different_tests(cells, variants) | other_images(book)
    try:
        arranged = arrange(book, cells, variants, question.test, elsewhere)
    except StatisticsError:
        return None
    return ScoredRuns(arranged, variants, tuple(sorted({cell.replicate.index for cell in cells})))
