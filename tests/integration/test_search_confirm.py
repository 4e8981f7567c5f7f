"""Confirmation: the best settings once more, on images no trial saw, and only once."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from ablate.errors import StudyError
from ablate.search import name_of
from ablate.store.work_folder import Store
from ablate.workflows.search.result import SearchRun
from tests.search_builders import a_study_file, searched

SEARCH = "{space: {gain: {low: 0.0, high: 30.0}, noise: [0.5, 1.0]}, confirm: {top: 2, replicates: 3}}"


@pytest.fixture(scope="module")
def confirmed(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, SearchRun]:
    """A search with its confirmation and the winner's changes one by one; the study file."""
    path = a_study_file(tmp_path_factory.mktemp("confirm"), SEARCH)
    return path, searched(path, 6, ablate_winner=True)


def test_the_best_settings_are_judged_against_the_baseline_on_the_sealed_part(
    confirmed: tuple[Path, SearchRun],
) -> None:
    """Fresh luck, the fold that was sealed, verdicts by the evidence engine."""
    found = confirmed[1].confirmation
    assert found is not None
    best_two = sorted((t for t in confirmed[1].tried if t.value is not None), key=lambda t: -(t.value or 0))[:2]
    specs = [json.loads((run.parent / "spec.json").read_text())["spec"] for run in _journals(confirmed[0])]
    confirming = [spec for spec in specs if spec["replicate"]["stream"] == "confirm"]

    assert list(found.settings) == [trial.name for trial in best_two]
    assert {effect.compared.family for effect in found.findings.effects} == {"confirmation", "changes of the winner"}
    assert all(effect.measured.n == 3 for effect in found.findings.effects)
    assert {str(spec["protocol"]["test"]) for spec in confirming} == {"{'first_fold_of': 3}"}
    assert {spec["protocol"]["sealed"] for spec in confirming} == {False}
    assert {spec["protocol"]["sealed"] for spec in specs if spec not in confirming} == {True}


def _journals(study: Path) -> list[Path]:
    return list((study.parent / ".ablate/runs").rglob("journal.jsonl"))


def test_the_winner_is_turned_back_one_parameter_at_a_time(confirmed: tuple[Path, SearchRun]) -> None:
    """Each change has its own comparison: the winner against itself without it."""
    found = confirmed[1].confirmation
    assert found is not None
    changes = [effect for effect in found.findings.effects if effect.compared.family == "changes of the winner"]

    assert {effect.compared.name for effect in changes} <= {"gain", "noise"}
    assert changes[0].compared.name == "gain"
    assert changes[0].decision.verdict == "better"


def test_a_second_call_reads_the_sealed_part_no_more(confirmed: tuple[Path, SearchRun]) -> None:
    """The same call trains nothing; trials that come later are named, and not confirmed."""
    path, first = confirmed
    before = len(_journals(path))
    again = searched(path, 6, ablate_winner=True)
    assert len(_journals(path)) == before
    more = searched(path, 14)
    assert first.confirmation is not None
    assert again.confirmation is not None
    assert more.confirmation is not None

    assert again.confirmation.settings == first.confirmation.settings == more.confirmation.settings
    assert len(_journals(path)) == before + more.trained == before + 8
    assert more.confirmation.later


def test_the_page_shows_what_the_settings_lost_on_the_way(confirmed: tuple[Path, SearchRun]) -> None:
    """Value in the search, confirmed value, the difference, and the same of the baseline."""
    text = confirmed[1].page.read_text(encoding="utf-8")

    assert "| Setting | In the search | Confirmed | Optimism | n | Against the baseline |" in text
    assert "\n| baseline | " in text
    assert "(confirmation/report.md)" in text
    assert (confirmed[1].page.parent / "confirmation/report.md").exists()


def test_confirmed_runs_have_names(confirmed: tuple[Path, SearchRun]) -> None:
    """For `predict` and `status`."""
    from ablate.store.run_names import fingerprint_of

    store = Store(confirmed[0].parent)
    best = confirmed[1].best
    assert best is not None

    assert store.finished(fingerprint_of(f"toy-search-confirm/{name_of(best.number)}/0", store))
    assert store.finished(fingerprint_of(f"toy-search/{name_of(best.number)}", store))


def test_the_winner_cannot_be_turned_back_unconfirmed(tmp_path: Path) -> None:
    """There is no winner before there is a confirmation."""
    with pytest.raises(StudyError, match="the search has no confirm"):
        searched(a_study_file(tmp_path), 2, ablate_winner=True)
    assert [path.name for path in tmp_path.iterdir()] == ["toy.yaml"]


CHOICES = (
    "{space: {gain: [0.0, 5.0, 10.0, 15.0], noise: [0.5, 1.0]}, sampler: random, confirm: {top: 2, replicates: 2}}"
)


