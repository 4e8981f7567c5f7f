"""The options that several commands share, each with its one-line help."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer


class ExecutorName(StrEnum):
    """Where runs are trained."""

    pool = "pool"
    inline = "inline"
    ray = "ray"


class LanguageName(StrEnum):
    """Languages a report can be written in."""

    en = "en"
    zh = "zh"


class GoalName(StrEnum):
    """Which way is better."""

    max = "max"
    min = "min"


class UnitName(StrEnum):
    """What a number without a mark is."""

    percent = "percent"
    fraction = "fraction"


StudyPath = Annotated[Path, typer.Argument(help="The study file.", metavar="STUDY", show_default=False)]
MaybeStudy = Annotated[
    Path | None, typer.Argument(help="The study file (default: the quick start).", metavar="[STUDY]")
]
Work = Annotated[Path, typer.Option(help="Folder for runs, MLflow's database and reports.")]
Sets = Annotated[list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="Change a setting of the base.")]
StandIn = Annotated[
    bool, typer.Option("--stand-in", help="Run the study on the synthetic data it offers, in place of its own.")
]
Small = Annotated[
    bool, typer.Option("--small", help="Run the small version the study offers: minutes on two cores, by its own name.")
]
DesignName = Annotated[
    str | None, typer.Option("--design", help="Another design over the same factors; data: shares of the images.")
]
Look = Annotated[
    int | None,
    typer.Option(min=1, help="Up to which planned look, counted from 1 (default: the furthest one reached)."),
]
Json = Annotated[bool, typer.Option("--json", help="One JSON object on standard output.")]
Workers = Annotated[
    str,
    typer.Option(
        metavar="N|auto", help="Runs at once; auto: cores divided by the study's threads, or one per GPU slot."
    ),
]
SlotsPerGpu = Annotated[
    str,
    typer.Option(metavar="N|auto", help="Runs that share a graphics card; auto: by the memory the first ones took."),
]
Executor = Annotated[
    ExecutorName,
    typer.Option(help="pool: one process per run; inline: in this process; ray: on a cluster (extra ray)."),
]
RayAddress = Annotated[
    str | None,
    typer.Option(
        metavar="HOST:PORT|auto", help="The Ray cluster (default: RAY_ADDRESS, else one of this machine alone)."
    ),
]
Uri = Annotated[str | None, typer.Option(help="MLflow tracking URI (default: sqlite in the work folder).")]
NoTracking = Annotated[bool, typer.Option("--no-tracking", help="Write nothing to MLflow now.")]
Only = Annotated[list[str] | None, typer.Option("--only", metavar="VARIANT", help="Train only this variant.")]
Replicates = Annotated[
    list[int] | None,
    typer.Option("--replicate", metavar="NUMBER", help="Train only this replicate, counted from 0."),
]
Reuse = Annotated[bool, typer.Option("--reuse", help="Use finished runs of other code or data as they are.")]
Retrain = Annotated[bool, typer.Option("--retrain", help="Train finished runs of other code or data again.")]
For = Annotated[
    str | None,
    typer.Option("--for", metavar="TIME", help="Stop after this time, as by Ctrl-C: 90 (seconds), 30m, 3h."),
]
Final = Annotated[
    bool, typer.Option("--final", help="With --for: the study ends then; its complete replicates are judged for good.")
]
Within = Annotated[
    str | None,
    typer.Option("--within", metavar="TIME", help="Also propose replicates and looks that fit into it: 10h, 30m."),
]
RetryFailed = Annotated[bool, typer.Option("--retry-failed", help="Retry runs that ended with an error.")]
Lang = Annotated[
    LanguageName | None,
    typer.Option(help="Language of the words; else the study's `lang:`, else ABLATE_LANG. Names and numbers stay."),
]
