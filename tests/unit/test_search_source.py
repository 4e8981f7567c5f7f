"""Optuna as a source of runs: what may change it, and what only asks."""

from __future__ import annotations

from pathlib import Path

from ablate.records import Failed
from ablate.search import OptunaAdapter, OptunaSource, open_search
from ablate.workflows.search.run import baseline_plan
from ablate.workflows.session import Session
from tests.search_builders import a_question


def test_asking_whether_a_search_is_done_changes_nothing(tmp_path: Path) -> None:
    """Why it stopped is found out where the next run is asked for, not by whoever looks."""
    question = a_question(tmp_path, "{space: {noise: [0.5, 1.0]}, stop_when: {no_improvement: 1}}")
    session = Session(question.study, baseline_plan(question), tmp_path)
    opened = open_search(question, session.store.study(question.name))
    try:
        book = OptunaAdapter(optuna_study=opened.optuna_study, question=question)
        source = OptunaSource(book=book, store=session.store, trials=10, source_digest="", data_digest="")
        (spec,) = source.take(1)
        source.heard(spec, Failed(folder=tmp_path, reason="error", message="no luck"))
        before = source.stopped
        source.done()

        assert source.stopped == before
        assert source.take(1) == []
        assert source.done()
        assert source.stopped == "no improvement in 1 trials"
    finally:
        opened.close()
