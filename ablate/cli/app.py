"""The commands: each reads its arguments, calls the library once, prints, and ends.

Heavy packages are imported inside the commands: `ablate --help` must not wait for torch.
"""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ablate.cli.show import Watch, errors_shown, note, say, say_json

if TYPE_CHECKING:
    from ablate.session import Options
    from ablate.study.load import Study

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    help="Ablation studies of image classifiers: which change made the model better, by how much, how sure?",
)


class ExecutorName(StrEnum):
    """Where runs are trained."""

    pool = "pool"
    inline = "inline"


StudyPath = Annotated[Path, typer.Argument(help="The study file.", metavar="STUDY", show_default=False)]
MaybeStudy = Annotated[Path | None, typer.Argument(help="The study file; none: the quick start.", metavar="[STUDY]")]
Work = Annotated[Path, typer.Option(help="Folder for runs, MLflow's database and reports.")]
Sets = Annotated[list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="Change the base.")]
DesignName = Annotated[str | None, typer.Option("--design", help="Another design over the same factors.")]
Look = Annotated[int, typer.Option(min=1, help="Up to which planned look, counted from 1.")]
Json = Annotated[bool, typer.Option("--json", help="One JSON object on standard output.")]
Workers = Annotated[int | None, typer.Option(help="Runs at once (default: as many as cores or GPUs carry).")]
Executor = Annotated[ExecutorName, typer.Option(help="pool: a process a run; inline: in this process.")]
Uri = Annotated[str | None, typer.Option(help="MLflow tracking URI (default: sqlite in the work folder).")]
NoTracking = Annotated[bool, typer.Option("--no-tracking", help="Write nothing to MLflow now.")]
Only = Annotated[list[str] | None, typer.Option("--only", metavar="VARIANT", help="Train only this variant.")]
Reuse = Annotated[bool, typer.Option("--reuse", help="Take finished runs of other code or data as they are.")]
Retrain = Annotated[bool, typer.Option("--retrain", help="Train finished runs of other code or data again.")]
RetryFailed = Annotated[bool, typer.Option("--retry-failed", help="Try again what ended with an error.")]


def main() -> None:
    """Entry point of the `ablate` command."""
    app()


@app.command()
def demo(work: Work = Path(), workers: Workers = None, json_: Json = False) -> None:
    """Run the quick start: five changes to a small VGG on 1,797 scans of digits, in two minutes.

    Example: ablate demo
    """
    from ablate.session import Options

    with errors_shown():
        _run(_quickstart(work), work, Options(workers=workers), as_json=json_)


@app.command()
def run(
    study: StudyPath,
    work: Work = Path(),
    set_: Sets = None,
    design: DesignName = None,
    look: Look = 1,
    only: Only = None,
    executor: Executor = ExecutorName.pool,
    workers: Workers = None,
    tracking_uri: Uri = None,
    no_tracking: NoTracking = False,
    reuse: Reuse = False,
    retrain: Retrain = False,
    retry_failed: RetryFailed = False,
    json_: Json = False,
) -> None:
    """Train what is missing, judge every step, write the report.

    Example: ablate run studies/quickstart.yaml
    """
    from ablate.errors import StudyError
    from ablate.session import Options

    with errors_shown():
        if reuse and retrain:
            raise StudyError("--reuse and --retrain exclude each other")
        options = Options(
            executor=executor.value,
            workers=workers,
            tracking_uri=tracking_uri,
            track=not no_tracking,
            look=look,
            only=tuple(only or ()),
            stale="reuse" if reuse else "retrain" if retrain else "ask",
            retry_failed=retry_failed,
        )
        _run(_load(study, work, set_, design), work, options, as_json=json_)


@app.command()
def optuna(
    study: MaybeStudy = None,
    trials: Annotated[int, typer.Option(help="Total number of trials, earlier calls included.")] = 50,
    work: Work = Path(),
    set_: Sets = None,
    workers: Workers = None,
    tracking_uri: Uri = None,
    no_tracking: NoTracking = False,
    json_: Json = False,
) -> None:
    """Search settings by validation accuracy; the test images are never read.

    Example: ablate optuna --trials 50
    """
    from ablate.searching import run_search
    from ablate.session import Options

    with errors_shown():
        loaded = _load(study, work, set_, None) if study else _quickstart(work, set_)
        options = Options(workers=workers, tracking_uri=tracking_uri, track=not no_tracking)
        with Watch(loaded.evidence.metric) as watch:
            found = run_search(loaded, trials=trials, work=work, options=options, on_progress=watch)
        from ablate.cli.results import search_json, show_search

        if json_:
            say_json(search_json(found))
        else:
            show_search(found)
        raise typer.Exit(found.exit_code)


@app.command()
def plan(
    study: StudyPath,
    work: Work = Path(),
    set_: Sets = None,
    design: DesignName = None,
    look: Look = 1,
    json_: Json = False,
) -> None:
    """Show every variant, what is done, what is to do, its price, and what it will be able to see.

    Example: ablate plan studies/quickstart.yaml
    """
    from ablate.cli.results import show_plan
    from ablate.planning import plan_summary
    from ablate.session import Options, check_options, open_session

    with errors_shown():
        session = open_session(_load(study, work, set_, design), work)
        options = Options(look=look)
        check_options(session, options)
        summary = plan_summary(session, options, with_parameters=json_)
        if json_:
            say_json(summary)
        else:
            show_plan(summary)


