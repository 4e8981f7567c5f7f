"""The commands: each reads its arguments, calls the library once, prints, and ends.

Heavy packages are imported inside the commands: `ablate --help` must not wait for torch.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ablate.cli.after import explain, predict
from ablate.cli.data import data
from ablate.cli.deploying import deploy
from ablate.cli.judging import judge
from ablate.cli.keeping import clean, doctor
from ablate.cli.loading import load, seconds_of, slots_of, workers_of
from ablate.cli.options import (
    DesignName,
    Executor,
    ExecutorName,
    Final,
    For,
    Json,
    Look,
    MaybeStudy,
    NoTracking,
    Only,
    RayAddress,
    Replicates,
    Retrain,
    RetryFailed,
    Reuse,
    Sets,
    SlotsPerGpu,
    Small,
    StandIn,
    StudyPath,
    Uri,
    Work,
    Workers,
)
from ablate.cli.planning import check, plan
from ablate.cli.reporting import report
from ablate.cli.show import CommandGroup, Watch, errors_shown, note, note_lines, say, say_json
from ablate.cli.terminal import prepare_streams
from ablate.cli.using import init, join, pull, schema, show, status, sync, ui

if TYPE_CHECKING:
    from collections.abc import Callable

    from ablate.report.facts.findings import Findings
    from ablate.study.study import Study
    from ablate.workflows.options import Options

app = typer.Typer(
    cls=CommandGroup,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    help="Ablation studies of image classifiers: which change made the model better, by how much, how sure?",
)


@app.callback(invoke_without_command=True)
def _common(
    version: Annotated[bool, typer.Option("--version", help="Print the version and exit.", is_eager=True)] = False,
) -> None:
    if version:
        from ablate.execute.environment import own_version

        say(own_version())
        raise typer.Exit


def main() -> None:
    """Entry point of the `ablate` command."""
    from ablate.harness.interruption import stop_requests_raised

    prepare_streams()
    with stop_requests_raised():
        app()


@app.command()
def demo(
    work: Work = Path(),
    workers: Workers = "auto",
    null: Annotated[
        bool, typer.Option("--null", help="Five changes that change nothing, to see what is said.")
    ] = False,
    json_: Json = False,
) -> None:
    """Run the quick start: five changes to a small VGG on 1,797 scans of digits, in two minutes.

    Example: ablate demo
    """
    from ablate.cli.results import null_words
    from ablate.workflows.options import Options

    with errors_shown():
        study = _quickstart(work, design="aa" if null else None)
        after = null_words if null else lambda _: _NEXT
        _run(study, work, Options(workers=workers_of(workers)), as_json=json_, after=after)


@app.command()
def run(
    study: StudyPath,
    work: Work = Path(),
    set_: Sets = None,
    design: DesignName = None,
    stand_in: StandIn = False,
    small: Small = False,
    look: Look = None,
    only: Only = None,
    replicate: Replicates = None,
    executor: Executor = ExecutorName.pool,
    ray_address: RayAddress = None,
    workers: Workers = "auto",
    tracking_uri: Uri = None,
    no_tracking: NoTracking = False,
    reuse: Reuse = False,
    retrain: Retrain = False,
    retry_failed: RetryFailed = False,
    for_: For = None,
    final: Final = False,
    slots_per_gpu: SlotsPerGpu = "1",
    json_: Json = False,
) -> None:
    """Train what is missing, judge every step, write the report.

    Example: ablate run studies/quickstart.yaml
    """
    from ablate.errors import StudyError
    from ablate.workflows.options import Options

    with errors_shown():
        if reuse and retrain:
            raise StudyError("--reuse and --retrain exclude each other")
        if final and for_ is None:
            raise StudyError("--final: after which time does the study end?", hint="Example: --for 9h --final")
        seconds = seconds_of("--for", for_)
        options = Options(
            executor=executor.value,
            ray_address=ray_address,
            workers=workers_of(workers),
            tracking_uri=tracking_uri,
            track=not no_tracking,
            look=look or 0,
            only=tuple(only or ()),
            replicates=tuple(replicate or ()),
            stale="reuse" if reuse else "retrain" if retrain else "ask",
            retry_failed=retry_failed,
            seconds=None if final else seconds,
            final=for_ if final else None,
            slots_per_gpu=slots_of(slots_per_gpu),
        )
        loaded = load(study, work, set_, design, stand_in=stand_in, small=small)
        _run(loaded, work, options, as_json=json_, after=lambda _: _where_shown(work, options))


@app.command()
def optuna(
    study: MaybeStudy = None,
    trials: Annotated[
        int | None,
        typer.Option(help="Total number of trials, earlier calls included (default: what the study says, else 50)."),
    ] = None,
    work: Work = Path(),
    set_: Sets = None,
    small: Small = False,
    storage: Annotated[
        str | None,
        typer.Option(help="An Optuna URL, such as postgresql://... (default: a journal file in the work folder)."),
    ] = None,
    new: Annotated[str | None, typer.Option(metavar="NAME", help="Search under another name.")] = None,
    ablate_winner: Annotated[
        bool, typer.Option("--ablate-winner", help="With confirm: also ask which of the winner's changes matter.")
    ] = False,
    executor: Executor = ExecutorName.pool,
    ray_address: RayAddress = None,
    workers: Workers = "auto",
    for_: For = None,
    retry_failed: RetryFailed = False,
    tracking_uri: Uri = None,
    no_tracking: NoTracking = False,
    json_: Json = False,
) -> None:
    """Search settings by validation accuracy; the test images are read once, to confirm the best.

    Example: ablate optuna --trials 50
    """
    from ablate.cli.search_results import search_json, show_search
    from ablate.workflows.options import Options
    from ablate.workflows.search.result import SearchOptions
    from ablate.workflows.search.run import run_search

    with errors_shown():
        loaded = load(study, work, set_, None, small=small) if study else _quickstart(work, set_, small=small)
        options = Options(
            executor=executor.value,
            ray_address=ray_address,
            workers=workers_of(workers),
            tracking_uri=tracking_uri,
            track=not no_tracking,
            seconds=seconds_of("--for", for_),
            retry_failed=retry_failed,
        )
        search = SearchOptions(trials=trials, storage=storage, name=new, ablate_winner=ablate_winner)
        _note_precision(loaded, options)
        with Watch(loaded.evidence.metric) as watch:
            found = run_search(loaded, search=search, work=work, options=options, on_progress=watch)
        if json_:
            say_json(search_json(found))
        else:
            show_search(found)
        if found.exit_code >= 128:
            note("Interrupted. The same command resumes from here.")
        raise typer.Exit(found.exit_code)


_NEXT = """\
Next: `ablate ui` shows the runs in MLflow; `ablate run studies/quickstart.yaml --look 2` adds replicates;
`ablate init FOLDER` looks at your own images and writes a study of them."""


def _run(
    study: Study, work: Path, options: Options, *, as_json: bool, after: Callable[[Findings], str] = lambda _: ""
) -> None:
    from ablate.cli.results import show_study_run
    from ablate.workflows.run import run_study

    _note_precision(study, options)
    with Watch(study.evidence.metric) as watch:
        done = run_study(study, work=work, options=options, on_progress=watch)
    if as_json:
        from ablate.report.page.summary_json import summary_json

        say_json(summary_json(done.findings, done.report))
    else:
        show_study_run(done)
        if done.page:
            note(f"MLflow: {done.page}")
    if not done.exit_code and (words := after(done.findings)):
        note_lines(words)
    raise typer.Exit(done.exit_code)


def _where_shown(work: Path, options: Options) -> str:
    """What shows the runs where no server does."""
    from ablate.track.open import tracking_place

    if not options.track or tracking_place(options.tracking_uri, work)[1] is None:
        return ""
    return f"MLflow: `ablate ui{'' if work == Path() else f' --work {work}'}` shows the runs."


def _note_precision(study: Study, options: Options) -> None:
    """Tell of a precision that does not pay here; runs on other machines are not known to be like this one."""
    from ablate.study.plan import make_plan
    from ablate.workflows.slow_precision import precision_notes

    for line in () if options.executor == "ray" else precision_notes(make_plan(study)):
        note(line)


def _quickstart(work: Path, sets: list[str] | None = None, design: str | None = None, *, small: bool = False) -> Study:
    from ablate.workflows.init_study import quickstart_path

    path = quickstart_path(work)
    note(f"Study: {path}")
    return load(path, work, sets, design, small=small)


for command in (
    plan,
    check,
    join,
    report,
    judge,
    show,
    predict,
    explain,
    deploy,
    ui,
    status,
    sync,
    pull,
    init,
    schema,
    clean,
    doctor,
):
    app.command()(command)
app.add_typer(data, name="data")
