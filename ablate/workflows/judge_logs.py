"""What training scripts left behind, read as results: tables, loggers' files, answers, a search."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from statistics import NormalDist
from typing import Literal, cast

from ablate.errors import StudyError, near_match
from ablate.readers import answers, lightning_csv, optuna_study, wandb_export
from ablate.readers.columns import spelling
from ablate.readers.kinds import FORMATS, Kind, read_logs
from ablate.readers.logged import LoggedRun
from ablate.readers.numbers import quoted
from ablate.readers.parameter_columns import NAMED, name_variants
from ablate.readers.repeats import find_repeats, spread_of_ends
from ablate.readers.replicates import first_names
from ablate.readers.sheet import TableSheet, read_sheet
from ablate.readers.table import read_rows
from ablate.readers.tracked import Tracked, read_tracked
from ablate.readers.units import Note, without_any
from ablate.report.gather.external import ExternalResults
from ablate.report.wording.language import Words
from ablate.workflows.judge_request import Request, ask_of, only_rate, tested_of

TABLES = (".csv", ".tsv", ".txt")
EXPERIMENT = "mlflow:"
"""Before the name of an experiment whose runs are grouped by all their parameters."""


def read_table_file(request: Request, path: Path, say: Words) -> ExternalResults:
    """The results in a CSV file, or in the table of the request itself: somebody's table, or W&B's export."""
    sheet = read_sheet(path) if request.sheet is None else request.sheet
    _refuse_other_files(sheet, path)
    if wandb_export.is_export(sheet):
        runs = wandb_export.read_export(sheet, request.metric)
        told = Note("logged.export", {"results": wandb_export.results_of(runs)})
        return _of_runs(request, runs, path.stem, path.name, say, [told])
    if answers.is_answers(sheet) and request.by is None:
        raise StudyError(
            f"{path} holds the answers of one network",
            hint="A comparison needs two: `ablate judge a.csv b.csv`; or a column variant that names the network.",
        )
    ask = ask_of(request)
    named = name_variants(sheet, ask)
    if named is None:
        found = read_rows(sheet, ask)
    else:
        found = read_rows(named.sheet, ask._replace(by=NAMED))
        found = found._replace(notes=(*named.notes, *found.notes))
    return tested_of(request, path.stem, found, say("judge.table", source=path.name), say)


def _refuse_other_files(sheet: TableSheet, path: Path) -> None:
    """Refuse the curve of a single run, and a table whose cells nothing separates."""
    plain = {heading.strip().lower() for heading in sheet.headings}
    if path.name == lightning_csv.NAMED and {"epoch", "step"} <= plain:
        raise StudyError(
            f"{path} is the curve of a single run",
            hint="A comparison needs runs of two variants: give the folder above them: `ablate judge lightning_logs`.",
        )
    if len(sheet.headings) == 1 and sheet.rows:
        raise StudyError(
            f"{path}: has a single column",
            hint="Between cells stand commas, semicolons or tabs. A table copied from a paper, with spaces, is read by "
            f"`ablate judge - < {path.name}`.",
        )


def read_answers(request: Request, say: Words) -> ExternalResults:
    """The answers in several files, one a network."""
    paths = [Path(name) for name in (request.source, *request.others)]
    for path in paths:
        if path.suffix.lower() not in TABLES:
            raise StudyError(
                f"{str(path)[:200]} is no table of answers, and several sources can only be these",
                hint="`ablate judge a.csv b.csv` compares answers: id,target,predicted, one row per image. Give any "
                "other source alone.",
            )
    if request.by is not None or request.replicate is not None or request.unit is not None:
        raise StudyError(
            "--by, --replicate and --unit apply to tables and runs, and these are files of answers",
            hint="Their names are those of the variants: bn_seed0.csv is run 0 of bn.",
        )
    found = answers.read_answer_files(paths, ask_of(request))
    shown = " and ".join(path.name for path in paths[:2]) + (" ..." if len(paths) > 2 else "")
    return tested_of(request, paths[0].stem, found, say("judge.table", source=shown), say)


def read_logged(request: Request, path: Path, kind: Kind, say: Words) -> ExternalResults:
    """The runs in a logger's files, or the trials of a search."""
    if kind in ("optuna", "optuna journal"):
        return _search(request, path, "", kind, say)
    return _of_runs(request, read_logs(path, kind), path.resolve().name, str(path), say, [])


def read_one_search(request: Request, path: Path, name: str, kind: Kind, say: Words) -> ExternalResults:
    """One study of a storage that holds several: `FILE::NAME`."""
    if kind not in ("optuna", "optuna journal"):
        raise StudyError(f"{path} holds no studies of Optuna", hint="FILE::NAME names one of its studies.")
    return _search(request, path, name, kind, say)


def read_server(request: Request, say: Words) -> ExternalResults:
    """The runs of a project on W&B's server."""
    from ablate.readers import wandb_api

    name = request.source.removeprefix(wandb_api.SCHEME)
    return _of_runs(request, wandb_api.read_runs(request.source), name, name, say, [])


def read_grouped_experiment(request: Request, say: Words) -> ExternalResults:
    """The runs of an MLflow experiment, grouped by all their parameters; a run that holds others is none of its own."""
    from ablate.track.open import read_runs, single_runs, summaries_of_others, tracking_uri

    name = request.source.removeprefix(EXPERIMENT)
    found = read_runs(tracking_uri(request.tracking_uri, request.work), name)
    reported = sorted({metric for run in found for metric in run.metrics})
    metric = _metric_of(request.metric, reported, name)
    single = single_runs(found, metric)
    holders = summaries_of_others(single, metric, "")
    runs = [
        LoggedRun(
            run.name or run.id,
            run.params,
            run.metrics,
            finished=run.finished,
            labels={key: text for key, text in run.tags.items() if not key.startswith("mlflow.")},
        )
        for run in single
        if run.id not in holders
    ]
    notes = [Note("judge.holders", {"runs": len(holders), "metric": metric})] if holders else []
    return _of_runs(request, runs, name, name, say, notes)


