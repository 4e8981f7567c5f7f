"""A search by Optuna is a Source of runs like any other, on the torch-free toy."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from ablate.errors import Held, StudyError
from ablate.files import locked
from ablate.records import Finished
from ablate.store.journal import read_events
from ablate.store.run_names import fingerprint_of
from ablate.store.work_folder import Store
from ablate.study.load import load_study
from ablate.study.plan import make_plan
from ablate.workflows.options import Options
from ablate.workflows.run import run_study
from ablate.workflows.search.result import SearchOptions, SearchRun
from ablate.workflows.search.run import run_search

STUDY = """\
study: toy
trainer: ablate.toy:train
base: {skill: 60.0, epochs: 1, seconds: SECONDS}
evidence: {metric: accuracy, val: 0.2, test: {folds: 3}, replicates: [3]}
search:
  space:
    gain: {low: 0.0, high: 30.0}
    noise: [0.0, 1.0]
"""


@pytest.fixture
def study(tmp_path: Path) -> Path:
    """A study with a search space and nothing else."""
    path = tmp_path / "toy.yaml"
    path.write_text(STUDY.replace("SECONDS", "0.0"), encoding="utf-8")
    return path


def search(study: Path, trials: int, *, retry_failed: bool = False) -> SearchRun:
    """A search in this process, without MLflow."""
    options = Options(executor="inline", track=False, retry_failed=retry_failed)
    return run_search(load_study(study), search=SearchOptions(trials=trials), work=study.parent, options=options)


def test_trials_is_the_total(study: Path) -> None:
    """Asking again for as many trains nothing; asking for more adds the difference."""
    trained = [search(study, trials).trained for trials in (6, 6, 9)]

    assert trained == [6, 0, 3]


def test_the_base_is_tried_first_where_it_lies_in_the_space(study: Path) -> None:
    """Every search says what it gained over its base."""
    study.write_text(study.read_text().replace("noise: [0.0, 1.0]", "noise: [1.0, 2.0]"), encoding="utf-8")

    assert dict(search(study, 2).tried[0].point) == {"gain": 0.0, "noise": 1.0}


def test_the_best_setting_has_the_best_validation_value(study: Path) -> None:
    """More gain is more accuracy, and the search finds it."""
    found = search(study, 20)
    assert found.best is not None

    assert found.best.value == max(trial.value for trial in found.tried if trial.value is not None)
    assert found.best.point["gain"] > 15
    shares = {row.name: row for row in found.importance}
    assert shares["gain"].fanova > shares["noise"].fanova


def test_trials_never_read_the_test_images(study: Path) -> None:
    """Every trial's protocol is sealed, and is judged on validation."""
    found = search(study, 4)

    assert found.question.protocol.sealed
    assert {spec.protocol for trial in found.tried for spec in found.question.specs(trial.point).values()} == {
        found.question.protocol
    }
    assert {found.question.protocol.val} == {0.1}


def test_a_suggestion_that_equals_a_finished_run_is_answered_from_the_records(study: Path) -> None:
    """Two choices can be tried twice only once each."""
    study.write_text(study.read_text().replace("    gain: {low: 0.0, high: 30.0}\n", ""), encoding="utf-8")
    found = search(study, 6)

    assert (found.trained, found.answered) == (2, 4)


def test_a_changed_space_is_refused_with_what_changed(study: Path) -> None:
    """Trials of two spaces are not one search."""
    search(study, 2)
    study.write_text(study.read_text().replace("high: 30.0", "high: 40.0"), encoding="utf-8")

    with pytest.raises(StudyError, match="gain: number from 0 to 30 -> number from 0 to 40"):
        search(study, 4)


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("gain: {", "gian: {", "gain"),
        ("{low: 0.0, high: 30.0}", "{low: 5.0, high: 3.0}", "is not below"),
        ("{low: 0.0, high: 30.0}", "{low: 0.0, high: 3.0, log: true}", "log"),
        ("[0.0, 1.0]", "[0.0, much]", "noise"),
    ],
)
def test_a_space_the_trainer_refuses_is_refused_before_the_first_trial(
    study: Path, old: str, new: str, said: str
) -> None:
    """Keys, bounds and choices are tried against the schema, and nothing is written."""
    study.write_text(study.read_text().replace(old, new), encoding="utf-8")

    with pytest.raises(StudyError, match=said):
        search(study, 2)
    assert [path.name for path in study.parent.iterdir()] == ["toy.yaml"]


def test_a_torn_last_line_of_optunas_journal_is_mended(study: Path) -> None:
    """A killed writer leaves half a line; the search goes on."""
    search(study, 3)
    journal = study.parent / ".ablate/studies/toy-search/optuna.journal"
    with journal.open("ab") as stream:
        stream.write(b'{"op_code": 4, "wor')

    assert [search(study, trials).trained for trials in (4, 5)] == [1, 1]