@app.command()
def check(study: StudyPath, work: Work = Path(), set_: Sets = None, design: DesignName = None) -> None:
    """Check a study file: every key, every variant, every name. Needs neither data nor torch.

    Example: ablate check studies/quickstart.yaml
    """
    from ablate.study.plan import make_plan

    with errors_shown():
        checked = make_plan(_load(study, work, set_, design))
        variants, contrasts = len(checked.variants), len(checked.contrasts)
        say(f"{study}: good. {variants} variants, {contrasts} questions, looks at {list(checked.looks)} replicates.")


@app.command()
def report(
    study: StudyPath,
    work: Work = Path(),
    set_: Sets = None,
    design: DesignName = None,
    look: Look = 1,
    json_: Json = False,
) -> None:
    """Write the report again from the runs there are; trains nothing.

    Example: ablate report studies/quickstart.yaml
    """
    from ablate.cli.results import show_findings
    from ablate.report.summary import summary_json
    from ablate.session import Options, check_options, open_session
    from ablate.showing import judge_study, write_report

    with errors_shown():
        session = open_session(_load(study, work, set_, design), work)
        options = Options(look=look)
        check_options(session, options)
        findings = judge_study(session, options)
        path = write_report(findings, session, options)
        if json_:
            say_json(summary_json(findings))
        else:
            show_findings(findings, path)
        raise typer.Exit(int(bool(findings.failed)))


@app.command()
def predict(
    run_: Annotated[str, typer.Argument(metavar="STUDY/VARIANT/REPLICATE", help="A finished run.")],
    images: Annotated[list[Path], typer.Argument(metavar="IMAGE...", help="Picture files.")],
    work: Work = Path(),
    json_: Json = False,
) -> None:
    """Class and probabilities of pictures, by a finished run's weights.

    Example: ablate predict "quickstart/GAP head/0" scan.png
    """
    from ablate.cli.results import show_predictions
    from ablate.predicting import predict_images

    with errors_shown():
        _work_on_path(work)
        predictions = predict_images(run_, images, work=work)
        if json_:
            say_json([{"image": str(image), "probabilities": found} for image, found in predictions])
        else:
            show_predictions(predictions)


@app.command()
def ui(
    work: Work = Path(),
    port: Annotated[int, typer.Option(help="Port on localhost.")] = 5000,
    tracking_uri: Uri = None,
) -> None:
    """Open MLflow's interface on the work folder's runs; the same as `mlflow ui` there.

    Example: ablate ui --port 5001
    """
    from ablate.cli.server import serve_mlflow

    with errors_shown():
        raise typer.Exit(serve_mlflow(work, port=port, uri=tracking_uri))


@app.command()
def status(work: Work = Path(), json_: Json = False) -> None:
    """Say for every study of the work folder what is finished, running, failed or waiting.

    Example: ablate status
    """
    from ablate.cli.results import show_status
    from ablate.status import study_states

    with errors_shown():
        states = study_states(work.resolve())
        if json_:
            say_json(states)
        else:
            show_status(states)


@app.command()
def sync(
    study: StudyPath,
    work: Work = Path(),
    set_: Sets = None,
    design: DesignName = None,
    look: Look = 1,
    tracking_uri: Uri = None,
) -> None:
    """Bring MLflow up to date with the journals, after it was away or was moved.

    Example: ablate sync studies/quickstart.yaml --tracking-uri http://localhost:5000
    """
    from ablate.session import Options, check_options, open_session
    from ablate.workflow import sync_study

    with errors_shown():
        session = open_session(_load(study, work, set_, design), work)
        options = Options(look=look, tracking_uri=tracking_uri)
        check_options(session, options)
        told = sync_study(session, options)
        say(f"{told} runs are in MLflow.")


@app.command()
def init(
    path: Annotated[Path, typer.Argument(help="Where to write the study file.")] = Path("studies/my_study.yaml"),
    root: Annotated[Path | None, typer.Option(help="Your image folder: ROOT/<class>/*.jpg")] = None,
) -> None:
    """Write a study file to start from, for your own folder of pictures.

    Example: ablate init studies/faces.yaml --root data/faces
    """
    from ablate.starter import write_starter

    with errors_shown():
        write_starter(path, root)
        say(f"{path} is written. Edit it, then: ablate check {path} && ablate run {path}")


@app.command()
def schema(
    trainer: Annotated[str | None, typer.Option(help="A trainer's path: the schema of its base:.")] = None,
    work: Work = Path(),
) -> None:
    """Print the JSON Schema of study files, or of a trainer's settings.

    Example: ablate schema --trainer ablate.training:train
    """
    from ablate.resolve import load_trainer
    from ablate.study.schema import StudyFile

    with errors_shown():
        _work_on_path(work)
        say_json(load_trainer(trainer).config.model_json_schema() if trainer else StudyFile.model_json_schema())


def _run(study: Study, work: Path, options: Options, *, as_json: bool) -> None:
    from ablate.cli.results import show_study_run
    from ablate.report.summary import summary_json
    from ablate.workflow import run_study

    with Watch(study.evidence.metric) as watch:
        done = run_study(study, work=work, options=options, on_progress=watch)
    if as_json:
        say_json(summary_json(done.findings))
    else:
        show_study_run(done)
    if done.exit_code >= 128:
        note("Interrupted. The same command goes on from here.")
    raise typer.Exit(done.exit_code)


def _load(path: Path, work: Path, sets: list[str] | None, design: str | None) -> Study:
    from ablate.study.load import load_study

    _work_on_path(work)
    return load_study(path, sets=sets or (), design=design)


def _quickstart(work: Path, sets: list[str] | None = None) -> Study:
    from ablate.starter import quickstart_path

    path = quickstart_path(work)
    note(f"Study: {path}")
    return _load(path, work, sets, None)


def _work_on_path(work: Path) -> None:
    from ablate.resolve import search_first

    search_first(work.resolve())
