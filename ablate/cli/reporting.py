"""The command that writes, checks and compares reports."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ablate.cli.loading import load
from ablate.cli.options import DesignName, Json, Lang, LanguageName, Look, Sets, Small, StandIn, Work
from ablate.cli.requiring import Require, end_as_required
from ablate.cli.show import errors_shown, note, say, say_json, say_report, say_table

if TYPE_CHECKING:
    from ablate.report.facts.requirements import Requirement
    from ablate.report.page.verify import Difference
    from ablate.workflows.options import Options
    from ablate.workflows.session import Session

Others = Annotated[
    list[Path] | None,
    typer.Argument(help="Another study file, to compare with; with --pool several, to pool.", metavar="[OTHER]..."),
]
Pool = Annotated[
    list[str] | None,
    typer.Option("--pool", metavar="STEP|all", help="Pool this step over the studies, each a data set."),
]

Figures = Annotated[
    bool, typer.Option("--figures", help="Also draw every figure as PDF and SVG for print and slides: share/figures.")
]


def report(
    study: Annotated[Path, typer.Argument(help="The study file.", metavar="STUDY", show_default=False)],
    other: Others = None,
    pool: Pool = None,
    work: Work = Path(),
    set_: Sets = None,
    design: DesignName = None,
    stand_in: StandIn = False,
    small: Small = False,
    look: Look = None,
    lang: Lang = None,
    slices: Annotated[
        Path | None,
        typer.Option(
            metavar="CSV", help="A table about the test images, by id: the report adds accuracies by its columns."
        ),
    ] = None,
    verify: Annotated[
        bool, typer.Option("--verify", help="Write nothing; check that the existing report agrees with the journals.")
    ] = False,
    figures: Figures = False,
    require: Require = None,
    json_: Json = False,
) -> None:
    """Write the report again from the runs there are; trains nothing.

    Example: ablate report studies/quickstart.yaml

    For a paper: ablate report studies/quickstart.yaml --figures

    Over several data sets: ablate report pets.yaml cars.yaml food.yaml --pool BN
    """
    from ablate.errors import StudyError
    from ablate.report.facts.requirements import read_requirement

    with errors_shown():
        asked = [read_requirement(text) for text in require or ()]
        others = other or []
        if (others or pool) and (verify or set_ or design or require or slices or figures):
            flags = "--verify, --set, --design, --figures, --require and --slices"
            raise StudyError(f"{flags} apply to one study, not to several")
        if len(others) > 1 and not pool:
            raise StudyError(
                "two studies are compared with each other; more are pooled, one a data set",
                hint="Name the step: --pool STEP, or --pool all.",
            )
        if verify and (require or figures):
            raise StudyError(f"--verify and --{'require' if require else 'figures'} exclude each other")
        session, options = _opened(study, work, set_, design, look, stand_in=stand_in, small=small)
        options = replace(options, slices=slices)
        if pool:
            more = [_opened(path, work, None, None, look, stand_in=stand_in, small=small) for path in others]
            _pool([(session, options), *more], pool, work, lang, as_json=json_)
        elif others:
            _compare([(session, options), _opened(others[0], work, None, None, look)], work, lang, as_json=json_)
        elif verify:
            _verify(session, options, as_json=json_)
        else:
            _write(session, options, lang, asked, draw=figures, as_json=json_)


def _opened(
    study: Path,
    work: Path,
    sets: list[str] | None,
    design: str | None,
    look: int | None,
    *,
    stand_in: bool = False,
    small: bool = False,
) -> tuple[Session, Options]:
    from ablate.workflows.former_runs import refuse_former_only
    from ablate.workflows.options import Options
    from ablate.workflows.session import open_session, resolved_options

    session = open_session(load(study, work, sets, design, stand_in=stand_in, small=small), work)
    options = resolved_options(session, Options(look=look or 0))
    refuse_former_only(session, options)
    return session, options


def _write(
    session: Session,
    options: Options,
    lang: LanguageName | None,
    asked: Sequence[Requirement],
    *,
    draw: bool,
    as_json: bool,
) -> None:
    from ablate.cli.results import show_findings
    from ablate.report.facts.requirements import unmet
    from ablate.report.page.summary_json import summary_json
    from ablate.report.share.write import figures_folder
    from ablate.report.wording.language import chosen_language, words_of
    from ablate.workflows.report import judge_study, write_report
    from ablate.workflows.share import write_share

    language = chosen_language(lang.value if lang else None, session.study.lang)
    findings = judge_study(session, options, language)
    shortfalls = unmet(findings, asked)
    path = write_report(findings, session, options, language)
    write_share(findings, session, options, language, draw=draw)
    if as_json:
        say_json(summary_json(findings, path))
    else:
        show_findings(findings, path, words_of(language))
        if draw:
            say_report(figures_folder(path), words_of(language)("terminal.figures"))
    end_as_required(shortfalls, otherwise=int(bool(findings.runs.failed)))


def _verify(session: Session, options: Options, *, as_json: bool) -> None:
    from ablate.stats.method import METHOD
    from ablate.workflows.compare import verify_report
    from ablate.workflows.report import report_folder

    verified = verify_report(session, options)
    found, method = [*verified.runs, *verified.report], verified.method
    if as_json:
        told = {"study": session.study.name, "same": not found, "method": method, "judged_by": METHOD}
        say_json(told | {"differences": [item._asdict() for item in found]})
    elif verified.report and method != METHOD and not verified.runs:
        _show_differences(found)
        note(
            f"{report_folder(session, options)} was written by method {method}, and this version judges by method "
            f"{METHOD}: such differences need not be damage. docs/statistics.md says what changed."
        )
    elif found:
        _show_differences(found)
    else:
        say(f"{report_folder(session, options)}: every number agrees with the journals.")
    raise typer.Exit(int(bool(found)))


def _show_differences(found: Sequence[Difference]) -> None:
    many = "1 difference" if len(found) == 1 else f"{len(found)} differences"
    say(f"{many} between the report and the journals; the first of each file:")
    say_table(
        ["file", "line", "written", "by the journals"],
        [[item.file, str(item.line) if item.line else "", item.written, item.now] for item in found],
    )
    note("Write the report again with `ablate report`, or restore the runs it was written from.")


def _compare(sessions: list[tuple[Session, Options]], work: Path, lang: LanguageName | None, *, as_json: bool) -> None:
    from ablate.report.page.comparison import compared_json, compared_sentence, shared_table
    from ablate.report.wording.language import chosen_language, words_of
    from ablate.workflows.compare import compare_sessions, write_comparison

    words = words_of(chosen_language(lang.value if lang else None, sessions[0][0].study.lang))
    found = compare_sessions(sessions, words)
    path = write_comparison(found, work, words)
    if as_json:
        say_json(compared_json(found) | {"report": str(path)})
        return
    say(compared_sentence(found, words))
    table = shared_table(found, words)
    if table.rows:
        say_table(list(table.columns), [list(row) for row in table.rows])
    if found.protocol:
        names = [side.study.name for side in (found.a, found.b)]
        say_table([words("compare.protocol"), *names], [list(row) for row in found.protocol])
    say_report(path, words("terminal.report"), words("terminal.and"))


def _pool(
    sessions: list[tuple[Session, Options]],
    steps: Sequence[str],
    work: Path,
    lang: LanguageName | None,
    *,
    as_json: bool,
) -> None:
    from ablate.report.page.pooled import pooled_json, pooled_sentences, pooled_table
    from ablate.report.wording.language import chosen_language, words_of
    from ablate.workflows.pool import pool_sessions, write_pooled

    words = words_of(chosen_language(lang.value if lang else None, sessions[0][0].study.lang))
    found = pool_sessions(sessions, steps)
    path = write_pooled(found, work, words)
    if as_json:
        say_json(pooled_json(found) | {"report": str(path)})
        return
    for step, sentence in zip(found.steps, pooled_sentences(found, words), strict=True):
        table = pooled_table(found, step, words)
        say_table(list(table.columns), [list(row) for row in table.rows], title=table.title)
        say(sentence)
    say_report(path, words("terminal.report"), words("terminal.and"))
