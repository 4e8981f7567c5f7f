"""The command for results that exist already."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ablate.cli.options import GoalName, Json, Lang, UnitName, Uri, Work
from ablate.cli.requiring import Require, end_as_required
from ablate.cli.show import errors_shown, note, say, say_json, say_report, say_table

if TYPE_CHECKING:
    from ablate.report.facts.findings import Findings
    from ablate.report.tables.table import Table
    from ablate.report.wording.language import Words

_SIZE = "Points of an accuracy or error (default {}, or as the study file says), else as measured."


def judge(
    source: Annotated[
        list[str],
        typer.Argument(
            metavar="SOURCE ...",
            help="A study file, a CSV file, a logger's folder or file (W&B, TensorBoard, Lightning, trackio), a study "
            "of Optuna, an MLflow experiment with --by, wandb:ENTITY/PROJECT, several files of answers, or - for a "
            "pasted table.",
        ),
    ],
    by: Annotated[
        str | None,
        typer.Option(
            "--by",
            "--variant",
            metavar="KEY",
            help="The column, tag or parameter (or several: lr,depth) that names the variants.",
        ),
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
    images: Annotated[int | None, typer.Option(metavar="N", help="Of a pasted table: test images.")] = None,
    runs: Annotated[int | None, typer.Option(metavar="N", help="Of a pasted table: runs behind each number.")] = None,
    ours: Annotated[
        str | None, typer.Option(metavar="METHOD", help="Of a pasted table: the row whose claim is judged.")
    ] = None,
    report: Annotated[Path | None, typer.Option(metavar="FOLDER", help="Write report.html and tables there.")] = None,
    require: Require = None,
    lang: Lang = None,
    tracking_uri: Uri = None,
    work: Work = Path(),
    json_: Json = False,
) -> None:
    """Verdicts and intervals from results that exist already; trains nothing.

    Example: ablate judge results.csv
    """
    from ablate.cli.loading import work_on_path
    from ablate.report.facts.requirements import read_requirement, unmet
    from ablate.report.page.summary_json import summary_json
    from ablate.report.wording.language import chosen_language, words_of
    from ablate.workflows.judge import PASTE, Request
    from ablate.workflows.judge import judge_results as judge_source

    with errors_shown():
        asked = [read_requirement(text) for text in require or ()]
        work_on_path(work)
        request = Request(
            source=source[0], others=tuple(source[1:]), by=by, metric=metric, goal=goal.value if goal else None,
            baseline=baseline, chain=chain, paired=paired, replicate=replicate, group=group,
            unit=unit.value if unit else None, negligible=negligible, worthwhile=worthwhile,
            no_worse=no_worse, tracking_uri=tracking_uri, work=work,
            text=_pasted() if source == [PASTE] else "", images=images, runs=runs, ours=ours,
        )  # fmt: skip
        words = words_of(chosen_language(lang.value if lang else None))
        findings = judge_source(request, words)
        shortfalls = unmet(findings, asked)
        path = None
        if report is not None:
            from ablate.report.page.render import render_report

            path = render_report(findings, report, words)
        if json_:
            say_json(summary_json(findings, path))
        else:
            _show(findings, words)
            if path is not None:
                say_report(path)
        end_as_required(shortfalls)


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
        words(f"column.{name}")
        for name in ("comparison", "family", "p", "p_adjusted", "p_same_images", "no_gain", "no_worse", "p_no_worse")
    ]
    kept = [name for name in wanted if name in table.columns]
    found = [table.columns.index(name) for name in kept]
    say_table(kept, [[row[i] for i in found] for row in table.rows])
    for line in [*no_worse_lines(findings, words), *findings.notices.cautions]:
        say(f"- {line}")
    for paragraph in findings.notices.remarks:
        say()
        say(paragraph)


def _listed(table: Table) -> tuple[list[str], list[list[str]]]:
    return list(table.columns), [list(row) for row in table.rows]


def _pasted() -> str:
    """What stands in standard input. Raises StudyError for what is no text, or more than a table."""
    import sys

    from ablate.errors import StudyError
    from ablate.readers.paste import MOST_BYTES

    stream = getattr(sys.stdin, "buffer", None)
    if sys.stdin is None or stream is None:
        raise StudyError("there is no standard input", hint="`ablate judge - < table.txt`")
    if sys.stdin.isatty():
        note("Paste the table, then end it with Ctrl-D on a line of its own (Ctrl-Z and Enter on Windows).")
    content = stream.read(MOST_BYTES + 1)
    if len(content) > MOST_BYTES:
        raise StudyError("more than 1 MB was pasted", hint="Paste one table.")
    try:
        return str(content.decode("utf-16" if content[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig"))
    except UnicodeDecodeError:
        raise StudyError(
            "what was pasted is not UTF-8 text", hint="Save it as UTF-8: `ablate judge - < table.txt`."
        ) from None
