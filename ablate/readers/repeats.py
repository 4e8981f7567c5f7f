"""Which logged runs repeat each other: those that agree in every parameter but the seed. What was guessed is said."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from ablate.errors import StudyError
from ablate.readers.columns import VARIANT
from ablate.readers.logged import LoggedRun
from ablate.readers.replicates import FIRST, TOGETHER, first_names, named, plain_key, plain_label
from ablate.readers.tested import Ask
from ablate.readers.tracked import Tracked
from ablate.readers.units import Note

_RUN_WORD = r"(?P<word>seed|fold|run|rep|replicate|repeat|split|trial|cv|version)"
_AT_END = re.compile(rf"(?:(?P<rest>.*?)[ _\-./]+)?{_RUN_WORD}[ _\-#.=]*(?P<number>\d{{1,9}})", re.IGNORECASE)
_AT_START = re.compile(rf"{_RUN_WORD}[ _\-#.=]*(?P<number>\d{{1,9}})[ _\-./]+(?P<rest>.+)", re.IGNORECASE)
_NUMBER = re.compile(r"(?:(?P<rest>.*)/)?(?P<number>\d{1,9})")
_IS_REPLICATE = frozenset((*FIRST, *TOGETHER))

BOOKKEEPING = frozenset(
    [
        "output", "output_dir", "out", "out_dir", "outdir", "outfile", "save", "save_dir", "save_path", "savedir",
        "log_dir", "logdir", "log_path", "logs", "checkpoint", "checkpoint_dir", "checkpoint_path", "ckpt",
        "ckpt_dir", "ckpt_path", "results_dir", "result_dir", "results", "work_dir", "workdir", "run_dir", "exp_dir",
        "folder", "dir", "path", "tensorboard_dir", "exp", "exp_name", "exp_id", "experiment", "experiment_name",
        "experiment_id", "run_name", "name", "id", "run_id", "uuid", "job_id", "jobid", "slurm_job_id",
        "slurm_array_task_id", "task_id", "timestamp", "date", "datetime", "time", "start_time", "created", "host",
        "hostname", "node", "nodename", "port", "master_port", "master_addr", "device", "devices", "gpu", "gpu_id",
        "gpus", "cuda_visible_devices", "rank", "local_rank", "world_size", "num_workers", "workers", "pid", "user",
        "username", "command", "cmd", "argv", "notes", "note", "comment", "description", "tag", "tags", "wandb",
        "wandb_name", "wandb_id", "wandb_project", "project", "project_name", "resume", "verbose",
    ]
)  # fmt: skip
"""Parameters that say where a run was written or on what it ran, not how it was trained."""


class Repeats(NamedTuple):
    """Runs with their variants, how these were told, and what is to be said of it."""

    runs: tuple[Tracked, ...]
    by: str
    notes: tuple[Note, ...] = ()


def find_repeats(runs: Sequence[LoggedRun], metric: str, ask: Ask, source: str) -> Repeats:
    """The variant of each run: by the keys asked for, else by every parameter that differs and is no seed.

    Where no parameter differs, by the runs' groups, else by their names without `seed0`. Raises StudyError where all
    of this leaves every run alone, or all of them one.
    """
    if len(runs) < 2:
        raise StudyError(
            f"{source}: a single run with {metric}, {first_names([run.name for run in runs])}",
            hint="A comparison needs runs of two variants: give the folder above them.",
        )
    runs = [run._replace(keys=_with_name(run)) for run in runs]
    if ask.by is not None:
        keys = named(ask.by, _all_keys(runs), f"{source}: --by")
        runs = [run for run in runs if any(_value(run, key) for key in keys)]
        return _placed(runs, [_labelled(run, keys, alone=len(keys) == 1) for run in runs], metric, " and ".join(keys))
    replicates = set(() if ask.replicate is None else named(ask.replicate, _all_keys(runs), f"{source}: --replicate"))
    differing = [key for key in _parameters(runs) if len({run.keys.get(key, "") for run in runs}) > 1]
    kept = [key for key in differing if key not in replicates and not _is_replicate(key)]
    aside = tuple(key for key in kept if plain_key(key) in BOOKKEEPING)
    kept = [key for key in kept if plain_key(key) not in BOOKKEEPING]
    if kept:
        return _by_parameters(runs, kept, aside, metric, source)
    return _by_names(runs, aside, metric, source)


def _by_parameters(
    runs: Sequence[LoggedRun], kept: Sequence[str], aside: tuple[str, ...], metric: str, source: str
) -> Repeats:
    names = [_labelled(run, kept, alone=False) for run in runs]
    if len(runs) > 2 and len(set(names)) == len(runs):
        raise StudyError(
            f"{source}: no two of the {len(runs)} runs have the same parameters, so nothing says which repeat each "
            f"other: they differ in {first_names(kept, 8)}",
            hint="Name what tells the variants apart, --by KEY (or several: --by lr,dropout); or the parameter that "
            "is the seed, --replicate KEY.",
        )
    notes = [Note("logged.repeats", {"keys": tuple(kept)})]
    if aside:
        notes.append(Note("logged.bookkeeping", {"keys": aside}))
    return _placed(runs, names, metric, " and ".join(kept), notes)


def _by_names(runs: Sequence[LoggedRun], aside: tuple[str, ...], metric: str, source: str) -> Repeats:
    for label in ("group", "job_type"):
        names = [run.labels.get(label, "") for run in runs]
        if all(names) and len(set(names)) > 1:
            return _placed(runs, names, metric, label, [Note("logged.repeats_by_label", {"key": label})])
    names = [parts_of_name(run.name)[0] or "unnamed" for run in runs]
    if len(set(names)) < 2 or (len(runs) > 2 and len(set(names)) == len(runs)):
        known = [key for key in _parameters(runs) if not _is_replicate(key)]
        said = f"they have {first_names(known)}" if known else "none has any parameter"
        raise StudyError(
            f"{source}: nothing says which of the {len(runs)} runs are of one variant: no parameter but a seed differs "
            f"({said}), and their names do not tell ({first_names([run.name for run in runs], 4)})",
            hint="Name the parameter of the variants, --by KEY; or call the runs VARIANT_seed0, or put them into a "
            "folder for each variant.",
        )
    notes = [Note("logged.repeats_by_name", {"first": runs[0].name, "name": names[0]})]
    if aside:
        notes.append(Note("logged.bookkeeping", {"keys": aside}))
    return _placed(runs, names, metric, "name", notes)


def _placed(
    runs: Sequence[LoggedRun], names: Sequence[str], metric: str, by: str, notes: Sequence[Note] = ()
) -> Repeats:
    """The runs with their names, without those that repeat another one exactly."""
    seen: set[tuple[object, ...]] = set()
    kept: list[Tracked] = []
    copies = 0
    for run, name in zip(runs, names, strict=True):
        labels = tuple(sorted((key, plain_label(text)) for key, text in run.keys.items() if _is_replicate(key)))
        mark = (name, labels, run.metrics[metric])
        if labels and mark in seen:
            copies += 1
            continue
        seen.add(mark)
        kept.append(Tracked(run.name, name, {**run.labels, **run.keys}, run.metrics[metric]))
    said = [*notes, Note("logged.copies", {"runs": copies})] if copies else list(notes)
    return Repeats(tuple(kept), by, tuple(said))


# --- names ------------------------------------------------------------------------------------


def parts_of_name(name: str) -> tuple[str, str, str]:
    """What a run's name says: `bn_seed0` is of bn, seed 0. Empty where it says nothing: variant, word, number."""
    plain = name.strip().strip("/")
    match = _AT_END.fullmatch(plain) or _AT_START.fullmatch(plain) or _NUMBER.fullmatch(plain)
    if match is None:
        return plain, "", ""
    word = match.groupdict().get("word") or "run"
    return (match["rest"] or "").strip(" _-./"), word.lower(), match["number"]


