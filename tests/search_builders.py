"""Searches of the toy trainer, whose best setting is known: more gain is more accuracy."""

from __future__ import annotations

from pathlib import Path

from ablate.search import SearchQuestion, make_question
from ablate.study.load import load_study
from ablate.study.study import Study
from ablate.workflows.options import Options
from ablate.workflows.search.result import SearchOptions, SearchRun
from ablate.workflows.search.run import run_search

STUDY = """\
study: toy
trainer: ablate.toy:train
base: {skill: 60.0, epochs: EPOCHS, seconds: SECONDS}
evidence: {metric: accuracy, val: 0.2, test: {folds: 3}, replicates: [3]}
"""
SPACE = "{gain: {low: 0.0, high: 30.0}, noise: [0.5, 1.0]}"


def a_study_file(
    folder: Path, search: str | None = None, *, extra: str = "", epochs: int = 1, seconds: float = 0.0
) -> Path:
    """A study of the toy with a `search:` (by default over gain and noise) and whatever else."""
    path = folder / "toy.yaml"
    text = STUDY.replace("EPOCHS", str(epochs)).replace("SECONDS", str(seconds)) + extra
    if search is None:
        search = f"{{space: {SPACE}}}"
    path.write_text(text + (f"search: {search}\n" if search else ""), encoding="utf-8")
    return path


def a_search_study(folder: Path, search: str | None = None, *, extra: str = "") -> Study:
    """The same, loaded."""
    return load_study(a_study_file(folder, search, extra=extra))


def a_question(folder: Path, search: str | None = None, *, extra: str = "") -> SearchQuestion:
    """What that search asks."""
    return make_question(a_search_study(folder, search, extra=extra))


def searched(path: Path, trials: int | None = None, **options: object) -> SearchRun:
    """A search in this process, one run after the other, without MLflow."""
    search = SearchOptions(trials=trials, **options)  # type: ignore[arg-type]
    return run_search(
        load_study(path), search=search, work=path.parent, options=Options(executor="inline", track=False)
    )
