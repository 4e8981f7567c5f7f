"""What holds for a whole command, however many searches, looks and runs it goes through."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path

import pytest

from ablate.errors import StudyError
from ablate.protocols import Run
from ablate.search import TrialRecord
from ablate.splits.request import parts_of
from ablate.store.work_folder import Store
from ablate.study.load import load_study
from ablate.workflows.examine_data import cached
from ablate.workflows.join import join_study
from ablate.workflows.options import Options
from ablate.workflows.reopened_run import reopened
from ablate.workflows.rollback import rollback_on_refusal
from ablate.workflows.run import run_study
from ablate.workflows.search.memory import refuse_taken_name
from ablate.workflows.search.result import SearchOptions
from ablate.workflows.search.run import run_search
from ablate.workflows.session import clocked, interruption_of, open_session
from tests.search_builders import a_study_file, searched
from tests.training_builders import a_spec

HOPELESS = {
    "study": "hopeless",
    "trainer": "ablate.toy:train",
    "base": {"images": 60, "epochs": 1},
    "one_at_a_time": {"broken": {"fail": "error"}},
    "evidence": {"test": {"folds": 3}, "replicates": [2, 4, 6]},
}
TUNED = """\
study: tuned
trainer: ablate.toy:train
base: {skill: 50.0, epochs: 1, seconds: 0.5}
one_at_a_time:
  A: {noise: 0.2}
