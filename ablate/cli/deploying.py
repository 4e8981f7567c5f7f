"""`ablate deploy`: what a trained network's files cost and whether they are still as good."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ablate.cli.loading import run_name, work_on_path, workers_of
from ablate.cli.options import Json, NoTracking, Work, Workers
from ablate.cli.show import errors_shown, note, say, say_json, say_table

if TYPE_CHECKING:
    from ablate.deploy.records import DeployResult, MeasureOptions


def deploy(
    files: Annotated[
        list[str],
        typer.Argument(
            metavar="FILE...|STUDY/VARIANT",
            help="Networks' files (.onnx, OpenVINO's .xml, .pt2), each judged against the first; or finished runs, of "
            "which the files of the study's `deploy:` block are made: STUDY/VARIANT, one replicate, STUDY-search/best.",
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
    tolerable: Annotated[
        float | None,
        typer.Option(
            help="Points of accuracy whose loss nobody would mind [default: the study's, else 1].",
            show_default=False,
        ),
    ] = None,
    budget: Annotated[
        list[str] | None,
        typer.Option(
            metavar="LIMIT",
            help="Name the most accurate file within it: 'latency <= 40 ms', 'p95 <= 0.1 s', 'size <= 20 MB', "
            "'memory <= 1 GiB'; may be given several times.",
        ),
    ] = None,
    batch: Annotated[
        int | None,
        typer.Option(
            min=1, help="Images a call of the throughput [default: the study's, else 32].", show_default=False
        ),
    ] = None,
    threads: Annotated[int, typer.Option(min=1, help="Threads and cores of each engine.")] = 1,
    seed: Annotated[int, typer.Option(min=0, help="Of the order in which the files take turns.")] = 0,
    preprocessing: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="JSON: how an image becomes the input of files that do not say."),
    ] = None,
    out: Annotated[Path | None, typer.Option(metavar="FILE", help="Write the tables as Markdown, too.")] = None,
    work: Work = Path(),
    workers: Workers = "auto",
    no_tracking: NoTracking = False,
    json_: Json = False,
) -> None:
    """Measure files of trained networks on one test set, and judge each against the first: is it no worse?

    Accuracy, changed answers, latency, throughput, load time, memory and size, each beside the first file's; and
    whether a loss of --tolerable points is ruled out. Ends with exit code 1 where no file fits the --budget.

    Example: ablate deploy fp32.onnx int8.onnx --on scans/ --budget "latency <= 40 ms"

    Of finished runs, pruned, fine-tuned, in INT8, as ONNX and OpenVINO: ablate deploy quickstart/BN
    """
    from ablate.deploy.records import MeasureOptions
    from ablate.errors import StudyError

    with errors_shown():
        work_on_path(work)
        options = MeasureOptions(
            threads=threads,
            batch=32 if batch is None else batch,
            tolerable=1.0 if tolerable is None else tolerable,
            budgets=tuple(budget or ()),
            seed=seed,
        )
        if len(files) == 1 and _is_run(files[0]):
            given = {name: value for name, value in (("batch", batch), ("tolerable", tolerable)) if value is not None}
            if on is not None:
                raise StudyError(
                    f"{files[0]} is judged on its own test images, and --on names others",
                    hint="Leave --on out; or judge its files on others: `ablate deploy deploy/STUDY/VARIANT/0/*.onnx "
                    "--on X`.",
                )
            result = _of_runs(files[0], options, given, work, workers, track=not no_tracking)
        else:
            result = _measured(files, on, options, work, preprocessing)
        if out is not None:
            _write(result, out)
        if json_:
            say_json(result.to_json())
        else:
            _show(result)
        if result.budget and result.choice is None:
            raise typer.Exit(1)


def _is_run(text: str) -> bool:
    """Whether an argument names runs: it is no file, and does not end as a network's file does."""
    from ablate.deploy.opening import KINDS

    return "/" in text and not Path(text).is_file() and Path(text).suffix.lower() not in KINDS


def _of_runs(
    text: str, options: MeasureOptions, given: dict[str, float], work: Path, workers: str, *, track: bool
) -> DeployResult:
    from ablate.workflows.deploy.asked import block_of, study_of
    from ablate.workflows.deploy.from_study import deploy_study
    from ablate.workflows.deploy.tell import tell_of_runs
    from ablate.workflows.options import Options

    study = study_of(text, work)
    block, name = block_of(study, note), run_name(text, work)
    asked = {"batch": block.batch, "tolerable": block.tolerable} | given
    options = replace(options, batch=int(asked["batch"]), tolerable=float(asked["tolerable"]))
    result = deploy_study(name, block, options, work=work, tell=note, workers=workers_of(workers))
    page, untold = tell_of_runs(name, result, work, study, Options(track=track))
    note(f"Report: {page}")
    if untold:
        note(f"MLflow was not told: {untold}")
    return result


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
