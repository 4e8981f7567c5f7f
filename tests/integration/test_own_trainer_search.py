"""A search over a trainer of one's own leaves the test images alone, or says that nobody knows."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ablate.cli.search_results import search_json
from ablate.records import Failed, Finished, RunSpec
from ablate.store.journal import read_result
from ablate.study.load import load_study
from ablate.trainer import search_first
from ablate.workflows.options import Options
from ablate.workflows.run import run_study
from ablate.workflows.search.report import facts_of
from ablate.workflows.search.result import SearchOptions, SearchRun
from ablate.workflows.search.run import run_search
from ablate.workflows.session import open_session

DOCS = Path(__file__).parents[2] / "docs"

STUDY = """\
study: own
trainer: TRAINER:train
base: {epochs: 2}
evidence: {test: TEST, replicates: [2]}
"""
SEARCH = "search: {val: 0.1, trials: 3, space: {lr: {low: 0.1, high: 1.0}}, confirm: {top: 1, replicates: 2}MORE}\n"
TUNE = "tune: {val: 0.1, trials: 2, space: {lr: {low: 0.1, high: 1.0}}MORE}\n"

BY_ITSELF = """
import numpy as np
import ablate

class Config(ablate.Settings):
    lr: float = 0.5
    epochs: int = 2

def train(config: Config, run: ablate.Run):
    PARTS
    score = (np.random.default_rng(run.replicate.seed32("luck")).random(len(judged)) < config.lr).astype("f4")
    run.epoch(1, {"train/loss": 1.0})
    np.savez(run.folder / "o.npz", id=np.array(IDS)[judged], score=score)
    RETURN
"""
OUTCOME = 'return ablate.Outcome(metrics={"accuracy": score.mean()}, images=run.folder / "o.npz")'
WRONG = {
    "splits by itself": ("judged = list(range(20))", OUTCOME, "did not take its parts from run.split"),
    "returns numbers alone": (
        "judged = run.split(IDS, [0] * 100).judged",
        'return {"accuracy": score.mean()}',
        "returned numbers alone",
    ),
    "is judged on the images it is fitted on": (
        "judged = run.split(IDS, [0] * 100).fit",
        OUTCOME,
        "others, of parts.fit",
    ),
    "is judged on what it was not handed": (
        "parts = run.split(IDS, [0] * 100); judged = sorted(set(range(100)) - set(parts.fit) - set(parts.val))",
        OUTCOME,
        "in none of its parts",
    ),
    "returns an accuracy of other images": (
        "judged = run.split(IDS, [0] * 100).judged",
        'return ablate.Outcome(metrics={"accuracy": 0.123}, images=run.folder / "o.npz")',
        "accuracy = 0.123",
    ),
}


@pytest.fixture(autouse=True)
def fresh_modules(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Trainers of one name in several folders."""
    monkeypatch.setattr(sys, "path", list(sys.path))
    known = set(sys.modules)
    yield
    for name in set(sys.modules) - known:
        if name in ("own_trainer", "by_itself"):
            del sys.modules[name]


def a_study(
    folder: Path, block: str, *, trainer: str = "own_trainer", test: str = "{folds: 5}", more: str = ""
) -> Path:
    """A study of docs/own_trainer.py, or of a trainer written for the occasion."""
    if trainer == "own_trainer":
        shutil.copy(DOCS / "own_trainer.py", folder)
    path = folder / "own.yaml"
    text = STUDY.replace("TRAINER", trainer).replace("TEST", test) + block.replace("MORE", more)
    path.write_text(text, encoding="utf-8")
    search_first(folder)
    return path


def write_trainer(folder: Path, parts: str, returned: str) -> None:
    """by_itself.py, with these two lines."""
    code = BY_ITSELF.replace("PARTS", parts).replace("RETURN", returned)
    code = code.replace("IDS", "[str(i) for i in range(100)]")
    (folder / "by_itself.py").write_text(code, encoding="utf-8")


def searched(path: Path, **options: Any) -> SearchRun:
    """A search in this process."""
    fields: dict[str, Any] = {"executor": "inline", "track": False} | options
    return run_search(load_study(path), search=SearchOptions(), work=path.parent, options=Options(**fields))