# --- runs ---------------------------------------------------------------------------------------


def _of_runs(
    request: Request, runs: Sequence[LoggedRun], name: str, source: str, say: Words, notes: Sequence[Note]
) -> ExternalResults:
    if not runs:
        raise StudyError(f"{source}: no runs", hint=f"Known are {FORMATS}.")
    reported = sorted({metric for run in runs for metric in run.metrics if not metric.startswith("_")})
    metric = _metric_of(request.metric, reported, source)
    done = [run for run in runs if run.finished]
    usable = [run for run in done if metric in run.metrics]
    if not usable:
        none = "none of them finished" if not done else f"none of {len(done)} reports {quoted(metric)}"
        raise StudyError(
            f"{source}: {len(runs)} runs, and {none}",
            hint=f"{near_match(metric[:80], reported)}They report: {first_names(reported)}. --metric NAME",
        )
    found = find_repeats(usable, metric, ask_of(request), source)
    ask = ask_of(request)._replace(by=found.by)
    handed = read_tracked(found.runs, ask, metric, source)
    said = [*notes, *found.notes, *handed.notes]
    if any(run.ends for run in usable):
        said.append(Note("logged.last_value", {"metric": metric}))
    if (ends := spread_of_ends(usable, metric)) is not None:
        said.append(Note("logged.ends", {"first": ends["first"], "last": ends["last"]}))
    if len(done) < len(runs):
        said.append(Note("judge.failed", {"runs": len(runs) - len(done)}))
    if len(usable) < len(done):
        said.append(Note("judge.no_metric", {"runs": len(done) - len(usable), "metric": metric}))
    said += without_any([run.variant for run in found.runs], [run.variant for run in handed.runs])
    handed = handed._replace(notes=tuple(said))
    return tested_of(request, name, handed, say("judge.table", source=source), say)


def _metric_of(asked: str | None, reported: Sequence[str], source: str) -> str:
    """The metric as the runs call it, however it is spelled."""
    if asked is None:
        return only_rate(reported, source)
    alike = [name for name in reported if spelling(name) == spelling(asked)]
    return asked if asked in reported or len(alike) != 1 else alike[0]


# --- a search -------------------------------------------------------------------------------------


def _search(request: Request, path: Path, study: str, kind: Kind, say: Words) -> ExternalResults:
    read = optuna_study.read_study if kind == "optuna" else optuna_study.read_journal
    found = read(path, study or None)
    where = f"{path.name}: {found.name}"
    names = found.metrics or (("value",) if len(found.directions) < 2 else ())
    metric = _objective(request.metric, found, where)
    goal = request.goal or cast("Literal['max', 'min'] | None", found.goal_of(metric) or None)
    shown = request.metric if request.metric is not None and len(names) == 1 else metric
    request = replace(request, goal=goal)
    if request.by is not None:
        runs = [run._replace(metrics={shown: run.metrics[metric]} if metric in run.metrics else {})
                for run in found.as_runs(where)]  # fmt: skip
        return _of_runs(replace(request, metric=shown), runs, found.name, where, say, [])
    pair = optuna_study.first_and_best(found, metric, goal or "max", where, request.baseline)
    tracked = [
        Tracked(run.name, name, {key: value for key, value in run.keys.items() if key not in _settings(found)},
                run.metrics[metric])
        for name, run in pair.runs
    ]  # fmt: skip
    ask = ask_of(request)._replace(by="trial", baseline=pair.first)
    handed = read_tracked(tracked, ask, shown, where)
    handed = handed._replace(notes=(*_best_of(pair), *handed.notes))
    asked = replace(request, baseline=pair.first)
    return tested_of(asked, found.name, handed, say("judge.table", source=where), say)


def _settings(study: optuna_study.OptunaStudy) -> set[str]:
    return {key for trial in study.trials for key in trial.params}


def _objective(asked: str | None, study: optuna_study.OptunaStudy, where: str) -> str:
    names = study.metrics or tuple(study.as_runs(where)[0].metrics) if study.trials else ()
    if len(study.directions) < 2:
        return names[0] if names else "value"
    known = study.metrics or tuple(f"value {i}" for i in range(len(study.directions)))
    if asked in known:
        return str(asked)
    raise StudyError(
        f"{where} has {len(known)} objectives",
        hint=f"{near_match(asked[:80], known) if asked else ''}Say which: --metric '{known[0]}'. "
        f"There are: {first_names(known)}.",
    )


def _best_of(pair: optuna_study.Pair) -> list[Note]:
    """What being the best of many is worth: source: Blom 1958, the expected largest of n normal numbers."""
    best: dict[str, str | int] = {"best": pair.best, "first": pair.first, "trials": pair.complete, "other": pair.other}
    if pair.repeated:
        return [Note("logged.best_again", best)]
    ahead = NormalDist().inv_cdf((pair.complete - 0.375) / (pair.complete + 0.25))
    return [
        Note("logged.best_trial", {**best, "ahead": f"{ahead:.1f}", "gain": f"{pair.gain:.4g}",
                                   "noise": f"{pair.gain / ahead:.3g}" if ahead > 0 else "0"})
    ]  # fmt: skip


def not_read(path: Path) -> StudyError:
    """Of a folder in which nothing is known."""
    return StudyError(
        f"{path} holds no runs that are known here",
        hint=f"Known are {FORMATS}. A table is given as a file.",
    )
