"""Confirmation: the best settings once more, on images no trial saw, and only once."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from ablate.errors import StudyError
from ablate.search import name_of
from ablate.searching import SearchRun
from ablate.store import Store
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
    assert {effect.family for effect in found.findings.effects} == {"confirmation", "changes of the winner"}
    assert all(effect.n == 3 for effect in found.findings.effects)
    assert {str(spec["protocol"]["test"]) for spec in confirming} == {"{'first_fold_of': 3}"}
    assert {spec["protocol"]["sealed"] for spec in confirming} == {False}
    assert {spec["protocol"]["sealed"] for spec in specs if spec not in confirming} == {True}


def _journals(study: Path) -> list[Path]:
    return list((study.parent / ".ablate/runs").rglob("journal.jsonl"))


def test_the_winner_is_turned_back_one_parameter_at_a_time(confirmed: tuple[Path, SearchRun]) -> None:
    """Each change has its own comparison: the winner against itself without it."""
    found = confirmed[1].confirmation
    assert found is not None
    changes = [effect for effect in found.findings.effects if effect.family == "changes of the winner"]

    assert {effect.name for effect in changes} <= {"gain", "noise"}
    assert changes[0].name == "gain"
    assert changes[0].verdict == "better"


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
    from ablate.lookup import fingerprint_of

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