def judged_ids(work: Path) -> tuple[list[set[str]], list[set[str]]]:
    """The ids of every run's scores: of sealed runs, and of all others."""
    sealed, opened = [], []
    for path in sorted(work.glob(".ablate/runs/*/*/spec.json")):
        result = read_result(path.parent)
        if not isinstance(result, Finished) or result.images is None:
            continue
        with np.load(path.parent / result.images) as columns:
            ids = set(columns["id"].tolist())
        spec = RunSpec.from_json(json.loads(path.read_text())["spec"])
        (sealed if spec.protocol.sealed else opened).append(ids)
    return sealed, opened


@pytest.mark.parametrize("test", ["{folds: 5}", "{share: 0.2}"])
def test_a_search_never_meets_an_image_the_confirmation_is_tested_on(test: str, tmp_path: Path) -> None:
    """docs/own_trainer.py as it is: trials are judged on validation images, the confirmation on others."""
    found = searched(a_study(tmp_path, SEARCH, test=test))
    trials, confirmed = judged_ids(tmp_path)

    assert len(trials) == 3
    assert len(confirmed) == 4
    assert len(set(map(frozenset, confirmed))) == 1
    assert all(ids.isdisjoint(confirmed[0]) and len(ids) == 180 for ids in trials)
    assert found.unchecked == ""
    assert "no trial was handed its images" in found.page.read_text(encoding="utf-8")


@pytest.mark.slow
def test_neither_do_trials_in_processes_of_their_own(tmp_path: Path) -> None:
    """A pool's workers hand out the same parts, and a second call finds them checked."""
    path = a_study(tmp_path, SEARCH)
    searched(path, executor="pool", workers=2)
    trials, confirmed = judged_ids(tmp_path)
    again = searched(path)

    assert all(ids.isdisjoint(confirmed[0]) for ids in trials)
    assert (again.trained, again.unchecked) == (0, "")


def test_neither_does_a_tuning(tmp_path: Path) -> None:
    """Every variant's search leaves the test part of the study alone."""
    path = a_study(tmp_path, "chain: {decay: {weight_decay: 1e-3}}\n" + TUNE, test="{share: 0.2}")
    done = run_study(load_study(path), work=tmp_path, options=Options(executor="inline", track=False))
    trials, tested = judged_ids(tmp_path)

    assert (len(trials), len(tested)) == (4, 4)
    assert all(ids.isdisjoint(tested[0]) for ids in trials)
    assert "no trial read a test image" in done.report.read_text(encoding="utf-8")


@pytest.mark.parametrize("wrong", WRONG)
def test_a_trainer_nobody_can_check_is_not_searched(wrong: str, tmp_path: Path) -> None:
    """Its first trial fails, with what to do about it, and ends the search."""
    parts, returned, words = WRONG[wrong]
    write_trainer(tmp_path, parts, returned)
    found = searched(a_study(tmp_path, SEARCH, trainer="by_itself"))

    assert [trial.state for trial in found.tried] == ["failed"]
    assert words in found.stopped
    assert found.exit_code == 1


def test_a_study_takes_such_a_trainer_as_before(tmp_path: Path) -> None:
    """Only a search has to know on which images a run was judged."""
    write_trainer(tmp_path, *WRONG["splits by itself"][:2])
    path = a_study(tmp_path, "chain: {faster: {lr: 0.9}}\n", trainer="by_itself")
    done = run_study(load_study(path), work=tmp_path, options=Options(executor="inline", track=False))

    assert (done.exit_code, done.trained) == (0, 4)