def _with_name(run: LoggedRun) -> dict[str, str]:
    """A run's parameters, and the seed or fold that only its name says."""
    _, word, number = parts_of_name(run.name)
    if word not in TOGETHER or any(_is_replicate(key) for key in run.keys):
        return dict(run.keys)
    return {**run.keys, word: number}


def _labelled(run: LoggedRun, keys: Sequence[str], *, alone: bool) -> str:
    if alone:
        return _value(run, keys[0])
    shown = [(key, _value(run, key)) for key in keys]
    parts = [text if plain_key(key) in VARIANT else f"{key}={text}" for key, text in shown if text]
    return ", ".join(parts) or f"without {first_names(keys, 4)}"


def _value(run: LoggedRun, key: str) -> str:
    return run.keys.get(key, run.labels.get(key, ""))


def _parameters(runs: Sequence[LoggedRun]) -> list[str]:
    return list(dict.fromkeys(key for run in runs for key in run.keys))


def _all_keys(runs: Sequence[LoggedRun]) -> list[str]:
    return list(dict.fromkeys([*_parameters(runs), *(key for run in runs for key in run.labels)]))


def _is_replicate(key: str) -> bool:
    return plain_key(key) in _IS_REPLICATE


def spread_of_ends(runs: Sequence[LoggedRun], metric: str) -> Mapping[str, int] | None:
    """The smallest and the largest step at which runs logged the metric last; None where they agree."""
    ends = [run.ends[metric] for run in runs if metric in run.ends]
    return {"first": min(ends), "last": max(ends)} if len(set(ends)) > 1 else None