def test_a_killed_search_tells_optuna_the_truth_when_it_is_started_again(study: Path) -> None:
    """kill -9 in the middle: what was finished counts, what was running is finished, nothing is lost."""
    study.write_text(STUDY.replace("SECONDS", "0.4"), encoding="utf-8")
    program = "from ablate.cli import main; main()"
    command = [sys.executable, "-c", program, "optuna", str(study), "--trials", "8", "--no-tracking"]
    process = subprocess.Popen(
        [*command, "--workers", "2", "--work", str(study.parent)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    store = Store(study.parent)
    deadline = time.monotonic() + 300
    while time.monotonic() < deadline and _finished(store) < 3:
        time.sleep(0.05)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    before = _finished(store)
    found = search(study, 8)

    assert 3 <= before < 8
    assert len(found.tried) == 8
    assert [trial.state for trial in found.tried] == ["complete"] * 8
    assert _finished(store) == 8 - found.answered


def _finished(store: Store) -> int:
    runs = store.root / "runs"
    names = [path.name for path in runs.iterdir()] if runs.is_dir() else []
    return sum(any(isinstance(result, Finished) for result in store.results(name)) for name in names)


def test_the_best_setting_is_a_study_that_runs(study: Path) -> None:
    """best.yaml compares it with the baseline; nothing has to be edited."""
    found = search(study, 8)
    best = load_study(found.page.parent / "best.yaml")
    done = run_study(best, work=study.parent, options=Options(executor="inline", track=False))
    assert found.best is not None

    assert best.name == "toy-best"
    assert make_plan(best).variant("best setting").config["gain"] == found.best.point["gain"]
    assert done.findings.effects[0].decision.verdict == "better"


def test_a_search_stops_where_nothing_gets_better(study: Path) -> None:
    """Trials in a row without a new best are counted over all calls."""
    text = study.read_text().replace("search:\n", "search:\n  stop_when: {no_improvement: 3}\n")
    study.write_text(text.replace("    gain: {low: 0.0, high: 30.0}\n", ""), encoding="utf-8")
    found = search(study, 30)

    assert found.stopped == "no improvement in 3 trials"
    assert len(found.tried) < 10
    assert search(study, 30).trained == 0


def test_a_changed_search_goes_on_under_a_new_name(study: Path) -> None:
    """What the records answer of the old search is taken along, and not trained again."""
    search(study, 5)
    study.write_text(study.read_text().replace("high: 30.0", "high: 40.0"), encoding="utf-8")
    options = Options(executor="inline", track=False)
    wanted = SearchOptions(trials=7, name="wider")
    found = run_search(load_study(study), search=wanted, work=study.parent, options=options)

    assert (found.name, len(found.tried), found.answered, found.trained) == ("wider", 7, 5, 2)


def test_a_base_outside_the_space_is_tried_beside_the_search(study: Path) -> None:
    """It is no trial of Optuna's, and every search still says what it gained over its base."""
    study.write_text(study.read_text().replace("{low: 0.0, high: 30.0}", "{low: 10.0, high: 30.0}"), encoding="utf-8")
    found = search(study, 3)

    assert [trial.name for trial in found.tried] == ["baseline", "trial 0", "trial 1", "trial 2"]
    assert "of the baseline" in found.page.read_text(encoding="utf-8")


def test_a_second_coordinator_is_told_who_holds_the_search(study: Path) -> None:
    """Exit code 75, by the name of the process."""
    with (
        locked(study.parent / ".ablate/studies/toy-search/lock"),
        pytest.raises(Held, match="in use by process") as held,
    ):
        search(study, 2)

    assert held.value.exit_code == 75


def test_a_trial_that_diverged_is_told_as_given_up(study: Path) -> None:
    """The sampler keeps away from it; the search ends well, and says which it was."""
    study.write_text(study.read_text().replace("noise: [0.0, 1.0]", "fail: [null, diverge]"), encoding="utf-8")
    found = search(study, 6)

    assert {trial.state for trial in found.tried} == {"complete", "diverged"}
    assert found.exit_code == 0
    assert "diverged" in found.page.read_text(encoding="utf-8")


WAITING = """\
import os, time
import ablate

METRICS = {"accuracy": "max"}


class Config(ablate.Settings):
    gain: float = 0.0


def train(config: Config, run: ablate.Run):
    found = run.resume()
    for epoch in range(1 if found is None else int(found.read_text()) + 1, 11):
        run.epoch(epoch, {"val/accuracy": config.gain})
        run.checkpoint(lambda path: path.write_text(str(epoch)))
        if epoch == 3 and "TO_BE_KILLED" in os.environ:
            (run.folder / "waits").touch()
            time.sleep(600)
    return {"accuracy": config.gain}
"""


def test_trials_of_a_killed_search_go_on_from_their_checkpoints(study: Path) -> None:
    """kill -9 in the middle of parallel trials: no epoch that a checkpoint holds is trained again."""
    (study.parent / "waiting_trainer.py").write_text(WAITING, encoding="utf-8")
    study.write_text(
        """\
study: waiting
trainer: waiting_trainer:train
base: {gain: 0.5}
evidence: {metric: accuracy, test: {share: 0.2}, replicates: [2]}
search: {val: 0.2, split: trainer, space: {gain: {low: 0.1, high: 0.9}}}
""",
        encoding="utf-8",
    )
    command = [sys.executable, "-c", "from ablate.cli import main; main()", "optuna", str(study)]
    command += ["--trials", "4", "--workers", "2", "--no-tracking", "--json"]
    process = subprocess.Popen(
        command, cwd=study.parent, env=os.environ | {"TO_BE_KILLED": "1"},
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    runs = study.parent / ".ablate/runs"
    deadline = time.monotonic() + 300  # never reached but by a search that trains nothing
    while time.monotonic() < deadline and process.poll() is None and len(list(runs.glob("*/001/waits"))) < 2:
        time.sleep(0.02)
    process.kill()
    process.wait()
    before = {path.parents[1].name for path in runs.glob("*/001/waits")}
    done = subprocess.run(command, cwd=study.parent, capture_output=True, text=True, timeout=600, check=True)
    found = json.loads(done.stdout)
    epochs = {
        name: [
            event.data["epoch"] for event in read_events(runs / name / "002")[0] if event.kind in ("resumed", "epoch")
        ]
        for name in before
    }

    assert len(before) == 2
    assert (found["trials"], found["complete"]) == (4, 4)
    assert all(seen == [3, *range(4, 11)] for seen in epochs.values())


def test_two_objectives_give_a_front(study: Path) -> None:
    """Trials that no other beats in both, on the page with a figure, in the order of their costs."""
    text = study.read_text().replace("search:\n", "search:\n  objective: [accuracy, parameters]\n")
    study.write_text(text, encoding="utf-8")
    found = search(study, 4)
    best = max(trial.value for trial in found.tried if trial.value is not None)

    assert found.front
    assert {trial.values for trial in found.front} == {(best, 1.0)}  # every toy has one parameter
    assert (found.page.parent / "figures/front.png").exists()
    assert "No other is better in both" in found.page.read_text(encoding="utf-8")


def test_a_base_beside_the_search_is_counted_beside_its_trials(study: Path) -> None:
    """Three trials and the baseline are four of four runs, not of three."""
    study.write_text(study.read_text().replace("{low: 0.0, high: 30.0}", "{low: 10.0, high: 30.0}"), encoding="utf-8")
    seen = []
    options = Options(executor="inline", track=False)
    wanted = SearchOptions(trials=3)
    run_search(
        load_study(study), search=wanted, work=study.parent, options=options,
        on_progress=lambda progress: seen.append((progress.done, progress.total)),
    )  # fmt: skip

    assert seen[-1] == (4, 4)


def test_what_failed_is_not_trained_again_unasked(study: Path) -> None:
    """A suggestion that equals a failed run has failed; `--retry-failed` tries what failed, beyond the total."""
    text = study.read_text().replace("gain: {low: 0.0, high: 30.0}", "fail: [null, error]")
    study.write_text(text.replace("    noise: [0.0, 1.0]\n", ""), encoding="utf-8")
    found = search(study, 6)
    again = search(study, 6, retry_failed=True)
    attempts = {len(Store(study.parent).attempts(name.name)) for name in (study.parent / ".ablate/runs").iterdir()}

    assert found.trained == 2
    assert found.known_to_fail >= 1
    assert found.known_to_fail + found.answered == 4
    assert found.exit_code == 1
    assert again.trained == 1
    assert attempts == {1, 2}


@pytest.mark.parametrize(("choices", "code"), [("[diverge]", 1), ("[null, diverge]", 0)])
def test_a_search_of_which_no_trial_came_to_a_value_has_failed(choices: str, code: int, study: Path) -> None:
    """A trial that diverged is an answer beside others; alone, also beside a baseline that is no trial, it is none."""
    text = study.read_text().replace("gain: {low: 0.0, high: 30.0}", f"fail: {choices}")
    study.write_text(text.replace("    noise: [0.0, 1.0]\n", ""), encoding="utf-8")
    found = search(study, 4)
    again = search(study, 4)

    assert "diverged" in {trial.state for trial in found.tried}
    assert (found.exit_code, again.exit_code) == (code, code)


def test_the_best_trial_can_be_called_best(study: Path) -> None:
    """`predict` and `explain` take STUDY-search/best."""
    found = search(study, 6)
    store = Store(study.parent)
    assert found.best is not None

    assert fingerprint_of("toy-search/best", store) == fingerprint_of(f"toy-search/{found.best.name}", store)
