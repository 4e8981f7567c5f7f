"""The command for results that exist already."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ablate.cli.options import GoalName, Json, Lang, LanguageName, UnitName, Uri, Work
from ablate.cli.show import errors_shown, say, say_json, say_report, say_table

if TYPE_CHECKING:
    from ablate.report.facts.findings import Findings
    from ablate.report.tables.table import Table
    from ablate.report.wording.language import Words

_SIZE = "Points of an accuracy or error (default {}, or as the study file says), else as measured."


def judge(
    source: Annotated[
        str, typer.Argument(metavar="SOURCE", help="A study file, a CSV file, or an MLflow experiment with --by.")
    ],
    by: Annotated[
        str | None,
        typer.Option("--by", "--variant", metavar="KEY", help="The column, tag or parameter that names the variants."),
    ] = None,
    replicate: Annotated[
        str | None,
        typer.Option(
            metavar="KEY", help="The column, tag or parameter (or several: fold,seed) that identifies replicates."
        ),
    ] = None,
    group: Annotated[
        str | None,
        typer.Option(metavar="COLUMN", help="What test images share: patient, video; without it a column named group."),
    ] = None,
    unit: Annotated[UnitName | None, typer.Option(help="What numbers without a percent sign are.")] = None,
    metric: Annotated[
        str | None, typer.Option(help="Name of the metric (default: accuracy, else the only rate).")
    ] = None,
    goal: Annotated[GoalName | None, typer.Option(help="Which way is better (default: by its name).")] = None,
    baseline: Annotated[
        str | None, typer.Option(metavar="VARIANT", help="Default: the one of that name, else the first.")
    ] = None,
    chain: Annotated[bool, typer.Option("--chain", help="Compare each variant with the one before it.")] = False,
    paired: Annotated[bool, typer.Option("--paired", help="Equal replicates are the same fold or split.")] = False,
    negligible: Annotated[float | None, typer.Option(help=_SIZE.format(1))] = None,
    worthwhile: Annotated[float | None, typer.Option(help=_SIZE.format(3))] = None,
    no_worse: Annotated[
        float | None,
        typer.Option(metavar="LOSS", help="Is a loss of this size or more ruled out? In the unit of --worthwhile."),
    ] = None,
    report: Annotated[Path | None, typer.Option(metavar="FOLDER", help="Write report.html and tables there.")] = None,
    lang: Lang = LanguageName.en,
    tracking_uri: Uri = None,
    work: Work = Path(),
    json_: Json = False,
) -> None:
    """Verdicts and intervals from results that exist already; trains nothing.

    Example: ablate judge results.csv
    """
    from ablate.cli.loading import work_on_path
    from ablate.report.page.summary_json import summary_json
    from ablate.report.wording.language import words_of
    from ablate.workflows.judge import Request
    from ablate.workflows.judge import judge_results as judge_source

    with errors_shown():
        work_on_path(work)
        request = Request(
            source=source, by=by, metric=metric, goal=goal.value if goal else None, baseline=baseline, chain=chain,
            paired=paired, replicate=replicate, group=group, unit=unit.value if unit else None, negligible=negligible,
            worthwhile=worthwhile, no_worse=no_worse, tracking_uri=tracking_uri, work=work,
        )  # fmt: skip
        words = words_of(lang.value)
        findings = judge_source(request, words)
        path = None
        if report is not None:
            from ablate.report.page.render import render_report

            path = render_report(findings, report, words)
        if json_:
            say_json(summary_json(findings, path))
            return
        _show(findings, words)
        if path is not None:
            say_report(path)


def _show(findings: Findings, words: Words) -> None:
    """The sentence, the comparisons with their p, and what cannot be known."""
    from ablate.report.tables.details import comparisons_table
    from ablate.report.tables.table import NAME_WIDTH, terminal_steps
    from ablate.report.wording.headline import first_sentence
    from ablate.report.wording.no_worse import no_worse_lines

    say(first_sentence(findings, words))
    say_table(*_listed(terminal_steps(findings, words)), first=NAME_WIDTH)
    table = comparisons_table(findings, words)
    wanted = [
        words(f"column.{name}") for name in ("comparison", "family", "p", "p_adjusted", "p_same_images", "no_gain")
    ]
    kept = [name for name in wanted if name in table.columns]
    found = [table.columns.index(name) for name in kept]
    say_table(kept, [[row[i] for i in found] for row in table.rows])
    for line in [*no_worse_lines(findings, words), *findings.notices.cautions]:
        say(f"- {line}")


def _listed(table: Table) -> tuple[list[str], list[list[str]]]:
    return list(table.columns), [list(row) for row in table.rows]