evidence: {test: {share: 0.2}, replicates: [2], val: 0.1}
tune: {space: {gain: {low: 0.0, high: 30.0}}, trials: 3}
"""


def attempts_at(variant: str, path: Path) -> list[int]:
    """How often each run of a variant was begun."""
    session = open_session(load_study(path), path.parent)
    return [len(session.store.attempts(spec.fingerprint)) for one, spec in session.plan.runs(3) if one.name == variant]


def hopeless(folder: Path) -> Path:
    """A study with a variant that fails whenever it is tried, and three looks."""
    path = folder / "hopeless.yaml"
    path.write_text(json.dumps(HOPELESS))
    return path


@pytest.mark.parametrize("command", [run_study, join_study])
def test_what_failed_is_tried_again_once_a_command(tmp_path: Path, command: object) -> None:
    """Not once a look: neither what had failed before, nor what fails in this very command."""
    path = hopeless(tmp_path)
    options = Options(executor="inline", track=False, look=1)
    command(load_study(path), work=tmp_path, options=options)  # type: ignore[operator]
    again = Options(executor="inline", track=False, look=3, retry_failed=True)
    command(load_study(path), work=tmp_path, options=again)  # type: ignore[operator]

    assert attempts_at("only broken", path) == [2, 2, 1, 1, 1, 1]


def test_a_setting_that_fails_again_is_not_tried_a_third_time_by_the_same_search(tmp_path: Path) -> None:
    """A space of two points meets the failing one again and again."""
    path = a_study_file(tmp_path, "{space: {fail: [null, error]}, sampler: random}")
    first = searched(path, 8)
    failing = next(trial for trial in first.tried if trial.state == "failed")
    before = len(attempts_of(first.question.runs_of(failing.number, failing.point)[0].fingerprint, path))
    options = Options(executor="inline", track=False, retry_failed=True)
    again = run_search(load_study(path), search=SearchOptions(trials=20), work=tmp_path, options=options)

    assert before == 1
    assert sum(_fails(trial) for trial in again.tried) > sum(_fails(trial) for trial in first.tried) + 1
    assert len(attempts_of(first.question.runs_of(failing.number, failing.point)[0].fingerprint, path)) == 2


def _fails(trial: TrialRecord) -> bool:
    return trial.state == "failed"


def attempts_of(fingerprint: str, path: Path) -> list[Path]:
    """The attempts at a run of the study at this path."""
    return open_session(load_study(path), path.parent).store.attempts(fingerprint)


def test_the_time_given_is_that_of_the_whole_command(tmp_path: Path) -> None:
    """Two tunings of 1.5 s each do not both fit into 2 s, although each of them would."""
    path = tmp_path / "tuned.yaml"
    path.write_text(TUNED)

    with pytest.raises(KeyboardInterrupt):
        run_study(load_study(path), work=tmp_path, options=Options(executor="inline", track=False, seconds=2.0))


def test_the_clock_of_a_command_is_set_once() -> None:
    """Whoever asks later is told the same moment."""
    begun = clocked(Options(seconds=60.0))

    assert begun.until is not None
    assert clocked(begun).until == begun.until == interruption_of(begun).until
    assert interruption_of(clocked(Options())).until is None


def refused(store: Store, *files: str) -> None:
    """A request for the study `mine` that is refused after these files were written."""

    def write_and_refuse() -> None:
        with rollback_on_refusal(store, "mine"):
            for file in files:
                (store.root / file).parent.mkdir(parents=True)
                (store.root / file).touch()
            raise StudyError("no")

    with pytest.raises(StudyError, match="no"):
        write_and_refuse()


def test_a_refused_request_leaves_what_other_commands_have_begun(tmp_path: Path) -> None:
    """In a folder that held nothing before: its own study goes, the cache and other studies stay."""
    store = Store(tmp_path)
    refused(store, "studies/mine/plan.json", "studies/other/plan.json", "cache/decoded/pixels")
    left = {path.relative_to(store.root).as_posix() for path in store.root.rglob("*") if path.is_file()}

    assert left == {"studies/other/plan.json", "cache/decoded/pixels"}


@pytest.mark.parametrize("folder", ["looked", "descriptions"])
def test_a_refused_request_leaves_the_cache_to_commands_without_a_study(folder: str, tmp_path: Path) -> None:
    """`data stats` and `plan` use it and hold no lock."""
    store = Store(tmp_path)
    refused(store, "studies/mine/plan.json", "cache/decoded/pixels", f"cache/{folder}/memo")

    assert {path.name for path in store.root.rglob("*") if path.is_file()} == {"pixels", "memo"}


def test_data_stats_shows_that_it_uses_the_cache(tmp_path: Path) -> None:
    """Before anything is built there, so that what it builds is not taken away under it."""
    store = Store(tmp_path)
    seen: list[bool] = []
    cached(store, "decoded", lambda path: (seen.append(store.is_cache_shared()), path.touch())[1])

    assert seen == [True]


def test_a_refused_request_leaves_nothing_of_its_own(tmp_path: Path) -> None:
    """Where it was alone: its cache goes, too."""
    store = Store(tmp_path)
    studies = [f"studies/{name}/plan.json" for name in ("mine", "mine-confirm", "mine-tune-a-1234")]
    refused(store, *studies, "cache/decoded/pixels")

    assert not store.root.exists()


@pytest.mark.parametrize(("name", "is_good"), [("a" * 64, True), ("a" * 65, False), ("a@1", False), ("A", False)])
def test_a_searchs_new_name_is_what_its_refusal_says(tmp_path: Path, name: str, is_good: bool) -> None:  # noqa: FBT001
    """At most 64 of some characters; one that was begun under another rule goes on."""
    if is_good:
        refuse_taken_name(tmp_path, name, given=True)
        return
    with pytest.raises(StudyError, match="cannot be the name of a search"):
        refuse_taken_name(tmp_path, name, given=True)
    if name == "a@1":
        folder = Store(tmp_path).study(name)
        folder.mkdir(parents=True)
        (folder / "search.json").write_text("{}")
        refuse_taken_name(tmp_path, name, given=True)


def test_a_run_that_is_looked_at_again_leaves_no_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a trainer is handed for it lies in a temporary folder that ends with the look."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    unused = reopened(a_spec({}, trainer="ablate.toy:train"), Store(tmp_path))
    assert not list(tmp_path.glob("ablate-again-*"))  # nobody has a folder that no block takes away again
    del unused
    with reopened(a_spec({}, trainer="ablate.toy:train"), Store(tmp_path)) as run:
        (run.folder / "file").touch()
        assert run.folder.parent == tmp_path

    assert not list(tmp_path.glob("ablate-again-*"))


def test_a_run_that_is_looked_at_again_can_be_asked_all_that_a_trainer_asks(tmp_path: Path) -> None:
    """Its split is the one it was trained on; nobody asks it to stop."""
    spec = a_spec({}, trainer="ablate.toy:train")
    ids, targets = [str(i) for i in range(400)], [i % 2 for i in range(400)]
    with reopened(spec, Store(tmp_path)) as run:
        parts = run.split(ids, targets)

        assert parts == parts_of(ids, targets, None, (), spec.protocol, spec.replicate)[0]
        assert (run.stop_asked(), run.label) == (None, spec.fingerprint[:8])
        assert [name for name in dir(Run) if not name.startswith("_") and not hasattr(run, name)] == []