def _confirming(path: Path) -> set[str]:
    """Fingerprints of the runs that read the sealed part."""
    specs = [json.loads((run.parent / "spec.json").read_text())["spec"] for run in _journals(path)]
    fold = {run.parent.parent.name for run in _journals(path)}
    opened = {
        run.parent.parent.name
        for run, spec in zip(_journals(path), specs, strict=True)
        if spec["replicate"]["stream"] == "confirm"
    }
    return fold & opened


def _begin_storage_anew(path: Path) -> Path:
    """What a damaged journal's hint says: move it away. The search's folder."""
    folder = path.parent / ".ablate/studies/toy-search"
    (folder / "optuna.journal").unlink()
    return folder


@pytest.mark.parametrize("trials", [2, 7])
def test_a_storage_begun_anew_confirms_what_was_confirmed(tmp_path: Path, trials: int) -> None:
    """Whatever its trials of the same numbers are, or where there are none: the sealed part is read for no other."""
    path = a_study_file(tmp_path, CHOICES)
    first = searched(path, 6)
    read = _confirming(path)
    _begin_storage_anew(path)
    path.write_text(path.read_text().replace("sampler: random", "sampler: random, enqueue: [{gain: 0.0, noise: 0.5}]"))
    again = searched(path, trials)
    assert first.confirmation is not None
    assert again.confirmation is not None

    assert again.confirmation.settings == first.confirmation.settings
    assert _confirming(path) == read
    assert again.confirmation.moved
    assert again.confirmation.moved[0] in again.page.read_text(encoding="utf-8")


def test_a_confirmation_of_an_earlier_version_is_recognised_by_its_runs(tmp_path: Path) -> None:
    """It froze numbers alone; its runs tell which settings they were, in the same storage or in a new one."""
    path = a_study_file(tmp_path, CHOICES)
    first = searched(path, 6)
    read = _confirming(path)
    frozen = path.parent / ".ablate/studies/toy-search/confirm.json"
    old = {"trials": json.loads(frozen.read_text())["trials"], "replicates": 2}
    frozen.write_text(json.dumps(old))
    same = searched(path, 6)
    frozen.write_text(json.dumps(old))
    _begin_storage_anew(path)
    path.write_text(path.read_text().replace("sampler: random", "sampler: random, enqueue: [{gain: 0.0, noise: 0.5}]"))
    anew = searched(path, 16)
    assert first.confirmation is not None
    assert same.confirmation is not None
    assert anew.confirmation is not None

    assert anew.confirmation.settings == same.confirmation.settings == first.confirmation.settings
    assert same.confirmation.moved == ()
    assert _confirming(path) == read


@pytest.mark.parametrize("version", ["numbers alone", "points"])
def test_a_confirmation_of_another_question_is_refused(tmp_path: Path, version: str) -> None:
    """A storage begun anew over another base: the sealed part was read for other settings than these."""
    path = a_study_file(tmp_path, CHOICES)
    searched(path, 6)
    read = _confirming(path)
    folder = _begin_storage_anew(path)
    if version == "numbers alone":
        frozen = json.loads((folder / "confirm.json").read_text())
        (folder / "confirm.json").write_text(json.dumps({key: frozen[key] for key in ("trials", "replicates")}))
    path.write_text(path.read_text().replace("skill: 60.0", "skill: 61.0"))

    with pytest.raises(StudyError, match="the confirmation was started for") as refused:
        searched(path, 6)
    assert "--new NAME" in refused.value.hint
    assert _confirming(path) == read


WORSE = "{space: {gain: [0.0, -5.0, -10.0], noise: [0.5, 0.2]}, sampler: random, confirm: {top: 2, replicates: 2}}"


def test_where_the_baseline_is_the_best_trial_it_is_said_why_others_are_confirmed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """On the terminal and on the page: which trial is the baseline, and that the others are the best of the rest."""
    from ablate.cli.search_results import show_search

    path = a_study_file(tmp_path, WORSE)
    path.write_text(path.read_text().replace("skill: 60.0,", "skill: 60.0, noise: 0.5,"))
    found = searched(path, 6)
    show_search(found)
    said = " ".join("".join(capsys.readouterr()).split())
    page = found.page.read_text(encoding="utf-8")
    assert found.confirmation is not None
    names = list(found.confirmation.settings)

    assert found.best is not None
    assert found.best.name == "trial 0"
    assert "trial 0, the baseline as it is" in said
    assert f"The best of the others are confirmed: {', '.join(names)}" in said
    assert "trial 0, the baseline as it is" in page
    assert "ablate run reports/toy-search/best.yaml" not in page


def test_a_confirmation_tells_settings_from_changes(tmp_path: Path) -> None:
    """Its sentence counts the confirmed settings; the winner's changes have a sentence of their own."""
    from ablate.report.wording.headline import first_sentence

    path = a_study_file(tmp_path, SEARCH)
    found = searched(path, 6, ablate_winner=True).confirmation
    assert found is not None
    sentence = first_sentence(found.findings)
    settings, _, changes = sentence.partition(". ")

    assert "change" not in settings
    assert changes.startswith(f"Of the changes of {next(iter(found.settings))}")
    assert "gain" in changes
    assert all(name in settings for name in found.settings)
