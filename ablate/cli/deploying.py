"""`ablate deploy`: what a trained network's files cost and whether they are still as good."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ablate.cli.loading import work_on_path
from ablate.cli.options import Json, Work
from ablate.cli.show import errors_shown, note, say, say_json, say_table

if TYPE_CHECKING:
    from ablate.deploy.records import DeployResult, MeasureOptions


def deploy(
    files: Annotated[
        list[str],
        typer.Argument(
            metavar="FILE...",
            help="Networks' files (.onnx, OpenVINO's .xml, .pt2); each is judged against the first.",
            show_default=False,
        ),
    ],
    on: Annotated[
        str | None,
        typer.Option(
            metavar="STUDY|FOLDER|CSV",
            help="Test images: a study's own (STUDY[/VARIANT[/REPLICATE]]), a folder with a sub-folder a class, or a "
            "table with the columns path and label.",
        ),
    ] = None,
    tolerable: Annotated[float, typer.Option(min=0.0, help="Points of accuracy whose loss nobody would mind.")] = 1.0,
    budget: Annotated[
        list[str] | None,
        typer.Option(
            metavar="LIMIT",
            help="Name the most accurate file within it: 'latency <= 40 ms', 'p95 <= 0.1 s', 'size <= 20 MB', "
            "'memory <= 1 GiB'; may be given several times.",
        ),
    ] = None,
    batch: Annotated[int, typer.Option(min=1, help="Images a call of the throughput.")] = 32,
    threads: Annotated[int, typer.Option(min=1, help="Threads and cores of each engine.")] = 1,
    seed: Annotated[int, typer.Option(min=0, help="Of the order in which the files take turns.")] = 0,
    preprocessing: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="JSON: how an image becomes the input of files that do not say."),
    ] = None,
    out: Annotated[Path | None, typer.Option(metavar="FILE", help="Write the tables as Markdown, too.")] = None,
    work: Work = Path(),
    json_: Json = False,
) -> None:
    """Measure files of trained networks on one test set, and judge each against the first: is it no worse?

    Accuracy, changed answers, latency, throughput, load time, memory and size, each beside the first file's; and
    whether a loss of --tolerable points is ruled out. Ends with exit code 1 where no file fits the --budget.

    Example: ablate deploy fp32.onnx int8.onnx --on scans/ --budget "latency <= 40 ms"
    """
    from ablate.deploy.records import MeasureOptions

    with errors_shown():
        work_on_path(work)
        options = MeasureOptions(
            threads=threads, batch=batch, tolerable=tolerable, budgets=tuple(budget or ()), seed=seed
        )
        result = _measured(files, on, options, work, preprocessing)
        if out is not None:
            _write(result, out)
        if json_:
            say_json(result.to_json())
        else:
            _show(result)
        if result.budget and result.choice is None:
            raise typer.Exit(1)


def _measured(
    files: list[str], on: str | None, options: MeasureOptions, work: Path, preprocessing: Path | None
) -> DeployResult:
    from ablate.errors import StudyError
    from ablate.workflows.deploy.files import deploy_files

    if on is None:
        raise StudyError(
            "nothing says which images the files are judged on",
            hint="Add --on STUDY, --on FOLDER (a sub-folder a class) or --on FILE.csv (columns path and label).",
        )
    return deploy_files(
        [Path(one) for one in files], on, options, work=work, preprocessing=preprocessing, on_progress=note
    )


def _show(result: DeployResult) -> None:
    from ablate.workflows.deploy.shown import notes_of, tables_of

    for table in tables_of(result):
        say_table(table.columns, table.rows, title=table.title)
    for line in notes_of(result):
        say(line)


def _write(result: DeployResult, out: Path) -> None:
    from ablate.files import write_text
    from ablate.workflows.deploy.shown import markdown_of

    write_text(out, markdown_of(result))
    note(f"Wrote {out}.")