@pytest.mark.parametrize("wrong", ["splits by itself", "returns numbers alone"])
def test_split_trainer_searches_it_and_says_so_everywhere(
    wrong: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """On the terminal, in --json, on the page and in the confirmation's report."""
    from ablate.cli.search_results import show_search

    write_trainer(tmp_path, *WRONG[wrong][:2])
    found = searched(a_study(tmp_path, SEARCH, trainer="by_itself", more=", split: trainer"))
    show_search(found)
    terminal = capsys.readouterr()
    words = "the trainer splits the images by itself, and nobody checked that fold 0 was unread"
    page = found.page.read_text(encoding="utf-8")

    assert [trial.state for trial in found.tried] == ["complete"] * 3
    assert found.unchecked == words == search_json(found)["unchecked"]
    assert words[1:] in " ".join((terminal.out + terminal.err).split())
    assert words[1:] in page
    assert "is sealed" not in page
    assert found.confirmation is not None
    assert "it was not checked" in found.confirmation.report.read_text(encoding="utf-8")


def test_the_way_out_of_a_refusal_works_without_an_option(tmp_path: Path) -> None:
    """`split: trainer`, as the refusal said: what failed because more was asked is no answer any more."""
    write_trainer(tmp_path, *WRONG["returns numbers alone"][:2])
    refused = searched(a_study(tmp_path, SEARCH, trainer="by_itself"))
    found = run_search(
        load_study(a_study(tmp_path, SEARCH, trainer="by_itself", more=", split: trainer")),
        search=SearchOptions(name="by-itself"),  # the same suggestions again
        work=tmp_path,
        options=Options(executor="inline", track=False),
    )

    assert refused.stopped
    assert (found.stopped, found.known_to_fail) == ("", 0)
    assert [trial.state for trial in found.tried] == ["complete"] * 3


def test_a_tuning_says_so_too(tmp_path: Path) -> None:
    """In the report of the study."""
    write_trainer(tmp_path, *WRONG["splits by itself"][:2])
    block = "chain: {longer: {epochs: 3}}\n" + TUNE
    path = a_study(tmp_path, block, trainer="by_itself", test="{share: 0.2}", more=", split: trainer")
    done = run_study(load_study(path), work=tmp_path, options=Options(executor="inline", track=False))
    report = done.report.read_text(encoding="utf-8")

    assert "it was not checked that no trial read a test image" in report
    assert "; no trial read a test image" not in report


def test_trials_of_a_version_that_did_not_check_are_shown_and_no_answer(tmp_path: Path) -> None:
    """The page says of them that nobody knows; a suggestion that equals one is trained."""
    path = a_study(tmp_path, SEARCH)
    searched(path)
    for journal in tmp_path.glob(".ablate/runs/*/*/journal.jsonl"):
        forget_parts(journal)
    again = searched(path)

    assert (again.trained, len(again.tried)) == (0, 3)
    assert "3 of 3 finished trials were made by a version that did not check" in again.unchecked
    assert again.unchecked in facts_of(again, open_session(load_study(path), tmp_path)).test
    other = run_search(
        load_study(path),
        search=SearchOptions(name="afresh"),
        work=tmp_path,
        options=Options(executor="inline", track=False),
    )
    assert other.answered == 0
    assert other.unchecked == ""


def forget_parts(journal: Path) -> None:
    """A finished run as older versions wrote it."""
    from ablate.store.journal import Journal, read_events

    events, _ = read_events(journal.parent)[:2]
    journal.unlink()
    fresh = Journal(journal.parent)
    for event in events:
        fresh.append(event.kind, {key: value for key, value in event.data.items() if key != "parts"})


def test_a_repaired_trainer_needs_no_new_name(tmp_path: Path) -> None:
    """The failed trial stands; the next ones are checked and count."""
    write_trainer(tmp_path, *WRONG["splits by itself"][:2])
    path = a_study(tmp_path, SEARCH, trainer="by_itself")
    command = [sys.executable, "-m", "ablate", "optuna", str(path), "--no-tracking", "--executor", "inline"]
    first = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    write_trainer(tmp_path, "judged = run.split(IDS, [0] * 100).judged", OUTCOME)
    second = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    failures = [
        result for path in tmp_path.glob(".ablate/runs/*/001") if isinstance(result := read_result(path), Failed)
    ]

    assert first.returncode == 1
    assert "run.split" in first.stdout
    assert "2 of 3 trials finished" in second.stdout
    assert len(failures) == 1
