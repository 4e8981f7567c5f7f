"""Checking and comparing reports: wires sessions, journals and the report together."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, cast, get_args

from ablate.errors import StudyError
from ablate.report.page.comparison import ComparedStudies, Side, compare_studies, compared_page
from ablate.report.page.earlier_pages import earlier_html, earlier_page
from ablate.report.page.earlier_sheets import earlier_forms, earlier_texts
from ablate.report.page.render import HTML, report_texts, study_page, write_page
from ablate.report.page.verify import Difference, differences, method_of, untrue_metrics
from ablate.report.wording.language import Language, Words
from ablate.results.survey import collect
from ablate.stats.scores import read_scores
from ablate.workflows.options import Options
from ablate.workflows.report import judge_study, report_folder
from ablate.workflows.session import Session

if TYPE_CHECKING:
    from ablate.report.gather.assemble import Findings


class Verified(NamedTuple):
    """Where the journals part from the runs' own answers, and the written report from them; empty where nothing does.

    method: by which version of the rules the written report judges.
    """

    runs: Sequence[Difference]
    report: Sequence[Difference]
    method: int


def verify_report(session: Session, options: Options) -> Verified:
    """Whether the written report says what the journals say.

    Raises StudyError where no report was written.
    """
    from ablate.report.wording.language import words_of

    folder = report_folder(session, options)
    if not (folder / HTML).is_file():
        raise StudyError(f"there is no report in {folder}", hint="Write it first: `ablate report` without --verify.")
    language = language_of(folder)
    findings, say = judge_study(session, options, language), words_of(language)
    cells = collect(session.plan, session.store, session.origin, look=options.look)
    method = method_of((folder / HTML).read_text(encoding="utf-8", errors="replace"))
    return Verified(untrue_metrics(cells, read_scores(cells)), report_differences(folder, findings, say), method)


def report_differences(folder: Path, findings: Findings, say: Words) -> Sequence[Difference]:
    """Against the report as it is written now or in an earlier form: the nearest."""
    found = []
    for one in _against_forms(folder, findings, say):
        if not one:
            return one
        found.append(one)
    return min(found, key=lambda one: (len(one), -sum(difference.line for difference in one)))


def _against_forms(folder: Path, findings: Findings, say: Words) -> Iterator[Sequence[Difference]]:
    """Against each form; of as many differences, those further down are nearer."""
    for form in earlier_forms(findings):
        page = study_page(form, say)
        yield differences(folder, report_texts(page, form), earlier_texts(page, form))
        page = earlier_page(form, say)
        texts = {**report_texts(page, form), HTML: earlier_html(page)}
        yield differences(folder, texts, earlier_texts(page, form), drawn=False)


def language_of(folder: Path) -> Language:
    """The language a report was written in; English where it does not say."""
    with (folder / HTML).open(encoding="utf-8", errors="replace") as stream:
        found = re.search(r'<html lang="(\w+)"', stream.read(2000))
    code = found.group(1) if found else "en"
    return cast(Language, code) if code in get_args(Language) else "en"


def compare_sessions(sessions: Sequence[tuple[Session, Options]], say: Words) -> ComparedStudies:
    """Two studies beside each other."""
    a, b = (_side(session, options, say.language) for session, options in sessions)
    return compare_studies(a, b, say)


def _side(session: Session, options: Options, language: Language) -> Side:
    findings: Findings = judge_study(session, options, language)
    cells = collect(session.plan, session.store, session.origin, look=options.look)
    return Side(session.study, session.plan, cells, findings)


def write_comparison(found: ComparedStudies, work: Path, say: Words) -> Path:
    """Write `reports/<a>--<b>/`; the path of its report.md."""
    folder = work / "reports" / f"{found.a.study.name}--{found.b.study.name}"
    return write_page(compared_page(found, say), folder, compared_page(found))
