"""The commands around the walk: use a run, watch, catch up, begin."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from ablate.cli.loading import load, seconds_of, slots_of, study_name, work_on_path, workers_of
from ablate.cli.options import (
    DesignName,
    For,
    Json,
    Look,
    Replicates,
    RetryFailed,
    Sets,
    SlotsPerGpu,
    Small,
    StandIn,
    StudyPath,
    Uri,
    Work,
    Workers,
)
from ablate.cli.show import Watch, errors_shown, note, say, say_json


def ui(
    work: Work = Path(),
    port: Annotated[int | None, typer.Option(help="Port on localhost [default: the first free one from 5000]")] = None,
    browser: Annotated[bool, typer.Option(help="Open the newest study's page where there is a browser.")] = True,
    tracking_uri: Uri = None,
) -> None:
    """Open MLflow's interface on the work folder's runs, with links to saved views of the newest study.

    Example: ablate ui --port 5001
    """
    from ablate.cli.mlflow_interface import serve_mlflow

    with errors_shown():
        raise typer.Exit(serve_mlflow(work, port=port, uri=tracking_uri, browser=browser))


def join(
    study: StudyPath,
    work: Work = Path(),
    set_: Sets = None,
    design: DesignName = None,
    stand_in: StandIn = False,
    small: Small = False,
    look: Look = None,
    replicate: Replicates = None,
    workers: Workers = "auto",
    slots_per_gpu: SlotsPerGpu = "1",
    retry_failed: RetryFailed = False,
    for_: For = None,
    search: Annotated[
        bool, typer.Option("--search", help="Train trials of its search, while `ablate optuna` asks for them.")
    ] = False,
    sbatch: Annotated[
        int | None,
        typer.Option(metavar="TASKS", help="Train nothing: print the script of a Slurm job array of so many tasks."),
    ] = None,
    slurm: Annotated[
        list[str] | None, typer.Argument(metavar="[-- SBATCH OPTION...]", help="With --sbatch: what a task needs.")
    ] = None,
    json_: Json = False,
) -> None:
    """Help to train a study: take the missing runs nobody else holds. Any number may join; `ablate run` reports.

    Example: ablate join studies/quickstart.yaml --for 7h50m

    As Slurm's job array: ablate join studies/quickstart.yaml --sbatch 8 -- --gpus=1 --time=8:00:00 > join.sh
    """
    from ablate.errors import StudyError
    from ablate.workflows.join import join_study
    from ablate.workflows.options import Options
    from ablate.workflows.search.join import join_search

    with errors_shown():
        loaded = load(study, work, set_, design, stand_in=stand_in, small=small)
        if sbatch is not None:
            same = _given({"--work": work if work != Path() else None, "--set": set_, "--design": design})
            same += ["--stand-in"] * stand_in + ["--small"] * small + _given({"--look": look})
            own = _given({"--replicate": replicate, "--workers": workers if workers != "auto" else None, "--for": for_})
            own += _given({"--slots-per-gpu": slots_per_gpu if slots_per_gpu != "1" else None})
            own += ["--retry-failed"] * retry_failed + ["--search"] * search
            _print_script(loaded.name, study, (same, own), sbatch, slurm or [])
            return
        if slurm:
            raise StudyError(
                f"what {slurm[0]!r} is to say is not known", hint="Options of sbatch go with --sbatch TASKS."
            )
        options = Options(
            workers=workers_of(workers),
            look=look or 0,
            replicates=tuple(replicate or ()),
            slots_per_gpu=slots_of(slots_per_gpu),
            retry_failed=retry_failed,
            seconds=seconds_of("--for", for_),
        )
        with Watch(loaded.evidence.metric) as watch:
            join_it = join_search if search else join_study
            joined = join_it(loaded, work=work, options=options, on_progress=watch)
        if json_:
            say_json({"trained": joined.trained, "failed": joined.failed, "left": joined.left})
        else:
            failed = f", {joined.failed} of them failed" if joined.failed else ""
            left = f"; {joined.left} held by other processes or left over" if not search else ""
            say(f"{joined.trained} runs trained here{failed}{left}.")
            say(
                "Nobody asks for more trials: `ablate optuna` goes on with the search, and writes its page."
                if search
                else "`ablate run` writes the report, and trains what is then missing."
            )
        if joined.exit_code >= 128:
            note("Interrupted. The same command resumes from here.")
        raise typer.Exit(joined.exit_code)


def _given(options: dict[str, object]) -> list[str]:
    """Options as words, without those that were not given; lists word by word."""
    words = []
    for name, value in options.items():
        for one in value if isinstance(value, list) else [value]:
            words += [] if one is None else [name, str(one)]
    return words


def _print_script(name: str, study: Path, words: tuple[list[str], list[str]], tasks: int, slurm: list[str]) -> None:
    """words: the options that `run` takes as well, and those of `join` alone."""
    from ablate.workflows.batch_script import Job, slurm_script

    same, own = words
    ablate = [sys.executable, "-m", "ablate"]
    then = "optuna" if "--search" in own else "run"
    job = Job(name, [*ablate, "join", str(study), *same, *own], [*ablate, then, str(study), *same], Path.cwd())
    for line in slurm_script(job, tasks=tasks, slurm=slurm).splitlines():
        say(line)


def status(
    study: Annotated[
        str | None,
        typer.Argument(metavar="[STUDY]", help="A study's file or name (default: every study in the folder)."),
    ] = None,
    work: Work = Path(),
    json_: Json = False,
) -> None:
    """Say for every study of the work folder what is finished, running, failed or waiting.

    Example: ablate status
    """
    from ablate.cli.results import show_status
    from ablate.workflows.status import states_of, study_states

    with errors_shown():
        states = study_states(work.resolve())
        if study is not None:
            states = states_of(study_name(study, work), states)
        if json_:
            say_json(states)
        else:
            show_status(states)


def sync(
    study: StudyPath,
    work: Work = Path(),
    set_: Sets = None,
    design: DesignName = None,
    stand_in: StandIn = False,
    small: Small = False,
    look: Look = None,
    tracking_uri: Uri = None,
) -> None:
    """Bring MLflow up to date with the journals, after it was away or was moved.

    Example: ablate sync studies/quickstart.yaml --tracking-uri http://localhost:5000
    """
    from ablate.workflows.options import Options
    from ablate.workflows.run import sync_study
    from ablate.workflows.session import open_session, resolved_options

    with errors_shown():
        session = open_session(load(study, work, set_, design, stand_in=stand_in, small=small), work)
        options = Options(look=look or 0, tracking_uri=tracking_uri)
        options = resolved_options(session, options)
        told = sync_study(session, options)
        say(_told_words(told, session.study.name))
        if session.study.search is not None:
            note("The trials of its search are sent by `ablate optuna`, even if no trial is left.")


def _told_words(told: int, study: str) -> str:
    if not told:
        return f"No run of {study} has ended in this folder yet, so MLflow was sent the study without runs."
    return "1 run is in MLflow." if told == 1 else f"{told} runs are in MLflow."


def pull(
    study: Annotated[Path | None, typer.Argument(help="The study file (default: list what the store has).")] = None,
    work: Work = Path(),
    set_: Sets = None,
    design: DesignName = None,
    stand_in: StandIn = False,
    small: Small = False,
    tracking_uri: Uri = None,
    weights: Annotated[bool, typer.Option("--weights", help="Also the networks' weights.")] = False,
    json_: Json = False,
) -> None:
    """Put finished runs back from MLflow, on a new machine or after a loss: nothing is trained twice.

    Example: ablate pull studies/quickstart.yaml --tracking-uri http://localhost:5000
    """
    from ablate.cli.pull_messages import pull_and_show, show_studies
    from ablate.track.open import tracking_uri as uri_of

    with errors_shown():
        uri = uri_of(tracking_uri, work.resolve())
        if study is None:
            show_studies(uri, as_json=json_)
        else:
            loaded = load(study, work, set_, design, stand_in=stand_in, small=small)
            raise typer.Exit(pull_and_show(loaded, work, uri, weights=weights, as_json=json_))


def init(
    what: Annotated[
        Path | None,
        typer.Argument(
            metavar="[FOLDER]",
            help="Your images: FOLDER/<class>/*.jpg, or the same in its parts train/, val/ and test/. "
            "With --root: where to write the study file.",
        ),
    ] = None,
    to: Annotated[
        Path | None, typer.Option(help="Where to write the study file (default: studies/, by the folder's name).")
    ] = None,
    root: Annotated[Path | None, typer.Option(help="The images, where the argument is the study file.")] = None,
    minutes: Annotated[float, typer.Option(min=1, help="How long a first `ablate run` may take.")] = 20,
    quick: Annotated[
        bool, typer.Option("--quick", help="Only look at names; decode, compare and measure nothing.")
    ] = False,
    from_: Annotated[
        Path | None, typer.Option("--from", metavar="STUDY", help="Ask another study's question of your images.")
    ] = None,
    script: Annotated[
        str | None,
        typer.Option(
            metavar="FILE", help="In place of images: a training script, and arguments that stay as they are."
        ),
    ] = None,
    try_: Annotated[
        list[str] | None, typer.Option("--try", metavar="OPTIONS", help="A change of the script, '--dropout 0.5'.")
    ] = None,
    seeds: Annotated[int, typer.Option(min=2, help="Runs of each variant of a script.")] = 5,
    from_hydra: Annotated[
        str | None, typer.Option(metavar="OVERRIDES", help="A multirun of Hydra: 'model=a,b aug=none,mixup'.")
    ] = None,
    from_sweep: Annotated[Path | None, typer.Option(metavar="FILE", help="A sweep file of W&B.")] = None,
    work: Work = Path(),
) -> None:
    """Look at a folder of images and write a study of it: network, size, folds and epochs for the time there is.

    Every image is decoded once, as a run would; candidates are trained for some seconds each. Or of a training
    script: its options are read from its text, and it is not run.

    Example: ablate init data/faces --minutes 20

    Example: ablate init --script train.py --try '--use-bn' --try '--dropout 0.5' --seeds 5
    """
    from ablate.cli.study_comments import translate_remarks
    from ablate.workflows.beginning.request import ScriptRequest, requested
    from ablate.workflows.init_study import adopt_study, remember_looks, write_command_study, write_starter

    with errors_shown():
        request = ScriptRequest(script, try_ or (), from_hydra, from_sweep, seeds)
        path, images = requested(what, to, root, request)
        notes: tuple[str, ...] = ()
        if request.is_any:
            write_command_study(path, request)
        elif from_ is not None:
            notes = adopt_study(path, from_, images)
        else:
            notes = write_starter(path, images, work=work, minutes=minutes, look=not quick, tell=note)
            if images is not None and not quick:
                remember_looks(path, work)
        translate_remarks(path)
        for line in notes:
            note(line)
        say(f"Wrote {path}. Read its first lines, then: ablate check {path} && ablate run {path}")


def schema(
    trainer: Annotated[str | None, typer.Option(help="A trainer's path: the schema of its base:.")] = None,
    work: Work = Path(),
) -> None:
    """Print the JSON Schema of study files, or of a trainer's settings.

    Example: ablate schema --trainer ablate.training:train
    """
    from ablate.study.absent import read_trainer
    from ablate.workflows.study_schema import study_schema

    with errors_shown():
        work_on_path(work)
        say_json(read_trainer(trainer).config.model_json_schema() if trainer else study_schema())


def show(
    variant: Annotated[
        str, typer.Argument(metavar="STUDY/VARIANT", help="A study file and a variant; without one, the baseline.")
    ],
    work: Work = Path(),
    set_: Sets = None,
    design: DesignName = None,
    json_: Json = False,
) -> None:
    """List the layers of a variant's network: output shapes, parameters, memory. Needs no data.

    STUDY is a study file, or the name of one in studies/.

    Example: ablate show "studies/quickstart.yaml/GAP head"
    """
    from ablate.cli.loading import study_and_variant
    from ablate.cli.results import show_network
    from ablate.workflows.plan_summary import variant_summary
    from ablate.workflows.session import open_session

    with errors_shown():
        path, name = study_and_variant(variant)
        session = open_session(load(path, work, set_, design), work)
        summary = variant_summary(session, name or session.plan.variants[0].name)
        if json_:
            say_json(summary)
        else:
            show_network(summary)
